//! [`Notice`]: what a directory is told of a change, in this process and from others.

use tenant_core::{DomainName, SchemaName};

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A tenant came, went, or is in another state; or its row changed.
    Tenant(SchemaName),
    /// A domain came, went, or leads elsewhere.
    Domain(DomainName),
    /// Schemas were migrated: they are at other versions, and not told one by one.
    Versions,
    /// Nobody can say what.
    All,
}

impl Notice {
    /// What it is on the channel. The trigger of the library's tables writes the same.
    pub(crate) fn payload(&self) -> String {
        match self {
            Self::Tenant(schema) => format!("tenant {schema}"),
            Self::Domain(domain) => format!("domain {domain}"),
            Self::Versions => "versions".to_owned(),
            Self::All => "all".to_owned(),
        }
    }

    /// What cannot be read may mean anything.
    pub(crate) fn read(payload: &str) -> Self {
        let named = match payload.split_once(' ') {
            Some(("tenant", name)) => SchemaName::quoted_any(name).ok().map(Self::Tenant),
            Some(("domain", name)) => DomainName::stored(name).ok().map(Self::Domain),
            _ if payload == "versions" => Some(Self::Versions),
            _ => None,
        };
        named.unwrap_or(Self::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_means_all() {
        let notices = [
            Notice::Tenant(SchemaName::quoted_any("a b").unwrap()),
            Notice::Domain(DomainName::parse("*.example.com").unwrap()),
            Notice::Versions,
            Notice::All,
        ];
        for notice in notices {
            assert_eq!(Notice::read(&notice.payload()), notice);
        }
        for payload in [
            "",
            "tenant",
            "tenant ",
            "domain Example.com",
            "domain",
            "other acme",
        ] {
            assert_eq!(Notice::read(payload), Notice::All, "{payload}");
        }
    }
}
