//! [`ManagedConnection`]: a physical connection with what is known of its session.

use crate::Error;
use crate::paths::Target;
use crate::pool::manager::OnConnect;
use crate::session::{Session, Taint, reset};
use crate::sql;
use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::Text;
use std::fmt;
use tenant_core::SearchPath;

/// A physical connection of the pool. r2d2 sees this type; applications see
/// [`TenantConnection`](crate::TenantConnection) and [`PublicConnection`](crate::PublicConnection).
pub struct ManagedConnection {
    pub(crate) pg: PgConnection,
    pub(crate) session: Session,
    on_connect: Option<OnConnect>,
    /// No scope was entered on it yet, so it cannot be stale.
    fresh: bool,
}

impl ManagedConnection {
    pub(crate) fn new(pg: PgConnection, on_connect: Option<OnConnect>) -> Self {
        Self {
            pg,
            session: Session::default(),
            on_connect,
            fresh: true,
        }
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether the connection must be closed when it comes back.
    pub(crate) fn must_be_closed(&mut self) -> bool {
        self.session.taint() == Taint::Discard
            || self.session.in_transaction()
            || self.session.may_be_in_copy()
            || self.pg.is_broken()
            || self.transaction_depth() > 0
    }

    /// How deep in transactions Diesel is: 0 for none, 1 for one, more for savepoints.
    pub(crate) fn transaction_depth(&mut self) -> u32 {
        let status = AnsiTransactionManager::transaction_manager_status_mut(&mut self.pg);
        status.transaction_depth().ok().flatten().map_or(0, u32::from)
    }

    /// Puts the session on the path, for as long as nobody changes it: one round trip that also finds out
    /// whether the connection lives, whether the schema exists, and takes back what the last borrower left.
    pub(crate) fn enter(&mut self, target: &Target) -> Result<(), Error> {
        self.enter_path(&target.path, Some(target))
    }

    /// The same for a path that sees no table, for questions about the catalog.
    pub(crate) fn enter_nothing(&mut self) -> Result<(), Error> {
        self.enter_path(&SearchPath::nothing(), None)
    }

    fn enter_path(&mut self, path: &SearchPath, target: Option<&Target>) -> Result<(), Error> {
        if self.session.taint() > Taint::Clean {
            let set_path = sql::set_path(path, target.map(|target| &target.schema));
            if self.on_connect.is_none() && self.reset_and(&set_path).is_ok() {
                self.session.path_was_set();
                self.fresh = false;
                return Ok(());
            }
            // The application has something to run in between; or the connection is dead, or the schema
            // missing, and the way below tells these apart.
            self.reset().map_err(|source| set_path_failed(target, source))?;
        }
        match target {
            Some(target) => self.set_path(target)?,
            None => {
                let set = diesel::sql_query(sql::SET_PATH_UNVERIFIED).bind::<Text, _>(path.to_string());
                set.execute(&mut self.pg)
                    .map_err(|source| set_path_failed(None, source))?;
            }
        }
        self.fresh = false;
        Ok(())
    }

    /// Begins a transaction on the path: one round trip for all of it, as for [`Self::enter`].
    pub(crate) fn begin_on(&mut self, target: &Target) -> Result<(), Error> {
        let mut begin = sql::begin_on_path(&target.path, &target.schema);
        let taint = self.session.taint();
        if taint > Taint::Clean && self.on_connect.is_some() {
            self.reset()
                .map_err(|source| set_path_failed(Some(target), source))?;
        } else if taint > Taint::Clean {
            begin = format!("{}{begin}", reset::sql(taint));
        }
        match AnsiTransactionManager::begin_transaction_sql(&mut self.pg, &begin) {
            Ok(()) => {
                if self.session.taint() > Taint::Clean {
                    self.was_reset();
                }
                self.session.path_was_set_locally();
                self.fresh = false;
                Ok(())
            }
            Err(source) => {
                // Diesel believes that no transaction was begun, but the server may be inside a failed one.
                self.pg
                    .batch_execute("ROLLBACK")
                    .map_err(|source| set_path_failed(Some(target), source))?;
                // A missing schema says so here, in the words of `set_path`; anything else is the first error.
                self.set_path(target)?;
                Err(set_path_failed(Some(target), source))
            }
        }
    }

    /// Sets the path for the session if the schema exists.
    pub(crate) fn set_path(&mut self, target: &Target) -> Result<(), Error> {
        self.session.forget_path();
        if self.session.may_be_in_copy() {
            // libpq ends a copy before a simple query; before any other kind, Diesel would wait for it forever.
            self.pg
                .batch_execute("SELECT 1")
                .map_err(|source| set_path_failed(Some(target), source))?;
            self.session.copy_was_ended();
        }
        let (path, schema) = (target.path.to_string(), target.schema.as_str());
        let ascii = path.is_ascii() && schema.is_ascii();
        let rows = diesel::sql_query(if ascii {
            sql::SET_PATH
        } else {
            sql::SET_PATH_IN_HEX
        })
        .bind::<Text, _>(if ascii { path } else { sql::hex(&path) })
        .bind::<Text, _>(if ascii {
            schema.to_owned()
        } else {
            sql::hex(schema)
        })
        .execute(&mut self.pg)
        .map_err(|source| set_path_failed(Some(target), source))?;
        if rows == 0 {
            return Err(Error::SchemaMissing {
                schema: target.schema.clone(),
            });
        }
        self.session.path_was_set();
        Ok(())
    }

    /// Takes back what a borrower may have left, and runs what the application runs on a new connection.
    fn reset(&mut self) -> QueryResult<()> {
        self.reset_and("")?;
        match &self.on_connect {
            Some(on_connect) => on_connect(&mut self.pg),
            None => Ok(()),
        }
    }

    /// Takes back what a borrower may have left, then runs `then`, in one message.
    fn reset_and(&mut self, then: &str) -> QueryResult<()> {
        self.pg
            .batch_execute(&format!("{}{then}", reset::sql(self.session.taint())))?;
        self.was_reset();
        Ok(())
    }

    fn was_reset(&mut self) {
        if self.session.taint() >= Taint::Statements {
            self.forget_statements();
        }
        self.session.is_clean_now();
    }

    /// Where the server forgot Diesel's statements, so must Diesel. Switching its cache off and on empties it.
    pub(crate) fn forget_statements(&mut self) {
        self.pg.set_prepared_statement_cache_size(CacheSize::Disabled);
        self.pg.set_prepared_statement_cache_size(CacheSize::Unbounded);
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

impl fmt::Debug for ManagedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedConnection")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
