//! The suite across crates, on a real PostgreSQL.

// Real processes, to be started at one moment or killed.
mod process;

// Two tenants and their rows.
mod smoke;

// Which names tenants can have, and that each is kept as it is.
mod names;
// Tenants are created, changed, listed and deleted.
mod life_cycle;
// Tenant models with keys of other kinds.
mod keys;
// Start-up: what is pending is applied to every schema, once.
mod migrations;
// A killed process leaves nothing half done.
mod crash;
// Which tables are where: shared apps, tenant apps, both.
mod classification;
