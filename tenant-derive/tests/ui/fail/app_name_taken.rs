//! The macro adds a type of its own.

use tenant_diesel::{shared_app, tenant_app};

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
mod todo {
    pub struct App;
}

#[expect(unused_imports, reason = "the name is what matters")]
#[shared_app(migrations = "tests/fixtures/migrations/customers")]
mod customers {
    pub use tenant_diesel::{App, SchemaName};
}

fn main() {}
