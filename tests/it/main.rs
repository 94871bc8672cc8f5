//! The suite across crates, on a real PostgreSQL.

mod leaks;
mod smoke;
