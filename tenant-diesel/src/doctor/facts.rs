//! [`Facts`]: what every check must know: the configuration, what this role can see, and the application's schemas as SQL.
//!
//! Names that are known only at run time are literals or quoted identifiers in this SQL, never pieces of it.

use crate::model::TenantModel;
use crate::pool::TenantPool;
use crate::{SchemaKind, Tenancy, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use tenant_core::reserved::SPARE_PREFIX;
use tenant_core::{AppScope, Registry, SchemaName, ScopedTable};

/// Whether a table can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// It is not there.
    Absent,
    /// This role may not read it.
    Hidden,
    Readable,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Facts<'t> {
    pub(super) registry: &'t Registry,
    pub(super) pool: &'t TenantPool,
    /// Whether tenants have a schema from birth.
    pub(super) auto_create: bool,
    /// The versions of the tenant apps, of the shared ones, and of static tenants with apps of their own.
    pub(super) tenant_versions: Vec<String>,
    pub(super) shared_versions: Vec<String>,
    pub(super) own_versions: Vec<(SchemaName, Vec<String>)>,
    /// The table of the tenant model as people write it, as SQL, and in its parts; and its column with the names of
    /// schemas.
    pub(super) model_name: String,
    pub(super) model_table: String,
    pub(super) model_schema: String,
    pub(super) model_table_name: &'static str,
    pub(super) model_column: &'static str,
    pub(super) public_behind_tenants: bool,
    /// The tables of the tenant model, of schemas, and of runs.
    pub(super) model: Sight,
    pub(super) kept: Sight,
    pub(super) runs: Sight,
    /// Who asks, and who migrates: the owner of the library's schema.
    pub(super) role: String,
    pub(super) migrator: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<Text>)]
    migrator: Option<String>,
    #[diesel(sql_type = Text)]
    model: String,
    #[diesel(sql_type = Text)]
    kept: String,
    #[diesel(sql_type = Text)]
    runs: String,
    #[diesel(sql_type = Text)]
    targets: String,
}

impl<T: TenantModel> Tenancy<T> {
    /// Asks what can be seen: one question.
    pub(super) fn facts(&self, pg: &mut PgConnection) -> QueryResult<Facts<'_>> {
        let table = <T::Table as ScopedTable>::TABLE;
        let model_schema = table
            .schema
            .map_or_else(|| self.public_schema().as_str().to_owned(), str::to_owned);
        let library = self.registry().library().as_str();
        let row = diesel::sql_query(format!(
            "SELECT current_user::text AS role, \
             (SELECT pg_catalog.pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace \
             WHERE nspname = {library}) AS migrator, {} AS model, {} AS kept, {} AS runs, {} AS targets",
            sight_of(&model_schema, table.name),
            sight_of(library, "schemas"),
            sight_of(library, "runs"),
            sight_of(library, "run_targets"),
            library = sql::literal(library),
        ))
        .get_result::<Row>(pg)?;
        let runs = match Sight::read(&row.runs) {
            Sight::Readable => Sight::read(&row.targets),
            other => other,
        };
        let own = self.apps().own();
        Ok(Facts {
            registry: self.registry(),
            pool: self.pool(),
            auto_create: T::AUTO_CREATE_SCHEMA,
            tenant_versions: self.apps().versions(AppScope::Tenant),
            shared_versions: self.apps().versions(AppScope::Shared),
            own_versions: own.map(|(name, versions)| (name.clone(), versions)).collect(),
            model_name: table.to_string(),
            model_table: sql::table(table, self.public_schema()),
            model_schema,
            model_table_name: table.name,
            model_column: T::SCHEMA_COLUMN,
            public_behind_tenants: self.pool().paths().public_behind_tenants,
            model: Sight::read(&row.model),
            kept: Sight::read(&row.kept),
            runs,
            migrator: row.migrator.unwrap_or_else(|| row.role.clone()),
            role: row.role,
        })
    }
}

impl Sight {
    fn read(text: &str) -> Self {
        match text {
            "readable" => Self::Readable,
            "hidden" => Self::Hidden,
            _ => Self::Absent,
        }
    }
}

/// Whether a table can be read, as SQL. Not by its name alone: a schema that may not be used makes that an error.
fn sight_of(schema: &str, table: &str) -> String {
    format!(
        "coalesce((SELECT CASE WHEN pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
         AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') THEN 'readable' ELSE 'hidden' END \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')), 'absent')",
        sql::literal(schema),
        sql::literal(table)
    )
}

/// A condition: a name that a [`SchemaName`] can hold.
pub(super) fn is_valid(name: &str) -> String {
    format!(
        "(pg_catalog.octet_length({name}) BETWEEN 1 AND {} \
         AND pg_catalog.left(pg_catalog.lower({name} COLLATE \"C\"), 3) <> 'pg_' \
         AND pg_catalog.lower({name} COLLATE \"C\") NOT IN ('information_schema', '$user'))",
        tenant_core::schema_name::MAX_BYTES
    )
}

