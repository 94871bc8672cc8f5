//! [`Routing`]: from a request to a tenant, as a function of the request and a [`Directory`].
//!
//! It promises that a request whose tenant is not known reaches no tenant, that nothing but the configuration leads to
//! the shared schema, and nothing at all to the reference schema or the library's own. It does not promise that who asks
//! may: that is for [`RoutingBuilder::authorize`], and for the application's log-in.
//!
//! | module | owns |
//! |---|---|
//! | `request` | [`RoutedRequest`]: what is asked of a request |
//! | `strategy` | one way to find the tenant: host, folder, header, claim |
//! | `sites` | hosts and names of the application's own |
//! | `decision` | [`Decision`], [`Route`], [`Prefix`] |
//! | `path` | prefixes of paths |
//! | `builder`, `problem` | how it is said, and what can be wrong with it |

mod builder;
mod decision;
pub(crate) mod path;
mod problem;
mod request;
mod sites;
mod strategy;
#[cfg(test)]
mod tests;

pub use builder::RoutingBuilder;
pub use decision::{Decision, Prefix, Refusal, Route, Target, Via};
pub use path::without as without_prefix;
pub use problem::{RoutingError, RoutingProblem};
pub use request::{HeaderValue, PlainRequest, RoutedRequest};

use crate::{Directory, Hostname, Registry, SchemaName};
use sites::Sites;
use std::fmt;
use strategy::{Outcome, Strategy};

type Authorize<T, R> = Box<dyn Fn(&Target<T>, &R) -> bool + Send + Sync>;

/// How requests of the type `R` find tenants, which a directory gives as `T`.
///
/// Of several ways, **the last that names somebody decides**, also if nobody has that name: a header that follows the
/// host overrides it, and a request whose header names a tenant that is not there does not fall back to that of its host.
/// A request for a host names somebody always, so what comes before `by_host` never counts.
///
/// ```
/// use tenant_core::routing::{Decision, Otherwise, PlainRequest, Refusal, Routing, Target};
/// use tenant_core::{Hostname, Registry, SchemaName, StaticTenant, Table};
/// # use tenant_core::{Address, Availability, Directory, Folder, Located};
/// # struct Customers;
/// # impl Directory for Customers {
/// #     type Tenant = &'static str;
/// #     type Error = std::convert::Infallible;
/// #     fn by_domain(&self, host: &Hostname, _: &Folder) -> Result<Option<Located<&'static str>>, Self::Error> {
/// #         Ok((host.as_str() == "acme.example.com").then(|| Located {
/// #             tenant: "acme", schema: SchemaName::new("acme").unwrap(), address: Address::new(host.clone().into(), Folder::NONE), is_primary: true,
/// #             redirect: None, availability: Availability::Served,
/// #         }))
/// #     }
/// #     fn by_name(&self, _: &SchemaName) -> Result<Option<(&'static str, Availability)>, Self::Error> { Ok(None) }
/// # }
/// # let clients = Table { schema: Some("public"), name: "clients" };
/// # let customers = Customers;
///
/// let registry = Registry::new(SchemaName::public(), clients);
/// let routing = Routing::builder(&registry)
///     .public_at(Hostname::parse("example.com")?)
///     .by_host()
///     .build()?;
///
/// let decide = |host: &str| routing.decide(&PlainRequest::new(host, "/tasks"), &customers);
/// assert!(matches!(decide("acme.example.com:3000")?, Decision::Serve(route) if matches!(route.target, Target::Tenant("acme"))));
/// assert!(matches!(decide("www.example.com")?, Decision::Serve(route) if matches!(route.target, Target::Public)));
/// assert!(matches!(decide("nobody.example.com")?, Decision::Refuse(Refusal::NotFound)));
/// assert!(matches!(decide("not a host")?, Decision::Refuse(Refusal::BadRequest)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Routing<T, R> {
    sites: Sites,
    strategies: Vec<Strategy<R>>,
    keeps_www: bool,
    unknown: Otherwise,
    unnamed: Otherwise,
    authorize: Option<Authorize<T, R>>,
}

