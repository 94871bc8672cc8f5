//! Requests over real HTTP, to an application on a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests that fails fails its test"
)]

// The application.
mod app;
// From a host to a tenant: what is answered.
mod answers;
// Connections: exhausted, held, panicking, given up.
mod connections;
// Spans, the current tenant, spawned tasks.
mod current;
// Redirects, folders, links.
mod links;
// Thousands of requests at once, and no crossing.
mod crossings;
// Another process changes tenants.
mod changes;
// What a review found.
mod regressions;
// Web sockets.
mod sockets;
