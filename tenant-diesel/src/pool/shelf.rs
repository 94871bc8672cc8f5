//! [`Shelf`]: the idle connections, and which of them a tenant gets.
//!
//! r2d2 hands out whichever connection came back last. So what r2d2 holds here is only a *seat*
//! ([`ManagedConnection`](super::ManagedConnection)): it counts them, opens and reaps them, makes callers wait.
//! The physical connection of an idle seat lies on the shelf, and who takes a seat chooses from there. There are
//! never fewer connections on the shelf than idle seats: a connection is put there before its seat is given back,
//! and taken after the seat was.

use super::metrics::{Counters, Reason};
use super::options::Options;
use super::physical::Physical;
use super::pooler::Way;
use crate::paths::Target;
use diesel::result::ConnectionError;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// See the module. Shared by the pool, r2d2's manager, and the seats.
#[derive(Debug)]
pub(crate) struct Shelf {
    idle: Mutex<Idle>,
    /// Somebody put a new connection there, or failed to.
    opened: Condvar,
    pub(crate) options: Arc<Options>,
    pub(crate) counters: Arc<Counters>,
    /// What stands between us and the server, found out by whoever connects first.
    way: Mutex<Option<Way>>,
    /// r2d2's, known once its pool was made.
    max_lifetime: OnceLock<Option<Duration>>,
    /// Grows when a schema goes: what was verified before counts no more.
    generation: AtomicU64,
    /// A connection was closed that r2d2 may not replace by itself: see [`super::lease`].
    pub(super) wants_refill: AtomicBool,
}

#[derive(Debug, Default)]
struct Idle {
    /// The one that was used longest ago first.
    connections: VecDeque<Box<Physical>>,
    /// How many were opened, or could not be.
    attempts: u64,
    /// The last one could not be.
    is_failing: bool,
    /// No connection will be opened, for [`Way::is_shared`].
    is_refused: bool,
}

/// How a pool started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Started,
    /// It may not be: see [`Way::is_shared`].
    Refused,
    /// Not all connections could be opened in time.
    TimedOut,
}

/// What kind of connection the shelf has for a tenant, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It is on this tenant's path.
    SameTenant,
    /// It serves nobody.
    Nobody,
    /// It is on another's.
    Other,
}

