//! How a connection gets on a path: for a scope, for a transaction, for work over many schemas; and stays there.

use super::physical::Physical;
use super::standing::is_refusal;
use super::{OnSwitch, TenantLimits};
use crate::Error;
use crate::paths::{Settings, Target, settings};
use crate::session::{Control, Taint, reset};
use crate::sql;
use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::Text;
use tenant_core::SearchPath;

impl Physical {
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

    /// Notes a message that is about to do all the work on a schema, from the beginning of its transaction to the end.
    pub(crate) fn works_at_once(&mut self, target: &Target) {
        self.session.forget_path();
        self.is_on(Some(target));
        self.fresh = false;
    }

    /// Puts the session on the path for work that cannot be done in a transaction, as new for all else.
    pub(crate) fn enter_work(&mut self, target: &Target) -> Result<(), Error> {
        self.enter_path(&target.path, Some(target), None)
    }

    /// Ends the transaction of [`Self::begin_work`] with its last statements, in one message. Diesel notices by itself
    /// that the transaction has ended.
    pub(crate) fn commit_work(&mut self, last: &str) -> QueryResult<()> {
        let before = self.session.will_send_control(Control::Commit);
        let result = self.pg.batch_execute(&format!("{last}; COMMIT"));
        self.session.sent(Control::Commit, before, result.is_ok());
        result
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
            if self.is_dead() {
                // It was not the application that ended the transaction.
                return Err(set_path_failed(
                    Some(target),
                    diesel::result::Error::BrokenTransactionManager,
                ));
            }
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
