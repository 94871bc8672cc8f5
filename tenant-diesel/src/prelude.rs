//! Everything that an application's modules need: `use tenant_diesel::prelude::*;`

pub use crate::{
    Domain, DomainModel, DomainName, Folder, PublicConnection, SchemaName, Tenancy, Tenant, TenantConnection,
    TenantModel, shared_app, tenant_app,
};
