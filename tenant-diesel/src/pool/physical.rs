//! [`Physical`]: a connection to the server, with what is known of its session.

use super::metrics::{Counters, Reason, count};
use super::options::Options;
use super::pooler::Way;
use super::shelf::Shelf;
use super::stagger::staggered;
use super::{PoolerMode, SearchPathCustomizer};
use crate::migrate::runner::Prepared;
use crate::paths::Target;
use crate::pool::limits::SETTINGS;
use crate::session::{Session, Taint, reset};
use diesel::connection::{
    AnsiTransactionManager, CacheSize, SimpleConnection, TransactionManager, TransactionManagerStatus,
};
use diesel::pg::{GetPgMetadataCache, PgConnection, PgMetadataCache};
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::Text;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

/// A connection to the server, with what is known of its session.
pub(crate) struct Physical {
    pub(crate) pg: PgConnection,
    pub(crate) session: Session,
    /// Whose path was set last, if anybody's.
    pub(super) target: Option<Target>,
    /// Whose statements and custom types Diesel has in memory: the last schema whose path was set.
    pub(super) statements_of: Option<SchemaName>,
    /// The tenants that its backend holds in memory.
    pub(super) served: HashSet<SchemaName>,
    /// How many these may become.
    most_tenants: usize,
    /// Settings as they are on a new connection, for tenants that do not limit them.
    pub(super) unlimited: Option<[String; SETTINGS.len()]>,
    prepared_statements: bool,
    pub(super) options: Arc<Options>,
    pub(super) counters: Arc<Counters>,
    /// Of the shelf, when the schema was verified.
    pub(super) generation: u64,
    born: Instant,
    last_used: Instant,
    /// No scope was entered on it yet, so it cannot be stale.
    pub(super) fresh: bool,
    /// It was found dead.
    is_lost: bool,
    /// Whether what migrations send for every schema is prepared on it.
    pub(crate) routine: Prepared,
}

