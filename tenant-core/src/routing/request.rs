//! [`RoutedRequest`]: what routing needs to know of a request.

use std::borrow::Cow;

/// What routing needs to know of a request. `tenant-http` implements it for those of the `http` crate.
pub trait RoutedRequest {
    /// The host that the request names, as it came: `acme.example.com:3000`. `None` where it names none, or two that
    /// differ; both get 400.
    fn authority(&self) -> Option<Cow<'_, str>>;

    /// The path, as it came: percent-encoded, without the query.
    fn path(&self) -> &str;

    /// The query, without the question mark.
    fn query(&self) -> Option<&str>;

    /// The value of a header, whose name is in lower case.
    fn header(&self, name: &str) -> HeaderValue<'_>;
}

/// The value of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderValue<'r> {
    /// There is no such header.
    Absent,
    /// There is one.
    One(&'r str),
    /// There are several, or it is no text: nobody can say who is meant.
    Unreadable,
}

/// A request in a test, or in something that is not HTTP.
///
/// ```
/// use tenant_core::routing::{PlainRequest, RoutedRequest};
/// let request = PlainRequest::new("acme.example.com", "/tasks?open=true").with_header("x-tenant", "acme");
/// assert_eq!((request.path(), request.query()), ("/tasks", Some("open=true")));
/// ```
#[derive(Clone, Debug)]
pub struct PlainRequest {
    authority: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
}

impl PlainRequest {
    /// A request for a path, with its query, at a host.
    #[must_use]
    pub fn new(authority: impl Into<String>, path_and_query: &str) -> Self {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path_and_query, None),
        };
        Self {
            authority: authority.into(),
            path: path.to_owned(),
            query,
            headers: Vec::new(),
        }
    }

    /// With one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }
}

impl RoutedRequest for PlainRequest {
    fn authority(&self) -> Option<Cow<'_, str>> {
        Some(self.authority.as_str().into())
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn header(&self, name: &str) -> HeaderValue<'_> {
        let mut values = self.headers.iter().filter(|(own, _)| own == name);
        match (values.next(), values.next()) {
            (None, _) => HeaderValue::Absent,
            (Some((_, value)), None) => HeaderValue::One(value),
            (Some(_), Some(_)) => HeaderValue::Unreadable,
        }
    }
}
