//! [`DomainName`]: the hosts at which a tenant is found: one, or all below one.

use crate::hostname::{Hostname, HostnameError};
use crate::text_newtype::text_newtype;
use std::fmt;
use std::str::FromStr;

/// What stands in the table of domains: a host (`acme.example.com`), or all hosts below one (`*.example.com`).
///
/// A wildcard stands for one label or more, and is asked for after everything more exact: of `*.example.com` and
/// `*.b.example.com`, the host `a.b.example.com` is the second's.
///
/// ```
/// use tenant_core::{DomainName, Hostname};
///
/// let wildcard = DomainName::parse("*.Example.com")?;
/// assert_eq!(wildcard.as_str(), "*.example.com");
/// assert!(wildcard.matches(&Hostname::parse("acme.example.com:3000")?));
/// assert!(!wildcard.matches(&Hostname::parse("example.com")?));
/// # Ok::<(), tenant_core::HostnameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct DomainName(Kind);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Exact(Hostname),
    /// With the `*.`, as it is stored.
    Wildcard(std::sync::Arc<str>),
}

const WILDCARD: &str = "*.";

impl DomainName {
    /// Reads a domain as people type it. One leading `www.` is taken away, as it is from the host of a request
    /// ([`Hostname::parse`]); else a request would never meet it.
    ///
    /// # Errors
    ///
    /// Which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, HostnameError> {
        Self::read(text, Hostname::parse, Hostname::parse_keeping_www)
    }

    /// The same for an application that keeps `www.` ([`Hostname::parse_keeping_www`]).
    ///
    /// # Errors
    ///
    /// As [`DomainName::parse`].
    pub fn parse_keeping_www(text: &str) -> Result<Self, HostnameError> {
        Self::read(text, Hostname::parse_keeping_www, Hostname::parse_keeping_www)
    }

    /// Reads a domain that was stored. One in another form would never be found, and is an error.
    ///
    /// # Errors
    ///
    /// As [`DomainName::parse`].
    pub fn stored(text: &str) -> Result<Self, HostnameError> {
        Self::read(text, Hostname::stored, Hostname::stored)
    }

    fn read(
        text: &str,
        exact: impl FnOnce(&str) -> Result<Hostname, HostnameError>,
        // `*.www.example.com` is what it says.
        parent: impl FnOnce(&str) -> Result<Hostname, HostnameError>,
    ) -> Result<Self, HostnameError> {
        let Some(rest) = text.strip_prefix(WILDCARD) else {
            return exact(text).map(Self::from);
        };
        let parent = parent(rest)?;
        if parent.is_address() {
            return Err(HostnameError::Wildcard);
        }
        Ok(Self(Kind::Wildcard(format!("{WILDCARD}{parent}").into())))
    }

    /// What a host can stand in the table of domains as, in the order in which they count: itself, then the wildcards
    /// above it, the longest first.
    ///
    /// ```
    /// use tenant_core::{DomainName, Hostname};
    /// let candidates = DomainName::candidates(&Hostname::parse("a.b.example.com")?);
    /// let texts: Vec<_> = candidates.iter().map(DomainName::as_str).collect();
    /// assert_eq!(texts, ["a.b.example.com", "*.b.example.com", "*.example.com", "*.com"]);
    /// # Ok::<(), tenant_core::HostnameError>(())
    /// ```
    #[must_use]
    pub fn candidates(host: &Hostname) -> Vec<Self> {
        let mut candidates = vec![Self::from(host.clone())];
        let mut parent = host.parent();
        while let Some(name) = parent {
            candidates.push(Self(Kind::Wildcard(format!("{WILDCARD}{name}").into())));
            parent = name.split_once('.').map(|(_, parent)| parent);
        }
        candidates
    }

    /// The text that is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kind::Exact(host) => host.as_str(),
            Kind::Wildcard(text) => text,
        }
    }

    /// Whether it stands for all hosts below one.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.hostname().is_none()
    }

    /// The host, if it is one and no wildcard.
    #[must_use]
    pub fn hostname(&self) -> Option<&Hostname> {
        match &self.0 {
            Kind::Exact(host) => Some(host),
            Kind::Wildcard(_) => None,
        }
    }

    /// Whether a host is meant.
    #[must_use]
    pub fn matches(&self, host: &Hostname) -> bool {
        match &self.0 {
            Kind::Exact(own) => own == host,
            // The dot belongs to the suffix, and something must stand before it.
            Kind::Wildcard(text) => {
                !host.is_address()
                    && host
                        .as_str()
                        .strip_suffix(&text[1..])
                        .is_some_and(|label| !label.is_empty())
            }
        }
    }
}

impl From<Hostname> for DomainName {
    fn from(host: Hostname) -> Self {
        Self(Kind::Exact(host))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainName({:?})", self.as_str())
    }
}

impl FromStr for DomainName {
    type Err = HostnameError;

    /// The same as [`DomainName::parse`].
    fn from_str(text: &str) -> Result<Self, HostnameError> {
        Self::parse(text)
    }
}

text_newtype!(DomainName, DomainName::stored, "a domain in its normal form");