/// Who serves a request that leads to nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Otherwise {
    /// Nobody: 404.
    #[default]
    NotFound,
    /// Nobody, and it is the client's mistake: 400.
    BadRequest,
    /// A tenant, by the name of its schema, or a static one by its name. If it is not there either: 404.
    Tenant(SchemaName),
    /// The public site.
    Public,
}

impl<T, R: RoutedRequest> Routing<T, R> {
    /// Starts to say how requests are routed in an application: static tenants, and the names that are never routed,
    /// are known from its registry.
    pub fn builder(registry: &Registry) -> RoutingBuilder<T, R> {
        RoutingBuilder::new(registry)
    }
}

impl<T: Clone, R: RoutedRequest> Routing<T, R> {
    /// What becomes of a request.
    ///
    /// # Errors
    ///
    /// The directory cannot say who is there.
    pub fn decide<D: Directory<Tenant = T>>(
        &self,
        request: &R,
        directory: &D,
    ) -> Result<Decision<T>, D::Error> {
        let host = self.host_of(request);
        if host.is_none() && self.asks_for_host() {
            return Ok(Decision::Refuse(Refusal::BadRequest));
        }
        let mut decision = match self.found(request, host.as_ref(), directory)? {
            Outcome::Decided(decision) => decision,
            Outcome::Unknown => self.otherwise(&self.unknown, directory)?,
            Outcome::Unnamed => self.otherwise(&self.unnamed, directory)?,
        };
        if let Decision::Serve(route) = &mut decision {
            if !self.lets_in(&route.target, request) {
                return Ok(Decision::Refuse(Refusal::Forbidden));
            }
            route.host = host;
        }
        Ok(decision)
    }

    /// The host of a request, in its normal form. `None` where it has none that can be read.
    #[must_use]
    pub fn host_of(&self, request: &R) -> Option<Hostname> {
        let authority = request.authority()?;
        if self.keeps_www {
            Hostname::parse_keeping_www(&authority).ok()
        } else {
            Hostname::parse(&authority).ok()
        }
    }

    /// Whether the application lets a request in to somebody. To the public site it does.
    fn lets_in(&self, target: &Target<T>, request: &R) -> bool {
        match (target, &self.authorize) {
            (Target::Public, _) | (_, None) => true,
            (target, Some(authorize)) => authorize(target, request),
        }
    }

    fn asks_for_host(&self) -> bool {
        self.strategies
            .iter()
            .any(|strategy| matches!(strategy, Strategy::Host { .. }))
    }

    /// From the last strategy to the first, so that those that do not count ask nobody.
    fn found<D: Directory<Tenant = T>>(
        &self,
        request: &R,
        host: Option<&Hostname>,
        directory: &D,
    ) -> Result<Outcome<T>, D::Error> {
        for strategy in self.strategies.iter().rev() {
            match self.by(strategy, request, host, directory)? {
                Outcome::Unnamed => {}
                outcome => return Ok(outcome),
            }
        }
        Ok(Outcome::Unnamed)
    }

    fn otherwise<D: Directory<Tenant = T>>(
        &self,
        otherwise: &Otherwise,
        directory: &D,
    ) -> Result<Decision<T>, D::Error> {
        Ok(match otherwise {
            Otherwise::NotFound => Decision::Refuse(Refusal::NotFound),
            Otherwise::BadRequest => Decision::Refuse(Refusal::Suspicious),
            Otherwise::Public => Decision::Serve(Route::new(Target::Public, Via::Default)),
            Otherwise::Tenant(name) => match self.by_name(name.as_str(), Via::Default, directory)? {
                Outcome::Decided(decision) => decision,
                Outcome::Unknown | Outcome::Unnamed => Decision::Refuse(Refusal::NotFound),
            },
        })
    }
}

impl<T, R> fmt::Debug for Routing<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing")
            .field("sites", &self.sites)
            .field("unknown", &self.unknown)
            .field("unnamed", &self.unnamed)
            .finish_non_exhaustive()
    }
}
