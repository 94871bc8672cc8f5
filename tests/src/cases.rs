//! Small apps, each with migrations that do something special.

use crate::apps::customers::{self, Client};
use tenant_diesel::{Tenancy, TenancyBuilder, shared_app, tenant_app};

/// People who log in to one tenant.
#[tenant_app(migrations = "fixtures/accounts")]
pub mod accounts {
    diesel::table! { users (id) { id -> Int8, login -> Text, password -> Text } }
}

/// Notes, in the shared schema and in each tenant's.
#[shared_app(migrations = "fixtures/notes")]
#[tenant_app]
pub mod notes {
    diesel::table! { notes (id) { id -> Int8, text -> Text } }
}

/// A table, an index that is built concurrently, a file that leaves the path on `public`, and a table
/// whose migration fails where `public.plans` is empty.
#[tenant_app(migrations = "fixtures/concurrent")]
pub mod concurrent {
    diesel::table! { documents (id) { id -> Int8, title -> Text, plan_id -> Nullable<Int4> } }
    diesel::table! { pages (id) { id -> Int8 } }
}

/// Five tables, whose files set the path in three ways.
#[tenant_app(migrations = "fixtures/wandering")]
pub mod wandering {
    diesel::table! { one (id) { id -> Int4 } }
    diesel::table! { two (id) { id -> Int4 } }
    diesel::table! { three (id) { id -> Int4 } }
    diesel::table! { four (id) { id -> Int4 } }
    diesel::table! { five (id) { id -> Int4 } }
}

/// Files that say how often they were applied.
#[tenant_app(migrations = "fixtures/counting")]
pub mod counting {
    diesel::table! { counted (version) { version -> Int4 } }
}

/// A table, and no way back.
#[tenant_app(migrations = "fixtures/one_way")]
pub mod one_way {
    diesel::table! { one_way (id) { id -> Int4 } }
}

/// A file that commits.
#[tenant_app(migrations = "fixtures/commits")]
pub mod commits {
    diesel::table! { before (id) { id -> Int4 } }
    diesel::table! { committed (id) { id -> Int4 } }
}

/// A file without a transaction that begins one and leaves it open.
#[tenant_app(migrations = "fixtures/left_open")]
pub mod left_open {
    diesel::table! { never (id) { id -> Int4 } }
}

/// A file that drops a table which only the shared schema has.
#[tenant_app(migrations = "fixtures/reaching")]
pub mod reaching {
    diesel::table! { reached (id) { id -> Int4 } }
}

/// Everything that the lints look for. Nobody migrates it.
#[tenant_app(migrations = "fixtures/careless")]
pub mod careless {
    diesel::table! { drafts (id) { id -> Int8 } }
}

/// Semicolons that end nothing: in quotes, comments, rules and bodies.
#[tenant_app(migrations = "fixtures/quoting")]
pub mod quoting {
    diesel::table! { log (id) { id -> Int4 } }
}

/// A shop of ten tables, over nine migrations.
#[tenant_app(migrations = "fixtures/workload")]
pub mod workload {
    diesel::table! { product (id) { id -> Int8, name -> Text } }
}

/// Makes the schema `extensions` with a function and a domain.
#[shared_app(migrations = "fixtures/extensions")]
pub mod extensions {}

/// Uses that function and that domain.
#[tenant_app(migrations = "fixtures/shouting")]
pub mod shouting {
    diesel::table! { shouts (sender) { text -> Text, sender -> Text } }
}

/// A table that refers to the table of tenants.
#[tenant_app(migrations = "fixtures/referring")]
pub mod referring {
    diesel::table! { files (id) { id -> Int8, client_id -> Nullable<Int4> } }
}

/// Eight hundred tables with an index or three each, in eight files, of which forty refer to a shared table.
#[tenant_app(migrations = "fixtures/huge")]
pub mod huge {}

/// Eight hundred tables in one file, a statement each.
#[tenant_app(migrations = "fixtures/huge_file")]
pub mod huge_file {}

/// An application with customers and nothing else yet.
pub fn builder() -> TenancyBuilder<Client> {
    Tenancy::builder().app::<customers::App>()
}

/// A file without a transaction that leaves a setting.
#[tenant_app(migrations = "fixtures/rough_session")]
pub mod rough_session {}

/// A file without a transaction that leaves a temporary table.
#[tenant_app(migrations = "fixtures/rough_scratch")]
pub mod rough_scratch {}

/// A file without a transaction that leaves a role.
#[tenant_app(migrations = "fixtures/rough_role")]
pub mod rough_role {}

/// A file that rolls back what it did, and begins anew.
#[tenant_app(migrations = "fixtures/rough_chain")]
pub mod rough_chain {}

/// A file that fails in a block.
#[tenant_app(migrations = "fixtures/rough_raise")]
pub mod rough_raise {}

/// A file without a transaction that can be run once.
#[tenant_app(migrations = "fixtures/rough_index")]
pub mod rough_index {}

/// A file that makes tables as another role.
#[tenant_app(migrations = "fixtures/rough_owner")]
pub mod rough_owner {}

/// A file that makes a function in PL/pgSQL, and says on which connection.
#[tenant_app(migrations = "fixtures/rough_block")]
pub mod rough_block {}

/// A file without a transaction that reads the plans, and one that takes back what it made.
#[tenant_app(migrations = "fixtures/rough_halves")]
pub mod rough_halves {}

/// A file without a transaction that gives up the locks of its session.
#[tenant_app(migrations = "fixtures/rough_unlocked")]
pub mod rough_unlocked {}

/// A file without a transaction that builds two indexes, and drops both to go back.
#[tenant_app(migrations = "fixtures/rough_two_indexes")]
pub mod rough_two_indexes {}

/// Files that make a table, and change it, and do nothing else. The last statement has no semicolon.
#[tenant_app(migrations = "fixtures/plain")]
pub mod plain {}

/// A file that waits for no lock.
#[tenant_app(migrations = "fixtures/rough_nowait")]
pub mod rough_nowait {}

/// A shared table, in a version of the same name as that of the tenants' which refers to it.
#[shared_app(migrations = "fixtures/rates")]
pub mod rates {}

/// A table that refers to a shared one.
#[tenant_app(migrations = "fixtures/prices")]
pub mod prices {}

/// A file with Windows' ends of lines, whose second statement fails without saying where.
#[tenant_app(migrations = "fixtures/rough_divides")]
pub mod rough_divides {}
