//! The end of a tenant: its row goes, with or without its schema.
//!
//! The schema goes first, and the row last: the tenant's tables may refer to the row; and where a process is killed
//! in between, a row without a schema is found by whoever reads the table of tenants, while a schema without a row
//! is found by nobody.

use super::change::same_schema;
use super::own_locks::{Locked, OwnLock};
use super::patience::Attempted;
use super::{dependents, footprint, isolation, names, phases};
use crate::connection::PublicConnection;
use crate::migrate::lock::{session_lock, session_unlock, transaction_lock};
use crate::model::TenantModel;
use crate::{Error, Moment, SchemaKind, Tenancy, TenantState};
use diesel::prelude::*;
use tenant_core::SchemaName;

/// What is to go.
#[derive(Debug)]
struct End<'t, T> {
    tenant: &'t T,
    row: bool,
    schema: bool,
}

impl<T: TenantModel> Tenancy<T> {
    /// Deletes a tenant: its row, and its schema with all data in it if the model says
    /// `auto_drop_schema = true`. Both or neither.
    ///
    /// A schema with more tables than one transaction should lock (the server has room for
    /// `max_locks_per_transaction` times its connections) is dropped in parts: its tenant is
    /// [`TenantState::Dropping`] first, which is served no more; then go the foreign keys to shared tables, one by
    /// one, the tables, some at a time, and at last what is left of the schema together with the row. Where that
    /// is interrupted, the tenant stays `dropping`, and the same call goes on.
    ///
    /// A foreign key to a shared table is dropped under a lock that keeps everybody away from that table. It is
    /// waited for [shortly](crate::DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT), again and again, so that nobody waits long behind it.
    ///
    /// What other schemas have is not dropped with it, but for foreign keys: where a view of theirs reads the tenant's tables, a
    /// column is of a type of the tenant's, a table inherits from one, this is [`Error::OthersDepend`], which names them.
    ///
    /// Handlers hear of [`Moment::Dropping`] and [`Moment::Dropped`].
    ///
    /// # Errors
    ///
    /// [`Error::TenantMissing`], [`Error::SchemaNameDiffers`], [`Error::Attempt`] where the server refused,
    /// [`Error::OthersDepend`], [`Error::Handler`], [`Error::LockNotFree`]. In each case nothing was changed, but as said above for big schemas.
    /// [`Error::AfterCommit`] where all was done.
    pub fn delete(&self, tenant: &T) -> Result<(), Error> {
        self.delete_and(tenant, T::AUTO_DROP_SCHEMA)
    }

    /// Deletes a tenant with its schema and all data in it, whatever the model says. Both or neither. A
    /// schema that is missing is no error. Else as [`Tenancy::delete`].
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// tenancy.delete_with_schema(&acme)?;
    /// assert!(!tenancy.schema_exists(&acme.schema_name)?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tenancy::delete`].
    pub fn delete_with_schema(&self, tenant: &T) -> Result<(), Error> {
        self.delete_and(tenant, true)
    }

    /// Drops the schema of a tenant with all data in it, and leaves its row. False if it did not exist. Else as
    /// [`Tenancy::delete`].
    ///
    /// # Errors
    ///
    /// [`Error::ReservedName`] for the shared schema and the like, [`Error::Attempt`] where the server
    /// refused, [`Error::OthersDepend`], [`Error::Handler`], [`Error::LockNotFree`]; [`Error::AfterCommit`] where all was done.
    pub fn drop_schema(&self, tenant: &T) -> Result<bool, Error> {
        let end = End {
            tenant,
            row: false,
            schema: true,
        };
        let dropped = self.end(end)?;
        if dropped {
            self.run_after_commit(Moment::Dropped, tenant.schema_name())?;
        }
        Ok(dropped)
    }

    fn delete_and(&self, tenant: &T, schema: bool) -> Result<(), Error> {
        let end = End {
            tenant,
            row: true,
            schema,
        };
        let ended = self.end(end);
        if self.explained(ended)? {
            self.run_after_commit(Moment::Dropped, tenant.schema_name())?;
        }
        Ok(())
    }

