//! The domains of tenants: a table of them beside the table of tenants, kept so that each tenant has one primary domain.
//!
//! | module | owns |
//! |---|---|
//! | [`model`] | [`DomainModel`]: what is needed of a Diesel model; [`NewDomain`] |
//! | [`table`] | the names of its table and columns as SQL |
//! | [`change`] | `add_domain`, `make_primary`, `redirect_to_primary`, `remove_domain` |
//! | [`list`] | `domains_of`, `primary_domain` |
//!
//! Who is found at a domain is [`crate::directory`]'s business.

mod change;
mod list;
mod model;
mod table;

pub use model::{DomainColumns, DomainModel, NewDomain};
pub(crate) use table::{DomainTable, TenantTable};
