//! A tenant's connection and one on the shared schema are different types.
use tenant_diesel::prelude::*;
use tenant_tests::apps::customers::{Client, NewClient};

fn of_a_tenant(_: &mut TenantConnection) {}
fn of_public(_: &mut PublicConnection) {}

fn mixed(tenancy: &Tenancy<Client>, acme: &Client) -> tenant_diesel::Result<()> {
    of_a_tenant(&mut tenancy.get_public()?);
    of_public(&mut tenancy.get(acme)?);
    Ok(())
}

fn born_in_another_tenant(tenancy: &Tenancy<Client>, conn: &mut TenantConnection, new: NewClient) {
    let _ = tenancy.create_in(conn, new);
}

fn main() {}
