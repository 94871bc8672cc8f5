//! [`RoutingError`]: what is wrong with how requests are to be routed.

use crate::{Hostname, SchemaName};
use std::fmt;

/// How requests are to be routed makes no sense. All that is wrong, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingError {
    /// What is wrong: at least one.
    pub problems: Vec<RoutingProblem>,
}

impl fmt::Display for RoutingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the routing of requests is not well defined:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for RoutingError {}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingProblem {
    /// Nothing says how a tenant is found.
    #[error(
        "nothing says how a tenant is found: call `by_host`, or another of the functions that start with `by_`"
    )]
    NoStrategy,
    /// A prefix of paths is empty, or is no path.
    #[error(
        "{prefix:?} is no prefix of paths: give segments of letters, digits and `-._~`, such as \"clients\""
    )]
    Prefix {
        /// What was given.
        prefix: String,
    },
    /// A header cannot have this name.
    #[error("{name:?} is no name of a header: give letters, digits and hyphens, such as \"x-tenant\"")]
    HeaderName {
        /// What was given.
        name: String,
    },
    /// Whoever sends a header would choose the tenant, and nobody says whether he may.
    #[error(
        "any client could choose its tenant by the header `{name}`: call `authorize`, or say \
         `by_header_trusting_every_caller` where a gateway sets the header and removes it from what clients send"
    )]
    HeaderWithoutAuthorize {
        /// The header.
        name: String,
    },
    /// A host leads to two places.
    #[error("the host `{host}` is configured twice: a request there could be for either")]
    HostTwice {
        /// The host.
        host: Hostname,
    },
    /// A name or an alias means two static tenants, or the shared schema.
    #[error(
        "`{name}` means two things: names and aliases of static tenants must differ, also from the shared schema's"
    )]
    NameTwice {
        /// The name.
        name: String,
    },
    /// A schema that is never routed was chosen to serve what nobody else does.
    #[error(
        "`{name}` cannot be the default tenant: it is the shared schema (say `Otherwise::Public`), the reference schema or the library's own"
    )]
    DefaultTenant {
        /// The schema.
        name: SchemaName,
    },
}
