//! Prefixes of paths: taken away, and put back.

/// A path without segments at its start. A prefix that is empty, or stands elsewhere, leaves it as it is.
///
/// ```
/// use tenant_core::routing::without_prefix;
/// assert_eq!(without_prefix("/some/path/", "some"), "/path/");
/// assert_eq!(without_prefix("/some", "some"), "/");
/// assert_eq!(without_prefix("/something/", "some"), "/something/");
/// assert_eq!(without_prefix("/path/some/", "some"), "/path/some/");
/// assert_eq!(without_prefix("/some/path/", ""), "/some/path/");
/// ```
#[must_use]
pub fn without<'p>(path: &'p str, prefix: &str) -> &'p str {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() {
        return path;
    }
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(prefix));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// A path with a prefix before it, and with one slash where several are: a path never names another host. What follows
/// `?` or `#` stays as it is.
pub(crate) fn under(prefix: &str, path: &str) -> String {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let (path, rest) = path.split_at(end);
    let mut url = String::with_capacity(prefix.len() + path.len() + rest.len() + 2);
    if !prefix.is_empty() {
        url.push('/');
        url.push_str(prefix);
    }
    url.push('/');
    for c in path.chars() {
        // Browsers read a backslash as a slash (WHATWG URL), and leave tabs and ends of lines out.
        let c = if c == '\\' { '/' } else { c };
        if !(c.is_control() || c == '/' && url.ends_with('/')) {
            url.push(c);
        }
    }
    url.push_str(rest);
    url
}
