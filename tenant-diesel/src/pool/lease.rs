//! [`Lease`]: a connection that somebody has, with the schema that it is for.

use super::OnSwitch;
use super::checkout::{Entry, Inner, cannot_open};
use super::gate::Place;
use super::metrics::{Reason, Served, count};
use super::physical::Physical;
use super::standing::{Why, is_refusal};
use crate::Error;
use crate::paths::{Paths, Target};
use crate::pool::TenantManager;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A connection that somebody has, with the schema that it is for.
#[derive(Debug)]
pub(crate) struct Lease {
    // In this order they are dropped: the connection is given back before the place behind the gate.
    conn: Conn,
    _refill: Refill,
    _place: Option<Place>,
    pub(crate) target: Target,
    pool: Arc<Inner>,
    /// When it was asked for.
    asked: Instant,
    /// The server has answered something in this scope, so it has not been dead from the start.
    is_proven: bool,
    /// The schema was there when this scope began.
    is_verified: bool,
}

#[derive(Debug)]
pub(super) enum Conn {
    Pooled(r2d2::PooledConnection<TenantManager>),
    Extra(Box<Physical>),
    /// Its seat was given up; another one is being looked for.
    Closed,
}

impl Lease {
    pub(super) fn new(
        conn: Conn,
        target: Target,
        pool: Arc<Inner>,
        place: Option<Place>,
        asked: Instant,
    ) -> Self {
        Self {
            conn,
            _refill: Refill(Arc::clone(&pool)),
            _place: place,
            target,
            pool,
            asked,
            is_proven: true,
            is_verified: true,
        }
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.pool.paths
    }

    /// Whether the server has not answered in this scope, and the connection is found closed.
    pub(crate) fn is_found_dead(&mut self) -> bool {
        !self.is_proven && !self.was_just_used() && !self.seems_alive()
    }

    /// Whether the server has answered in this scope.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// The server answered.
    pub(crate) fn proved(&mut self) {
        self.is_proven = true;
    }

    /// What this checkout will have been, if it has to ask.
    pub(super) fn kind_of_service(&self) -> Served {
        match self.last_target() {
            _ if self.is_behind_pooler() => Served::PooledTransaction,
            None => Served::First,
            Some(target) if *target == self.target => Served::Verified,
            Some(_) => Served::Switch,
        }
    }

    /// Enters the schema. True if nothing had to be asked.
    pub(super) fn enter(&mut self, entry: Entry) -> Result<bool, Error> {
        let target = self.target.clone();
        let shelf = Arc::clone(&self.pool.manager.0);
        let generation = shelf.generation();
        let asks = self.asks_whether_served(&target)?;
        // With the shared schema behind it, a tenant's that is gone would not be missed.
        let may_skip = shelf.options.affinity && !asks && !self.pool.paths.public_behind_tenants;
        if may_skip && self.can_skip(&target, &shelf) {
            self.is_verified = false;
            if entry == Entry::Transaction {
                self.begin(&target)?;
            } else {
                self.is_proven = false;
            }
            return Ok(true);
        }
        if self.is_switch(&target, OnSwitch::Reconnect) {
            self.reconnect()?;
        }
        let paths = Arc::clone(&self.pool);
        let (records, standing) = (&paths.paths.records, &paths.paths.standing);
        if asks && entry == Entry::Session && self.can_read_with_path(&target) {
            let changes = shelf.changes();
            let list = self.enter_and_read(&target, generation, &standing.list(records))?;
            return match standing.learn(list, changes, &target.schema) {
                Some(answer) => answer.map(|()| false),
                None => self.ask_whether_served().map(|()| false),
            };
        }
        let guard = asks.then(|| standing.guard(records, &target.schema));
        let entered = match entry {
            Entry::Session => Physical::enter(self, &target, generation, guard.as_deref()),
            Entry::Transaction => self.begin_on(&target, generation, guard.as_deref()),
        };
        match entered {
            Err(Error::SetPath { source, .. }) if is_refusal(&source) => {
                self.ask_whether_served()?;
                // It is, by now.
                Err(Error::SetPath {
                    schema: target.schema.clone(),
                    source,
                })
            }
            other => other.map(|()| false),
        }
    }

    /// Whether it must be asked whether the tenant is served. An error where it is known that it is not.
    pub(crate) fn asks_whether_served(&mut self, target: &Target) -> Result<bool, Error> {
        let pool = Arc::clone(&self.pool);
        let paths = &pool.paths;
        if target.is_served && paths.records.wants_a_look(paths.standing.window) {
            // If it fails, so does what is sent next, which says why.
            let _not_there_then = paths.records.look(&mut self.pg);
        }
        if !(target.is_served && paths.records.are_ready()) {
            return Ok(false);
        }
        match paths.standing.look(&target.schema, pool.manager.0.changes()) {
            None => Ok(true),
            Some(answer) => answer.map(|()| false),
        }
    }

    /// Asks whether the tenant is served: where something else failed already, or nobody can know all who are not.
    fn ask_whether_served(&mut self) -> Result<(), Error> {
        let pool = Arc::clone(&self.pool);
        let (records, schema) = (&pool.paths.records, self.target.schema.clone());
        let row = records
            .read(&mut self.pg, &schema)
            .map_err(Error::attempt("read the state of the tenant", &schema))?;
        match row {
            Some(row) if !pool.paths.standing.is_served(&schema, &row) => {
                let why = Why {
                    state: row.state,
                    version: row.version,
                };
                Err(pool.paths.standing.error(&schema, why))
            }
            _ => Ok(()),
        }
    }