/// A condition: the schema is one of PostgreSQL's own.
pub(super) const IS_OF_POSTGRES: &str = "(n.nspname ~ '^pg_' OR n.nspname = 'information_schema')";

/// A condition: the relation `c` belongs to an extension, as Citus' views in `public` do.
pub(super) const IS_OF_AN_EXTENSION: &str = "EXISTS (SELECT FROM pg_catalog.pg_depend d \
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Names as an array.
pub(super) fn array<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(sql::literal).collect();
    format!("ARRAY[{}]::text[]", names.join(", "))
}

impl Facts<'_> {
    /// The names in the rows of the tenant model, each once, as a relation `(name)`. Empty where there is no table.
    pub(super) fn rows(&self) -> String {
        if self.model == Sight::Absent {
            return "(SELECT NULL::text COLLATE \"C\" AS name WHERE false)".to_owned();
        }
        format!(
            "(SELECT DISTINCT {column}::text COLLATE \"C\" AS name FROM {} WHERE {column} IS NOT NULL)",
            self.model_table,
            column = sql::identifier(self.model_column)
        )
    }

    /// The names of the configuration that have a kind, as a relation `(name, kind)`.
    pub(super) fn configured(&self) -> String {
        let statics = self.registry.static_tenants().iter();
        let all = statics
            .map(|tenant| (tenant.name(), SchemaKind::Static))
            .chain(
                self.registry
                    .reference()
                    .map(|name| (name, SchemaKind::Reference)),
            )
            .chain([(self.registry.public(), SchemaKind::Shared)]);
        let parts = all.map(|(name, kind)| format!("SELECT {}, '{kind}'", sql::literal(name.as_str())));
        let parts: Vec<String> = parts.collect();
        format!(
            "(SELECT name COLLATE \"C\" AS name, kind FROM ({}) AS a (name, kind))",
            parts.join(" UNION ALL ")
        )
    }

    /// Every schema that is a tenant's, or is kept like one, as a relation `(name, kind, oid)`; only those that exist. A row
    /// that names a reserved schema makes no tenant of it.
    pub(super) fn tenants(&self) -> String {
        format!(
            "(SELECT w.name, w.kind, n.oid, n.nspowner FROM (SELECT name, 'tenant'::text AS kind FROM {} AS r \
             WHERE NOT {} UNION ALL SELECT name, kind FROM {} AS k WHERE kind <> 'shared') AS w \
             JOIN pg_catalog.pg_namespace n ON n.nspname::text COLLATE \"C\" = w.name WHERE NOT {IS_OF_POSTGRES})",
            self.rows(),
            self.is_reserved("r.name"),
            self.configured()
        )
    }

    /// A condition: the name is reserved. Of names that are not ASCII only those that are written just so; the check of names
    /// compares them by Unicode's rules.
    pub(super) fn is_reserved(&self, name: &str) -> String {
        let folded: Vec<String> = self.reserved().map(SchemaName::folded).collect();
        let folded = folded
            .iter()
            .map(String::as_str)
            .chain(self.reserved().map(SchemaName::as_str));
        format!(
            "(pg_catalog.lower({name} COLLATE \"C\") = ANY ({names}) OR {name} = ANY ({names}) \
             OR pg_catalog.left(pg_catalog.lower({name} COLLATE \"C\"), {}) = '{SPARE_PREFIX}')",
            SPARE_PREFIX.len(),
            names = array(folded)
        )
    }

    /// Everything that no tenant can be called, but for spares.
    pub(super) fn reserved(&self) -> impl Iterator<Item = &SchemaName> {
        let registry = self.registry;
        [registry.public(), registry.library()]
            .into_iter()
            .chain(registry.extension_schemas())
            .chain(registry.static_names())
            .chain(registry.reference())
    }

    /// The library's table of schemas, or an empty one where it is not there yet or cannot be read.
    pub(super) fn kept(&self) -> String {
        match self.kept {
            Sight::Readable => self.library_table("schemas"),
            Sight::Absent | Sight::Hidden => {
                "(SELECT NULL::text COLLATE \"C\" AS name, NULL::text AS kind, NULL::text AS state, NULL::oid AS schema_oid, \
                 NULL::text AS digest, NULL::text AS error, 0 AS attempts WHERE false)"
                    .to_owned()
            }
        }
    }

    /// A table of the library as SQL.
    pub(super) fn library_table(&self, table: &str) -> String {
        format!("{}.{}", self.registry.library().quoted(), sql::identifier(table))
    }

    /// The names of the tables of apps that live in just this kind of schema, as an array.
    pub(super) fn tables_of(&self, scope: AppScope) -> String {
        let registry = self.registry;
        let apps = registry.apps().iter().chain(registry.static_apps());
        let apps = apps.filter(|app| app.scope == scope);
        array(apps.flat_map(|app| app.tables.iter().map(|table| table.name)))
    }

    /// Whether this role is the one that migrates.
    pub(super) fn is_migrator(&self) -> bool {
        self.role == self.migrator
    }
}
