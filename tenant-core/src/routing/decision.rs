//! [`Decision`]: what becomes of a request, and [`Route`], for whom it is.

use super::path;
use crate::{Address, Hostname, StaticTenant};
use std::fmt;
use std::sync::Arc;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Decision<T> {
    /// Somebody serves it.
    Serve(Route<T>),
    /// It belongs at another address: send the browser there, for good (301).
    Redirect {
        /// The URL, without a scheme: `//acme.example.com:3000/tasks?open=true`. The port is the request's.
        location: String,
    },
    /// Nobody serves it.
    Refuse(Refusal),
}

/// Why nobody serves a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// It names no host, two hosts, something that is no host, or nobody can say which tenant it names: 400.
    BadRequest,
    /// Nobody is there: 404, or what the application says instead.
    NotFound,
    /// Nobody is there, and the application takes that for a mistake of the client's: 400.
    Suspicious,
    /// Somebody is there, and the application does not let this request in: 403.
    Forbidden,
    /// The tenant is migrated, in maintenance, or failed: 503.
    Unavailable,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::Suspicious => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Unavailable => 503,
        }
    }
}

/// For whom a request is.
#[derive(Clone, Debug)]
pub enum Target<T> {
    /// A customer.
    Tenant(T),
    /// A site of the application's own.
    Static(Arc<StaticTenant>),
    /// The shared schema: no tenant.
    Public,
}

/// How it was found out for whom a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// By this domain: a customer's, a site's, or that of the public site.
    Domain(Address),
    /// By a host at which nobody else was found.
    FallbackDomain(Hostname),
    /// By a segment of the path.
    Folder(String),
    /// By a header.
    Header(String),
    /// By what the application read in the request: a session, a token.
    Claim(String),
    /// By nothing: the application says who serves what nobody else does.
    Default,
}

/// For whom a request is, and where its paths begin.
#[derive(Clone, Debug)]
pub struct Route<T> {
    /// For whom.
    pub target: Target<T>,
    /// How that was found out.
    pub via: Via,
    /// The host of the request. `None` where it has none, and is not routed by it.
    pub host: Option<Hostname>,
    /// Segments before the paths of this tenant's pages, joined by slashes, without one at either end.
    pub(super) prefix: String,
    /// The tenant's routes do not see the prefix.
    pub(super) is_stripped: bool,
}

impl<T> Route<T> {
    pub(super) fn new(target: Target<T>, via: Via) -> Self {
        Self {
            target,
            via,
            host: None,
            prefix: String::new(),
            is_stripped: true,
        }
    }

    pub(super) fn under(mut self, prefix: impl Into<String>, is_stripped: bool) -> Self {
        self.prefix = prefix.into();
        self.is_stripped = is_stripped;
        self
    }

    /// What stands before the paths of this tenant's pages: nothing, or `/acme`, `/clients/acme`.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        Prefix::of(&self.prefix)
    }

    /// The path that the tenant's routes see: that of the request without the folder.
    #[must_use]
    pub fn path_within<'p>(&self, path: &'p str) -> &'p str {
        if self.is_stripped {
            path::without(path, &self.prefix)
        } else {
            path
        }
    }

    /// The route for another view of the same tenant.
    #[must_use]
    pub fn map<U>(self, tenant: impl FnOnce(T) -> U) -> Route<U> {
        Route {
            target: match self.target {
                Target::Tenant(own) => Target::Tenant(tenant(own)),
                Target::Static(site) => Target::Static(site),
                Target::Public => Target::Public,
            },
            via: self.via,
            host: self.host,
            prefix: self.prefix,
            is_stripped: self.is_stripped,
        }
    }
}

/// What stands before the paths of a tenant's pages, to be put back into links. It belongs to one request: kept with a
/// link and not with the program, it is never another tenant's.
///
/// ```
/// use tenant_core::routing::Prefix;
/// assert_eq!(Prefix::default().url("/profile/"), "/profile/");
/// assert_eq!(Prefix::new("clients/acme").url("/profile/?tab=1"), "/clients/acme/profile/?tab=1");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Prefix(
    /// `None` where there is none, as at most sites, so that it takes no memory.
    Option<Arc<str>>,
);

impl Prefix {
    /// A prefix of these segments. Slashes at its ends do not count.
    #[must_use]
    pub fn new(segments: &str) -> Self {
        Self::of(segments.trim_matches('/'))
    }

    fn of(segments: &str) -> Self {
        Self((!segments.is_empty()).then(|| segments.into()))
    }

    /// The link to a page of this tenant's: the path with the prefix before it. Never another host: slashes that follow
    /// each other become one.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        path::under(self.as_str(), path)
    }

    /// The segments, joined by slashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({:?})", self.as_str())
    }
}
