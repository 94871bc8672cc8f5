//! [`Routed`]: what the layer found out of a request, for everything behind it.

use crate::db::Databases;
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use tenant_core::routing::{Prefix, Target, Via};
use tenant_core::{Hostname, SchemaName, StaticTenant, TenantRef};

/// What [`TenantLayer`](crate::TenantLayer) found out of a request. It is in the request's extensions, and an extractor.
///
/// It is all that the layer puts there, for each request pays for each thing.
#[derive(Clone, Debug)]
pub struct Routed {
    pub(crate) kind: RoutedKind,
    pub(crate) via: Via,
    pub(crate) host: Option<Hostname>,
    pub(crate) prefix: Prefix,
    pub(crate) tenant: Option<Arc<TenantRef>>,
    pub(crate) row: Row,
    pub(crate) databases: Databases,
    /// What a layer further out found, whose tenants may be of another model.
    pub(crate) outer: Option<Arc<Self>>,
}

/// The customer's row, of whatever model.
#[derive(Clone)]
pub(crate) struct Row {
    /// The model of the layer, also where it found no customer.
    model: TypeId,
    row: Option<Arc<dyn Any + Send + Sync>>,
}

impl Row {
    pub(crate) fn new<T: Send + Sync + 'static>(row: Option<Arc<T>>) -> Self {
        Self {
            model: TypeId::of::<T>(),
            row: row.map(|row| row as _),
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("is_some", &self.row.is_some())
            .finish_non_exhaustive()
    }
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
        &self.kind
    }

    /// The tenant, a static one too. `None` for the public site.
    #[must_use]
    pub fn tenant(&self) -> Option<&Arc<TenantRef>> {
        self.tenant.as_ref()
    }

    /// The tenant's schema.
    #[must_use]
    pub fn schema(&self) -> Option<&SchemaName> {
        self.tenant.as_ref().map(|tenant| &tenant.schema)
    }

    /// How the tenant was found.
    #[must_use]
    pub fn via(&self) -> &Via {
        &self.via
    }

    /// The host of the request, in its normal form.
    #[must_use]
    pub fn host(&self) -> Option<&Hostname> {
        self.host.as_ref()
    }

    /// What stands before the paths of this tenant's pages.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The row of the customer, as the innermost layer over its model found it.
    pub(crate) fn row<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let layers = std::iter::successors(Some(self), |layer| layer.outer.as_deref());
        let of_model = layers
            .map(|layer| &layer.row)
            .find(|row| row.model == TypeId::of::<T>())?;
        of_model.row.clone()?.downcast().ok()
    }
}
