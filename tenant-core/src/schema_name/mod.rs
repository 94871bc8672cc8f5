//! [`SchemaName`]: the only form in which a schema's name exists in this project.
//!
//! It promises that PostgreSQL takes the name as it is: neither folded, nor truncated, nor read as
//! something else in a `search_path`. It does not promise that the schema exists.

mod error;
#[cfg(feature = "serde")]
pub mod strict;

use crate::text_newtype::text_newtype;
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use error::SchemaNameError;

/// The longest name of a schema, in bytes: PostgreSQL's `NAMEDATALEN` less one. Longer names are cut
/// by the server without an error, so that two of them can mean one schema.
pub const MAX_BYTES: usize = 63;

/// The name of a PostgreSQL schema, checked once.
///
/// Two ways in:
///
/// - [`SchemaName::new`] (also `parse`, `TryFrom`) is strict: letters, digits and underscores of
///   ASCII, not starting with a digit. Use it for names that people choose.
/// - [`SchemaName::quoted_any`] takes whatever PostgreSQL can quote (`my-tenant`, `123`, `it's`).
///   Names read from the database or through serde come in this way, because they were chosen before.
///
/// Both refuse an empty name, a NUL byte, more than [`MAX_BYTES`] bytes, anything that starts with
/// `pg_` in any case (PostgreSQL's own), `information_schema`, and `$user` (a `search_path` reads that
/// as the name of the current role, quoted or not).
///
/// Upper case is kept: `Tenant1` is the schema `"Tenant1"`, everywhere. Names that differ only in case
/// are different values here ([`SchemaName::eq_ignore_case`] compares them otherwise), but they cannot
/// both become tenants.
///
/// ```
/// use tenant_core::{SchemaName, SchemaNameError};
///
/// let acme: SchemaName = "acme".parse()?;
/// assert_eq!(acme.as_str(), "acme");
/// assert_eq!(acme.quoted(), r#""acme""#);
///
/// assert!(SchemaName::new("my-tenant").is_err());
/// assert_eq!(SchemaName::quoted_any("my-tenant")?.as_str(), "my-tenant");
/// assert_eq!(SchemaName::quoted_any(r#"quo"te"#)?.quoted(), r#""quo""te""#);
/// assert!(SchemaName::quoted_any("pg_catalog").is_err());
/// # Ok::<(), SchemaNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct SchemaName(Arc<str>);

impl SchemaName {
    /// Checks a name strictly: `[A-Za-z_][A-Za-z0-9_]*`, at most [`MAX_BYTES`] bytes, and not one of
    /// PostgreSQL's own.
    ///
    /// # Errors
    ///
    /// Which rule the name breaks.
    pub fn new(name: &str) -> Result<Self, SchemaNameError> {
        let checked = Self::quoted_any(name)?;
        let mut characters = name.chars();
        let starts_well = characters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if starts_well && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            Ok(checked)
        } else {
            Err(SchemaNameError::NotPlain {
                name: name.to_owned(),
            })
        }
    }

    /// Checks a name by what PostgreSQL can hold in a quoted identifier: any characters but NUL, 1 to
    /// [`MAX_BYTES`] bytes, and not one of PostgreSQL's own.
    ///
    /// # Errors
    ///
    /// Which rule the name breaks.
    pub fn quoted_any(name: &str) -> Result<Self, SchemaNameError> {
        if name.is_empty() {
            return Err(SchemaNameError::Empty);
        }
        if name.len() > MAX_BYTES {
            return Err(SchemaNameError::TooLong {
                name: name.to_owned(),
                bytes: name.len(),
            });
        }
        if name.contains('\0') {
            return Err(SchemaNameError::Nul {
                name: name.to_owned(),
            });
        }
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("pg_") || lower == "information_schema" || lower == "$user" {
            return Err(SchemaNameError::OwnedByPostgres {
                name: name.to_owned(),
            });
        }
        Ok(Self(Arc::from(name)))
    }

    /// `public`: the shared schema, unless an application chooses another.
    #[must_use]
    pub fn public() -> Self {
        Self(Arc::from(crate::reserved::DEFAULT_PUBLIC_SCHEMA))
    }

    /// `tenancy`: the schema of the library, unless an application chooses another.
    #[must_use]
    pub fn library() -> Self {
        Self(Arc::from(crate::reserved::LIBRARY_SCHEMA))
    }

    /// The name as it is in the catalog, without quotes. Never put it into SQL text: see
    /// [`SchemaName::quoted`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as an SQL identifier: in double quotes, inner ones doubled.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }

    /// Whether two names differ in case only, by Unicode's rules. Such names cannot both be tenants:
    /// people, file systems and host names do not tell them apart.
    ///
    /// ```
    /// use tenant_core::SchemaName;
    /// let (a, b) = (SchemaName::new("Acme")?, SchemaName::new("acme")?);
    /// assert!(a != b && a.eq_ignore_case(&b));
    /// # Ok::<(), tenant_core::SchemaNameError>(())
    /// ```
    #[must_use]
    pub fn eq_ignore_case(&self, other: &Self) -> bool {
        // Only what is not ASCII has to be folded, which allocates: routing compares names for each request.
        let may_fold_alike = || !(self.0.is_ascii() && other.0.is_ascii());
        self.0.eq_ignore_ascii_case(&other.0) || may_fold_alike() && self.folded() == other.folded()
    }

    /// The name with case removed: equal for names that differ in case only. For comparing and
    /// locking, not for SQL.
    #[must_use]
    pub fn folded(&self) -> String {
        folded(&self.0)
    }
}

/// See [`SchemaName::folded`].
pub(crate) fn folded(text: &str) -> String {
    // Upper first, so that characters with two lower forms (the final sigma, the long s) meet.
    text.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaName({:?})", &*self.0)
    }
}

impl FromStr for SchemaName {
    type Err = SchemaNameError;

    /// The same as [`SchemaName::new`]: strict.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl TryFrom<String> for SchemaName {
    type Error = SchemaNameError;

    /// The same as [`SchemaName::new`]: strict.
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name)
    }
}

impl TryFrom<&str> for SchemaName {
    type Error = SchemaNameError;

    /// The same as [`SchemaName::new`]: strict.
    fn try_from(name: &str) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl AsRef<str> for SchemaName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SchemaName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<SchemaName> for String {
    fn from(name: SchemaName) -> Self {
        name.0.as_ref().to_owned()
    }
}

text_newtype!(
    SchemaName,
    SchemaName::quoted_any,
    "the name of a PostgreSQL schema"
);

#[cfg(test)]
mod tests;
