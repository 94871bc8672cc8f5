//! A PgBouncer in front of a database: found or fetched, started in milliseconds, gone afterwards.
//!
//! It is kept as a server is: in a folder of its own, by a watchdog that ends it however its holder ended.

mod config;
mod discovery;
mod fetch;
mod handle;
mod program;
mod target;

pub use config::PoolMode;
pub use handle::{PgBouncer, PgBouncerBuilder};
