//! [`App`]: tables, and the migrations that make them, with the kind of schema that they belong to.

use std::fmt;

/// In which schemas the tables of an app exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AppScope {
    /// In the shared schema (`public`), once.
    Shared,
    /// In the schema of each tenant.
    Tenant,
    /// In both: twice as many tables, and a query says which it means by the connection it runs on.
    Both,
}

impl AppScope {
    /// Whether the tables of the app exist in the shared schema.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Shared | Self::Both)
    }

    /// Whether the tables of the app exist in the schema of each tenant.
    #[must_use]
    pub const fn is_tenant(self) -> bool {
        matches!(self, Self::Tenant | Self::Both)
    }

    /// Whether the tables of the app exist in this kind of schema; for `Both`, in either.
    #[must_use]
    pub const fn includes(self, kind: Self) -> bool {
        match kind {
            Self::Shared => self.is_shared(),
            Self::Tenant => self.is_tenant(),
            Self::Both => matches!(self, Self::Both),
        }
    }
}

impl fmt::Display for AppScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Shared => "shared",
            Self::Tenant => "tenant",
            Self::Both => "both",
        })
    }
}

/// A table as an app declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table {
    /// The schema that the table is qualified with, if any: `Some("public")` for the tables of a
    /// shared app, `None` for those that the `search_path` finds.
    pub schema: Option<&'static str>,
    /// The name of the table in the database.
    pub name: &'static str,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(self.name)
    }
}

/// Tables and the migrations that make them. `#[shared_app]` and `#[tenant_app]` write this for a
/// module, as a unit struct `App` in it.
///
/// ```
/// use tenant_core::{App, AppScope, Table};
///
/// struct Todo;
///
/// impl App for Todo {
///     const NAME: &'static str = "todo";
///     const SCOPE: AppScope = AppScope::Tenant;
///     const TABLES: &'static [Table] = &[Table { schema: None, name: "tasks" }];
///     fn migration_versions() -> Vec<String> { vec!["20240101000000".into()] }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an app",
    note = "name the type `App` that `#[shared_app]` or `#[tenant_app]` puts into the module: `.app::<my_module::App>()`"
)]
pub trait App {
    /// The name of the app: that of its module.
    const NAME: &'static str;
    /// In which schemas its tables exist.
    const SCOPE: AppScope;
    /// Its tables.
    const TABLES: &'static [Table];

    /// The versions of its migrations, in the form that the ledger holds (`20240131120000`).
    fn migration_versions() -> Vec<String>;
}

/// Marks a table of Diesel's with the app that declares it. Written by `#[shared_app]` and
/// `#[tenant_app]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table of an app",
    note = "put its `diesel::table!` (or, from a generated file, its name under `tables(..)`) into a module with `#[shared_app]` or `#[tenant_app]`"
)]
pub trait ScopedTable {
    /// The app that declares the table.
    type App: App;
    /// The table's name in the database, with the schema that qualifies it.
    const TABLE: Table;
    /// In which schemas the table exists.
    const SCOPE: AppScope = <Self::App as App>::SCOPE;
}

/// An [`App`] as a value, for the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppInfo {
    /// [`App::NAME`]
    pub name: &'static str,
    /// [`App::SCOPE`]
    pub scope: AppScope,
    /// [`App::TABLES`]
    pub tables: Vec<Table>,
    /// [`App::migration_versions`]
    pub migration_versions: Vec<String>,
}

impl AppInfo {
    /// What the registry keeps of an app.
    #[must_use]
    pub fn of<A: App>() -> Self {
        Self {
            name: A::NAME,
            scope: A::SCOPE,
            tables: A::TABLES.to_vec(),
            migration_versions: A::migration_versions(),
        }
    }
}