impl Shelf {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            idle: Mutex::default(),
            opened: Condvar::new(),
            options: Arc::new(options),
            counters: Arc::default(),
            way: Mutex::new(None),
            max_lifetime: OnceLock::new(),
            generation: AtomicU64::new(0),
            wants_refill: AtomicBool::new(false),
        }
    }

    /// What stands between us and the server: asked once, by the first who connects, while others wait.
    pub(crate) fn way(&self) -> Result<Way, ConnectionError> {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(way) = *way {
            return Ok(way);
        }
        let found = Way::find(&self.options)?;
        *way = Some(found);
        if found.is_shared {
            self.lock().is_refused = true;
            self.opened.notify_all();
        }
        Ok(found)
    }

    /// Waits until so many connections were opened.
    pub(crate) fn wait_for_start(&self, connections: u32, patience: Duration) -> Start {
        let not_yet = |idle: &mut Idle| !idle.is_refused && idle.connections.len() < connections as usize;
        let waited = self.opened.wait_timeout_while(self.lock(), patience, not_yet);
        let (idle, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        match (idle.is_refused, timeout.timed_out()) {
            (true, _) => Start::Refused,
            (false, false) => Start::Started,
            (false, true) => Start::TimedOut,
        }
    }

    pub(crate) fn set_max_lifetime(&self, lifetime: Option<Duration>) {
        // Set once, by the pool, right after r2d2's was made.
        let _is_first = self.max_lifetime.set(lifetime);
    }

    /// Whether r2d2's `max_lifetime` is over for this connection. r2d2 looks at the age of seats, which are as
    /// old as some connection, but not always as the one that goes with them.
    pub(crate) fn is_expired(&self, physical: &Physical) -> bool {
        let lifetime = self.max_lifetime.get().copied().flatten();
        lifetime.is_some_and(|lifetime| physical.age() >= lifetime)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The state of a tenant was changed by this process: nobody believes what was read before.
    pub(crate) fn states_changed(&self) {
        self.options.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// How often that was.
    pub(crate) fn changes(&self) -> u64 {
        self.options.changes.load(Ordering::Acquire)
    }

    /// A schema went, or got another name: each connection is asked again before it is believed to be on it.
    pub(crate) fn verify_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.states_changed();
    }

    /// Puts back a connection that is fit for another borrower.
    pub(crate) fn put(&self, physical: Box<Physical>) {
        self.lock().connections.push_back(physical);
    }

    /// Puts a new connection there.
    pub(crate) fn put_new(&self, physical: Box<Physical>) {
        let mut idle = self.lock();
        idle.connections.push_front(physical);
        idle.attempts += 1;
        idle.is_failing = false;
        self.opened.notify_all();
    }

    /// A connection could not be opened.
    pub(crate) fn could_not_open(&self) {
        let mut idle = self.lock();
        idle.attempts += 1;
        idle.is_failing = true;
        self.opened.notify_all();
    }

    /// What it has for a tenant, at best.
    pub(crate) fn best_fit(&self, target: &Target) -> Option<Fit> {
        let idle = self.lock();
        idle.connections
            .iter()
            .map(|physical| fit(physical, target))
            .min()
    }

    /// Takes the best connection for a tenant: of several on its path the one that was used last (which is most
    /// probably alive), then one that serves nobody, then the one that was used longest ago, among those that
    /// served this tenant before if there are any: they have its statements and tables in memory.
    pub(crate) fn take(&self, target: &Target) -> Option<Box<Physical>> {
        let mut idle = self.lock();
        let connections = &mut idle.connections;
        if !self.options.affinity {
            return connections.pop_back();
        }
        let last_of = |wanted: Fit| {
            connections
                .iter()
                .rposition(|physical| fit(physical, target) == wanted)
        };
        let chosen = last_of(Fit::SameTenant)
            .or_else(|| last_of(Fit::Nobody))
            .or_else(|| {
                connections
                    .iter()
                    .position(|physical| physical.knows(&target.schema))
            })
            .unwrap_or(0);
        connections.remove(chosen)
    }

    /// Whether no connection will ever be opened.
    pub(crate) fn is_refused(&self) -> bool {
        self.lock().is_refused
    }

    /// Whether the last connection that was to be opened could not be. r2d2 tries again by itself.
    pub(crate) fn is_failing(&self) -> bool {
        self.lock().is_failing
    }

    /// Waits until a connection lies there that serves nobody, or one was opened that somebody else took, or could
    /// not be opened. Not for long: another tenant's will do.
    pub(crate) fn wait_for_new(&self, target: &Target, deadline: Instant) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let idle = self.lock();
        let attempts = idle.attempts;
        let left = deadline.saturating_duration_since(Instant::now()).min(PATIENCE);
        let still = |idle: &mut Idle| {
            let fits = idle.connections.iter().map(|physical| fit(physical, target));
            idle.attempts == attempts && fits.min() == Some(Fit::Other)
        };
        drop(self.opened.wait_timeout_while(idle, left, still));
    }

    /// Closes one: a seat was given up. The one that is too old, else the one that idled longest.
    pub(crate) fn close_one(&self) {
        let mut idle = self.lock();
        let oldest = (0..idle.connections.len()).max_by_key(|i| idle.connections[*i].age());
        let chosen = oldest
            .filter(|i| self.is_expired(&idle.connections[*i]))
            .unwrap_or(0);
        let physical = idle.connections.remove(chosen);
        drop(idle);
        if let Some(physical) = physical {
            physical.close(Reason::Expired);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        // No code of anybody else's runs under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fit(physical: &Physical, target: &Target) -> Fit {
    match physical.last_target() {
        None => Fit::Nobody,
        Some(theirs) if theirs == target => Fit::SameTenant,
        Some(_) => Fit::Other,
    }
}
