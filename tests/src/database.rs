//! A database of its own for each test, on the one server of the run.

use tenant_testing::Postgres;

pub use tenant_testing::Database;

/// A new, empty database, dropped with the value.
pub fn database() -> Database {
    Postgres::shared().unwrap().database().unwrap()
}
