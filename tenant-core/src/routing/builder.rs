//! [`RoutingBuilder`]: how requests are to be routed.

use super::sites::Sites;
use super::strategy::Strategy;
use super::{Otherwise, RoutedRequest, Routing, RoutingError, RoutingProblem, Target};
use crate::{Folder, Hostname, Registry, SchemaName};
use std::fmt;

/// The options of a [`Routing`]. The functions that start with `by_` are ways to find the tenant; of several, the one
/// that is called last counts most: see [`Routing`].
#[must_use]
pub struct RoutingBuilder<T, R> {
    routing: Routing<T, R>,
    problems: Vec<RoutingProblem>,
    trusted_headers: Vec<String>,
}

impl<T, R: RoutedRequest> RoutingBuilder<T, R> {
    pub(super) fn new(registry: &Registry) -> Self {
        let (sites, names, hosts) = Sites::of(registry);
        let names = names.into_iter().map(|name| RoutingProblem::NameTwice { name });
        let hosts = hosts.into_iter().map(|host| RoutingProblem::HostTwice { host });
        Self {
            problems: names.chain(hosts).collect(),
            routing: Routing {
                sites,
                strategies: Vec::new(),
                keeps_www: false,
                unknown: Otherwise::NotFound,
                unnamed: Otherwise::NotFound,
                authorize: None,
            },
            trusted_headers: Vec::new(),
        }
    }

    /// By the host. Who has the host: a static tenant, else the customer whose domain it is, else the customer with the
    /// longest wildcard, else the site that takes what nobody else does at this host.
    pub fn by_host(self) -> Self {
        self.by(Strategy::Host { and_folder: false })
    }

    /// By the host and the first segment of the path: as [`by_host`](Self::by_host), and of customers' domains those with
    /// this folder come before those without one. The folder is taken from the path, and given back by
    /// [`Prefix::url`](super::Prefix::url).
    pub fn by_host_and_folder(self) -> Self {
        self.by(Strategy::Host { and_folder: true })
    }

    /// By the segment behind a prefix: in `/clients/acme/tasks`, under `clients`, it is the schema `acme` (or a static
    /// tenant's name or alias), and its routes see `/tasks`. A path without the prefix names nobody, see
    /// [`when_unnamed`](Self::when_unnamed).
    pub fn by_folder_under(self, prefix: &str) -> Self {
        self.by_folder(prefix, true)
    }

    /// The same, and the tenant's routes see the path as it came.
    pub fn by_folder_under_keeping_the_path(self, prefix: &str) -> Self {
        self.by_folder(prefix, false)
    }

    fn by_folder(mut self, prefix: &str, is_stripped: bool) -> Self {
        let trimmed = prefix.trim_matches(['/', ' ']);
        let is_segment = |segment: &str| Folder::parse(segment).is_ok_and(|folder| !folder.is_none());
        if !trimmed.split('/').all(is_segment) {
            self.problems.push(RoutingProblem::Prefix {
                prefix: prefix.to_owned(),
            });
        }
        let prefix = trimmed.to_owned();
        self.by(Strategy::Folder { prefix, is_stripped })
    }

