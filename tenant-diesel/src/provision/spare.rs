//! [`Spare`]: a schema that is built before its tenant is born.
//!
//! A birth is one transaction. Migrations that cannot run in one (`CREATE INDEX CONCURRENTLY`) are
//! therefore applied beforehand, to a schema of another name, which the birth only renames. A spare that
//! nobody claimed (its process was killed) is dropped by the next birth that needs one.

use super::patience::{DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT, LockWaits};
use super::phases;
use crate::app::MigrationFile;
use crate::connection::PublicConnection;
use crate::migrate::{lock, run_unlocked};
use crate::model::TenantModel;
use crate::pool::Lease;
use crate::records::Records;
use crate::retry::SPEAK_ENGLISH_FROM_NOW_ON;
use crate::{Error, SchemaKind, Tenancy, TenantState};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::time::Duration;
use tenant_core::reserved::SPARE_PREFIX;
use tenant_core::{AppScope, SchemaName};

/// How a spare is dropped that nobody needs: if not now, a later birth will.
const ONCE: LockWaits = LockWaits {
    timeout: DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT,
    patience: Duration::ZERO,
};

/// How long the builder waits for a lock that the caller's own transaction may hold.
const PATIENCE: Duration = Duration::from_secs(5);

/// A schema with all migrations applied, under a name of its own. Its lock is shared by those who use it;
/// who gets the lock alone may take the schema for forgotten.
#[derive(Debug)]
pub(crate) struct Spare {
    name: SchemaName,
    keeper: Lease,
}

impl<T: TenantModel> Tenancy<T> {
    /// Builds a spare where the migrations of the tenant apps cannot all run in the birth's transaction: a file says
    /// so, or they are too much for one.
    ///
    /// `in_transaction` says whether the caller has a transaction open, which nobody can end while this waits.
    pub(crate) fn spare_if_needed(
        &self,
        conn: &mut PublicConnection,
        in_transaction: bool,
    ) -> Result<Option<Spare>, Error> {
        let migrations = self.apps().migrations(AppScope::Tenant);
        let is_needed = migrations.iter().any(|migration| !migration.run_in_transaction)
            || (self.are_births_in_pieces(conn.raw())? && !self.pool().is_behind_pooler());
        is_needed.then(|| self.spare(in_transaction)).transpose()
    }

    /// Builds a spare.
    pub(crate) fn spare(&self, in_transaction: bool) -> Result<Spare, Error> {
        // Not from the pool: the caller may hold its last connection.
        let mut keeper = self.pool().extra(self.pool().paths().public())?;
        let public = self.public_schema();
        let records = self.records();
        drop_forgotten(&mut keeper.pg, records, public)?;
        let name = create(&mut keeper.pg, records).map_err(Error::attempt("create a spare", public))?;
        let spare = Spare { name, keeper };
        match self.build(&spare, &self.apps().migrations(AppScope::Tenant), in_transaction) {
            Ok(()) => Ok(spare),
            Err(error) => {
                spare.end(self.records(), false);
                Err(error)
            }
        }
    }

    fn build(
        &self,
        spare: &Spare,
        migrations: &[&'static MigrationFile],
        in_transaction: bool,
    ) -> Result<(), Error> {
        let mut builder = self.pool().extra(self.pool().paths().spare(&spare.name))?;
        let waits = self.births().waits;
        let waits = match in_transaction {
            true => LockWaits {
                patience: waits.patience.min(PATIENCE),
                ..waits
            },
            false => waits,
        };
        // The connection is the builder's own, and closed when it is done.
        builder
            .pg
            .batch_execute(SPEAK_ENGLISH_FROM_NOW_ON)
            .map_err(Error::attempt("prepare to build a spare", &spare.name))?;
        // The keeper shares the lock of the schema, so nobody can have it alone, the builder neither.
        run_unlocked(builder, migrations, &waits, in_transaction)
    }
}

impl Spare {
    /// Gives the schema to a tenant, in the transaction of its birth.
    pub(crate) fn claim(
        &self,
        conn: &mut PublicConnection,
        records: &Records,
        schema: &SchemaName,
    ) -> Result<(), Error> {
        let pg = conn.raw();
        lock::shared_transaction_lock(pg, &self.name).map_err(Error::attempt("keep the spare", schema))?;
        diesel::sql_query(format!(
            "ALTER SCHEMA {} RENAME TO {}",
            self.name.quoted(),
            schema.quoted()
        ))
        .execute(pg)
        .and_then(|_| match records.look(pg)? {
            true => records.remove(pg, &self.name),
            false => Ok(()),
        })
        .map_err(Error::attempt("give the spare to the tenant", schema))
    }

    /// Lets go of the schema; drops it where the birth failed. If that fails too, a later birth will.
    pub(crate) fn end(mut self, records: &Records, claimed: bool) {
        if !claimed {
            let _later_then = drop_spare(&mut self.keeper.pg, records, &self.name);
        }
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: SchemaName,
}

/// Creates an empty schema under a new name and shares its lock, so that nobody takes it for forgotten. The library notes
/// that it is being made, if its tables are there: they are not made here, for the caller's transaction may be about to.
fn create(pg: &mut PgConnection, records: &Records) -> QueryResult<SchemaName> {
    let query = format!(
        "SELECT '{SPARE_PREFIX}' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '') AS name"
    );
    let name = diesel::sql_query(query).get_result::<Name>(pg)?.name;
    lock::shared_session_lock(pg, &name)?;
    if records.look(pg)? {
        records.insert(pg, &name, SchemaKind::Spare, TenantState::Provisioning)?;
    }
    diesel::sql_query(format!("CREATE SCHEMA {}", name.quoted())).execute(pg)?;
    Ok(name)
}

/// The schema first: what is noted of a schema that is gone is found and removed, a schema that nobody knows of less so.
fn drop_spare(pg: &mut PgConnection, records: &Records, name: &SchemaName) -> Result<(), Error> {
    phases::drop_schema(pg, name, &ONCE)?;
    if records.look(pg).map_err(Error::attempt("drop a spare", name))? {
        records
            .remove(pg, name)
            .map_err(Error::attempt("drop a spare", name))?;
    }
    Ok(())
}

fn drop_forgotten(pg: &mut PgConnection, records: &Records, public: &SchemaName) -> Result<(), Error> {
    let failed = || Error::attempt("look for forgotten spares", public);
    let query = format!(
        "SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname ~ '^{SPARE_PREFIX}[0-9a-f]{{32}}$'"
    );
    let names: Vec<Name> = diesel::sql_query(query).load(pg).map_err(failed())?;
    for Name { name } in names {
        if lock::try_session_lock(pg, &name).map_err(failed())? {
            let dropped = drop_spare(pg, records, &name);
            lock::session_unlock(pg, &name).map_err(failed())?;
            if !matches!(dropped, Err(Error::LockNotFree { .. })) {
                dropped?;
            }
        }
    }
    Ok(())
}
