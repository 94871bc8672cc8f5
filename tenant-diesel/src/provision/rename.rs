//! Another name for a tenant: its schema, its row, and what in the schema is bound to the name.

use super::change::same_schema;
use super::death::locked;
use super::mentions::{self, Mention};
use super::own_locks::{Locked, OwnLock};
use super::patience::Attempted;
use super::{isolation, names};
use crate::connection::PublicConnection;
use crate::events::Event;
use crate::migrate::lock;
use crate::model::TenantModel;
use crate::{Error, Moment, Tenancy, TenantState, sql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_core::{SchemaName, ScopedTable};

/// A tenant under its new name, and what people must look at.
#[derive(Debug)]
#[non_exhaustive]
pub struct RenamedTenant<T> {
    /// The tenant as it is now.
    pub tenant: T,
    /// What still names the old schema, in a form that cannot be rewritten safely.
    pub mentions: Vec<Mention>,
}

impl<T: TenantModel> Tenancy<T> {
    /// Gives a tenant another name: its schema and its row, in one transaction. The new name is checked as at a birth;
    /// to have the name already is no change.
    ///
    /// Views, foreign keys, defaults and the like are bound to tables and follow. Options `SET search_path` of functions
    /// in the schema are rewritten. Bodies of functions are text: those that name the old schema are in
    /// [`RenamedTenant::mentions`], to be looked at.
    ///
    /// A transaction that is open on the tenant's tables goes on, and finds no table by the old path; so the tenant
    /// is best in [maintenance](Tenancy::begin_maintenance) meanwhile.
    ///
    /// Handlers hear of [`Moment::Renaming`] and [`Moment::Renamed`].
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// let renamed = tenancy.rename(&acme, &"acme_ltd".parse()?)?;
    /// assert_eq!(renamed.tenant.schema_name, SchemaName::new("acme_ltd")?);
    /// assert!(renamed.mentions.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ReservedName`], [`Error::SchemaExists`], [`Error::TenantExists`] where the name is taken;
    /// [`Error::SchemaMissing`], [`Error::TenantMissing`], [`Error::SchemaNameDiffers`]; [`Error::WrongState`] where it
    /// is being made or dropped; [`Error::LockNotFree`]; [`Error::Handler`]. In each case nothing was changed.
    /// [`Error::AfterCommit`] where all was done.
    pub fn rename(&self, tenant: &T, new: &SchemaName) -> Result<RenamedTenant<T>, Error> {
        let old = tenant.schema_name();
        if old == new {
            let found = self.find(&tenant.key())?;
            let tenant = same_schema(tenant, found)?;
            return Ok(RenamedTenant {
                tenant,
                mentions: Vec::new(),
            });
        }
        let renamed = self.with_public(|conn| {
            locked(conn, old, |conn| {
                isolation::read_committed(conn, |conn| self.rename_in(conn, tenant, new))
            })
        });
        self.pool().shelf().verify_all();
        self.tell_directories(old);
        self.tell_directories(new);
        let renamed = self.explained(renamed)?;
        let event = Event::new(Moment::Renamed, new).other_name_is(old);
        self.events().fire_committed(event)?;
        Ok(renamed)
    }

    fn rename_in(
        &self,
        conn: &mut PublicConnection,
        tenant: &T,
        new: &SchemaName,
    ) -> Result<RenamedTenant<T>, Error> {
        let old = tenant.schema_name();
        names::not_reserved(self.registry(), old)?;
        names::not_reserved(self.registry(), new)?;
        self.has_row(conn, tenant)?;
        self.make_known(conn, old)?;
        let state = self.state_of(conn, old)?;
        if let Some(TenantState::Provisioning | TenantState::Dropping) = state {
            return Err(Error::WrongState {
                action: "rename",
                schema: old.clone(),
                state,
            });
        }
        let event = Event::new(Moment::Renaming, old).other_name_is(new);
        self.events().fire(event)?;
        for lock in [Locked::Births, Locked::Schema(new)] {
            let is_own = new.eq_ignore_case(old) && matches!(lock, Locked::Schema(_));
            if !is_own {
                OwnLock::refuse(self.records(), lock, "rename the tenant", old)?;
            }
        }
        lock::births(conn.raw()).map_err(Error::attempt("wait for births", old))?;
        let _births = OwnLock::hold(self.records(), Locked::Births);
        let _new = OwnLock::hold(self.records(), Locked::Schema(new));
        let is_free = lock::try_transaction_lock(conn.raw(), new)
            .map_err(Error::attempt("take the lock of the new name", new))?;
        names::no_other_schema(conn, old, new)?;
        if !is_free {
            lock::transaction_lock(conn.raw(), new)
                .map_err(Error::attempt("take the lock of the new name", new))?;
            names::no_other_schema(conn, old, new)?;
        }
        let what = Attempted {
            action: "rename the schema",
            schema: old,
        };
        let waits = self.births().waits;
        let renamed = waits.patiently(conn, what, |conn| self.rename_all(conn, tenant, new))?;
        self.tell_on(conn, Moment::Renamed, new, Some(old))?;
        Ok(renamed)
    }

    fn rename_all(
        &self,
        conn: &mut PublicConnection,
        tenant: &T,
        new: &SchemaName,
    ) -> Result<RenamedTenant<T>, Error> {
        let old = tenant.schema_name();
        self.rename_row(conn, old, new)?;
        names::no_other_tenant::<T>(conn, self.public_schema(), new)?;
        let pg = conn.raw();
        diesel::sql_query(format!(
            "ALTER SCHEMA {} RENAME TO {}",
            old.quoted(),
            new.quoted()
        ))
        .execute(pg)
        .map_err(Error::attempt("rename the schema", old))?;
        mentions::rewrite_paths(pg, old, new)
            .map_err(Error::attempt("rewrite the paths of functions", old))?;
        let mentions =
            mentions::of(pg, old).map_err(Error::attempt("look for functions that name the schema", old))?;
        // A schema of the new name may have been dropped behind the library's back, and its row left.
        self.records()
            .remove(pg, new)
            .and_then(|()| self.records().rename(pg, old, new))
            .and_then(|()| self.records().rename_targets(pg, old, new))
            .map_err(Error::attempt("note the new name", old))?;
        let tenant = T::find(conn, &tenant.key()).map_err(Error::attempt("read the tenant", new))?;
        let tenant = tenant.ok_or_else(|| Error::TenantMissing { schema: old.clone() })?;
        Ok(RenamedTenant { tenant, mentions })
    }

    fn rename_row(
        &self,
        conn: &mut PublicConnection,
        old: &SchemaName,
        new: &SchemaName,
    ) -> Result<(), Error> {
        let table = sql::table(<T::Table as ScopedTable>::TABLE, self.public_schema());
        let column = sql::identifier(T::SCHEMA_COLUMN);
        let renamed = diesel::sql_query(format!(
            "UPDATE {table} SET {column} = $1 WHERE {column}::text = $2"
        ))
        .bind::<Text, _>(new.as_str())
        .bind::<Text, _>(old.as_str())
        .execute(conn.raw())
        .map_err(Error::attempt("rename the tenant", old))?;
        match renamed {
            0 => Err(Error::TenantMissing { schema: old.clone() }),
            _ => Ok(()),
        }
    }
}
