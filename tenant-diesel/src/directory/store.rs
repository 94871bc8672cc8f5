//! [`Store`]: what a directory knows: who is where, and where nobody is; and since when that may be wrong.
//!
//! What was found and what was not are kept apart, so that asking for what is not there drives nobody out who is. What is
//! overdue stays: a host that was somebody's is asked for again without counting as one that may be nobody's.
//!
//! **An answer never outlives a change that came while it was fetched.** Each change makes the generation grow, under a
//! lock; an answer is kept, under the same lock, only if the generation is what it was when the question was asked.

use super::Notice;
use super::key::{Key, KeyRef};
use quick_cache::sync::Cache;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tenant_core::{Address, Availability, Folder, Hostname, Located, SchemaName, TenantRef};

/// See the module.
#[derive(Debug)]
pub(super) struct Store<T> {
    hits: Cache<Key, Arc<Hit<T>>>,
    /// Tenants that were found by a wildcard, of whose hosts anybody can think of more: they drive only each other out.
    wild: Cache<Key, Arc<Hit<T>>>,
    misses: Cache<Key, Miss>,
    ttl: Duration,
    miss_ttl: Duration,
    /// How often this process changed the state of some tenant: a migration that puts one back into service says no more.
    changes: Arc<AtomicU64>,
    /// How often something changed. What is kept was read at the same count.
    generation: Mutex<u64>,
    /// What was asked before these counts no more.
    hits_count_from: AtomicU64,
    misses_count_from: AtomicU64,
}

/// A tenant that was found.
#[derive(Debug)]
pub(super) struct Hit<T> {
    pub(super) tenant: Arc<T>,
    /// Made once, and not for each request.
    pub(super) reference: Arc<TenantRef>,
    pub(super) availability: Availability,
    /// Where it was found, if it was looked for by a host.
    pub(super) place: Option<Place>,
    /// Whether there are folders at the host.
    pub(super) has_folders: bool,
    since: Since,
    /// Something changed that it may be about.
    is_stale: AtomicBool,
}

/// Where a tenant was found.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) address: Address,
    pub(super) is_primary: bool,
    /// Elsewhere, so that what each request reads lies close together.
    pub(super) redirect: Option<Box<Address>>,
    /// The domain asks for a redirect, also where there is nothing to lead to.
    pub(super) wants_redirect: bool,
}

/// Nobody was found.
#[derive(Clone, Copy, Debug)]
struct Miss {
    has_folders: bool,
    since: Since,
}

/// When something was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    generation: u64,
    changes: u64,
    at: Instant,
}

/// What is known of a key.
#[derive(Debug)]
pub(super) enum Known<T> {
    Found(Arc<Hit<T>>),
    Nobody,
    /// It must be asked. Whether it was somebody's when it was asked last.
    Unknown {
        was_found: bool,
    },
}

/// What was found by a question, to be kept.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) tenant: Arc<T>,
    pub(super) reference: Arc<TenantRef>,
    pub(super) availability: Availability,
    pub(super) place: Option<Place>,
}

impl<T> Store<T> {
    pub(super) fn new(
        capacity: usize,
        miss_capacity: usize,
        ttl: Duration,
        miss_ttl: Duration,
        changes: Arc<AtomicU64>,
    ) -> Self {
        Self {
            hits: Cache::new(capacity),
            wild: Cache::new(miss_capacity),
            misses: Cache::new(miss_capacity),
            ttl,
            miss_ttl,
            changes,
            generation: Mutex::new(0),
            hits_count_from: AtomicU64::new(0),
            misses_count_from: AtomicU64::new(0),
        }
    }