    /// By a header that holds the name of a schema, or the name or alias of a static tenant. A header says *which*; who
    /// may is for [`authorize`](Self::authorize) to say, without which this is refused.
    pub fn by_header(mut self, name: &str) -> Self {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            self.problems.push(RoutingProblem::HeaderName {
                name: name.to_owned(),
            });
        }
        let name = name.to_ascii_lowercase();
        self.by(Strategy::Header { name })
    }

    /// The same without a check: **whoever can send a request can choose its tenant.** For services behind a gateway that
    /// has authenticated the caller, sets the header, and removes it from what comes from outside.
    pub fn by_header_trusting_every_caller(mut self, name: &str) -> Self {
        self.trusted_headers.push(name.to_ascii_lowercase());
        self.by_header(name)
    }

    /// By what a closure reads in the request: a value of a session, or of a token whose signature was checked. It names
    /// a schema, or a static tenant by its name or alias.
    ///
    /// The closure must not wait: it may run on a thread of an asynchronous runtime, and more than once for a request. What
    /// needs a database (a session that is kept there) is read by a layer further out, which leaves it in the request.
    pub fn by_claim(self, read: impl Fn(&R) -> Option<String> + Send + Sync + 'static) -> Self {
        self.by(Strategy::Claim { read: Box::new(read) })
    }

    fn by(mut self, strategy: Strategy<R>) -> Self {
        self.routing.strategies.push(strategy);
        self
    }

    /// A host of the public site, which has no tenant. Without one, nothing leads to the shared schema.
    pub fn public_at(mut self, host: Hostname) -> Self {
        let twice = self.routing.sites.add(host, Target::Public);
        self.problems
            .extend(twice.map(|host| RoutingProblem::HostTwice { host }));
        self
    }

    /// A host of the public site, where no customer is found: the front page of a host that customers share by folders.
    pub fn public_where_nobody_else_is_at(mut self, host: Hostname) -> Self {
        let twice = self.routing.sites.add_fallback(host, Target::Public);
        self.problems
            .extend(twice.map(|host| RoutingProblem::HostTwice { host }));
        self
    }

    /// Lets folders, headers and claims name the shared schema, and so the public site. Default: they cannot.
    pub fn public_by_name(mut self) -> Self {
        self.routing.sites.public_by_name = true;
        self
    }

    /// `www.example.com` is another host than `example.com`. Default: one leading `www.` is taken away.
    pub fn keeping_www(mut self) -> Self {
        self.routing.keeps_www = true;
        self
    }

    /// What becomes of a request that names a tenant that is not there. Default: [`Otherwise::NotFound`].
    pub fn when_unknown(mut self, otherwise: Otherwise) -> Self {
        self.routing.unknown = otherwise;
        self
    }

    /// What becomes of a request that names no tenant: no header, no claim, no folder. Default: [`Otherwise::NotFound`].
    pub fn when_unnamed(mut self, otherwise: Otherwise) -> Self {
        self.routing.unnamed = otherwise;
        self
    }

    /// Says who may: the closure is given the tenant that a request names, however it does, and the request. Where it says
    /// no, the answer is 403, and nobody is redirected either. It is not asked for the public site. It must not wait, as the
    /// closure of [`by_claim`](Self::by_claim).
    pub fn authorize(mut self, authorize: impl Fn(&Target<T>, &R) -> bool + Send + Sync + 'static) -> Self {
        self.routing.authorize = Some(Box::new(authorize));
        self
    }

    /// Checks all of it.
    ///
    /// # Errors
    ///
    /// All that is wrong, at once.
    pub fn build(mut self) -> Result<Routing<T, R>, RoutingError> {
        if self.routing.strategies.is_empty() {
            self.problems.push(RoutingProblem::NoStrategy);
        }
        for strategy in &self.routing.strategies {
            if let Strategy::Header { name } = strategy
                && self.routing.authorize.is_none()
                && !self.trusted_headers.contains(name)
            {
                self.problems
                    .push(RoutingProblem::HeaderWithoutAuthorize { name: name.clone() });
            }
        }
        for otherwise in [&self.routing.unknown, &self.routing.unnamed] {
            if let Otherwise::Tenant(name) = otherwise
                && self.is_never_routed(name)
            {
                self.problems
                    .push(RoutingProblem::DefaultTenant { name: name.clone() });
            }
        }
        if self.problems.is_empty() {
            Ok(self.routing)
        } else {
            Err(RoutingError {
                problems: self.problems,
            })
        }
    }

    fn is_never_routed(&self, name: &SchemaName) -> bool {
        self.routing.sites.is_never_routed(name)
    }
}

impl<T, R> fmt::Debug for RoutingBuilder<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoutingBuilder")
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}
