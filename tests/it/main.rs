//! The suite across crates, on a real PostgreSQL.

mod forwarded;
mod leaks;
mod pool;
mod round_trips;
mod scopes;
mod smoke;
mod soak;
mod transactions;
mod ui;
