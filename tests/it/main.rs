//! The suite across crates, on a real PostgreSQL: one server for the run, a database for each test.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests that fails fails its test"
)]

// Real processes, to be started at one moment or killed.
mod process;

// What one borrower leaves must not reach the next.
mod leaks;
// The same, where each checkout sets its path.
#[path = "leaks/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the same tests, with another pool")]
mod leaks_without_affinity;
// Which schema a query meets, nested to any depth, on many threads.
mod scopes;
// Scopes that are one transaction, and what closures return.
mod transactions;
// The pool: bounded, with errors that name it.
mod pool;
// Which connection a tenant gets, what that costs, and what bounds it.
mod affinity;
// Every method of Diesel's connection traits works on ours.
mod forwarded;
// An instrumentation that itself uses the tenancy.
mod instrumentation;
// What the server keeps prepared: a statement for each query, and no tenant's name.
mod statements;
// What each call costs, counted on the wire.
mod round_trips;
// What was once wrong.
mod regressions;
// All of the above at once, at random.
mod soak;
// Through a real PgBouncer.
mod pooler;

// Which names tenants can have, and that each is kept as it is.
mod names;
// Tenants are created, changed, listed and deleted.
mod life_cycle;
// Tenant models with keys of other kinds.
mod keys;
// Who is found at a host, and the domains of tenants.
mod directory;
// Start-up: what is pending is applied to every schema, once.
mod migrations;
// Many schemas: who is served, what a run does, and what it survives.
mod fleets;
// Sites of one's own, with apps of their own.
mod static_tenants;
// Work for a tenant that was asked for earlier.
mod jobs;
// What is said of migrations before they run.
mod lints;
// Tenants of one version that are not alike.
mod drift;
// What is wrong with a database, and what is mended.
mod doctor;
// A killed process leaves nothing half done.
mod crash;
// Which tables are where: shared apps, tenant apps, both.
mod classification;
// Tables that are taken from a generated file.
mod generated;

// Programs that must not compile.
mod ui;
