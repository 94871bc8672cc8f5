//! [`EmbeddedApp`]: an app with its migrations in the binary, and [`MigrationFile`], their text.

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
    /// The same migrations as text, in the order of their names: Diesel keeps to itself what it embeds.
    const FILES: &'static [MigrationFile];
}

/// The files of one migration, as they were when the program was built.
///
/// ```
/// # include!("docs/setup.rs");
/// use tenant_diesel::EmbeddedApp;
///
/// # fn main() {
/// let [tasks] = todo::App::FILES else { unreachable!() };
/// assert_eq!(tasks.version, "20260101000000");
/// assert_eq!(tasks.directory, "migrations/todo/2026-01-01-000000_tasks");
/// assert!(tasks.up.starts_with("CREATE TABLE tasks"));
/// assert!(tasks.down.is_some() && tasks.run_in_transaction);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationFile {
    /// The version, as the ledger has it: `20240131120000`.
    pub version: &'static str,
    /// The name of the directory: `2024-01-31-120000_tasks`.
    pub name: &'static str,
    /// Its path, as the app's attribute gives it: `migrations/todo/2024-01-31-120000_tasks`, from the
    /// `Cargo.toml` of the crate.
    pub directory: &'static str,
    /// The text of `up.sql`.
    pub up: &'static str,
    /// The text of `down.sql`. Without one, the migration cannot be reverted.
    pub down: Option<&'static str>,
    /// Whether the migration and its row in the ledger are one transaction. False where `metadata.toml`
    /// says so.
    pub run_in_transaction: bool,
}

impl MigrationFile {
    /// Whether what follows a file may be done by another role than what came before.
    pub(crate) fn may_change_role(&self) -> bool {
        let may = |text: &str| {
            let text = text.to_ascii_lowercase();
            text.contains("role") || text.contains("authorization")
        };
        may(self.up) || self.down.is_some_and(may)
    }
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
