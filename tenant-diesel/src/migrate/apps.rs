//! [`EmbeddedApps`]: the migrations in the binary, by the schemas that they are for, in the order of their versions, and
//! their files.

use crate::SchemaKind;
use crate::app::{EmbeddedApp, MigrationFile};
use std::collections::BTreeMap;
use tenant_core::{AppScope, SchemaName, StaticTenant};

/// The migrations of all apps.
#[derive(Clone, Debug, Default)]
pub(crate) struct EmbeddedApps {
    apps: Vec<Embedded>,
    /// Those that only static tenants have.
    static_apps: Vec<Embedded>,
    /// The apps of the static tenants that name theirs.
    own: BTreeMap<SchemaName, Vec<&'static str>>,
}

/// The migrations of one app.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embedded {
    pub(crate) app: &'static str,
    pub(crate) scope: AppScope,
    pub(crate) files: &'static [MigrationFile],
}

impl Embedded {
    pub(crate) fn of<A: EmbeddedApp>() -> Self {
        Self {
            app: A::NAME,
            scope: A::SCOPE,
            files: A::FILES,
        }
    }
}

impl EmbeddedApps {
    pub(crate) fn push<A: EmbeddedApp>(&mut self) {
        self.apps.push(Embedded::of::<A>());
    }

    /// Adds an app that only static tenants have.
    pub(crate) fn push_static<A: EmbeddedApp>(&mut self) {
        self.static_apps.push(Embedded::of::<A>());
    }

    /// A static tenant has the apps that it names.
    pub(crate) fn add_static_tenant(&mut self, tenant: &StaticTenant) {
        if let Some(apps) = tenant.apps() {
            let names = apps.iter().map(|app| app.name);
            self.own.insert(tenant.name().clone(), names.collect());
        }
    }

    /// All apps, in the order in which they were added, those that only static tenants have last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Embedded> {
        self.apps.iter().chain(&self.static_apps)
    }

    /// The migrations of all apps that live in one kind of schema, merged in the order of their versions. Those of apps that
    /// only static tenants have are not among them.
    pub(crate) fn migrations(&self, scope: AppScope) -> Vec<&'static MigrationFile> {
        in_order(self.apps.iter().filter(|app| app.scope.includes(scope)))
    }

    /// Their versions, in order.
    pub(crate) fn versions(&self, scope: AppScope) -> Vec<String> {
        versions(&self.migrations(scope))
    }

    /// The migrations of one schema, in order.
    pub(crate) fn migrations_of(&self, schema: &SchemaName, kind: SchemaKind) -> Vec<&'static MigrationFile> {
        match (kind, self.own.get(schema)) {
            (SchemaKind::Shared, _) => self.migrations(AppScope::Shared),
            (SchemaKind::Static, Some(own)) => in_order(self.iter().filter(|app| own.contains(&app.app))),
            _ => self.migrations(AppScope::Tenant),
        }
    }

    /// Their versions, in order.
    pub(crate) fn versions_of(&self, schema: &SchemaName, kind: SchemaKind) -> Vec<String> {
        versions(&self.migrations_of(schema, kind))
    }

    /// The static tenants that have apps of their own, each with their versions, in order.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&SchemaName, Vec<String>)> {
        let names = self.own.keys();
        names.map(|name| (name, self.versions_of(name, SchemaKind::Static)))
    }

    /// Whether some schema that is not the shared one has a migration of this version.
    pub(crate) fn are_for_tenants(&self, version: &str) -> bool {
        let mut own = self.own();
        self.versions(AppScope::Tenant)
            .iter()
            .any(|known| known == version)
            || own.any(|(_, versions)| versions.iter().any(|known| known == version))
    }
}

fn in_order<'a>(apps: impl Iterator<Item = &'a Embedded>) -> Vec<&'static MigrationFile> {
    let mut migrations: Vec<_> = apps.flat_map(|app| app.files).collect();
    migrations.sort_by_key(|file| file.version);
    migrations
}

fn versions(migrations: &[&MigrationFile]) -> Vec<String> {
    migrations.iter().map(|file| file.version.to_owned()).collect()
}
