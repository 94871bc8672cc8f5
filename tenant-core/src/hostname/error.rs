//! Why a text is not the name of a host.

use super::MAX_BYTES;

/// Why a `Host` header, or a part of a domain, is not the name of a host. A request that has one gets 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostnameError {
    /// There is nothing, or nothing but a port or a dot.
    #[error("a host name must not be empty")]
    Empty,
    /// It is longer than DNS allows.
    #[error("the host name is longer than {MAX_BYTES} bytes, or one of its labels than 63")]
    TooLong,
    /// A label is empty (`a..b`), or starts or ends with a hyphen.
    #[error("the host name has a label that is empty, or that starts or ends with a hyphen")]
    Label,
    /// A character that no host name has.
    #[error("the host name contains a character that no host name has")]
    Character,
    /// What follows the colon is no port.
    #[error("the port is not a number up to 65535")]
    Port,
    /// Brackets without an IPv6 address in them, or an IPv6 address without brackets.
    #[error("an IPv6 address stands in brackets, and nothing else does")]
    Brackets,
    /// It ends in a number and is not an IPv4 address in its usual form.
    #[error("a host name that ends in a number is an IPv4 address of four decimal numbers")]
    Ipv4,
    /// IDNA does not allow it.
    #[error("the host name is not valid by the rules for international domain names (UTS 46)")]
    Idna,
    /// A wildcard anywhere but as the whole first label, or with nothing behind it.
    #[error("a wildcard is the first label, and a name follows it: `*.example.com`")]
    Wildcard,
}
