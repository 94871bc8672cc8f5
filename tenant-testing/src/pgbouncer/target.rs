//! The database behind the pooler, and who the pooler is there: what its configuration says in place of a URL.

use crate::error::Error;

/// Where a database is, and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) host: String,
    pub(super) port: String,
    pub(super) database: String,
}

impl Target {
    /// Reads `postgres://user:password@host:port/database`. What follows a question mark is left out.
    pub(super) fn from_url(url: &str) -> Result<Self, Error> {
        Self::parse(url).ok_or(Error::PoolerUrl)
    }

    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return None;
        }
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let (authority, database) = rest.split_once('/')?;
        // A password may hold an at sign, a host cannot.
        let (credentials, address) = authority.rsplit_once('@')?;
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password)?)),
            None => (credentials, None),
        };
        // An address of IPv6 has colons of its own, in brackets.
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (address, "5432"),
        };
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let target = Self {
            user: decoded(user)?,
            password,
            host: decoded(host)?,
            port: port.to_owned(),
            database: decoded(database)?,
        };
        let complete = !(target.user.is_empty() || target.host.is_empty() || target.database.is_empty());
        (complete && port.parse::<u16>().is_ok()).then_some(target)
    }
}

/// A part of a URL without its percent signs.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

/// A part of a URL as it was before [`decoded`]. More is encoded than must be.
pub(super) fn encoded(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    part.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> [String; 5] {
        let Target {
            user,
            password,
            host,
            port,
            database,
        } = Target::from_url(url).unwrap();
        [user, password.unwrap_or_default(), host, port, database]
    }

    #[test]
    fn the_parts_of_a_url_are_found_and_decoded() {
        assert_eq!(
            parts("postgres://u:p@127.0.0.1:5433/d"),
            ["u", "p", "127.0.0.1", "5433", "d"]
        );
        assert_eq!(
            parts("postgresql://u%40x:p%2Fq%25@h/a%20b?sslmode=disable\n"),
            ["u@x", "p/q%", "h", "5432", "a b"]
        );
        assert_eq!(parts("postgres://u@[::1]:5433/d"), ["u", "", "::1", "5433", "d"]);
        assert_eq!(parts("postgres://u@[::1]/d")[2..4], ["::1", "5432"]);
        assert_eq!(parts("postgres://u@%2Ftmp:5433/d")[2], "/tmp");
        assert_eq!(encoded("a b/ü_1"), "a%20b%2F%C3%BC_1");
    }

    #[test]
    fn a_url_without_a_user_a_host_or_a_database_is_refused() {
        for url in [
            "",
            "postgres://h/d",
            "postgres://u@h",
            "postgres://u@h/",
            "postgres://u@/d",
            "postgres://u@h:port/d",
            "postgres://u%4@h/d",
            "mysql://u:p@h/d",
        ] {
            assert!(matches!(Target::from_url(url), Err(Error::PoolerUrl)), "{url}");
        }
    }
}
