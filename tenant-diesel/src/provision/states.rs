//! Where a tenant is in its life: read and moved, by conditional updates under the lock of its schema.

use super::death::locked;
use super::{isolation, names};
use crate::connection::PublicConnection;
use crate::migrate::ledger;
use crate::model::TenantModel;
use crate::{Error, Moment, SchemaKind, Tenancy, TenantState};
use tenant_core::SchemaName;

/// A change of state.
struct Change {
    action: &'static str,
    from: &'static [TenantState],
    to: TenantState,
    moment: Option<Moment>,
}

const ARCHIVE: Change = Change {
    action: "archive",
    from: &[TenantState::Ready, TenantState::Maintenance, TenantState::Failed],
    to: TenantState::Archived,
    moment: Some(Moment::Archived),
};

/// The archive is migrated by nobody, so it is left before the migrations are run.
const LEAVE_ARCHIVE: Change = Change {
    action: "restore",
    from: &[TenantState::Archived],
    to: TenantState::Maintenance,
    moment: None,
};

const RESTORE: Change = Change {
    action: "restore",
    from: &[TenantState::Maintenance],
    to: TenantState::Ready,
    moment: Some(Moment::Restored),
};

const BACK_INTO_ARCHIVE: Change = Change {
    action: "leave in the archive",
    from: &[TenantState::Maintenance],
    to: TenantState::Archived,
    moment: None,
};

const BEGIN_MAINTENANCE: Change = Change {
    action: "begin the maintenance of",
    from: &[TenantState::Ready],
    to: TenantState::Maintenance,
    moment: None,
};

const END_MAINTENANCE: Change = Change {
    action: "end the maintenance of",
    from: &[TenantState::Maintenance],
    to: TenantState::Ready,
    moment: None,
};

impl<T: TenantModel> Tenancy<T> {
    /// Where a tenant is in its life, as the library noted it. `None` where it knows of no schema: it was never created,
    /// or is gone.
    ///
    /// # Errors
    ///
    /// [`Error::PoolTimeout`], the failure of the query.
    pub fn state(&self, tenant: &T) -> Result<Option<TenantState>, Error> {
        self.with_public(|conn| self.state_of(conn, tenant.schema_name()))
    }

    /// Takes a tenant out of service, and keeps its row and its data. It is neither served nor migrated until
    /// [`Tenancy::restore`]. Waits for a migration that is under way.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::TenantState;
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// tenancy.archive(&acme)?;
    /// assert_eq!(tenancy.state(&acme)?, Some(TenantState::Archived));
    /// tenancy.restore(&acme)?;
    /// assert_eq!(tenancy.state(&acme)?, Some(TenantState::Ready));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::WrongState`] where it is not ready, in maintenance or failed; [`Error::TenantMissing`],
    /// [`Error::SchemaNameDiffers`], [`Error::SchemaMissing`], [`Error::Handler`]: nothing was changed.
    /// [`Error::AfterCommit`] where all was done.
    pub fn archive(&self, tenant: &T) -> Result<(), Error> {
        self.change_state(tenant, &ARCHIVE)
    }

