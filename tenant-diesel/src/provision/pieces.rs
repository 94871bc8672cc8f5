//! [`Births`]: what a process knows of its births, and whether they fit into one transaction.
//!
//! A transaction that makes a thousand tables holds a lock on each, on its indexes, its sequences and its TOAST
//! table, and a server has room for some thousands at its default settings. Where a birth is too much, its schema
//! is built as a spare, each migration in a transaction of its own, and claimed by the birth, which is small then.

use super::footprint;
use super::patience::LockWaits;
use crate::model::TenantModel;
use crate::{Error, Tenancy};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process knows of its births.
#[derive(Debug)]
pub(crate) struct Births {
    pub(crate) waits: LockWaits,
    /// Whether a birth was too much for one transaction, or would be, as the size of another tenant says.
    are_in_pieces: AtomicBool,
    /// Whether another tenant was looked at.
    was_asked: AtomicBool,
}

impl Births {
    pub(crate) fn new(waits: LockWaits) -> Self {
        Self {
            waits,
            are_in_pieces: AtomicBool::new(false),
            was_asked: AtomicBool::new(false),
        }
    }

    /// A birth was too much for one transaction: later ones need not try.
    pub(super) fn were_too_much(&self) {
        self.are_in_pieces.store(true, Ordering::Relaxed);
    }
}

#[derive(QueryableByName)]
struct Locks {
    #[diesel(sql_type = Nullable<BigInt>)]
    locks: Option<i64>,
}

impl<T: TenantModel> Tenancy<T> {
    /// Whether births are built in pieces: asked once, of the tenant that was migrated last, as soon as there is one.
    pub(super) fn are_births_in_pieces(&self, pg: &mut PgConnection) -> Result<bool, Error> {
        let births = self.births();
        if !births.was_asked.load(Ordering::Relaxed) {
            let failed = Error::attempt("look at the size of a tenant", self.public_schema());
            if let Some(is_too_much) = self.is_a_tenant_too_much(pg).map_err(failed)? {
                births.are_in_pieces.fetch_or(is_too_much, Ordering::Relaxed);
                births.was_asked.store(true, Ordering::Relaxed);
            }
        }
        Ok(births.are_in_pieces.load(Ordering::Relaxed))
    }

    fn is_a_tenant_too_much(&self, pg: &mut PgConnection) -> QueryResult<Option<bool>> {
        if !self.records().look(pg)? {
            return Ok(None);
        }
        // To make a relation takes a lock on it, and on its TOAST table and the index of that.
        let locks = diesel::sql_query(format!(
            "SELECT (SELECT pg_catalog.sum(CASE WHEN c.reltoastrelid <> 0 THEN 3 ELSE 1 END)::bigint \
             FROM pg_catalog.pg_class c WHERE c.relnamespace = s.schema_oid) AS locks \
             FROM {} s WHERE s.kind = 'tenant' AND s.schema_oid IS NOT NULL AND s.state = 'ready' \
             ORDER BY s.migrated_at DESC NULLS LAST LIMIT 1",
            self.records().table("schemas")
        ))
        .get_result::<Locks>(pg)
        .optional()?;
        let Some(locks) = locks.and_then(|row| row.locks) else {
            return Ok(None);
        };
        Ok(Some(locks > footprint::most_at_once(pg)?))
    }
}
