//! [`ManagedConnection`]: what r2d2 holds, a seat for one physical connection.

use super::metrics::Reason;
use super::physical::Physical;
use super::shelf::Shelf;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What r2d2 counts, opens and reaps: a seat for one physical connection, which is in it while somebody uses
/// it, and on the pool's shelf while nobody does. Applications see [`TenantConnection`](crate::TenantConnection)
/// and [`PublicConnection`](crate::PublicConnection); this type is public because options of r2d2 name it.
pub struct ManagedConnection {
    shelf: Arc<Shelf>,
    state: State,
}

enum State {
    /// Its connection is on the shelf.
    Idle,
    InUse(Box<Physical>),
    /// Its connection is closed; r2d2 is about to drop the seat.
    Closed,
}

impl ManagedConnection {
    pub(crate) fn new(shelf: Arc<Shelf>) -> Self {
        Self {
            shelf,
            state: State::Idle,
        }
    }

    /// Puts a connection in the seat that was taken.
    pub(crate) fn seat(&mut self, physical: Box<Physical>) {
        self.state = State::InUse(physical);
    }

    /// Closes the connection. The seat is given up when it goes back to r2d2.
    pub(crate) fn close(&mut self, reason: Reason) {
        if let State::InUse(physical) = std::mem::replace(&mut self.state, State::Closed) {
            physical.close(reason);
        }
    }

    /// The connection, while somebody uses it.
    pub(crate) fn physical(&self) -> &Physical {
        match &self.state {
            State::InUse(physical) => physical,
            State::Idle | State::Closed => unreachable!("a lease has a connection in its seat"),
        }
    }

    /// The same, to use it.
    pub(crate) fn physical_mut(&mut self) -> &mut Box<Physical> {
        match &mut self.state {
            State::InUse(physical) => physical,
            State::Idle | State::Closed => unreachable!("a lease has a connection in its seat"),
        }
    }

    /// The borrower is done. True if the connection is closed and the seat to be given up.
    pub(crate) fn give_back(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => false,
            State::Closed => {
                self.state = State::Closed;
                true
            }
            State::InUse(mut physical) => match physical.reason_to_close(&self.shelf) {
                Some(reason) => {
                    self.state = State::Closed;
                    physical.close(reason);
                    self.shelf
                        .wants_refill
                        .fetch_or(reason == Reason::Recycled, Ordering::AcqRel);
                    true
                }
                None => {
                    physical.comes_back();
                    self.shelf.put(physical);
                    false
                }
            },
        }
    }
}

impl Drop for ManagedConnection {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Idle => self.shelf.close_one(),
            State::InUse(physical) => physical.close(Reason::Expired),
            State::Closed => {}
        }
    }
}

impl fmt::Debug for ManagedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedConnection").finish_non_exhaustive()
    }
}