    /// Whether a schema was dropped.
    fn end(&self, end: End<'_, T>) -> Result<bool, Error> {
        let schema = end.tenant.schema_name();
        let ended = self.with_public(|conn| {
            // First of all, as a migration does: in the other order each could wait for the other.
            locked(conn, schema, |conn| self.end_locked(conn, end))
        });
        // Now that it is committed: connections that are on its path must not be believed to be anywhere.
        self.pool().shelf().verify_all();
        self.tell_directories(schema);
        ended
    }

    fn end_locked(&self, conn: &mut PublicConnection, mut end: End<'_, T>) -> Result<bool, Error> {
        let schema = end.tenant.schema_name();
        let state = self.state_of(conn, schema)?;
        let is_going_on = state == Some(TenantState::Dropping);
        end.schema |= is_going_on;
        if end.schema {
            names::not_reserved(self.registry(), schema)?;
            dependents::refuse(conn.raw(), schema)?;
            if !isolation::is_open(conn) && self.is_big(conn, schema)? {
                self.drop_most_of_it(conn, &end, is_going_on)?;
                return self.end_at_once(conn, &end, true);
            }
        }
        self.end_at_once(conn, &end, is_going_on)
    }

    /// Ends it in one transaction.
    fn end_at_once(
        &self,
        conn: &mut PublicConnection,
        end: &End<'_, T>,
        was_told: bool,
    ) -> Result<bool, Error> {
        let schema = end.tenant.schema_name();
        let what = Attempted {
            action: "drop the schema",
            schema,
        };
        isolation::read_committed(conn, |conn| {
            if end.row {
                self.has_row(conn, end.tenant)?;
            }
            let exists = end.schema
                && names::schema_exists(conn.raw(), schema)
                    .map_err(Error::attempt("look for the schema", schema))?;
            if exists && !was_told {
                self.tell_on(conn, Moment::Dropping, schema, None)?;
            }
            self.births().waits.patiently(conn, what, |conn| {
                // The schema first: its tables may refer to the row.
                if end.schema {
                    self.drop_rest(conn, schema, exists)?;
                }
                if end.row {
                    self.delete_row(conn, end.tenant)?;
                    self.tell_directories_on(conn, schema)?;
                }
                Ok(())
            })?;
            if exists {
                self.tell(Moment::Dropped, schema)?;
            }
            Ok(exists)
        })
    }

    /// Drops a schema that is too big for one transaction, but for what that can do.
    fn drop_most_of_it(
        &self,
        conn: &mut PublicConnection,
        end: &End<'_, T>,
        is_going_on: bool,
    ) -> Result<(), Error> {
        let schema = end.tenant.schema_name();
        let waits = self.births().waits;
        if end.row {
            self.try_to_delete_row(conn, end.tenant)?;
        }
        if !is_going_on {
            isolation::read_committed(conn, |conn| {
                self.tell_on(conn, Moment::Dropping, schema, None)?;
                self.note_dropping(conn, schema)
            })?;
        }
        // Who is on its path now must ask, and hears that it is not served.
        self.pool().shelf().verify_all();
        phases::detach(conn.raw(), schema, &waits)?;
        phases::drop_relations(conn.raw(), schema, &waits)
    }

