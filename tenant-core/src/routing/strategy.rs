//! [`Strategy`]: one way to find out which tenant a request names.

use super::{Decision, HeaderValue, Refusal, Route, RoutedRequest, Routing, Target, Via};
use crate::directory::{Availability, Directory, Located};
use crate::{Address, Folder, Hostname, SchemaName};

/// See the module.
pub(super) enum Strategy<R> {
    /// By the host, and where it is said so by the first segment of the path.
    Host { and_folder: bool },
    /// By the segment that follows a prefix of the path.
    Folder { prefix: String, is_stripped: bool },
    /// By a header.
    Header { name: String },
    /// By what the application reads in the request.
    Claim { read: ReadClaim<R> },
}

pub(super) type ReadClaim<R> = Box<dyn Fn(&R) -> Option<String> + Send + Sync>;

/// What a strategy found.
pub(super) enum Outcome<T> {
    Decided(Decision<T>),
    /// A name that nobody has.
    Unknown,
    /// No name.
    Unnamed,
}

impl<T> Outcome<T> {
    fn refused(refusal: Refusal) -> Self {
        Self::Decided(Decision::Refuse(refusal))
    }

    fn found(target: Target<T>, via: Via) -> Self {
        Self::Decided(Decision::Serve(Route::new(target, via)))
    }
}

impl<T: Clone, R: RoutedRequest> Routing<T, R> {
    pub(super) fn by<D: Directory<Tenant = T>>(
        &self,
        strategy: &Strategy<R>,
        request: &R,
        host: Option<&Hostname>,
        directory: &D,
    ) -> Result<Outcome<T>, D::Error> {
        match strategy {
            Strategy::Host { and_folder } => match host {
                Some(host) => self.by_host(request, host, *and_folder, directory),
                None => Ok(Outcome::refused(Refusal::BadRequest)),
            },
            Strategy::Folder { prefix, is_stripped } => {
                let Some(name) = segment_after(request.path(), prefix) else {
                    return Ok(Outcome::Unnamed);
                };
                let found = self.by_name(name, Via::Folder(name.to_owned()), directory)?;
                Ok(match found {
                    Outcome::Decided(Decision::Serve(route)) => {
                        let route = route.under(format!("{prefix}/{name}"), *is_stripped);
                        Outcome::Decided(Decision::Serve(route))
                    }
                    other => other,
                })
            }
            Strategy::Header { name } => match request.header(name) {
                HeaderValue::One(value) => self.by_name(value, Via::Header(value.to_owned()), directory),
                HeaderValue::Absent => Ok(Outcome::Unnamed),
                HeaderValue::Unreadable => Ok(Outcome::refused(Refusal::BadRequest)),
            },
            Strategy::Claim { read } => match read(request) {
                Some(name) => self.by_name(&name, Via::Claim(name.clone()), directory),
                None => Ok(Outcome::Unnamed),
            },
        }
    }

    /// Sites of one's own, then customers, then sites that take what nobody else does.
    fn by_host<D: Directory<Tenant = T>>(
        &self,
        request: &R,
        host: &Hostname,
        and_folder: bool,
        directory: &D,
    ) -> Result<Outcome<T>, D::Error> {
        let at_host = || Via::Domain(Address::new(host.clone().into(), Folder::NONE));
        if let Some(target) = self.sites.at(host) {
            return Ok(Outcome::found(target, at_host()));
        }
        let folder = if and_folder {
            Folder::first_of(request.path())
        } else {
            Folder::NONE
        };
        if let Some(located) = directory.by_domain(host, &folder)? {
            // A row that came by without the library, whose rules no name gets around.
            if self.sites.is_own(&located.schema) {
                return Ok(Outcome::Unknown);
            }
            match located.availability {
                Availability::Served => return Ok(Outcome::Decided(self.at(located, request, and_folder))),
                Availability::Unavailable => return Ok(Outcome::refused(Refusal::Unavailable)),
                // As if it were not there; and no site takes over the host of somebody who comes back.
                Availability::Gone => return Ok(Outcome::Unknown),
            }
        }
        Ok(match self.sites.fallback_at(host) {
            Some(target) => Outcome::found(target, Via::FallbackDomain(host.clone())),
            None => Outcome::Unknown,
        })
    }

    /// A tenant that was found at a host: it serves, or sends to its primary domain.
    fn at(&self, located: Located<T>, request: &R, and_folder: bool) -> Decision<T> {
        let redirect = located.redirect.filter(|to| self.is_found_at(to, and_folder));
        let prefix = located.address.folder.as_str().to_owned();
        let route =
            Route::new(Target::Tenant(located.tenant), Via::Domain(located.address)).under(prefix, true);
        let Some(to) = redirect else {
            return Decision::Serve(route);
        };
        if !self.lets_in(&route.target, request) {
            // Nor is he told where the tenant is.
            return Decision::Refuse(Refusal::Forbidden);
        }
        let (host, folder) = (&to.domain, &to.folder);
        let authority = request.authority();
        let port = authority.as_deref().map(port_of).unwrap_or_default();
        let slash = if folder.is_none() { "" } else { "/" };
        // After a host, a path is a path, whatever it starts with; so it stays as it came.
        let path = route.path_within(request.path());
        // `*`, of `OPTIONS`, is no path, and would be read as more of the host.
        let path = if path.starts_with('/') { path } else { "/" };
        let query = request
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        Decision::Redirect {
            location: format!("//{host}{port}{slash}{folder}{path}{query}"),
        }
    }

    /// Whether a request that is sent to an address comes to it. One that does not would be sent there for ever.
    fn is_found_at(&self, address: &Address, and_folder: bool) -> bool {
        let is_read = |host: &Hostname| self.keeps_www || Hostname::parse(host.as_str()).as_ref() == Ok(host);
        (and_folder || address.folder.is_none()) && address.domain.hostname().is_some_and(is_read)
    }

    /// By the name of a schema, or the alias of a static tenant.
    pub(super) fn by_name<D: Directory<Tenant = T>>(
        &self,
        name: &str,
        via: Via,
        directory: &D,
    ) -> Result<Outcome<T>, D::Error> {
        if let Some(target) = self.sites.named(name) {
            return Ok(Outcome::found(target, via));
        }
        let Ok(schema) = SchemaName::quoted_any(name) else {
            return Ok(Outcome::Unknown);
        };
        if self.sites.is_never_routed(&schema) {
            return Ok(Outcome::Unknown);
        }
        Ok(match directory.by_name(&schema)? {
            None | Some((_, Availability::Gone)) => Outcome::Unknown,
            Some((_, Availability::Unavailable)) => Outcome::refused(Refusal::Unavailable),
            Some((tenant, Availability::Served)) => Outcome::found(Target::Tenant(tenant), via),
        })
    }
}

/// The port with its colon, or nothing. The authority was read as a [`Hostname`] before.
fn port_of(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon) if colon + 1 < authority.len() && !authority[colon..].contains(']') => {
            &authority[colon..]
        }
        _ => "",
    }
}

/// The segment behind a prefix, if there is one.
fn segment_after<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let rest = path.strip_prefix('/')?.strip_prefix(prefix)?.strip_prefix('/')?;
    let segment = rest.split('/').next()?;
    (!segment.is_empty()).then_some(segment)
}
