//! [`Directory`]: who is found at a host or by a name. What answers is not this crate's business.

use crate::{Address, Folder, Hostname, SchemaName};

/// Finds tenants. Routing asks it, and nothing else.
pub trait Directory {
    /// A tenant as it is found: cheap to clone.
    type Tenant: Clone;
    /// Why nobody can say.
    type Error;

    /// The tenant at a host and a folder: the domain of both, else that of the host without a folder, else the
    /// wildcards, the longest first, each with the folder and without. `None`: nobody is there.
    ///
    /// # Errors
    ///
    /// The directory cannot say.
    fn by_domain(
        &self,
        host: &Hostname,
        folder: &Folder,
    ) -> Result<Option<Located<Self::Tenant>>, Self::Error>;

    /// The tenant whose schema has exactly this name.
    ///
    /// # Errors
    ///
    /// The directory cannot say.
    fn by_name(&self, schema: &SchemaName) -> Result<Option<(Self::Tenant, Availability)>, Self::Error>;
}

impl<D: Directory> Directory for &D {
    type Tenant = D::Tenant;
    type Error = D::Error;

    fn by_domain(&self, host: &Hostname, folder: &Folder) -> Result<Option<Located<D::Tenant>>, D::Error> {
        D::by_domain(self, host, folder)
    }

    fn by_name(&self, schema: &SchemaName) -> Result<Option<(D::Tenant, Availability)>, D::Error> {
        D::by_name(self, schema)
    }
}

/// A tenant that was found at a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The tenant.
    pub tenant: T,
    /// Its schema: routing does not believe that a customer has one of the application's own.
    pub schema: SchemaName,
    /// The domain that was found: with a folder only where the request's is meant.
    pub address: Address,
    /// Whether that is the tenant's primary one.
    pub is_primary: bool,
    /// Where to go instead, if the domain asks for it: the primary one, which is no wildcard.
    pub redirect: Option<Address>,
    /// Whether it is served.
    pub availability: Availability,
}

/// Whether a tenant that was found is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Availability {
    /// It is.
    #[default]
    Served,
    /// Not now: it is migrated, in maintenance, or failed. A request gets 503.
    Unavailable,
    /// It is archived, or about to go. A request gets what it would get if there were no such tenant.
    Gone,
}