impl Physical {
    /// Opens a connection that sees no table.
    pub(crate) fn open(
        options: &Arc<Options>,
        way: Way,
        counters: &Arc<Counters>,
    ) -> Result<Self, diesel::r2d2::Error> {
        use diesel::r2d2::Error::{ConnectionError, QueryError};
        let mut pg = PgConnection::establish(&options.database_url).map_err(ConnectionError)?;
        if !way.carries_statements {
            pg.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        if let Some(on_connect) = &options.on_connect {
            on_connect(&mut pg).map_err(QueryError)?;
        }
        let is_session = options.mode == PoolerMode::Session;
        let unlimited = if options.has_limits && is_session {
            Some(current_settings(&mut pg).map_err(QueryError)?)
        } else {
            None
        };
        if is_session {
            // Last, so that nothing which the application sets leaves a path behind. Behind a pooler it would be
            // somebody else's session that is changed.
            SearchPathCustomizer::fail_closed()
                .apply(&mut pg)
                .map_err(QueryError)?;
        }
        let now = Instant::now();
        Ok(Self {
            pg,
            session: Session::default(),
            target: None,
            statements_of: None,
            served: HashSet::new(),
            most_tenants: if is_session || way.carries_statements {
                staggered(options.tenants_per_connection, counters)
            } else {
                // Nothing of a tenant stays with the connection, and the server's processes are the pooler's.
                usize::MAX
            },
            unlimited,
            prepared_statements: way.carries_statements,
            options: Arc::clone(options),
            counters: Arc::clone(counters),
            generation: 0,
            born: now,
            last_used: now,
            fresh: true,
            is_lost: false,
            routine: Prepared::default(),
        })
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether it was opened a moment ago, for whoever has it now, so that it cannot be the connection's age that it is
    /// dead: one that idled since it was opened may have died meanwhile.
    pub(crate) fn is_fresh(&self) -> bool {
        const MOMENT: Duration = Duration::from_secs(1);
        self.fresh && self.age() < MOMENT
    }

    pub(crate) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// Whose path was set last.
    pub(crate) fn last_target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Whether its backend has the tables of this schema in memory.
    pub(crate) fn knows(&self, schema: &SchemaName) -> bool {
        self.served.contains(schema)
    }

    /// Whether each statement counts as one that may have changed the session.
    pub(crate) fn verifies_always(&self) -> bool {
        self.options.verify_always
    }

    pub(crate) fn is_behind_pooler(&self) -> bool {
        self.options.mode == PoolerMode::Transaction
    }

    /// Whether the session is on the path of this target for all we know, proved clean, and used so lately that
    /// it is believed to live: then nothing need be asked.
    pub(crate) fn can_skip(&mut self, target: &Target, shelf: &Shelf) -> bool {
        self.target.as_ref() == Some(target)
            && self.session.is_proved_clean()
            && self.generation == shelf.generation()
            && self.last_used.elapsed() < shelf.options.alive_bypass_window
    }

    /// A statement failed as it would where the schema is gone: the next borrower asks.
    pub(super) fn doubt_schema(&mut self) {
        /// Of no shelf, which counts from zero.
        const NEVER: u64 = u64::MAX;
        self.generation = NEVER;
    }

    /// Whether the last borrower had it a moment ago, so that it is hardly worth to look: that takes two calls of
    /// the operating system, a thirtieth of a short query.
    pub(crate) fn was_just_used(&self) -> bool {
        const MOMENT: Duration = Duration::from_millis(1);
        self.last_used.elapsed() < MOMENT
    }

    /// Whether the server has not closed the connection, as far as this side can tell without asking: looks
    /// whether the end of the stream, or its last message, has come in.
    pub(crate) fn seems_alive(&mut self) -> bool {
        // The one thing of libpq's that Diesel offers which reads what has arrived, and does not wait. Twice: the
        // server's last words come before the end of the stream.
        let mut can_read = || !matches!(self.pg.notifications_iter().next(), Some(Err(_)));
        can_read() && can_read() && !self.is_dead()
    }

    /// Whether this error means that the connection is of no use any more, to nobody.
    pub(crate) fn is_lost_by(&mut self, error: &diesel::result::Error) -> bool {
        use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
        let is_told = matches!(
            error,
            diesel::result::Error::DatabaseError(ClosedConnection | UnableToSendCommand, _)
        );
        is_told || self.is_dead()
    }

    /// It was found dead: nobody else is to have it.
    pub(crate) fn note_lost(&mut self) {
        self.is_lost = true;
        self.session.discard();
    }

    /// Whether a statement found the connection dead.
    pub(super) fn is_dead(&mut self) -> bool {
        // Diesel notes a lost connection where a statement was executed, not where it was prepared.
        let status = AnsiTransactionManager::transaction_manager_status_mut(&mut self.pg);
        self.is_lost || matches!(status, TransactionManagerStatus::InError)
    }

    /// Why the connection cannot be given to anybody else, if it cannot.
    pub(crate) fn reason_to_close(&mut self, shelf: &Shelf) -> Option<Reason> {
        if self.is_dead() {
            return Some(Reason::Dead);
        }
        let is_unclean = std::thread::panicking()
            || self.session.taint() == Taint::Discard
            || self.session.in_transaction()
            || self.session.may_be_in_copy()
            || self.pg.is_broken()
            || self.transaction_depth() > 0
            // What a transaction left in a session that the pooler has given away cannot be reset here.
            || (self.is_behind_pooler() && self.session.taint() > Taint::Clean);
        if is_unclean {
            Some(Reason::Unclean)
        } else if self.served.len() >= self.most_tenants {
            Some(Reason::Recycled)
        } else if shelf.is_expired(self) {
            Some(Reason::Expired)
        } else {
            None
        }
    }

    /// A borrower is done with it.
    pub(crate) fn comes_back(&mut self) {
        self.last_used = Instant::now();
    }

    pub(crate) fn close(self, reason: Reason) {
        self.counters.closed(reason);
    }

    /// How deep in transactions Diesel is: 0 for none, 1 for one, more for savepoints.
    pub(crate) fn transaction_depth(&mut self) -> u32 {
        let status = AnsiTransactionManager::transaction_manager_status_mut(&mut self.pg);
        status.transaction_depth().ok().flatten().map_or(0, u32::from)
    }

    /// Whether it can serve another schema of the same work.
    pub(crate) fn is_fit_for_work(&mut self) -> bool {
        // Whatever a file left in the session is taken back before the next one, an open transaction included.
        !self.is_dead() && self.transaction_depth() == 0
    }

    /// Takes back what a borrower may have left, and runs what the application runs on a new connection.
    pub(super) fn reset(&mut self) -> QueryResult<()> {
        self.reset_and("")?;
        let Some(on_connect) = self.options.on_connect.clone() else {
            return Ok(());
        };
        // If it fails or panics, nobody is to have the connection as it is then.
        self.session.discard();
        on_connect(&mut self.pg)?;
        self.session.is_clean_now();
        Ok(())
    }

    /// Takes back what a borrower may have left, then runs `then`, in one message.
    pub(super) fn reset_and(&mut self, then: &str) -> QueryResult<()> {
        self.pg
            .batch_execute(&format!("{}{then}", reset::sql(self.session.taint())))?;
        self.was_reset();
        Ok(())
    }

    pub(super) fn was_reset(&mut self) {
        count(&self.counters.resets);
        if self.session.taint() >= Taint::Statements {
            self.forget_statements();
        }
        self.session.is_clean_now();
    }

    /// What ended a scope behind a pooler took back what the scope had changed.
    pub(crate) fn was_reset_behind_pooler(&mut self) {
        count(&self.counters.resets);
        self.session.is_clean_now();
    }

    /// Where the server forgot Diesel's statements, so must Diesel, and what it knows of custom types with them.
    /// Switching its cache off and on empties it.
    pub(crate) fn forget_statements(&mut self) {
        if self.routine == Prepared::Yes {
            self.routine = Prepared::NotAnyMore;
        }
        self.pg.set_prepared_statement_cache_size(CacheSize::Disabled);
        if self.prepared_statements {
            self.pg.set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
        *self.pg.get_metadata_cache() = PgMetadataCache::new();
    }

    /// Makes the server forget Diesel's statements, and Diesel too.
    pub(crate) fn clear_statements(&mut self) -> QueryResult<()> {
        self.pg.batch_execute("DEALLOCATE ALL")?;
        self.forget_statements();
        Ok(())
    }
}

impl Drop for Physical {
    fn drop(&mut self) {
        self.counters.tenants_gone(self.served.len());
    }
}

/// What the settings that limits are about are now.
fn current_settings(pg: &mut PgConnection) -> QueryResult<[String; SETTINGS.len()]> {
    #[derive(QueryableByName)]
    struct Values {
        #[diesel(sql_type = diesel::sql_types::Array<Text>)]
        values: Vec<String>,
    }
    let all = SETTINGS.map(|(name, _)| format!("pg_catalog.current_setting('{name}')"));
    let query = format!("SELECT ARRAY[{}] AS values", all.join(", "));
    let Values { values } = diesel::sql_query(query).get_result(pg)?;
    values.try_into().map_err(|_| diesel::result::Error::NotFound)
}

impl fmt::Debug for Physical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Physical")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
