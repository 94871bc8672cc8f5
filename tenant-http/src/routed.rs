//! [`Routed`]: what the layer found out of a request, for everything behind it.

use crate::db::Databases;
use std::sync::Arc;
use tenant_core::routing::{Prefix, Target, Via};
use tenant_core::{Hostname, SchemaName, StaticTenant, TenantRef};

/// What [`TenantLayer`](crate::TenantLayer) found out of a request. It is in the request's extensions, and an extractor.
#[derive(Clone, Debug)]
pub struct Routed {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) kind: RoutedKind,
    pub(crate) via: Via,
    pub(crate) host: Option<Hostname>,
    pub(crate) prefix: Prefix,
    pub(crate) tenant: Option<Arc<TenantRef>>,
    pub(crate) databases: Databases,
}

/// For whom a request is, in kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RoutedKind {
    /// For a customer.
    Tenant,
    /// For a site of the application's own.
    Static(Arc<StaticTenant>),
    /// For the public site.
    Public,
}

impl RoutedKind {
    pub(crate) fn of<T>(target: &Target<T>) -> Self {
        match target {
            Target::Tenant(_) => Self::Tenant,
            Target::Static(site) => Self::Static(Arc::clone(site)),
            Target::Public => Self::Public,
        }
    }
}

impl Routed {
    /// For whom it is, in kind.
    #[must_use]
    pub fn kind(&self) -> &RoutedKind {
        &self.inner.kind
    }

    /// The tenant, a static one too. `None` for the public site.
    #[must_use]
    pub fn tenant(&self) -> Option<&Arc<TenantRef>> {
        self.inner.tenant.as_ref()
    }

    /// The tenant's schema.
    #[must_use]
    pub fn schema(&self) -> Option<&SchemaName> {
        self.inner.tenant.as_ref().map(|tenant| &tenant.schema)
    }

    /// How the tenant was found.
    #[must_use]
    pub fn via(&self) -> &Via {
        &self.inner.via
    }

    /// The host of the request, in its normal form.
    #[must_use]
    pub fn host(&self) -> Option<&Hostname> {
        self.inner.host.as_ref()
    }

    /// What stands before the paths of this tenant's pages.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.inner.prefix
    }
}
