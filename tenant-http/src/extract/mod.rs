//! Extractors: what a handler asks for in its arguments.
//!
//! | extractor | gives | at the wrong kind of site |
//! |---|---|---|
//! | [`Tenant<T>`] | the customer | 404 |
//! | `Option<Tenant<T>>` | the customer, if it is one's site | `None` |
//! | [`PublicOnly`] | that it is the public site | 404 |
//! | [`TenantDb`] | connections on the schema of a customer or a static tenant | 404 |
//! | [`PublicDb`] | connections on the shared schema | |
//! | [`Urls`] | links with the tenant's folder in them | |
//! | [`Routed`](crate::Routed) | all of what the layer found out | |
//!
//! Without [`TenantLayer`](crate::TenantLayer) before them, all are an error that says so, and answer 500.

mod databases;
mod site;
mod tenant;
mod urls;

pub use databases::{PublicDb, TenantDb};
pub use site::PublicOnly;
pub use tenant::Tenant;
pub use urls::Urls;
