//! [`Hostname`]: the only form in which the name of a host exists in this project.
//!
//! It promises one form for each host, so that two of them can be compared, kept and looked up as text. It does not
//! promise that the host exists, or that it is a tenant's.

mod error;

use crate::text_newtype::text_newtype;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

pub use error::HostnameError;

/// The longest name of a host, in bytes, without the dot at its end: RFC 1035, section 3.1, less the length bytes of the
/// first label and the root.
pub const MAX_BYTES: usize = 253;

/// The longest label, in bytes: RFC 1035, section 2.3.4.
pub const MAX_LABEL_BYTES: usize = 63;

/// What is not even looked at: in other scripts than ASCII a name has more bytes before IDNA than after it, by a factor
/// of four at most.
const MAX_INPUT_BYTES: usize = 4 * MAX_BYTES + ".:65535".len();

/// The name of a host, in one form: lower case, ASCII, no port, no dot at the end.
///
/// ```
/// use tenant_core::Hostname;
///
/// for authority in ["acme.example.com", "ACME.example.com:8080", "www.acme.example.com.", "acme.example.com:"] {
///     assert_eq!(Hostname::parse(authority)?.as_str(), "acme.example.com");
/// }
/// assert_eq!(Hostname::parse("münchen.example")?.as_str(), "xn--mnchen-3ya.example");
/// assert_eq!(Hostname::parse("[::1]:3000")?.as_str(), "[::1]");
/// assert_eq!(Hostname::parse_keeping_www("www.example.com")?.as_str(), "www.example.com");
/// for refused in ["", "a b", "a..b", "user@host", "::1", "127.1", "host:port"] {
///     assert!(Hostname::parse(refused).is_err(), "{refused}");
/// }
/// # Ok::<(), tenant_core::HostnameError>(())
/// ```
///
/// Underscores are allowed: they are not in host names by RFC 952, but servers and browsers take them, and names of
/// schemas have them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct Hostname(Arc<str>);

impl Hostname {
    /// Reads what a `Host` header or the authority of a URI holds, and takes one leading `www.` away (see
    /// [`remove_www`]).
    ///
    /// # Errors
    ///
    /// Which rule it breaks: answer 400.
    pub fn parse(authority: &str) -> Result<Self, HostnameError> {
        normal(authority).map(|name| Self(Arc::from(remove_www(&name))))
    }

    /// The same, and `www.example.com` is another host than `example.com`.
    ///
    /// # Errors
    ///
    /// As [`Hostname::parse`].
    pub fn parse_keeping_www(authority: &str) -> Result<Self, HostnameError> {
        normal(authority).map(|name| Self(Arc::from(name)))
    }

    /// Reads a name that was stored, which has neither a port nor another form.
    ///
    /// # Errors
    ///
    /// As [`Hostname::parse`].
    pub fn stored(name: &str) -> Result<Self, HostnameError> {
        match normal(name)? {
            normal if normal == name => Ok(Self(Arc::from(name))),
            _ => Err(HostnameError::Character),
        }
    }

    /// The name. An IPv6 address is in brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an address, which has no subdomains.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.0.starts_with('[') || self.0.parse::<Ipv4Addr>().is_ok()
    }

    /// What is left without the first label. `None` for an address and for a name of one label.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        if self.is_address() {
            return None;
        }
        self.0.split_once('.').map(|(_, parent)| parent)
    }
}

/// Takes one leading `www.` away. `www` and `1www.example.com` stay as they are.
///
/// ```
/// use tenant_core::hostname::remove_www;
/// assert_eq!(remove_www("www.test.com"), "test.com");
/// assert_eq!(remove_www("www.www.test.com"), "www.test.com");
/// assert_eq!(remove_www("1www.test.com"), "1www.test.com");
/// assert_eq!(remove_www("www"), "www");
/// ```
#[must_use]
pub fn remove_www(name: &str) -> &str {
    name.strip_prefix("www.").unwrap_or(name)
}

fn normal(authority: &str) -> Result<Cow<'_, str>, HostnameError> {
    plain(authority).map_or_else(|| normal_by_rules(authority), |name| Ok(name.into()))
}

fn normal_by_rules(authority: &str) -> Result<Cow<'_, str>, HostnameError> {
    if authority.len() > MAX_INPUT_BYTES {
        return Err(HostnameError::TooLong);
    }
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(HostnameError::Brackets)?;
        check_port(port)?;
        let address: Ipv6Addr = address.parse().map_err(|_| HostnameError::Brackets)?;
        return Ok(format!("[{address}]").into());
    }
    let name = match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => return Err(HostnameError::Brackets),
        Some((name, _)) => {
            check_port(&authority[name.len()..])?;
            name
        }
        None => authority,
    };
    let name = ascii(name)?;
    // After IDNA, which knows other dots.
    let name = match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_suffix('.').unwrap_or(name)),
        Cow::Owned(mut name) => {
            if name.ends_with('.') {
                name.pop();
            }
            Cow::Owned(name)
        }
    };
    check_labels(&name)?;
    Ok(name)
}

