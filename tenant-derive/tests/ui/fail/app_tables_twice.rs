//! A table stands in an app once.

use tenant_diesel::tenant_app;

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
mod todo {
    diesel::table! { tasks (id) { id -> Int4 } }
    mod archive {
        diesel::table! { archive.tasks (id) { id -> Int4 } }
    }
}

fn main() {}
