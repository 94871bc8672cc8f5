//! Sites of one's own: each with the apps that it names, which no customer gets.

mod apps;
mod checks;
mod runs;

use crate::fleets::{TODO, again};
use tenant_diesel::{StaticTenant, TenancyBuilder};
use tenant_tests::apps::customers::Client;
use tenant_tests::cases::{accounts, counting};
use tenant_tests::{Fixture, application, name};

const ACCOUNTS: [&str; 1] = ["20240201000000"];
const COUNTING: [&str; 3] = ["20241001000000", "20241002000000", "20241003000000"];

/// Customers with to-do lists; `www` with accounts, `blog` with what counts, `help` with what customers have.
fn sites() -> TenancyBuilder<Client> {
    application()
        .static_app::<accounts::App>()
        .static_app::<counting::App>()
        .static_tenant(StaticTenant::new(name("www")).app::<accounts::App>())
        .static_tenant(StaticTenant::new(name("blog")).app::<counting::App>())
        .static_tenant(name("help"))
}

/// The same on a database, migrated, with two customers.
fn migrated() -> Fixture {
    let fixture = Fixture::of(4, sites());
    fixture.tenancy.migrate().unwrap();
    fixture.tagged(&["acme", "globex"]);
    fixture
}