    /// Sets the path of another schema, inside a scope; refuses a tenant that is not served.
    pub(crate) fn go_to(&mut self, target: &Target) -> Result<(), Error> {
        if !self.asks_whether_served(target)? {
            return self.set_path(target);
        }
        let pool = Arc::clone(&self.pool);
        let condition = pool.paths.standing.condition(&pool.paths.records, &target.schema);
        match self.set_path_if(target, Some(&condition)) {
            Err(missing @ Error::SchemaMissing { .. }) => {
                let outer = std::mem::replace(&mut self.target, target.clone());
                let answer = self.ask_whether_served();
                self.target = outer;
                answer.and(Err(missing))
            }
            other => other,
        }
    }

    /// Whether the connection failed, and not what it was asked.
    pub(super) fn was_lost_by(&mut self, error: &Error) -> bool {
        match error {
            Error::SetPath { source, .. } | Error::Query(source) => self.is_lost_by(source),
            _ => false,
        }
    }

    /// Closes the connection and gives its seat up.
    pub(super) fn close(&mut self, reason: Reason) {
        if let Conn::Pooled(mut seat) = std::mem::replace(&mut self.conn, Conn::Closed) {
            seat.close(reason);
        }
    }

    /// Whether it has no connection any more.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.conn, Conn::Closed)
    }

    /// After [`Self::close`]: takes another seat, in the time that is left.
    pub(super) fn sit_again(&mut self) -> Result<(), Error> {
        self.conn = Conn::Pooled(self.pool.seat(&self.target, self.asked)?);
        Ok(())
    }

    /// Replaces a connection that was found dead before the scope did anything on it. False if it did something,
    /// or the scope changed something that would be lost.
    pub(crate) fn replace_dead(&mut self) -> Result<bool, Error> {
        if self.is_proven || !self.session.is_proved_clean() {
            return Ok(false);
        }
        // The server has lost the old one already. Where no new one can be had, that stays, and says so.
        let new = match self.pool.manager.open() {
            Ok(new) => new,
            Err(error) => {
                self.note_lost();
                return Err(cannot_open(&self.target.schema, error));
            }
        };
        std::mem::replace(self.physical_mut(), new).close(Reason::Dead);
        let (target, generation) = (self.target.clone(), self.pool.manager.0.generation());
        Physical::enter(self, &target, generation, None)?;
        (self.is_proven, self.is_verified) = (true, true);
        count(&self.pool.manager.0.counters.replaced);
        Ok(true)
    }

    /// Puts a new connection in place of one that serves another tenant, in the same seat; where that fails, the seat is
    /// given up. The old one is closed first: the server is never to have more than there are seats.
    fn reconnect(&mut self) -> Result<(), Error> {
        let Conn::Pooled(seat) = &mut self.conn else {
            return Ok(());
        };
        seat.close(Reason::Switched);
        match self.pool.manager.open() {
            Ok(new) => {
                seat.seat(new);
                Ok(())
            }
            Err(error) => {
                self.conn = Conn::Closed;
                Err(cannot_open(&self.target.schema, error))
            }
        }
    }

    /// Makes sure that the schema is there, before something that would not fail if it is not.
    pub(crate) fn verify(&mut self) -> Result<(), Error> {
        if !self.is_verified {
            let target = self.target.clone();
            self.set_path(&target)?;
            (self.is_proven, self.is_verified) = (true, true);
        }
        Ok(())
    }

    /// Where a scope that was entered without asking failed: whether that was because the schema is gone.
    pub(crate) fn missing_schema(&mut self) -> Option<Error> {
        if self.is_verified || self.transaction_depth() > 0 || self.session.in_transaction() {
            // It was there when the scope began. If it went since, the next scope finds that out.
            self.doubt_schema();
            return None;
        }
        let target = self.target.clone();
        match self.verify_exists(&target) {
            Err(missing @ Error::SchemaMissing { .. }) => {
                self.session.forget_path();
                Some(missing)
            }
            Ok(()) => {
                self.is_verified = true;
                None
            }
            Err(_) => None,
        }
    }

    fn physical_mut(&mut self) -> &mut Box<Physical> {
        match &mut self.conn {
            Conn::Pooled(seat) => seat.physical_mut(),
            Conn::Extra(physical) => physical,
            Conn::Closed => unreachable!("a lease that was closed sits again or is dropped"),
        }
    }
}

/// Dropped right after the connection: where r2d2 would not replace a connection that served its number of tenants
/// until somebody needs it, asks it to, so that nobody has to wait for that.
#[derive(Debug)]
struct Refill(Arc<Inner>);

impl Drop for Refill {
    fn drop(&mut self) {
        if self.0.manager.0.wants_refill.swap(false, Ordering::AcqRel) {
            self.0.ask_for_one_more();
        }
    }
}

impl Deref for Lease {
    type Target = Physical;

    fn deref(&self) -> &Physical {
        match &self.conn {
            Conn::Pooled(seat) => seat.physical(),
            Conn::Extra(physical) => physical,
            Conn::Closed => unreachable!("a lease that was closed sits again or is dropped"),
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Physical {
        self.physical_mut()
    }
}
