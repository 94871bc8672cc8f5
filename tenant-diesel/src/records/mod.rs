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

use crate::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use tenant_core::SchemaName;

pub use schemas::SchemaKind;
pub(crate) use schemas::{Record, digest_of};
pub use state::TenantState;

/// The tables of the library in one database.
#[derive(Debug)]
pub(crate) struct Records {
    schema: SchemaName,
    /// Whether the tables were seen as this version of the library wants them.
    are_ready: AtomicBool,
}

impl Records {
    pub(crate) fn new(schema: SchemaName) -> Self {
        Self {
            schema,
            are_ready: AtomicBool::new(false),
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
        if !self.are_ready() && upgrade::is_current(pg, &self.schema)? {
            self.are_ready.store(true, Ordering::Release);
        }
        Ok(self.are_ready())
    }

    /// Makes or upgrades them, where they are not as this version of the library wants them. In an open
    /// transaction they come with it, and are looked for again after it.
    pub(crate) fn ensure(&self, pg: &mut PgConnection) -> QueryResult<()> {
        if self.look(pg)? {
            return Ok(());
        }
        upgrade::run(pg, &self.schema)
    }

    /// A table of the library as SQL.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.{}", self.schema.quoted(), sql::identifier(name))
    }
}
