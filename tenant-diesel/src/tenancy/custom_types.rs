//! Custom types in the schemas of tenants, which Diesel cannot tell apart: where one is found, no connection goes
//! from one tenant to another any more.

use crate::model::TenantModel;
use crate::{Tenancy, sql};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use tenant_core::{SchemaName, ScopedTable};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    schema: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Enums, domains, ranges, and composite types that are not some table's row.
pub(crate) const CUSTOM_TYPE: &str = "(t.typtype IN ('e', 'd', 'r', 'm') OR (t.typtype = 'c' AND EXISTS \
     (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')))";

impl<T: TenantModel> Tenancy<T> {
    /// Looks for custom types in the schemas of the tenants, or of one that was just born, and has connections
    /// reconnect between tenants where there is one. Where the application has decided what happens between
    /// tenants, nothing is asked. A failure is no failure of what calls this: the question is asked again at the next
    /// start-up.
    pub(crate) fn heed_custom_types(&self, born: Option<&SchemaName>) {
        let policy = &self.pool().shelf().options.on_switch;
        if !policy.is_open() {
            return;
        }
        let found = match self.custom_type(born) {
            Ok(found) => found,
            Err(error) => {
                let (error, pool) = (&error as &dyn std::error::Error, self.pool().name());
                tracing::warn!(error, pool, "failed to look for custom types in tenants' schemas");
                return;
            }
        };
        if let Some(found) = found {
            policy.reconnect();
            tracing::warn!(
                schema = found.schema,
                r#type = found.name,
                pool = self.pool().name(),
                "a custom type in a tenant's schema: connections are closed and opened between tenants from now on \
                 (`OnSwitch::Reconnect`), which is slow. Create it once, in a shared app or extension schema, or choose \
                 another `OnSwitch`"
            );
        }
    }

    fn custom_type(&self, born: Option<&SchemaName>) -> Result<Option<Found>, crate::Error> {
        let statics: Vec<&str> = self
            .registry()
            .static_names()
            .iter()
            .chain(born)
            .map(SchemaName::as_str)
            .collect();
        let types = format!(
            "SELECT n.nspname::text AS schema, t.typname::text AS name FROM pg_catalog.pg_type t \
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE {CUSTOM_TYPE}"
        );
        let table = sql::table(<T::Table as ScopedTable>::TABLE, self.public_schema());
        let column = sql::identifier(T::SCHEMA_COLUMN);
        self.pool().ask_catalog("look for custom types", |pg| {
            let of_tenants = if born.is_none() && self.has_model_table(pg)? {
                format!(" OR n.nspname::text IN (SELECT {column}::text FROM {table})")
            } else {
                String::new()
            };
            diesel::sql_query(format!("{types} AND (n.nspname = ANY ($1){of_tenants}) LIMIT 1"))
                .bind::<Array<Text>, _>(&statics)
                .get_result::<Found>(pg)
                .optional()
        })
    }
}
