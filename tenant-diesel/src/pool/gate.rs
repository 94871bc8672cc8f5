//! [`Gate`]: who may ask r2d2 for a connection, in the order in which they came.
//!
//! r2d2 wakes a waiting thread and lets it race for the connection with whoever comes by: under load the thread
//! that just gave one back mostly wins, and some wait for seconds while the mean waits for milliseconds. The gate
//! lets in as many as the pool has connections, hands a freed place to whoever waits longest, and knows how many a
//! tenant has.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;
use tenant_core::SchemaName;

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: u32,
    /// Those who came first, first.
    queue: VecDeque<Arc<Waiter>>,
    /// How many places each tenant holds or waits for, of those whose number is limited.
    held: HashMap<SchemaName, u32>,
}

#[derive(Debug)]
struct Waiter {
    thread: Thread,
    is_let_in: AtomicBool,
}

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The tenant has as many places as it may.
    Limit(NonZeroU32),
    TimedOut,
}

impl Gate {
    pub(crate) fn new(places: u32) -> Self {
        Self {
            state: Mutex::new(State {
                free: places,
                queue: VecDeque::new(),
                held: HashMap::new(),
            }),
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> u32 {
        u32::try_from(self.lock().queue.len()).unwrap_or(u32::MAX)
    }

    /// Waits for a place until `deadline`. With a limit, the places of this schema are counted, those that it
    /// waits for too.
    pub(crate) fn enter(
        self: &Arc<Self>,
        limited: Option<(&SchemaName, NonZeroU32)>,
        deadline: Instant,
    ) -> Result<Place, Refused> {
        let mut state = self.lock();
        if let Some((schema, limit)) = limited {
            let held = state.held.entry(schema.clone()).or_default();
            if *held >= limit.get() {
                return Err(Refused::Limit(limit));
            }
            *held += 1;
        }
        let place = Place {
            gate: Arc::clone(self),
            limited: limited.map(|(schema, _)| schema.clone()),
            is_in: false,
            has_waited: state.free == 0,
        };
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            return Ok(place.let_in());
        }
        let waiter = Arc::new(Waiter {
            thread: thread::current(),
            is_let_in: AtomicBool::new(false),
        });
        state.queue.push_back(Arc::clone(&waiter));
        drop(state);
        while !waiter.is_let_in.load(Ordering::Acquire) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && self.leave_queue(&waiter) {
                // The place, dropped here, takes its count with it.
                return Err(Refused::TimedOut);
            }
            thread::park_timeout(left);
        }
        Ok(place.let_in())
    }

    /// False if the waiter was let in meanwhile.
    fn leave_queue(&self, waiter: &Arc<Waiter>) -> bool {
        let mut state = self.lock();
        let queue = &mut state.queue;
        match queue.iter().position(|other| Arc::ptr_eq(other, waiter)) {
            Some(position) => queue.remove(position).is_some(),
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of anybody else's runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place behind the gate: the right to hold one connection. Dropping it lets in whoever waits longest.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    limited: Option<SchemaName>,
    is_in: bool,
    has_waited: bool,
}

impl Place {
    /// Whether it was not free at once.
    pub(crate) fn has_waited(&self) -> bool {
        self.has_waited
    }

    fn let_in(mut self) -> Self {
        self.is_in = true;
        self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if let Some(schema) = &self.limited
            && let Some(held) = state.held.get_mut(schema)
        {
            *held -= 1;
            if *held == 0 {
                state.held.remove(schema);
            }
        }
        if self.is_in {
            match state.queue.pop_front() {
                Some(next) => {
                    next.is_let_in.store(true, Ordering::Release);
                    drop(state);
                    next.thread.unpark();
                }
                None => state.free += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    const PATIENT: Duration = Duration::from_secs(60);

    fn gate(places: u32) -> Arc<Gate> {
        Arc::new(Gate::new(places))
    }

    fn name(name: &str) -> SchemaName {
        SchemaName::new(name).unwrap()
    }

    #[test]
    fn those_who_came_first_are_let_in_first() {
        let gate = gate(1);
        let first = gate.enter(None, Instant::now() + PATIENT).unwrap();
        let (send, receive) = mpsc::channel();
        thread::scope(|threads| {
            for i in 0..8 {
                let (gate, send) = (&gate, send.clone());
                threads.spawn(move || {
                    let place = gate.enter(None, Instant::now() + PATIENT).unwrap();
                    send.send(i).unwrap();
                    drop(place);
                });
                while gate.waiting() <= i {
                    thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(
            receive.try_iter().collect::<Vec<u32>>(),
            (0..8).collect::<Vec<_>>()
        );
        assert_eq!(gate.lock().free, 1);
    }

    #[test]
    fn who_waits_in_vain_leaves_nothing_behind() {
        let gate = gate(1);
        let acme = name("acme");
        let limited = Some((&acme, NonZeroU32::new(2).unwrap()));
        let held = gate.enter(limited, Instant::now()).unwrap();
        assert_eq!(
            gate.enter(limited, Instant::now()).unwrap_err(),
            Refused::TimedOut
        );
        assert_eq!(gate.waiting(), 0);
        drop(held);
        assert!(gate.lock().held.is_empty());
        assert_eq!(gate.lock().free, 1);
    }

    #[test]
    fn a_tenant_at_its_limit_is_refused_at_once_and_others_are_not() {
        let gate = gate(3);
        let (acme, globex) = (name("acme"), name("globex"));
        let one = NonZeroU32::MIN;
        let held = gate.enter(Some((&acme, one)), Instant::now()).unwrap();
        let refused = gate.enter(Some((&acme, one)), Instant::now() + PATIENT);
        assert_eq!(refused.unwrap_err(), Refused::Limit(one));
        gate.enter(Some((&globex, one)), Instant::now()).unwrap();
        drop(held);
        gate.enter(Some((&acme, one)), Instant::now()).unwrap();
    }
}
