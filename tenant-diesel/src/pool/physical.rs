//! [`Physical`]: a connection to the server, with what is known of its session.

use super::metrics::{Counters, Reason, count};
use super::options::Options;
use super::pooler::Way;
use super::shelf::Shelf;
use super::stagger::staggered;
use super::standing::is_refusal;
use super::{OnSwitch, PoolerMode, SearchPathCustomizer};
use crate::Error;
use crate::paths::{Settings, Target, settings};
use crate::pool::limits::{SETTINGS, TenantLimits};
use crate::session::{Session, Taint, reset};
use crate::sql;
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
use tenant_core::{SchemaName, SearchPath};

/// A connection to the server, with what is known of its session.
pub(crate) struct Physical {
    pub(crate) pg: PgConnection,
    pub(crate) session: Session,
    /// Whose path was set last, if anybody's.
    target: Option<Target>,
    /// Whose statements and custom types Diesel has in memory: the last schema whose path was set.
    statements_of: Option<SchemaName>,
    /// The tenants that its backend holds in memory.
    served: HashSet<SchemaName>,
    /// How many these may become.
    most_tenants: usize,
    /// Settings as they are on a new connection, for tenants that do not limit them.
    unlimited: Option<[String; SETTINGS.len()]>,
    prepared_statements: bool,
    options: Arc<Options>,
    counters: Arc<Counters>,
    /// Of the shelf, when the schema was verified.
    generation: u64,
    born: Instant,
    last_used: Instant,
    /// No scope was entered on it yet, so it cannot be stale.
    fresh: bool,
    /// It was found dead.
    is_lost: bool,
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
    fn is_dead(&mut self) -> bool {
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

    /// Whether going to this schema must bring another connection, or other statements, as the application wants it.
    pub(crate) fn is_switch(&self, target: &Target, policy: OnSwitch) -> bool {
        let last = self.statements_of.as_ref();
        self.options.on_switch.get() == policy && last.is_some_and(|last| *last != target.schema)
    }

    /// Forgets what was prepared for another schema, where the application wants that: before the next message, or with
    /// it.
    fn switch(&mut self, target: &Target, is_in_scope: bool) -> QueryResult<()> {
        // In a scope the connection cannot be another one.
        let reconnects = is_in_scope && self.is_switch(target, OnSwitch::Reconnect);
        if !reconnects && !self.is_switch(target, OnSwitch::ClearStatements) {
            return Ok(());
        }
        if self.is_behind_pooler() {
            // The session is not ours to reset; the pooler has the statements.
            self.forget_statements();
        } else if is_in_scope {
            self.session.raise(Taint::Statements);
            self.clear_statements()?;
        } else {
            self.session.raise(Taint::Statements);
        }
        Ok(())
    }

    /// Puts the session on the path, for as long as nobody changes it: one round trip that also finds out
    /// whether the connection lives, whether the schema exists, and takes back what the last borrower left.
    /// `guard` is an expression that is an error where the tenant is not to be entered.
    pub(crate) fn enter(
        &mut self,
        target: &Target,
        generation: u64,
        guard: Option<&str>,
    ) -> Result<(), Error> {
        self.enter_path(&target.path, Some(target), guard)?;
        self.generation = generation;
        Ok(())
    }

    /// The same for a path that sees no table, for questions about the catalog. Behind a pooler, where the session is not
    /// ours to set a path in, it only asks whether the connection lives.
    pub(crate) fn enter_nothing(&mut self) -> Result<(), Error> {
        if self.is_behind_pooler() {
            return self.pg.ping().map_err(Error::Query);
        }
        self.enter_path(&SearchPath::nothing(), None, None)
    }

    /// Whether the message that sets the path may be one that gives something back: nothing has to go with it.
    pub(crate) fn can_read_with_path(&self, target: &Target) -> bool {
        self.session.taint() == Taint::Clean
            && !self.session.may_be_in_copy()
            && !self.is_switch(target, OnSwitch::ClearStatements)
    }

    /// The same as [`Self::enter`], and reads an expression in the same round trip.
    pub(crate) fn enter_and_read(
        &mut self,
        target: &Target,
        generation: u64,
        expression: &str,
    ) -> Result<Option<Vec<String>>, Error> {
        #[derive(QueryableByName)]
        struct Read {
            #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Array<Text>>)]
            list: Option<Vec<String>>,
        }
        let (path, schema) = (target.path.to_string(), target.schema.as_str());
        let settings = self.settings_of(target);
        let ascii = path.is_ascii() && schema.is_ascii();
        self.session.forget_path();
        let read = diesel::sql_query(sql::set_path_and_read(ascii, &settings, expression))
            .bind::<Text, _>(if ascii { path } else { sql::hex(&path) })
            .bind::<Text, _>(if ascii {
                schema.to_owned()
            } else {
                sql::hex(schema)
            })
            .get_result::<Read>(&mut self.pg)
            .optional()
            .map_err(|source| set_path_failed(Some(target), source))?;
        let Some(Read { list }) = read else {
            return Err(missing(target));
        };
        self.path_was_set(Some(target));
        self.generation = generation;
        self.fresh = false;
        Ok(list)
    }

    fn enter_path(
        &mut self,
        path: &SearchPath,
        target: Option<&Target>,
        guard: Option<&str>,
    ) -> Result<(), Error> {
        if let Some(target) = target {
            self.switch(target, false)
                .map_err(|source| set_path_failed(Some(target), source))?;
        }
        let taint = self.session.taint();
        let set_path = match target {
            Some(target) => sql::set_path(target, &self.settings_of(target), guard),
            None => sql::set_path_unverified(path, &settings(&TenantLimits::none(), self.unlimited.as_ref())),
        };
        let sent = if taint > Taint::Clean && self.options.on_connect.is_some() {
            // The application has something to run in between.
            self.reset().map_err(|source| set_path_failed(target, source))?;
            self.pg.batch_execute(&set_path)
        } else if taint > Taint::Clean {
            self.reset_and(&set_path)
        } else {
            self.session.forget_path();
            self.pg.batch_execute(&set_path)
        };
        match (sent, target) {
            (Ok(()), _) => self.path_was_set(target),
            (Err(source), None) => return Err(Error::Query(source)),
            (Err(source), Some(target)) if is_refusal(&source) => {
                return Err(set_path_failed(Some(target), source));
            }
            // The connection is dead, or the schema missing, and this tells them apart.
            (Err(_), Some(target)) => {
                if self.session.taint() > Taint::Clean {
                    self.reset()
                        .map_err(|source| set_path_failed(Some(target), source))?;
                }
                self.set_path(target)?;
            }
        }
        self.fresh = false;
        Ok(())
    }

    /// Begins a transaction on the path: one round trip for all of it, as for [`Self::enter`]. The path stays
    /// behind when the transaction ends, in whatever way, except behind a pooler.
    pub(crate) fn begin_on(
        &mut self,
        target: &Target,
        generation: u64,
        guard: Option<&str>,
    ) -> Result<(), Error> {
        self.switch(target, false)
            .map_err(|source| set_path_failed(Some(target), source))?;
        let settings = self.settings_of(target);
        let mut begin = if self.is_behind_pooler() {
            sql::begin_on_local_path(target, &settings, guard)
        } else {
            sql::begin_on_path(target, &settings, guard)
        };
        let taint = self.session.taint();
        if taint > Taint::Clean && self.options.on_connect.is_some() {
            self.reset()
                .map_err(|source| set_path_failed(Some(target), source))?;
        } else if taint > Taint::Clean {
            begin = format!("{}{begin}", reset::sql(taint));
        }
        // Should it fail half-way, nobody knows which path it left.
        self.session.forget_path();
        match AnsiTransactionManager::begin_transaction_sql(&mut self.pg, &begin) {
            Ok(()) => {
                if self.session.taint() > Taint::Clean {
                    self.was_reset();
                }
                if self.is_behind_pooler() {
                    self.session.path_was_set_locally();
                    self.is_on(Some(target));
                } else {
                    self.path_was_set(Some(target));
                    self.session.transaction_began();
                }
                self.generation = generation;
                self.fresh = false;
                Ok(())
            }
            Err(source) => {
                // Diesel believes that no transaction was begun, but the server may be inside a failed one.
                self.pg
                    .batch_execute("ROLLBACK")
                    .map_err(|source| set_path_failed(Some(target), source))?;
                // A missing schema says so here; anything else is the first error.
                self.verify_exists(target)?;
                Err(set_path_failed(Some(target), source))
            }
        }
    }

    /// Begins a transaction with a message that sets its path and its limits for its time: for work over many schemas
    /// on one connection. What the last schema left in the session is taken back with it.
    pub(crate) fn begin_work(&mut self, target: &Target, begin: &str) -> Result<(), Error> {
        let failed = |source| set_path_failed(Some(target), source);
        let taint = self.session.taint();
        let resets_first = taint > Taint::Clean && self.options.on_connect.is_some();
        if resets_first {
            self.reset().map_err(failed)?;
        }
        let reset = match taint > Taint::Clean && !resets_first {
            true => reset::sql(taint),
            false => Default::default(),
        };
        self.session.forget_path();
        match AnsiTransactionManager::begin_transaction_sql(&mut self.pg, &format!("{reset}{begin}")) {
            Ok(()) => {
                if self.session.taint() > Taint::Clean {
                    self.was_reset();
                }
                self.session.path_was_set_locally();
                self.is_on(Some(target));
                self.fresh = false;
                Ok(())
            }
            Err(source) => {
                self.pg.batch_execute("ROLLBACK").map_err(failed)?;
                self.verify_exists(target)?;
                Err(failed(source))
            }
        }
    }

    /// Whether it can serve another schema of the same work.
    pub(crate) fn is_fit_for_work(&mut self) -> bool {
        !self.is_dead()
            && self.session.taint() < Taint::Discard
            && !self.session.in_transaction()
            && self.transaction_depth() == 0
    }

    /// Begins a transaction where the path is set already.
    pub(crate) fn begin(&mut self, target: &Target) -> Result<(), Error> {
        AnsiTransactionManager::begin_transaction_sql(&mut self.pg, "BEGIN")
            .map_err(|source| set_path_failed(Some(target), source))?;
        self.session.transaction_began();
        Ok(())
    }

    /// Sets the path if the schema exists: for the session, or behind a pooler for the open transaction.
    pub(crate) fn set_path(&mut self, target: &Target) -> Result<(), Error> {
        self.set_path_if(target, None)
    }

    /// The same if a condition holds too; where it does not, it is as if the schema were missing.
    pub(crate) fn set_path_if(&mut self, target: &Target, condition: Option<&str>) -> Result<(), Error> {
        self.session.forget_path();
        if self.session.may_be_in_copy() {
            // libpq ends a copy before a simple query; before any other kind, Diesel would wait for it forever.
            self.pg
                .batch_execute("SELECT 1")
                .map_err(|source| set_path_failed(Some(target), source))?;
            self.session.copy_was_ended();
        }
        let is_local = self.is_behind_pooler();
        // What was sent unseen may have ended it; libpq notes that, and Diesel with it.
        if is_local && !(self.session.in_transaction() && self.transaction_depth() > 0) {
            return Err(Error::NeedsSession {
                schema: target.schema.clone(),
                what: "a statement outside its scope's transaction, which was ended by a raw COMMIT or ROLLBACK,",
            });
        }
        self.switch(target, true)
            .map_err(|source| set_path_failed(Some(target), source))?;
        let (path, schema) = (target.path.to_string(), target.schema.as_str());
        let settings = self.settings_of(target);
        let ascii = path.is_ascii() && schema.is_ascii();
        let set_path = sql::set_path_if_exists(ascii, is_local, &settings);
        let set_path = match condition {
            None => set_path,
            Some(condition) => format!("{set_path} AND {condition}").into(),
        };
        let rows = diesel::sql_query(set_path)
            .bind::<Text, _>(if ascii { path } else { sql::hex(&path) })
            .bind::<Text, _>(if ascii {
                schema.to_owned()
            } else {
                sql::hex(schema)
            })
            .execute(&mut self.pg)
            .map_err(|source| set_path_failed(Some(target), source))?;
        if rows == 0 {
            return Err(missing(target));
        }
        if is_local {
            self.session.path_was_set_locally();
            self.is_on(Some(target));
        } else {
            self.path_was_set(Some(target));
        }
        Ok(())
    }

    /// Asks whether the schema exists, and changes nothing.
    pub(crate) fn verify_exists(&mut self, target: &Target) -> Result<(), Error> {
        let found = crate::provision::names::schema_exists(&mut self.pg, &target.schema)
            .map_err(|source| set_path_failed(Some(target), source))?;
        if found { Ok(()) } else { Err(missing(target)) }
    }

    fn path_was_set(&mut self, target: Option<&Target>) {
        self.session.path_was_set();
        self.is_on(target);
    }

    fn is_on(&mut self, target: Option<&Target>) {
        if self.target.as_ref() != target {
            self.target = target.cloned();
        }
        let Some(target) = target else { return };
        if self.statements_of.as_ref() != Some(&target.schema) {
            self.statements_of = Some(target.schema.clone());
        }
        if !self.served.contains(&target.schema) {
            self.served.insert(target.schema.clone());
            self.counters.tenant_added(self.served.len());
        }
    }

    /// The settings that go with a path: the tenant's limits, else what a new connection has.
    fn settings_of(&self, target: &Target) -> Settings {
        settings(&target.limits, self.unlimited.as_ref())
    }

    /// Takes back what a borrower may have left, and runs what the application runs on a new connection.
    fn reset(&mut self) -> QueryResult<()> {
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
    fn reset_and(&mut self, then: &str) -> QueryResult<()> {
        self.pg
            .batch_execute(&format!("{}{then}", reset::sql(self.session.taint())))?;
        self.was_reset();
        Ok(())
    }

    fn was_reset(&mut self) {
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

fn missing(target: &Target) -> Error {
    Error::SchemaMissing {
        schema: target.schema.clone(),
    }
}

fn set_path_failed(target: Option<&Target>, source: diesel::result::Error) -> Error {
    match target {
        Some(target) => Error::SetPath {
            schema: target.schema.clone(),
            source,
        },
        None => Error::Query(source),
    }
}

impl fmt::Debug for Physical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Physical")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
