//! [`EmbeddedApps`]: the migrations in the binary, by scope, in the order of their versions, and their files.

use crate::app::{EmbeddedApp, MigrationFile};
use tenant_core::AppScope;

/// The migrations of all apps.
#[derive(Clone, Debug, Default)]
pub(crate) struct EmbeddedApps {
    apps: Vec<Embedded>,
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

    /// The apps, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Embedded> {
        self.apps.iter()
    }

    /// The migrations of all apps that live in one kind of schema, merged in the order of their versions.
    pub(crate) fn migrations(&self, scope: AppScope) -> Vec<&'static MigrationFile> {
        let apps = self.apps.iter().filter(|app| app.scope.includes(scope));
        let mut migrations: Vec<_> = apps.flat_map(|app| app.files).collect();
        migrations.sort_by_key(|file| file.version);
        migrations
    }

    /// Their versions, in order.
    pub(crate) fn versions(&self, scope: AppScope) -> Vec<String> {
        let migrations = self.migrations(scope);
        migrations
            .into_iter()
            .map(|file| file.version.to_owned())
            .collect()
    }
}
