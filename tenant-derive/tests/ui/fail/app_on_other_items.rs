//! The attributes go on modules.

use tenant_diesel::{shared_app, tenant_app};

/// Words.
#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub struct Clients;

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
fn todo() {}

fn main() {
    todo();
    let _ = Clients;
}
