//! A birth: one transaction that inserts the row, creates the schema and applies its migrations. A killed
//! process leaves neither, because the server rolls back.

use super::change::same_schema;
use super::own_locks::{Locked, OwnLock};
use super::patience::Attempted;
use super::spare::Spare;
use super::{isolation, names};
use crate::connection::{PublicConnection, TenantScope};
use crate::migrate::{lock, may_locate, run_all_in_open_transaction};
use crate::model::{NewTenant, TenantModel};
use crate::retry::was_out_of_lock_memory;
use crate::{Error, Moment, SchemaKind, Tenancy};
use diesel::prelude::*;
use tenant_core::{AppScope, SchemaName};

impl<T: TenantModel> Tenancy<T> {
    /// Creates a tenant: its row, its schema, and the tables in it. All or nothing, also if the process is
    /// killed. With `auto_create_schema = false` it inserts the row only; see [`Tenancy::create_schema`].
    ///
    /// Migrations that cannot run in a transaction (`run_in_transaction = false`) are applied to a schema
    /// of another name beforehand, which becomes the tenant's when all is well. So are those that make more tables than
    /// one transaction can lock (`max_locks_per_transaction`): each in its own transaction then.
    ///
    /// A foreign key to a shared table is made under a lock that keeps writers away from that table until the birth
    /// is done. It is waited for [shortly](crate::DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT) at a time, and what was built is built
    /// again; so nobody waits long behind a birth, and births with such keys are best kept few and small.
    ///
    /// Handlers hear of [`Moment::Creating`] and [`Moment::Created`].
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// use tenant_diesel::Error;
    ///
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// assert!(tenancy.schema_exists(&acme.schema_name)?);
    /// let again = tenancy.create(new_client("ACME")?);
    /// assert!(matches!(again, Err(Error::TenantExists { .. })));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ReservedName`], [`Error::SchemaExists`], [`Error::TenantExists`] where the name is taken,
    /// also by one that differs in case only; [`Error::Migration`]; [`Error::Attempt`] where the row was
    /// refused; [`Error::LockNotFree`]; [`Error::Handler`]; [`Error::PublicNotMigrated`]; [`Error::PoolTimeout`]. In
    /// each case there is neither row nor schema. [`Error::is_taken`] says whether another name would do.
    /// [`Error::AfterCommit`] where there are both, and a handler failed after them.
    pub fn create<N: NewTenant<T>>(&self, new: N) -> Result<T, Error> {
        let created = self.with_public(|conn| self.bear_in(conn, new));
        let tenant = self.explained(created)?;
        self.heed_custom_types_of_birth(tenant.schema_name());
        self.told_of_birth(&tenant)?;
        Ok(tenant)
    }

