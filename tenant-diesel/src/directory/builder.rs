//! [`DirectoryBuilder`]: the options of a directory.

use super::TenantDirectory;
use super::limits::Allowance;
use super::listener::{self, Listener};
use super::lookup::Inner;
use super::source::Source;
use super::store::Store;
use crate::{Error, Tenancy, TenantModel};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tenant_core::SchemaName;

/// How long a tenant that was found is believed to be there, unless it is said otherwise: so long is one served at the
/// most that another process took away, where that cannot be heard.
pub const DEFAULT_TTL: Duration = Duration::from_secs(30);

/// How long a host that nobody has is believed to be nobody's, unless it is said otherwise.
pub const DEFAULT_MISS_TTL: Duration = Duration::from_secs(5);

/// How many hosts and names of tenants are kept, unless it is said otherwise: some kilobytes for each, less what they
/// share, which is the tenant.
pub const DEFAULT_CAPACITY: usize = 10_000;

/// How many are kept that are nobody's, unless it is said otherwise.
pub const DEFAULT_MISS_CAPACITY: usize = 10_000;

/// How many questions that find nobody are asked a second, and at once, unless it is said otherwise.
pub const DEFAULT_UNKNOWN_PER_SECOND: u32 = 100;

/// The options of a [`TenantDirectory`].
#[must_use]
pub struct DirectoryBuilder<T> {
    tenancy: Tenancy<T>,
    source: Source,
    ttl: Duration,
    miss_ttl: Duration,
    capacity: usize,
    miss_capacity: usize,
    unknown_per_second: u32,
    listen: bool,
    listen_at: Option<String>,
}

impl<T> DirectoryBuilder<T> {
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn library_schema(&self) -> &SchemaName {
        self.tenancy.library_schema()
    }
}

impl<T: TenantModel> DirectoryBuilder<T> {
    pub(super) fn new(tenancy: &Tenancy<T>, source: Source) -> Self {
        Self {
            tenancy: tenancy.clone(),
            source,
            ttl: DEFAULT_TTL,
            miss_ttl: DEFAULT_MISS_TTL,
            capacity: DEFAULT_CAPACITY,
            miss_capacity: DEFAULT_MISS_CAPACITY,
            unknown_per_second: DEFAULT_UNKNOWN_PER_SECOND,
            listen: true,
            listen_at: None,
        }
    }

    /// How long a tenant that was found is believed to be there. Default: [`DEFAULT_TTL`]. One that is not served is asked
    /// for as often as one that is not there.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long a host that nobody has is believed to be nobody's. Default: [`DEFAULT_MISS_TTL`].
    pub fn miss_ttl(mut self, ttl: Duration) -> Self {
        self.miss_ttl = ttl;
        self
    }

    /// How many hosts and names of tenants are kept, about. Default: [`DEFAULT_CAPACITY`].
    pub fn capacity(mut self, entries: usize) -> Self {
        self.capacity = entries;
        self
    }

    /// How many are kept that are nobody's, about. Default: [`DEFAULT_MISS_CAPACITY`].
    pub fn miss_capacity(mut self, entries: usize) -> Self {
        self.miss_capacity = entries;
        self
    }

    /// How many questions that find nobody are asked a second; as many can be asked at once. Beyond, what is not known is
    /// [`Error::DirectoryBusy`]; what is known is answered, and what was known is asked for, all the same. Default:
    /// [`DEFAULT_UNKNOWN_PER_SECOND`]; at least 1, for who is new is not known yet.
    pub fn unknown_per_second(mut self, questions: u32) -> Self {
        self.unknown_per_second = questions.max(1);
        self
    }

    /// Whether it hears what other processes change, on a connection of its own. Default: true, but for a pool behind a
    /// pooler in transaction mode ([`PoolerMode::Transaction`](crate::PoolerMode::Transaction)), where nobody can listen.
    pub fn listen(mut self, listen: bool) -> Self {
        self.listen = listen;
        self
    }

    /// Listens by another URL: straight at the server, where the pool is behind a pooler.
    pub fn listen_at(mut self, database_url: impl Into<String>) -> Self {
        self.listen = true;
        self.listen_at = Some(database_url.into());
        self
    }
}

impl<T: TenantModel + Sync> DirectoryBuilder<T> {
    /// Makes the directory. Nothing is asked of the database: it may be one that was never migrated, and the thread that
    /// listens connects by itself.
    ///
    /// # Errors
    ///
    /// [`Error::DirectoryThread`] where that thread could not be started.
    pub fn build(self) -> Result<TenantDirectory<T>, Error> {
        let pool = self.tenancy.pool();
        let own_url = (!pool.is_behind_pooler()).then(|| pool.shelf().options.database_url.clone());
        let url = self.listen_at.or(own_url).filter(|_| self.listen);
        let channel = self.tenancy.records().schema().clone();
        let changes = Arc::clone(&pool.shelf().options.changes);
        let store = Store::new(
            self.capacity,
            self.miss_capacity,
            self.ttl,
            self.miss_ttl,
            changes,
        );
        let allowance = Allowance::new(self.unknown_per_second);
        let inner = Arc::new(Inner::new(self.tenancy, self.source, store, allowance));
        let hears: Weak<Inner<T>> = Arc::downgrade(&inner);
        inner.tenancy.records().ears().add(hears.clone());
        let listener = match url {
            Some(url) => Some(Arc::new(Listener::start(url, channel, hears)?)),
            None => None,
        };
        Ok(TenantDirectory {
            inner,
            _listener: listener,
        })
    }
}

impl<T: TenantModel + Sync> listener::Listens for Inner<T> {
    fn is_listening(&self, is: bool) {
        self.counters.listens(is);
    }
}

impl<T> fmt::Debug for DirectoryBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryBuilder")
            .field("ttl", &self.ttl)
            .field("miss_ttl", &self.miss_ttl)
            .field("capacity", &self.capacity)
            .field("miss_capacity", &self.miss_capacity)
            .field("unknown_per_second", &self.unknown_per_second)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
