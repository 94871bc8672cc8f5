//! [`CachedDirectory`]: what a directory knows already, for code that must not wait.

use super::TenantDirectory;
use super::store::Hit;
use std::sync::Arc;
use tenant_core::{Availability, Directory, Folder, Hostname, Located, SchemaName};

/// The same directory, which never asks the database: see [`TenantDirectory::cached`].
#[derive(Clone, Debug)]
pub struct CachedDirectory<T>(pub(super) TenantDirectory<T>);

/// The directory does not know, and was not to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in the directory's cache")]
pub struct NotCached;

impl<T> Directory for CachedDirectory<T> {
    type Tenant = Arc<T>;
    type Error = NotCached;

    fn by_domain(&self, host: &Hostname, folder: &Folder) -> Result<Option<Located<Arc<T>>>, NotCached> {
        let inner = &self.0.inner;
        let known = inner.host_known(host, folder);
        let answer = inner.known(&known).ok_or(NotCached)?;
        Ok(answer.as_deref().and_then(Hit::located))
    }

    fn by_name(&self, schema: &SchemaName) -> Result<Option<(Arc<T>, Availability)>, NotCached> {
        let inner = &self.0.inner;
        let answer = inner.known(&inner.store.of_name(schema)).ok_or(NotCached)?;
        Ok(answer.map(|hit| (Arc::clone(&hit.tenant), hit.availability)))
    }
}
