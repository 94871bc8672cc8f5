//! [`EmbeddedApps`]: the migrations in the binary, by scope, in the order of their versions, and their files.

use crate::app::{EmbeddedApp, MigrationFile};
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_migrations::EmbeddedMigrations;
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
    migrations: fn() -> EmbeddedMigrations,
}

impl Embedded {
    pub(crate) fn of<A: EmbeddedApp>() -> Self {
        Self {
            app: A::NAME,
            scope: A::SCOPE,
            files: A::FILES,
            migrations: || A::MIGRATIONS,
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

    /// The files of a version in one kind of schema. The registry sees to it that there is one at most.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "for the runner, which will name the line of a statement that fails"
        )
    )]
    pub(crate) fn file(&self, scope: AppScope, version: &str) -> Option<&'static MigrationFile> {
        let apps = self.apps.iter().filter(|app| app.scope.includes(scope));
        apps.flat_map(|app| app.files)
            .find(|file| file.version == version)
    }

    /// The migrations of all apps that live in one kind of schema, merged in the order of their versions.
    pub(crate) fn migrations(&self, scope: AppScope) -> Vec<Box<dyn Migration<Pg>>> {
        let mut migrations: Vec<Box<dyn Migration<Pg>>> = Vec::new();
        for app in &self.apps {
            if app.scope.includes(scope) {
                // Embedded migrations are listed from memory: this cannot fail.
                migrations.extend(MigrationSource::<Pg>::migrations(&(app.migrations)()).unwrap_or_default());
            }
        }
        migrations.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
        migrations
    }
}