/// The name of an authority, where that is in its normal form beyond doubt, as it is in nearly all requests. Each of them pays
/// for this, so it is read once, and in the simplest way; where it says no, the rules say what is wrong, if anything is.
fn plain(authority: &str) -> Option<&str> {
    let bytes = authority.as_bytes();
    let (mut start, mut end) = (0, bytes.len());
    // Where a label ends: neither empty, nor too long, nor with a hyphen at its end.
    let is_label = |start: usize, end: usize| {
        start < end && end - start <= MAX_LABEL_BYTES && bytes.get(end - 1) != Some(&b'-')
    };
    for (at, &byte) in bytes.iter().enumerate() {
        if IN_LABELS[usize::from(byte)] {
            continue;
        }
        match byte {
            // Not the first, nor two, as in what IDNA has to look at.
            b'-' if at > start && bytes[at - 1] != b'-' => {}
            b'.' if is_label(start, at) => start = at + 1,
            b':' => {
                end = at;
                break;
            }
            _ => return None,
        }
    }
    // The last label may be a number, and the name an address.
    let is_over = is_label(start, end) && !bytes[start].is_ascii_digit();
    let (name, port) = authority.split_at_checked(end)?;
    let is_short = name.len() <= MAX_BYTES && authority.len() <= MAX_INPUT_BYTES;
    (is_over && is_short && check_port(port).is_ok()).then_some(name)
}

/// What a label may have anywhere.
const IN_LABELS: [bool; 256] = {
    let mut is_in = [false; 256];
    let all = b"abcdefghijklmnopqrstuvwxyz0123456789_";
    let mut at = 0;
    while at < all.len() {
        is_in[all[at] as usize] = true;
        at += 1;
    }
    is_in
};

/// Nothing, or a colon and digits, of which there may be none (RFC 3986, section 3.2.3).
fn check_port(port: &str) -> Result<(), HostnameError> {
    let Some(digits) = port.strip_prefix(':') else {
        return if port.is_empty() {
            Ok(())
        } else {
            Err(HostnameError::Brackets)
        };
    };
    let is_port = digits.is_empty()
        || (digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok());
    if is_port { Ok(()) } else { Err(HostnameError::Port) }
}

/// In lower case, and in ASCII. What is so already, as nearly all names are, is not copied.
fn ascii(name: &str) -> Result<Cow<'_, str>, HostnameError> {
    let lower = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    let is_plain = lower.is_ascii() && !lower.split('.').any(|label| label.starts_with("xn--"));
    if is_plain {
        return Ok(lower);
    }
    let converted = Uts46::new()
        .to_ascii(
            lower.as_bytes(),
            AsciiDenyList::URL,
            Hyphens::CheckFirstLast,
            DnsLength::VerifyAllowRootDot,
        )
        .map_err(|_| HostnameError::Idna)?;
    Ok(converted.into_owned().into())
}

fn check_labels(name: &str) -> Result<(), HostnameError> {
    if name.is_empty() {
        return Err(HostnameError::Empty);
    }
    if name.len() > MAX_BYTES {
        return Err(HostnameError::TooLong);
    }
    for label in name.split('.') {
        if label.len() > MAX_LABEL_BYTES {
            return Err(HostnameError::TooLong);
        }
        if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
            return Err(HostnameError::Label);
        }
        if !label
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        {
            return Err(HostnameError::Character);
        }
    }
    // Where the last label is a number, browsers read an address (WHATWG URL, "ends in a number"), in forms that
    // differ from this one: `127.1`, `0x7f.0.0.1`.
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_number && name.parse::<Ipv4Addr>().is_err() {
        return Err(HostnameError::Ipv4);
    }
    Ok(())
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hostname({:?})", &*self.0)
    }
}

impl FromStr for Hostname {
    type Err = HostnameError;

    /// The same as [`Hostname::parse`].
    fn from_str(authority: &str) -> Result<Self, HostnameError> {
        Self::parse(authority)
    }
}

impl AsRef<str> for Hostname {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Hostname {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_newtype!(
    Hostname,
    Hostname::stored,
    "the name of a host in its normal form"
);

#[cfg(test)]
mod tests;
