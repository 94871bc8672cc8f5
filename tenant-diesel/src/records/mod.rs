//! What the library keeps: the schema `tenancy`, with a row for each schema of the application and for each run
//! of migrations.
//!
//! The ledgers stay the truth. What is kept here is written in the transaction that changes a ledger, so that one
//! question tells who is behind, and a checkout who may be served.
//!
//! | module | owns |
//! |---|---|
//! | [`upgrade`] | the tables, made and upgraded by migrations of the library's own |
//! | [`state`] | [`TenantState`]: where a schema is in its life |
//! | [`schemas`] | the row of a schema |
//! | [`runs`] | the rows of a run, by which it is resumed |

pub(crate) mod runs;
pub(crate) mod schemas;
pub(crate) mod state;
mod upgrade;

use crate::directory::{Ears, Notice};
use crate::sql;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

pub use schemas::SchemaKind;
pub(crate) use schemas::{Record, digest_of};
pub use state::TenantState;

/// The tables of the library in one database.
#[derive(Debug)]
pub(crate) struct Records {
    schema: SchemaName,
    /// Whether the tables were seen, so that they can be asked.
    are_ready: AtomicBool,
    /// Whether they were seen as this version of the library wants them.
    are_current: AtomicBool,
    /// When they were looked for last, if they are wanted.
    looked: Mutex<Option<Instant>>,
    /// The directories of this process.
    ears: OnceLock<Arc<Ears>>,
}

impl Records {
    pub(crate) fn new(schema: SchemaName) -> Self {
        Self {
            schema,
            are_ready: AtomicBool::new(false),
            are_current: AtomicBool::new(false),
            looked: Mutex::new(None),
            ears: OnceLock::new(),
        }
    }

    /// The schema that holds them.
    pub(crate) fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// Whether they were seen, so that they can be asked.
    pub(crate) fn are_ready(&self) -> bool {
        self.are_ready.load(Ordering::Acquire)
    }

    /// Looks whether they are there, and makes nothing: one round trip until they were seen, then none.
    pub(crate) fn look(&self, pg: &mut PgConnection) -> QueryResult<bool> {
        if self.are_ready() {
            return Ok(true);
        }
        Ok(self.see(pg)?.are_readable)
    }

    fn see(&self, pg: &mut PgConnection) -> QueryResult<upgrade::Tables> {
        let tables = upgrade::look(pg, &self.schema)?;
        let status = AnsiTransactionManager::transaction_manager_status_mut(pg);
        // What an open transaction sees may be its own, and be rolled back with it.
        if matches!(status.transaction_depth(), Ok(None)) {
            self.are_ready.fetch_or(tables.are_readable, Ordering::AcqRel);
            self.are_current.fetch_or(tables.are_current, Ordering::AcqRel);
        }
        Ok(tables)
    }

    /// Whether it is time to look whether another process has made them: where they are wanted, and at most once in a
    /// window.
    pub(crate) fn wants_a_look(&self, window: Duration) -> bool {
        if self.are_ready() {
            return false;
        }
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = looked.is_some_and(|at| at.elapsed() >= window);
        if is_time {
            *looked = Some(Instant::now());
        }
        is_time
    }

    /// From now on they are wanted: checkouts ask them who is served.
    pub(crate) fn are_wanted(&self) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Makes or upgrades them, where they are not as this version of the library wants them. In an open
    /// transaction they come with it, and are looked for again after it.
    pub(crate) fn ensure(&self, pg: &mut PgConnection) -> QueryResult<()> {
        if self.are_current.load(Ordering::Acquire) || self.see(pg)?.are_current {
            return Ok(());
        }
        upgrade::run(pg, &self.schema)
    }

    /// The directories of this process that are told of changes.
    pub(crate) fn ears(&self) -> &Ears {
        self.ears.get_or_init(Arc::default)
    }

    /// They are those of everybody who is connected to the same database.
    pub(crate) fn share_ears(&self, ears: Arc<Ears>) {
        // There are none yet: this is said before anybody has the pool.
        let _said_once = self.ears.set(ears);
    }

    /// Tells the directories of this process what it changed. Those of others hear of it by [`Self::notify`], and by
    /// triggers on the library's tables.
    pub(crate) fn tell(&self, notices: &[Notice]) {
        self.ears().tell(notices);
    }

    /// Tells the directories of all processes, when the open transaction is committed.
    pub(crate) fn notify(&self, pg: &mut PgConnection, notices: &[Notice]) -> QueryResult<()> {
        if notices.is_empty() {
            return Ok(());
        }
        let payloads: Vec<String> = notices.iter().map(Notice::payload).collect();
        diesel::sql_query("SELECT pg_catalog.pg_notify($1, payload) FROM pg_catalog.unnest($2) AS payload")
            .bind::<Text, _>(self.schema.as_str())
            .bind::<Array<Text>, _>(payloads)
            .execute(pg)?;
        Ok(())
    }

    /// A table of the library as SQL.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.{}", self.schema.quoted(), sql::identifier(name))
    }
}
