//! Everything that an application's modules need: `use tenant_diesel::prelude::*;`

pub use crate::{
    PublicConnection, SchemaName, Tenancy, Tenant, TenantConnection, TenantModel, shared_app, tenant_app,
};