    /// Finds out whether something refuses the deletion of the row, before anything is dropped: in a transaction
    /// that is rolled back, in which the tenant's own foreign keys to the table of tenants are gone.
    fn try_to_delete_row(&self, conn: &mut PublicConnection, tenant: &T) -> Result<(), Error> {
        let schema = tenant.schema_name();
        let what = Attempted {
            action: "try to delete the tenant",
            schema,
        };
        let own_keys = phases::keys_to_tenants::<T>(conn.raw(), self.public_schema(), schema)
            .map_err(Error::attempt("look for foreign keys", schema))?;
        let Some(own_keys) = own_keys else {
            // Too many for one transaction. Whatever refuses will do so at the end.
            return isolation::read_committed(conn, |conn| self.has_row(conn, tenant));
        };
        let mut can = false;
        let tried = self.births().waits.patiently(conn, what, |conn| {
            self.has_row(conn, tenant)?;
            for key in &own_keys {
                key.drop_on(conn.raw())
                    .map_err(Error::attempt("try to drop a foreign key", schema))?;
            }
            self.delete_row(conn, tenant)?;
            can = true;
            Err::<(), _>(Error::Query(diesel::result::Error::RollbackTransaction))
        });
        match tried {
            Err(Error::Query(diesel::result::Error::RollbackTransaction)) if can => Ok(()),
            other => other,
        }
    }

    /// Refuses a tenant whose row is not there, or names another schema.
    pub(crate) fn has_row(&self, conn: &mut PublicConnection, tenant: &T) -> Result<(), Error> {
        let schema = tenant.schema_name();
        let row = T::find(conn, &tenant.key()).map_err(Error::attempt("read the tenant", schema))?;
        same_schema(tenant, row).map(drop)
    }

    fn delete_row(&self, conn: &mut PublicConnection, tenant: &T) -> Result<(), Error> {
        let schema = tenant.schema_name();
        let deleted =
            T::delete_row(conn, &tenant.key()).map_err(Error::attempt("delete the tenant", schema))?;
        same_schema(tenant, deleted).map(drop)
    }

    fn is_big(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<bool, Error> {
        let pg = conn.raw();
        footprint::locks_to_drop(pg, schema)
            .and_then(|locks| Ok(locks > footprint::most_at_once(pg)?))
            .map_err(Error::attempt("look at the size of the schema", schema))
    }

    fn note_dropping(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<(), Error> {
        let (records, pg) = (self.records(), conn.raw());
        let noted = (|| {
            records.ensure(pg)?;
            Ok(
                records.move_state(pg, schema, &TenantState::ALL, TenantState::Dropping)?
                    || records.insert(pg, schema, SchemaKind::Tenant, TenantState::Dropping)?,
            )
        })();
        noted
            .map(|_| ())
            .map_err(Error::attempt("note that the schema is being dropped", schema))
    }

    fn drop_rest(&self, conn: &mut PublicConnection, schema: &SchemaName, exists: bool) -> Result<(), Error> {
        let pg = conn.raw();
        if exists {
            diesel::sql_query(format!("DROP SCHEMA {} CASCADE", schema.quoted()))
                .execute(pg)
                .map_err(Error::attempt("drop the schema", schema))?;
        }
        self.records()
            .ensure(pg)
            .and_then(|()| self.records().remove(pg, schema))
            .map_err(Error::attempt("note that the schema is gone", schema))
    }
}

/// Runs a closure under the lock of the schema: on a connection without a transaction, or, behind a pooler, in the
/// one that its scope is.
pub(super) fn locked<R>(
    conn: &mut PublicConnection,
    schema: &SchemaName,
    f: impl FnOnce(&mut PublicConnection) -> Result<R, Error>,
) -> Result<R, Error> {
    let failed = Error::attempt("take the lock of the schema", schema);
    let records = &conn.lease_mut().paths().records;
    OwnLock::refuse(
        records,
        Locked::Schema(schema),
        "take the lock of the schema",
        schema,
    )?;
    let own = OwnLock::hold(records, Locked::Schema(schema));
    if conn.lease_mut().is_behind_pooler() {
        transaction_lock(conn.raw(), schema).map_err(failed)?;
        return f(conn);
    }
    session_lock(conn.raw(), schema).map_err(failed)?;
    let result = f(conn);
    drop(own);
    if !session_unlock(conn.raw(), schema).unwrap_or(false) {
        // Closing the connection gives the lock back.
        conn.lease_mut().session.discard();
    }
    result
}
