//! Tenants that are taken out of service while something is done to them.

use super::{OneSchema, Stopped};
use crate::SchemaKind;

impl OneSchema<'_, '_> {
    pub(super) fn take_out_of_service(&mut self) -> Result<(), Stopped> {
        let is_tenant = self.job.report.kind == SchemaKind::Tenant;
        if !(self.context.rules.out_of_service && is_tenant) {
            return Ok(());
        }
        use crate::TenantState::{Failed, Migrating, Ready};
        let records = &self.context.pool.paths().records;
        let schema = self.schema.clone();
        let moved = records.move_state(self.conn.raw(), &schema, &[Ready, Failed], Migrating);
        moved.map_err(|error| self.failed("take the tenant out of service", error))?;
        self.context.pool.shelf().states_changed();
        Ok(())
    }

    /// Puts a tenant back that was taken out of service and left to somebody else.
    pub(super) fn put_back_into_service(&mut self) -> Result<(), Stopped> {
        if !self.context.rules.out_of_service {
            return Ok(());
        }
        use crate::TenantState::{Migrating, Ready};
        let records = &self.context.pool.paths().records;
        let schema = self.schema.clone();
        let moved = records.move_state(self.conn.raw(), &schema, &[Migrating], Ready);
        moved.map_err(|error| self.failed("put the tenant back into service", error))?;
        self.context.pool.shelf().states_changed();
        Ok(())
    }
}
