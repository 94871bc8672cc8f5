//! [`DirectoryMetrics`]: what a directory did, in numbers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a directory did since it was made, and what it holds: see
/// [`TenantDirectory::metrics`](super::TenantDirectory::metrics).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryMetrics {
    /// Answered from the cache: a tenant.
    pub hits: u64,
    /// Answered from the cache: nobody.
    pub misses: u64,
    /// Questions to the database.
    pub queries: u64,
    /// Not asked, for too many that nobody has were asked for.
    pub refused: u64,
    /// Changes that it heard of, from this process and from others.
    pub notifications: u64,
    /// Hosts and names in the cache that are somebody's.
    pub entries: usize,
    /// Those that are nobody's.
    pub nobody_entries: usize,
    /// Whether it hears what other processes change, now.
    pub is_listening: bool,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) queries: AtomicU64,
    pub(super) refused: AtomicU64,
    notifications: AtomicU64,
    is_listening: AtomicBool,
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn noticed(&self, notices: usize) {
        let notices = u64::try_from(notices).unwrap_or(u64::MAX);
        self.notifications.fetch_add(notices, Ordering::Relaxed);
    }

    pub(super) fn listens(&self, is: bool) {
        self.is_listening.store(is, Ordering::Release);
    }

    pub(super) fn read(&self, (entries, nobody_entries): (usize, usize)) -> DirectoryMetrics {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DirectoryMetrics {
            hits: number(&self.hits),
            misses: number(&self.misses),
            queries: number(&self.queries),
            refused: number(&self.refused),
            notifications: number(&self.notifications),
            entries,
            nobody_entries,
            is_listening: self.is_listening.load(Ordering::Acquire),
        }
    }
}