    /// Puts an archived tenant back into service, after applying the migrations that came meanwhile. Until they are, it is
    /// in maintenance; if the process is killed then, it stays so, and [`Tenancy::end_maintenance`] puts it into service.
    ///
    /// # Errors
    ///
    /// [`Error::WrongState`] where it is not archived; [`Error::Migrate`] where a migration failed: it stays archived
    /// then, with those that were applied. Else as [`Tenancy::archive`].
    pub fn restore(&self, tenant: &T) -> Result<(), Error> {
        self.change_state(tenant, &LEAVE_ARCHIVE)?;
        let restored = self
            .migrate_tenant(tenant)
            .and_then(|_| self.change_state(tenant, &RESTORE));
        match restored {
            // It is restored.
            Err(error @ Error::AfterCommit { .. }) => Err(error),
            Err(error) => {
                self.change_state(tenant, &BACK_INTO_ARCHIVE)?;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Takes a tenant out of service for a time. It is migrated all the same. Waits for a migration that is under way.
    ///
    /// # Errors
    ///
    /// [`Error::WrongState`] where it is not ready; else as [`Tenancy::archive`].
    pub fn begin_maintenance(&self, tenant: &T) -> Result<(), Error> {
        self.change_state(tenant, &BEGIN_MAINTENANCE)
    }

    /// Puts a tenant back into service that [`Tenancy::begin_maintenance`] took out.
    ///
    /// # Errors
    ///
    /// [`Error::WrongState`] where it is not in maintenance; else as [`Tenancy::archive`].
    pub fn end_maintenance(&self, tenant: &T) -> Result<(), Error> {
        self.change_state(tenant, &END_MAINTENANCE)
    }

    fn change_state(&self, tenant: &T, change: &Change) -> Result<(), Error> {
        let schema = tenant.schema_name();
        let changed = self.with_public(|conn| {
            locked(conn, schema, |conn| {
                isolation::read_committed(conn, |conn| {
                    self.has_row(conn, tenant)?;
                    self.make_known(conn, schema)?;
                    let moved = self
                        .records()
                        .move_state(conn.raw(), schema, change.from, change.to)
                        .map_err(Error::attempt("change the state of the tenant", schema))?;
                    if !moved {
                        return Err(wrong_state(change, schema, self.state_of(conn, schema)?));
                    }
                    if change.from == END_MAINTENANCE.from && change.to == END_MAINTENANCE.to {
                        // What failed while nobody looked has failed all the same.
                        let failed = self.records().fail_after_error(conn.raw(), schema);
                        failed.map_err(Error::attempt("change the state of the tenant", schema))?;
                    }
                    match change.moment {
                        Some(moment) => self.tell(moment, schema),
                        None => Ok(()),
                    }
                })
            })
        });
        self.tell_directories(schema);
        self.explained(changed)?;
        // Who is on its path without asking must ask.
        self.pool().shelf().verify_all();
        match change.moment {
            Some(moment) => self.run_after_commit(moment, schema),
            None => Ok(()),
        }
    }

    /// Where a schema is in its life, if the library knows it.
    pub(super) fn state_of(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
    ) -> Result<Option<TenantState>, Error> {
        let pg = conn.raw();
        let failed = Error::attempt("read the state of the tenant", schema);
        let record = match self.records().look(pg) {
            Ok(false) => Ok(None),
            Ok(true) => self.records().read(pg, schema),
            Err(error) => Err(error),
        };
        Ok(record.map_err(failed)?.map(|record| record.state))
    }

    /// Notes a schema that was made before the library kept a row for each.
    pub(super) fn make_known(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<(), Error> {
        let failed = || Error::attempt("note the state of the schema", schema);
        self.records().ensure(conn.raw()).map_err(failed())?;
        if self.state_of(conn, schema)?.is_some() {
            return Ok(());
        }
        let pg = conn.raw();
        if !names::schema_exists(pg, schema).map_err(failed())? {
            return Err(Error::SchemaMissing {
                schema: schema.clone(),
            });
        }
        if has_ledger(pg, schema).map_err(failed())? {
            self.records().note(pg, schema, SchemaKind::Tenant)
        } else {
            let (kind, state) = (SchemaKind::Tenant, TenantState::Ready);
            self.records().insert(pg, schema, kind, state).map(drop)
        }
        .map_err(failed())
    }
}

fn wrong_state(change: &Change, schema: &SchemaName, state: Option<TenantState>) -> Error {
    Error::WrongState {
        action: change.action,
        schema: schema.clone(),
        state,
    }
}

/// Whether a schema has a ledger.
pub(super) fn has_ledger(pg: &mut diesel::PgConnection, schema: &SchemaName) -> diesel::QueryResult<bool> {
    names::table_exists(pg, &ledger::table(schema))
}
