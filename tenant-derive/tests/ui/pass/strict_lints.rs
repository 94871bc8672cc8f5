//! The expansions raise no lint, however strict the crate is.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused_qualifications)]
#![deny(unused, nonstandard_style, future_incompatible, rust_2018_idioms, rust_2024_compatibility)]
#![deny(unsafe_code, single_use_lifetimes, unused_lifetimes, trivial_casts, variant_size_differences)]
#![deny(let_underscore_drop, unit_bindings, redundant_lifetimes, unused_import_braces, meta_variable_misuse)]

use diesel::prelude::*;
use tenant_diesel::prelude::*;

/// Customers.
#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod customers {
    use super::*;

    diesel::table! {
        /// Words.
        clients (id) {
            /// Words.
            id -> Int4,
            /// Words.
            schema_name -> Text,
        }
    }

    /// A customer.
    #[derive(Tenant, Queryable, Selectable, Debug)]
    #[diesel(table_name = clients)]
    pub struct Client {
        id: i32,
        schema_name: SchemaName,
    }
}

#[tenant_app(
    migrations = "tests/fixtures/migrations/todo",
    schema = "tests/fixtures/schema.rs",
    tables(tasks, labels)
)]
/// What there is to do.
pub mod todo {}

fn main() {
    let _ = todo::tasks::table.inner_join(todo::labels::table);
    let _ = customers::Client::by_key(&1);
}
