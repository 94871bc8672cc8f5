//! [`Context`]: what the rules know besides the text of a file.

use std::collections::BTreeSet;
use tenant_core::{AppInfo, AppScope, SchemaName};

/// The names that mean something to the rules.
#[derive(Debug)]
pub(super) struct Names {
    public: SchemaName,
    extension_schemas: Vec<SchemaName>,
    static_names: Vec<SchemaName>,
    /// The tables of shared apps that no tenant app has too.
    shared_tables: BTreeSet<&'static str>,
}

impl Names {
    pub(super) fn new(
        public: SchemaName,
        extension_schemas: &[SchemaName],
        static_names: &[SchemaName],
        apps: &[AppInfo],
    ) -> Self {
        let tables = |kind: fn(AppScope) -> bool| -> BTreeSet<&'static str> {
            let apps = apps.iter().filter(|app| kind(app.scope));
            apps.flat_map(|app| app.tables.iter().map(|table| table.name))
                .collect()
        };
        let of_tenants = tables(AppScope::is_tenant);
        Self {
            public,
            extension_schemas: extension_schemas.to_vec(),
            static_names: static_names.to_vec(),
            shared_tables: tables(AppScope::is_shared)
                .difference(&of_tenants)
                .copied()
                .collect(),
        }
    }
}

/// What the rules know of the file that a statement is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) names: &'a Names,
    pub(super) scope: AppScope,
    pub(super) run_in_transaction: bool,
}

impl Context<'_> {
    /// Whether the file is run for every tenant.
    pub(super) fn is_tenant(&self) -> bool {
        self.scope.is_tenant()
    }

    /// The shared schema; also `public` where it has another name, for that is a slip then.
    pub(super) fn is_public(&self, schema: &str) -> bool {
        schema == self.names.public.as_str() || schema == "public"
    }

    /// A tenant that the application itself has a name for.
    pub(super) fn is_static(&self, schema: &str) -> bool {
        self.names.static_names.iter().any(|name| name.as_str() == schema)
    }

    /// A schema that is part of every path.
    pub(super) fn is_extension_schema(&self, schema: &str) -> bool {
        self.names
            .extension_schemas
            .iter()
            .any(|name| name.as_str() == schema)
    }

    /// A table that exists once, as far as apps say.
    pub(super) fn is_shared_table(&self, table: &str) -> bool {
        self.names.shared_tables.contains(table)
    }
}
