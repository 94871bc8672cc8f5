//! A module in another file cannot be an app.

use tenant_diesel::tenant_app;

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
mod todo;

fn main() {}
