//! [`EmbeddedApps`]: the migrations in the binary, by scope, in the order of their versions.

use crate::app::EmbeddedApp;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_migrations::EmbeddedMigrations;
use tenant_core::AppScope;

/// The migrations of all apps.
#[derive(Clone, Debug, Default)]
pub(crate) struct EmbeddedApps {
    apps: Vec<(AppScope, fn() -> EmbeddedMigrations)>,
}

impl EmbeddedApps {
    pub(crate) fn push<A: EmbeddedApp>(&mut self) {
        self.apps.push((A::SCOPE, || A::MIGRATIONS));
    }

    /// The migrations of all apps that live in one kind of schema, merged in the order of their versions.
    pub(crate) fn migrations(&self, scope: AppScope) -> Vec<Box<dyn Migration<Pg>>> {
        let mut migrations: Vec<Box<dyn Migration<Pg>>> = Vec::new();
        for (app, embedded) in &self.apps {
            if app.includes(scope) {
                // Embedded migrations are listed from memory: this cannot fail.
                migrations.extend(MigrationSource::<Pg>::migrations(&embedded()).unwrap_or_default());
            }
        }
        migrations.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
        migrations
    }
}
