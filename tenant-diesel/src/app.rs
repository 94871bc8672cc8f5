//! [`EmbeddedApp`]: an app with its migrations in the binary.

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_migrations::EmbeddedMigrations;
use tenant_core::App;

/// An [`App`] with its migrations in the binary. Written by `#[shared_app]` and `#[tenant_app]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an app",
    note = "name the type `App` that `#[shared_app]` or `#[tenant_app]` puts into the module: `.app::<my_module::App>()`"
)]
pub trait EmbeddedApp: App {
    /// The migrations, as `diesel_migrations::embed_migrations!` gives them.
    const MIGRATIONS: EmbeddedMigrations;
}

/// The versions of an app's migrations, for [`App::migration_versions`].
#[must_use]
pub fn versions<A: EmbeddedApp>() -> Vec<String> {
    // Embedded migrations are listed from memory: this cannot fail, and an empty list is a finding of the registry.
    let migrations = MigrationSource::<Pg>::migrations(&A::MIGRATIONS).unwrap_or_default();
    migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect()
}
