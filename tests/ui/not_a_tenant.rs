//! A schema is not chosen by a text, nor by a model that is no tenant.
use tenant_diesel::prelude::*;
use tenant_tests::apps::customers::Client;

struct Other;

fn run(tenancy: &Tenancy<Client>, conn: &mut TenantConnection) {
    let _ = tenancy.with_schema("acme", |_| tenant_diesel::Result::Ok(()));
    let _ = conn.with_tenant(&Other, |_| tenant_diesel::Result::Ok(()));
    let _ = tenancy.create(Other);
}

fn main() {}
