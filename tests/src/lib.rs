//! What the tests share: an application with customers and to-do lists, and how to get one on a database
//! of its own.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::missing_errors_doc,
    missing_docs,
    reason = "a fixture that fails fails its test"
)]

pub mod apps;
pub mod cases;
mod database;
mod fixture;
pub mod hosts;
pub mod models;
pub mod moods;
mod observe;
mod spans;
mod warnings;

pub use database::{Database, database};
pub use fixture::{
    Fixture, add_task, application, ask_bool, backend, insert_task, name, names, new_client, setting, titles,
};
pub use observe::{chain, wait_until};
pub use spans::spans_of;
pub use tenant_testing::Proxy;
pub use warnings::warnings_of;