    /// The same as [`Tenancy::create`], on a connection of yours: inside its open transaction, if there is
    /// one, so that the tenant comes into being when you commit, together with what else you wrote.
    ///
    /// Handlers that wait for the commit ([`TenancyBuilder::after_commit`](crate::TenancyBuilder::after_commit)) are
    /// not run inside a transaction of yours: call [`Tenancy::run_after_commit`] when you have committed it.
    ///
    /// Migrations that cannot run in a transaction, or are too much for one, run on another connection. If they need a table that your
    /// transaction has locked (by writing to one that they refer to), they wait for five seconds and fail.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::Error;
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.with_public(|conn| {
    ///     conn.transaction(|conn| {
    ///         let acme = tenancy.create_in(conn, new_client("acme").unwrap())?;
    ///         // .. insert its first domain, its invoice address ..
    ///         Ok::<_, Error>(acme)
    ///     })
    /// })?;
    /// assert!(tenancy.schema_exists(&acme.schema_name)?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tenancy::create`]; and [`Error::OldSnapshot`] inside a `REPEATABLE READ` or `SERIALIZABLE`
    /// transaction. What was done is undone to where it was called.
    pub fn create_in<N: NewTenant<T>>(&self, conn: &mut PublicConnection, new: N) -> Result<T, Error> {
        let is_committed = !isolation::is_open(conn);
        let tenant = self.bear_in(conn, new)?;
        if is_committed {
            self.told_of_birth(&tenant)?;
        }
        Ok(tenant)
    }

    fn told_of_birth(&self, tenant: &T) -> Result<(), Error> {
        self.tell_directories(tenant.schema_name());
        if T::AUTO_CREATE_SCHEMA {
            self.run_after_commit(Moment::Created, tenant.schema_name())?;
        }
        Ok(())
    }

    fn bear_in<N: NewTenant<T>>(&self, conn: &mut PublicConnection, new: N) -> Result<T, Error> {
        let in_transaction = isolation::refuse_old_snapshot(conn)?;
        OwnLock::refuse(
            self.records(),
            Locked::Births,
            "create a tenant",
            self.public_schema(),
        )?;
        let mut spare = if T::AUTO_CREATE_SCHEMA {
            self.spare_if_needed(conn, in_transaction)?
        } else {
            None
        };
        let result = isolation::read_committed(conn, |conn| {
            lock::births(conn.raw())
                .map_err(Error::attempt("wait for other births", self.public_schema()))?;
            let _births = OwnLock::hold(self.records(), Locked::Births);
            let tenant = new
                .insert(conn)
                .map_err(Error::attempt("insert the tenant", self.public_schema()))?;
            let schema = tenant.schema_name();
            self.lock_free_name(conn, schema, true, T::AUTO_CREATE_SCHEMA)?;
            if T::AUTO_CREATE_SCHEMA {
                self.build_patiently(conn, schema, &mut spare)?;
            } else {
                // The library has no row of it yet, whose trigger would.
                self.tell_directories_on(conn, schema)?;
            }
            Ok(tenant)
        });
        if let Some(spare) = spare {
            spare.end(self.records(), result.is_ok());
        }
        self.explained_on(conn, result)
    }

    /// Creates the schema of a tenant whose row exists, and applies its migrations. All or nothing.
    ///
    /// # Errors
    ///
    /// [`Error::SchemaExists`], also for a name that differs in case only; [`Error::TenantMissing`],
    /// [`Error::SchemaNameDiffers`] where the row is not as `tenant` says; else as [`Tenancy::create`].
    pub fn create_schema(&self, tenant: &T) -> Result<(), Error> {
        let schema = tenant.schema_name();
        let mut spare = None;
        let result = self.with_public(|conn| {
            let in_transaction = isolation::is_open(conn);
            spare = self.spare_if_needed(conn, in_transaction)?;
            isolation::read_committed(conn, |conn| {
                self.lock_free_name(conn, schema, false, true)?;
                let row = T::find(conn, &tenant.key()).map_err(Error::attempt("read the tenant", schema))?;
                same_schema(tenant, row)?;
                self.build_patiently(conn, schema, &mut spare)
            })
        });
        if let Some(spare) = spare {
            spare.end(self.records(), result.is_ok());
        }
        self.explained(result)?;
        self.heed_custom_types_of_birth(schema);
        self.tell_directories(schema);
        self.run_after_commit(Moment::Created, schema)
    }

    /// The same as [`Tenancy::create_schema`] where the schema is missing. True if it was created.
    ///
    /// # Errors
    ///
    /// As there, but for a schema of exactly this name.
    pub fn create_schema_if_missing(&self, tenant: &T) -> Result<bool, Error> {
        match self.create_schema(tenant) {
            Ok(()) => Ok(true),
            Err(Error::SchemaExists { schema, existing }) if schema == existing => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Refuses a name that is taken, and keeps others from taking or migrating it until the transaction
    /// ends. `row_is_new` says whether the row was just inserted, so that it is to be the only one.
    pub(super) fn lock_free_name(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        row_is_new: bool,
        creates_schema: bool,
    ) -> Result<(), Error> {
        let check = |conn: &mut PublicConnection| {
            if row_is_new {
                names::no_other_tenant::<T>(conn, self.public_schema(), schema)?;
            }
            names::no_schema(conn, schema, !creates_schema)
        };
        let failed = |error| Error::attempt("take the lock of the schema", schema)(error);
        names::not_reserved(self.registry(), schema)?;
        OwnLock::refuse(self.records(), Locked::Schema(schema), "take the name", schema)?;
        if !lock::try_transaction_lock(conn.raw(), schema).map_err(failed)? {
            // Of a schema that exists, the lock may be held for a migration, which must not be waited for here.
            check(conn)?;
            lock::transaction_lock(conn.raw(), schema).map_err(failed)?;
        }
        check(conn)
    }

    /// Builds the schema in the open transaction, and as often as a lock on a shared table is not free. What is too
    /// much for one transaction is built in pieces, and claimed by this one.
    fn build_patiently(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        spare: &mut Option<Spare>,
    ) -> Result<(), Error> {
        let _own = OwnLock::hold(self.records(), Locked::Schema(schema));
        self.tell(Moment::Creating, schema)?;
        let what = Attempted {
            action: "create the schema of the tenant",
            schema,
        };
        let waits = self.births().waits;
        let build = |conn: &mut PublicConnection, spare: Option<&Spare>, in_pieces| {
            waits.patiently(conn, what, |conn| {
                self.build_schema(conn, schema, spare, in_pieces)
            })
        };
        match build(conn, spare.as_ref(), false) {
            // Which statement it was is found out by sending them one by one.
            Err(error) if spare.is_none() && may_locate(&error) => build(conn, None, true)?,
            Err(error) if spare.is_none() && was_out_of_lock_memory(&error) => {
                self.births().were_too_much();
                if self.pool().is_behind_pooler() {
                    return Err(error);
                }
                *spare = Some(self.spare(true)?);
                build(conn, spare.as_ref(), false)?;
            }
            built => built?,
        }
        self.tell_on(conn, Moment::Created, schema, None)
    }

    fn build_schema(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        spare: Option<&Spare>,
        in_pieces: bool,
    ) -> Result<(), Error> {
        if let Some(spare) = spare {
            spare.claim(conn, self.records(), schema)?;
            return self.note_birth(conn, schema);
        }
        diesel::sql_query(format!("CREATE SCHEMA {}", schema.quoted()))
            .execute(conn.raw())
            .map_err(Error::attempt("create the schema", schema))?;
        let target = self.pool().paths().tenant_migrations(schema)?;
        conn.nested::<TenantScope, _, _>(target, |conn| {
            run_all_in_open_transaction(conn, &self.apps().migrations(AppScope::Tenant), in_pieces)
        })?;
        self.note_birth(conn, schema)
    }

    /// The library's row of the schema, in the transaction that makes it.
    fn note_birth(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<(), Error> {
        let pg = conn.raw();
        self.records()
            .ensure(pg)
            .and_then(|()| self.records().note_birth(pg, schema, SchemaKind::Tenant))
            .map_err(Error::attempt("note the state of the schema", schema))
    }
}
