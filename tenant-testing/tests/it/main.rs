//! Real servers and real processes.
#![expect(
    clippy::unwrap_used,
    clippy::exit,
    reason = "this is all tests, also what is shared between them"
)]

mod databases; // a database for each test
mod fetching; // programs from registries, with made-up clients
mod lifecycle; // a server is there as long as it is needed, and no longer
mod pooler; // a PgBouncer in front of a database
mod security; // who may connect
mod shared; // one server for many processes

mod helper; // processes to be killed
