//! [`Forwarding`]: whether it is believed what a proxy says of the host that the client asked for.

use axum::http::HeaderMap;

/// Whether it is believed what a proxy says of the host that the client asked for. Any client can send these headers
/// too: believe them only where every request comes through a proxy that sets the header, or adds to it.
///
/// If there are several values, the last counts: the one that was added by the proxy that stands before the application.
/// Proxies that pass the client's `Host` on need none of this: see the guide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forwarding {
    /// It is not: the host is that of the request.
    #[default]
    Ignored,
    /// `X-Forwarded-Host: acme.example.com`, where it is there.
    XForwardedHost,
    /// `Forwarded: for=192.0.2.1;host=acme.example.com` (RFC 7239), where it is there and names a host.
    Forwarded,
}

/// The host that the nearest proxy says. The outer `None`: it says none; the inner one: nobody can read what it says.
pub(crate) fn host(headers: &HeaderMap, forwarding: Forwarding) -> Option<Option<String>> {
    let name = match forwarding {
        Forwarding::Ignored => return None,
        Forwarding::XForwardedHost => "x-forwarded-host",
        Forwarding::Forwarded => "forwarded",
    };
    // The last header counts, and in it the last value.
    let value = headers.get_all(name).iter().next_back()?;
    let Ok(value) = std::str::from_utf8(value.as_bytes()) else {
        return Some(None);
    };
    match forwarding {
        Forwarding::Ignored => None,
        Forwarding::XForwardedHost => Some(value.rsplit(',').next().map(|host| host.trim().to_owned())),
        Forwarding::Forwarded => host_of_last_element(value),
    }
}

/// The parameter `host` of the last element of a list as RFC 7239, section 4, has it.
fn host_of_last_element(value: &str) -> Option<Option<String>> {
    let Some(elements) = split(value, ',') else {
        return Some(None);
    };
    let Some(pairs) = elements.last().and_then(|element| split(element, ';')) else {
        return Some(None);
    };
    let mut hosts = pairs.iter().filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("host").then(|| unquoted(value))
    });
    let host = hosts.next()?;
    Some(if hosts.next().is_some() { None } else { host })
}

/// Splits where a separator stands outside of quotes. `None` where a quote is not closed.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            c if c == separator && !is_quoted => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!is_quoted).then_some(parts)
}

/// A token, or what stands in quotes.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return Some(value.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        text.push(if c == '\\' { characters.next()? } else { c });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(forwarding: Forwarding, values: &[&str]) -> Option<Option<String>> {
        let name = match forwarding {
            Forwarding::XForwardedHost => "x-forwarded-host",
            _ => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        host(&headers, forwarding)
    }

    #[test]
    fn the_last_value_counts() {
        use Forwarding::*;
        let is = |host: &str| Some(Some(host.to_owned()));
        for (forwarding, values, expected) in [
            (Ignored, &["a.test"][..], None),
            (XForwardedHost, &[], None),
            (XForwardedHost, &["a.test"], is("a.test")),
            (XForwardedHost, &["evil.test, a.test:80"], is("a.test:80")),
            (XForwardedHost, &["evil.test", "a.test"], is("a.test")),
            (XForwardedHost, &["a.test,"], is("")),
            (
                Forwarded,
                &["for=192.0.2.1;host=a.test;proto=https"],
                is("a.test"),
            ),
            (
                Forwarded,
                &["host=evil.test, for=x; Host=\"a.test:80\""],
                is("a.test:80"),
            ),
            (
                Forwarded,
                &["host=\"evil.test, host=b\";for=x, host=a.test"],
                is("a.test"),
            ),
            (Forwarded, &["host=\"a\\.test\""], is("a.test")),
            (Forwarded, &["for=192.0.2.1"], None),
            (Forwarded, &["host=evil.test, for=192.0.2.1"], None),
            (Forwarded, &["host=a;host=b"], Some(None)),
            (Forwarded, &["host=\"a"], Some(None)),
            (Forwarded, &["host=\"a\\"], Some(None)),
        ] {
            assert_eq!(said(forwarding, values), expected, "{values:?}");
        }
    }
}
