//! What a closure may return is told where it may not.
use tenant_diesel::prelude::*;
use tenant_tests::apps::customers::Client;

#[derive(Debug)]
struct NoConversion;

fn run(tenancy: &Tenancy<Client>, acme: &Client) {
    let _ = tenancy.with_tenant(acme, |_| Err::<(), NoConversion>(NoConversion));
}

fn main() {}
