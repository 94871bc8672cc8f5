//! Where a tenant is in its life: read and moved.

use crate::connection::PublicConnection;
use crate::model::TenantModel;
use crate::{Error, Tenancy, TenantState};
use tenant_core::SchemaName;

impl<T: TenantModel> Tenancy<T> {
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
}
