//! A job: work for a tenant that was asked for earlier, by a request, and is done later, by a worker.

use crate::connection::TenantConnection;
use crate::error::ScopeError;
use crate::model::TenantModel;
use crate::{Error, Tenancy};
use std::sync::Arc;
use tenant_core::{SchemaName, TenantRef, current};

impl<T: TenantModel> Tenancy<T> {
    /// A tenant as it goes into a queue: its schema, and the primary key of its row as `Debug` prints it. With the feature
    /// `serde`, it is `Serialize` and `Deserialize`. For a static tenant, see [`TenantRef::to_static`].
    ///
    /// The text of a key must stay the same between the programs that write and read the queue: so a key of a type of your own
    /// needs a `Debug` that says what it is, and a change of its fields is a change of all keys.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// let tenant = tenancy.tenant_ref(&acme);
    /// assert_eq!((tenant.schema.as_str(), tenant.key.as_deref()), ("acme", Some("1")));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tenant_ref(&self, tenant: &T) -> TenantRef {
        TenantRef::new(tenant.schema_name().clone(), &tenant.key())
    }

    /// Runs a job for a tenant: on its schema, in a span of `tracing` that is called `job` and has the field `tenant`, and with
    /// it as [`current::tenant`](tenant_core::current::tenant) on this thread, until the job is over, however it ends.
    ///
    /// The tenant must be the one that was meant: its row is looked for by the schema, and must have the key. So a
    /// job that waited while its tenant was renamed or deleted does not run on the data of the next tenant of that name. A static
    /// tenant must be in the configuration. What [`Tenancy::with_tenant`] refuses is refused: a tenant
    /// that is archived, or in maintenance.
    ///
    /// Costs one query more than [`Tenancy::with_tenant`] does, for the row; nothing more for a static tenant. The connection on
    /// which the row is read is given back before the job takes one. A tenant that is renamed or deleted
    /// between the two is, most likely, [`Error::SchemaMissing`]; only a name that is given to somebody else in that instant would not be
    /// noticed.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::Error;
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// let queued = tenancy.tenant_ref(&acme);
    /// let add = |conn: &mut TenantConnection| {
    ///     diesel::insert_into(todo::tasks::table).values(todo::tasks::title.eq("send the invoice")).execute(conn)
    /// };
    /// tenancy.run_as(&queued, add)?;
    ///
    /// tenancy.delete_with_schema(&acme)?;
    /// tenancy.create(new_client("acme")?)?;          // somebody else
    /// assert!(matches!(tenancy.run_as(&queued, add), Err(Error::OtherTenant { .. })));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::TenantMissing`] where no tenant has the schema (any more), [`Error::OtherTenant`] where another one has it,
    /// [`Error::NoStaticTenant`] where there is no key and the configuration has no static tenant of this name; else
    /// as [`Tenancy::with_schema`]. In each case the job was not begun.
    pub fn run_as<R, E>(
        &self,
        tenant: &TenantRef,
        job: impl FnOnce(&mut TenantConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        let span = tracing::error_span!("job", tenant = %tenant.schema);
        let _in_span = span.enter();
        let _current = current::enter(Some(Arc::new(tenant.clone())));
        self.is_meant(tenant).map_err(E::from_scope)?;
        self.with_schema(&tenant.schema, job)
    }

    /// Refuses a tenant that is not the one of its name.
    fn is_meant(&self, tenant: &TenantRef) -> Result<(), Error> {
        let Some(key) = &tenant.key else {
            return self.is_static(&tenant.schema);
        };
        let Some(found) = self.find_by_schema(&tenant.schema)? else {
            return Err(Error::TenantMissing {
                schema: tenant.schema.clone(),
            });
        };
        let found = format!("{:?}", found.key());
        if found != *key {
            return Err(Error::OtherTenant {
                schema: tenant.schema.clone(),
                expected: key.clone(),
                found,
            });
        }
        Ok(())
    }

    fn is_static(&self, schema: &SchemaName) -> Result<(), Error> {
        match self.registry().find_static_tenant(schema) {
            Some(_) => Ok(()),
            None => Err(Error::NoStaticTenant {
                schema: schema.clone(),
            }),
        }
    }
}
