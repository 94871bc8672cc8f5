//! [`CachedDirectory`]: what a directory knows already, for code that must not wait.

use super::TenantDirectory;
use super::store::Hit;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use tenant_core::{Availability, Directory, Folder, Hostname, Located, SchemaName, TenantRef};

/// The same directory, which never asks the database: see [`TenantDirectory::cached`].
#[derive(Clone, Debug)]
pub struct CachedDirectory<T>(pub(super) TenantDirectory<T>);

/// The directory does not know, and was not to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in the directory's cache")]
pub struct NotCached;

/// The same for one request, after which it gives what it holds ready for the tenant: see [`CachedDirectory::noting`].
pub struct NotingDirectory<'d, T> {
    directory: &'d CachedDirectory<T>,
    /// The last one that was found.
    found: Cell<Option<Arc<Hit<T>>>>,
}

impl<T> CachedDirectory<T> {
    /// For one request: it notes whom it found, so that the [`TenantRef`] of a tenant, whose key is a text, need not be made
    /// for each of its requests.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::{Directory, Hostname};
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// let directory = tenancy.directory_without_domains().build()?;
    /// # directory.by_name(&acme.schema_name)?;
    /// let cached = directory.cached();
    /// let noting = cached.noting();
    /// if let Ok(Some((acme, _))) = noting.by_name(&acme.schema_name) {
    ///     assert_eq!(*noting.reference(&acme).unwrap(), tenancy.tenant_ref(&*acme));
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn noting(&self) -> NotingDirectory<'_, T> {
        NotingDirectory {
            directory: self,
            found: Cell::new(None),
        }
    }

    fn hit_by_domain(&self, host: &Hostname, folder: &Folder) -> Result<Option<Arc<Hit<T>>>, NotCached> {
        let inner = &self.0.inner;
        inner.known(inner.host_known(host, folder)).ok_or(NotCached)
    }

    fn hit_by_name(&self, schema: &SchemaName) -> Result<Option<Arc<Hit<T>>>, NotCached> {
        let inner = &self.0.inner;
        inner.known(inner.store.of_name(schema)).ok_or(NotCached)
    }
}

impl<T> NotingDirectory<'_, T> {
    /// What a job needs of a tenant, if it is the one that was found last.
    #[must_use]
    pub fn reference(self, tenant: &Arc<T>) -> Option<Arc<TenantRef>> {
        let hit = self.found.into_inner()?;
        Arc::ptr_eq(&hit.tenant, tenant).then(|| Arc::clone(&hit.reference))
    }
}

impl<T> Directory for CachedDirectory<T> {
    type Tenant = Arc<T>;
    type Error = NotCached;

    fn by_domain(&self, host: &Hostname, folder: &Folder) -> Result<Option<Located<Arc<T>>>, NotCached> {
        let answer = self.hit_by_domain(host, folder)?;
        Ok(answer.as_deref().and_then(Hit::located))
    }

    fn by_name(&self, schema: &SchemaName) -> Result<Option<(Arc<T>, Availability)>, NotCached> {
        let answer = self.hit_by_name(schema)?;
        Ok(answer.map(|hit| (Arc::clone(&hit.tenant), hit.availability)))
    }
}

impl<T> Directory for NotingDirectory<'_, T> {
    type Tenant = Arc<T>;
    type Error = NotCached;

    fn by_domain(&self, host: &Hostname, folder: &Folder) -> Result<Option<Located<Arc<T>>>, NotCached> {
        let answer = self.directory.hit_by_domain(host, folder)?;
        let located = answer.as_deref().and_then(Hit::located);
        self.found.set(answer);
        Ok(located)
    }

    fn by_name(&self, schema: &SchemaName) -> Result<Option<(Arc<T>, Availability)>, NotCached> {
        let answer = self.directory.hit_by_name(schema)?;
        let named = answer
            .as_ref()
            .map(|hit| (Arc::clone(&hit.tenant), hit.availability));
        self.found.set(answer);
        Ok(named)
    }
}

impl<T> fmt::Debug for NotingDirectory<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NotingDirectory").field(&self.directory.0).finish()
    }
}
