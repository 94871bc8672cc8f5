//! [`TenantDirectory`]: who is found at a host or by a name: from a cache, else by one question to the database.
//!
//! It promises that no change which it has heard of is older than what it answers, that what it keeps is bounded, and
//! that hosts which nobody has neither fill it nor reach the database more often than it is told.
//!
//! | module | owns |
//! |---|---|
//! | [`builder`] | the options, and how it is made |
//! | [`lookup`] | one look-up |
//! | [`source`] | the question |
//! | [`store`] | what is known, and whether it is believed |
//! | [`key`] | what is asked for |
//! | [`flight`] | one question for one key at a time |
//! | [`limits`] | how many questions that find nobody |
//! | [`notice`] | what is said of a change |
//! | [`ears`] | changes that this process makes |
//! | [`listener`] | changes that others make |
//! | [`trigger`] | changes that neither the library nor the application makes |
//! | [`cached`] | what is known already |
//! | [`metrics`] | what it did, in numbers |

mod builder;
mod cached;
mod ears;
mod flight;
mod key;
mod limits;
mod listener;
mod lookup;
mod metrics;
mod notice;
mod source;
mod store;
mod trigger;

pub use builder::{
    DEFAULT_CAPACITY, DEFAULT_MISS_CAPACITY, DEFAULT_MISS_TTL, DEFAULT_TTL, DEFAULT_UNKNOWN_PER_SECOND,
    DirectoryBuilder,
};
pub use cached::{CachedDirectory, NotCached, NotingDirectory};
pub(crate) use ears::{Ears, Hears, ears_of};
pub use metrics::DirectoryMetrics;
pub(crate) use notice::Notice;

use crate::model::{DomainColumn, TenantModel};
use crate::{Error, Tenancy};
use lookup::Inner;
use std::fmt;
use std::sync::Arc;
use store::Hit;
use tenant_core::{Availability, Directory, Folder, Hostname, Located, SchemaName};

/// The tenants of a [`Tenancy`], as they are found by hosts and by names: a
/// [`Directory`], with a cache. Cheap to clone, and shared between threads.
#[doc = include_str!("../docs/directory.md")]
pub struct TenantDirectory<T> {
    inner: Arc<Inner<T>>,
    /// Ends with the last clone.
    _listener: Option<Arc<listener::Listener>>,
}

impl<T: TenantModel + Sync> TenantDirectory<T> {
    /// The same directory, which answers what it knows and never asks the database, so that it never waits: for
    /// asynchronous code, which asks the directory itself on a thread that may wait if the answer is [`NotCached`].
    #[must_use]
    pub fn cached(&self) -> CachedDirectory<T> {
        CachedDirectory(self.clone())
    }

    /// Forgets a tenant, after a change of its row or its domains that the library did not make. Directories of other
    /// processes are not told: see [`DirectoryBuilder::trigger_sql`].
    pub fn invalidate(&self, schema: &SchemaName) {
        self.inner.hear_one(Notice::Tenant(schema.clone()));
    }

    /// Forgets everything. Who was somebody is still asked for first.
    pub fn invalidate_all(&self) {
        self.inner.hear_one(Notice::All);
    }

    /// What it did so far, and what it holds, in numbers.
    #[must_use]
    pub fn metrics(&self) -> DirectoryMetrics {
        self.inner.counters.read(self.inner.store.len())
    }
}

impl<T: TenantModel + Sync> Directory for TenantDirectory<T> {
    type Tenant = Arc<T>;
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::DirectoryBusy`]: answer 503. [`Error::PublicNotMigrated`], [`Error::PoolTimeout`], the failure of the
    /// query; [`Error::DirectoryFailed`] where that was another thread's.
    fn by_domain(&self, host: &Hostname, folder: &Folder) -> Result<Option<Located<Arc<T>>>, Error> {
        let answer = self.inner.by_host(host, folder)?;
        Ok(answer.as_deref().and_then(Hit::located))
    }

    /// # Errors
    ///
    /// As [`by_domain`](Self::by_domain).
    fn by_name(&self, schema: &SchemaName) -> Result<Option<(Arc<T>, Availability)>, Error> {
        let answer = self.inner.by_name(schema)?;
        Ok(answer.map(|hit| (Arc::clone(&hit.tenant), hit.availability)))
    }
}

impl<T> Clone for TenantDirectory<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            _listener: self._listener.clone(),
        }
    }
}

impl<T> fmt::Debug for TenantDirectory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantDirectory")
            .field("metrics", &self.inner.counters.read(self.inner.store.len()))
            .finish_non_exhaustive()
    }
}

impl<T: TenantModel> Tenancy<T> {
    /// The directory of tenants that have domains in a table of their own.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::{Directory, Hostname};
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// tenancy.add_domain::<customers::ClientDomain, _>(&acme, new_domain(&acme, "acme.example.com")?)?;
    ///
    /// let directory = tenancy.directory::<customers::ClientDomain>().build()?;
    /// let found = directory.by_domain(&Hostname::parse("ACME.example.com:443")?, &Folder::NONE)?;
    /// assert_eq!(found.unwrap().tenant.schema_name, acme.schema_name);
    /// assert!(directory.by_domain(&Hostname::parse("nobody.example.com")?, &Folder::NONE)?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn directory<D: crate::DomainModel<Tenant = T>>(&self) -> DirectoryBuilder<T> {
        DirectoryBuilder::new(self, source::Source::table::<D>(self.public_schema()))
    }

    /// The directory of tenants that have one domain each, in a column: `#[tenant(domain)]`.
    pub fn directory_by_column(&self) -> DirectoryBuilder<T>
    where
        T: DomainColumn,
    {
        DirectoryBuilder::new(self, source::Source::column::<T>(self.public_schema()))
    }

    /// The directory of tenants that have no domains: they are found by name only.
    pub fn directory_without_domains(&self) -> DirectoryBuilder<T> {
        DirectoryBuilder::new(self, source::Source::names_only::<T>(self.public_schema()))
    }
}

impl<T: TenantModel + Sync> Inner<T> {
    fn hear_one(&self, notice: Notice) {
        Hears::hear(self, &[notice]);
    }
}