    /// How much is kept: of tenants, and of nobody.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.hits.len() + self.wild.len(), self.misses.len())
    }

    /// A question is about to be asked.
    pub(super) fn now(&self) -> Since {
        Since {
            generation: *self.generation.lock().unwrap_or_else(PoisonError::into_inner),
            changes: self.changes.load(Ordering::Acquire),
            at: Instant::now(),
        }
    }

    /// What is known of a schema.
    pub(super) fn of_name(&self, schema: &SchemaName) -> Known<T> {
        self.of_key(KeyRef::Name(schema), Instant::now())
    }

    /// What is known of a host and a folder. A host that has no folders answers for each of them.
    pub(super) fn of_host(&self, host: &Hostname, folder: &Folder) -> Known<T> {
        let now = Instant::now();
        let root = KeyRef::Host(host, &Folder::NONE);
        if folder.is_none() {
            return self.of_key(root, now);
        }
        let key = KeyRef::Host(host, folder);
        let own = self.hit(key);
        if let Some(hit) = own.as_ref().filter(|hit| self.counts(hit, now)) {
            return Known::Found(Arc::clone(hit));
        }
        let of_root = self.of_key(root, now);
        let has_folders = match &of_root {
            Known::Found(hit) => hit.has_folders,
            Known::Nobody => self.miss(root, now).is_none_or(|miss| miss.has_folders),
            Known::Unknown { .. } => {
                // One that had none is asked for as a whole.
                let had_none = self.hit(root).is_some_and(|hit| !hit.has_folders);
                return Known::Unknown {
                    was_found: own.is_some() || had_none,
                };
            }
        };
        // What is overdue of the folder itself was somebody's, and must be asked.
        if own.is_none() && (!has_folders || self.miss(key, now).is_some()) {
            return of_root;
        }
        Known::Unknown {
            was_found: own.is_some(),
        }
    }

    fn of_key(&self, key: KeyRef<'_>, now: Instant) -> Known<T> {
        match self.hit(key) {
            Some(hit) if self.counts(&hit, now) => Known::Found(hit),
            Some(_) => Known::Unknown { was_found: true },
            None if self.miss(key, now).is_some() => Known::Nobody,
            None => Known::Unknown { was_found: false },
        }
    }

    fn hit(&self, key: KeyRef<'_>) -> Option<Arc<Hit<T>>> {
        self.hits.get(&key).or_else(|| self.wild.get(&key))
    }

    fn counts(&self, hit: &Hit<T>, now: Instant) -> bool {
        let ttl = match hit.availability {
            Availability::Served => self.ttl,
            // That it is served again is to be known soon, and at once where this process sees to it.
            _ if hit.since.changes != self.changes.load(Ordering::Acquire) => return false,
            Availability::Unavailable | Availability::Gone => self.ttl.min(self.miss_ttl),
        };
        !hit.is_stale.load(Ordering::Acquire)
            && hit.since.generation >= self.hits_count_from.load(Ordering::Acquire)
            && now.saturating_duration_since(hit.since.at) < ttl
    }

    fn miss(&self, key: KeyRef<'_>, now: Instant) -> Option<Miss> {
        let miss = self.misses.get(&key)?;
        let counts = miss.since.generation >= self.misses_count_from.load(Ordering::Acquire)
            && now.saturating_duration_since(miss.since.at) < self.miss_ttl;
        counts.then_some(miss)
    }

    /// Keeps a tenant, unless something changed since it was asked for.
    pub(super) fn keep(&self, key: Key, found: Found<T>, has_folders: bool, since: Since) -> Arc<Hit<T>> {
        let hit = Arc::new(Hit {
            tenant: found.tenant,
            reference: found.reference,
            availability: found.availability,
            place: found.place,
            has_folders,
            since,
            is_stale: AtomicBool::new(false),
        });
        let generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *generation == since.generation {
            self.misses.remove(&key.by_ref());
            let (own, other) = if hit.is_wild() {
                (&self.wild, &self.hits)
            } else {
                (&self.hits, &self.wild)
            };
            other.remove(&key.by_ref());
            own.insert(key, Arc::clone(&hit));
        }
        drop(generation);
        hit
    }

    /// Keeps that nobody is there, unless something changed since it was asked for.
    pub(super) fn keep_nobody(&self, key: Key, has_folders: bool, since: Since) {
        let generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *generation == since.generation {
            self.hits.remove(&key.by_ref());
            self.wild.remove(&key.by_ref());
            self.misses.insert(key, Miss { has_folders, since });
        }
        drop(generation);
    }

    /// Nothing of its own is known of a key any more, unless something changed since that was found out.
    pub(super) fn forget_key(&self, key: &Key, since: Since) {
        let generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *generation == since.generation {
            self.hits.remove(&key.by_ref());
            self.wild.remove(&key.by_ref());
        }
        drop(generation);
    }

    /// Nothing that these changes may be about is believed any more, nor that somebody is nowhere.
    pub(super) fn forget(&self, notices: &[Notice]) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.misses_count_from.store(*generation, Ordering::Release);
        let of_all = |notice: &Notice| matches!(notice, Notice::All | Notice::Versions);
        if notices.iter().any(of_all) {
            self.hits_count_from.store(*generation, Ordering::Release);
            return;
        }
        drop(generation);
        // What is kept from now on was asked after the changes.
        for (key, hit) in self.hits.iter().chain(self.wild.iter()) {
            if notices.iter().any(|notice| concerns(notice, &key, &hit)) {
                hit.is_stale.store(true, Ordering::Release);
            }
        }
    }
}

/// Whether what is known of a key may have changed.
fn concerns<T>(notice: &Notice, key: &Key, hit: &Hit<T>) -> bool {
    match notice {
        Notice::Tenant(schema) => hit.reference.schema == *schema,
        Notice::Domain(domain) => {
            let is_asked = matches!(key, Key::Host(host, _) if domain.matches(host));
            let leads = hit.place.as_ref().is_some_and(|place| {
                place.address.domain == *domain
                    || match &place.redirect {
                        Some(primary) => primary.domain == *domain,
                        // It may be what was missing.
                        None => place.wants_redirect,
                    }
            });
            is_asked || leads
        }
        Notice::Versions | Notice::All => true,
    }
}

impl<T> Hit<T> {
    /// Whether it was found by a wildcard.
    pub(super) fn is_wild(&self) -> bool {
        let place = self.place.as_ref();
        place.is_some_and(|place| place.address.domain.is_wildcard())
    }

    pub(super) fn located(&self) -> Option<Located<Arc<T>>> {
        let place = self.place.as_ref()?;
        Some(Located {
            tenant: Arc::clone(&self.tenant),
            schema: self.reference.schema.clone(),
            address: place.address.clone(),
            is_primary: place.is_primary,
            redirect: place.redirect.as_deref().cloned(),
            availability: self.availability,
        })
    }
}

impl Since {
    pub(super) fn generation(self) -> u64 {
        self.generation
    }
}
