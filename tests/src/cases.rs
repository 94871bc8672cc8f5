//! Small apps, each with migrations that do something special.

use crate::apps::customers::{self, Client};
use tenant_diesel::{Tenancy, TenancyBuilder};

/// An app with the migrations of `fixtures/<name>`.
macro_rules! app {
    ($(#[$doc:meta])* $name:ident, $directory:literal, $scope:expr, [$($table:literal),*], { $($tables:tt)* }) => {
        $(#[$doc])*
        pub mod $name {
            use tenant_diesel::AppScope;
            $($tables)*

            /// The app.
            #[derive(Clone, Copy, Debug)]
            pub struct App;

            impl tenant_diesel::App for App {
                const NAME: &'static str = stringify!($name);
                const SCOPE: AppScope = $scope;
                const TABLES: &'static [tenant_diesel::Table] =
                    &[$(tenant_diesel::Table { schema: None, name: $table }),*];

                fn migration_versions() -> Vec<String> {
                    tenant_diesel::__private::versions::<Self>()
                }
            }

            impl tenant_diesel::EmbeddedApp for App {
                const MIGRATIONS: diesel_migrations::EmbeddedMigrations =
                    diesel_migrations::embed_migrations!($directory);
            }
        }
    };
}

app!(
    /// People who log in to one tenant.
    accounts, "fixtures/accounts", AppScope::Tenant, ["users"],
    { diesel::table! { users (id) { id -> Int8, login -> Text, password -> Text } } }
);
app!(
    /// Notes, in the shared schema and in each tenant's.
    notes, "fixtures/notes", AppScope::Both, ["notes"],
    { diesel::table! { notes (id) { id -> Int8, text -> Text } } }
);
app!(
    /// A table, an index that is built concurrently, a file that leaves the path on `public`, and a table
    /// whose migration fails where `public.plans` is empty.
    concurrent, "fixtures/concurrent", AppScope::Tenant, ["documents", "pages"],
    { diesel::table! { documents (id) { id -> Int8, title -> Text, plan_id -> Nullable<Int4> } } }
);
app!(
    /// Five tables, whose files set the path in three ways.
    wandering, "fixtures/wandering", AppScope::Tenant, ["one", "two", "three", "four", "five"], {}
);
app!(
    /// A file that commits.
    commits, "fixtures/commits", AppScope::Tenant, ["before", "committed"], {}
);
app!(
    /// A file without a transaction that begins one and leaves it open.
    left_open, "fixtures/left_open", AppScope::Tenant, ["never"], {}
);
app!(
    /// A file that drops a table which only the shared schema has.
    reaching, "fixtures/reaching", AppScope::Tenant, ["reached"], {}
);
app!(
    /// Makes the schema `extensions` with a function and a domain.
    extensions, "fixtures/extensions", AppScope::Shared, [], {}
);
app!(
    /// Uses that function and that domain.
    shouting, "fixtures/shouting", AppScope::Tenant, ["shouts"], {}
);

/// An application with customers and nothing else yet.
pub fn builder() -> TenancyBuilder<Client> {
    Tenancy::builder().app::<customers::App>()
}
