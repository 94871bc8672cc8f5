//! [`Subdomain`]: the name that a customer chooses. One rule gives the schema and the host, so that they fit together.

use std::fmt;
use tenant_diesel::{Hostname, SchemaName};

/// The longest name. A label of a host may have 63 bytes and a schema too; nobody types as many.
const MAX_CHARACTERS: usize = 30;

/// Names that people would take for ours. Those of our own sites the library knows.
const RESERVED: &[&str] = &[
    "admin",
    "api",
    "app",
    "assets",
    "help",
    "localhost",
    "login",
    "mail",
    "public",
    "static",
    "status",
    "support",
    "www",
];

/// A checked name: small letters, digits and single hyphens; a letter first, no hyphen last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subdomain {
    name: String,
    schema: SchemaName,
}

/// Why a name cannot be had, in the words that stand beside the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Empty,
    TooLong,
    Character,
    Start,
    Hyphens,
    Reserved,
    Taken,
}

impl Subdomain {
    /// Reads what a person typed. Capital letters become small, as they do in hosts.
    pub(crate) fn parse(typed: &str) -> Result<Self, Refused> {
        let name = typed.trim().to_lowercase();
        if name.is_empty() {
            return Err(Refused::Empty);
        }
        if name.chars().count() > MAX_CHARACTERS {
            return Err(Refused::TooLong);
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.chars().all(fits) {
            return Err(Refused::Character);
        }
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(Refused::Start);
        }
        // Two of them mark names in other scripts (`xn--`).
        if name.ends_with('-') || name.contains("--") {
            return Err(Refused::Hyphens);
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(Refused::Reserved);
        }
        // Names have no underscores, so that no two of them have one schema. What is left are PostgreSQL's own names.
        let schema = SchemaName::new(&name.replace('-', "_")).map_err(|_| Refused::Reserved)?;
        Ok(Self { name, schema })
    }

    /// The name of the schema: underscores instead of hyphens.
    pub(crate) fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// The host below ours.
    pub(crate) fn host(&self, base: &Hostname) -> Result<Hostname, tenant_diesel::HostnameError> {
        Hostname::parse(&format!("{}.{base}", self.name))
    }
}

impl fmt::Display for Subdomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Choose a subdomain."),
            Self::TooLong => write!(f, "This is too long: use at most {MAX_CHARACTERS} characters."),
            Self::Character => f.write_str("Use only letters a to z, digits and hyphens."),
            Self::Start => f.write_str("Begin with a letter."),
            Self::Hyphens => f.write_str("Put single hyphens between letters or digits, not at the end."),
            Self::Reserved => f.write_str("This name is reserved. Choose another."),
            Self::Taken => f.write_str("This name is taken. Choose another."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_a_schema_and_a_host() {
        let name = Subdomain::parse(" My-Shop2 ").unwrap();
        assert_eq!(name.to_string(), "my-shop2");
        assert_eq!(name.schema().as_str(), "my_shop2");
        let host = name.host(&Hostname::parse("localhost").unwrap()).unwrap();
        assert_eq!(host.as_str(), "my-shop2.localhost");
    }

    #[test]
    fn what_is_refused_is_refused_for_the_right_reason() {
        let long = "a".repeat(MAX_CHARACTERS + 1);
        for (typed, reason) in [
            ("", Refused::Empty),
            ("  ", Refused::Empty),
            (long.as_str(), Refused::TooLong),
            ("a.b", Refused::Character),
            ("a_b", Refused::Character),
            ("a b", Refused::Character),
            ("ärger", Refused::Character),
            ("a\"; DROP", Refused::Character),
            ("1a", Refused::Start),
            ("-a", Refused::Start),
            ("a-", Refused::Hyphens),
            ("xn--a", Refused::Hyphens),
            ("WWW", Refused::Reserved),
            ("public", Refused::Reserved),
            ("pg-catalog", Refused::Reserved),
            ("information-schema", Refused::Reserved),
        ] {
            assert_eq!(Subdomain::parse(typed), Err(reason), "{typed:?}");
        }
        assert!(Subdomain::parse(&long[1..]).is_ok());
    }
}
