//! Custom types in the schemas of tenants, which Diesel cannot tell apart: where one is found, no connection goes
//! from one tenant to another any more.

use crate::model::TenantModel;
use crate::{Moment, Tenancy, sql};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use tenant_core::{AppScope, SchemaName, ScopedTable};

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

    /// The same after a birth, if anything that made the schema speaks of types. Where a function of somebody else's made one, the
    /// next start-up finds it.
    pub(crate) fn heed_custom_types_of_birth(&self, born: &SchemaName) {
        let may_make_types = |text: &str| {
            let text = text.to_ascii_lowercase();
            text.contains("type") || text.contains("domain")
        };
        let files = self.apps().migrations(AppScope::Tenant);
        let handlers = [
            Moment::Creating,
            Moment::Created,
            Moment::MigratedSchema,
            Moment::AppliedMigration,
        ];
        if files.iter().any(|file| may_make_types(file.up))
            || handlers.iter().any(|moment| self.events().listens(*moment))
        {
            self.heed_custom_types(Some(born));
        }
    }

    fn custom_type(&self, born: Option<&SchemaName>) -> Result<Option<Found>, crate::Error> {
        match born {
            Some(born) => self.custom_type_of(born),
            None => self.custom_type_of_all(),
        }
    }

    /// What depends on a schema is found by an index; the catalog of types has none by schema, and grows with all
    /// tenants. A composite type is a relation, and that is what depends on the schema.
    fn custom_type_of(&self, schema: &SchemaName) -> Result<Option<Found>, crate::Error> {
        let query = format!(
            "SELECT $1 AS schema, t.typname::text AS name FROM pg_catalog.pg_depend d \
             LEFT JOIN pg_catalog.pg_class c \
               ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid \
             JOIN pg_catalog.pg_type t ON t.oid = CASE \
               WHEN d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass THEN d.objid ELSE c.reltype END \
             WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass \
             AND d.refobjid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1) \
             AND {CUSTOM_TYPE} LIMIT 1"
        );
        self.pool().ask_catalog("look for custom types", |pg| {
            diesel::sql_query(query.as_str())
                .bind::<Text, _>(schema.as_str())
                .get_result::<Found>(pg)
                .optional()
        })
    }

    fn custom_type_of_all(&self) -> Result<Option<Found>, crate::Error> {
        let statics = self.registry().static_names().iter();
        let statics: Vec<&str> = statics.map(SchemaName::as_str).collect();
        let types = format!(
            "SELECT n.nspname::text AS schema, t.typname::text AS name FROM pg_catalog.pg_type t \
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE {CUSTOM_TYPE}"
        );
        let table = sql::table(<T::Table as ScopedTable>::TABLE, self.public_schema());
        let column = sql::identifier(T::SCHEMA_COLUMN);
        self.pool().ask_catalog("look for custom types", |pg| {
            let of_tenants = match self.has_model_table(pg)? {
                true => format!(" OR n.nspname::text IN (SELECT {column}::text FROM {table})"),
                false => String::new(),
            };
            diesel::sql_query(format!("{types} AND (n.nspname = ANY ($1){of_tenants}) LIMIT 1"))
                .bind::<Array<Text>, _>(&statics)
                .get_result::<Found>(pg)
                .optional()
        })
    }
}
