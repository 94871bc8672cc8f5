//! Tells the handlers of an application, inside the transaction of an act and after it.

use crate::connection::{PublicConnection, TenantScope};
use crate::directory::Notice;
use crate::events::{Event, Moment};
use crate::model::TenantModel;
use crate::{Error, Tenancy};
use tenant_core::SchemaName;

impl<T: TenantModel> Tenancy<T> {
    /// Runs the handlers that wait for a commit ([`TenancyBuilder::after_commit`](crate::TenancyBuilder::after_commit)),
    /// after a transaction of yours in which something was done to a tenant: only you know that it was committed.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::{Error, Moment};
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.with_public(|conn| {
    ///     conn.transaction(|conn| tenancy.create_in(conn, new_client("acme").unwrap()))
    /// })?;
    /// tenancy.run_after_commit(Moment::Created, &acme.schema_name)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AfterCommit`] where one failed; the others ran.
    pub fn run_after_commit(&self, moment: Moment, schema: &SchemaName) -> Result<(), Error> {
        self.tell_directories(schema);
        self.events().fire_committed(Event::new(moment, schema))
    }

    /// Tells the directories of all processes that a tenant changed, when the open transaction is committed: where the
    /// library's table of states does not change, whose triggers tell of it.
    pub(super) fn tell_directories_on(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
    ) -> Result<(), Error> {
        self.records()
            .notify(conn.raw(), &[Notice::Tenant(schema.clone())])
            .map_err(Error::attempt("tell the directories", schema))
    }

    /// Tells those of this process, now that it is committed.
    pub(super) fn tell_directories(&self, schema: &SchemaName) {
        self.records().tell(&[Notice::Tenant(schema.clone())]);
    }

    /// Tells of a moment that has no connection on the tenant's schema.
    pub(super) fn tell(&self, moment: Moment, schema: &SchemaName) -> Result<(), Error> {
        self.events().fire(Event::new(moment, schema))
    }

    /// Tells of a moment on the tenant's schema, in the open transaction.
    pub(super) fn tell_on(
        &self,
        conn: &mut PublicConnection,
        moment: Moment,
        schema: &SchemaName,
        other_name: Option<&SchemaName>,
    ) -> Result<(), Error> {
        if !self.events().listens(moment) {
            return Ok(());
        }
        let target = self.pool().paths().tenant(schema)?;
        conn.nested::<TenantScope, _, _>(target, |conn| {
            let event = Event::new(moment, schema).on(conn);
            self.events().fire(match other_name {
                Some(name) => event.other_name_is(name),
                None => event,
            })
        })
    }
}
