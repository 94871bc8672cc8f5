//! Many schemas: who is served, what a run of migrations does, and what it survives.

mod each;
mod faults;
mod runs;
mod standing;
mod status;
mod targets;
mod waves;

use std::time::Duration;
use tenant_diesel::{Error, MigrationReport, Tenancy, TenancyBuilder, r2d2};
use tenant_tests::apps::customers::Client;
use tenant_tests::{Fixture, cases};

pub(crate) const TODO: [&str; 2] = ["20240101000000", "20240102000000"];

/// Another process' view of the same database.
pub(crate) fn again(fixture: &Fixture, builder: TenancyBuilder<Client>) -> Tenancy<Client> {
    let limits = r2d2::Pool::builder()
        .max_size(4)
        .connection_timeout(Duration::from_secs(10));
    builder.r2d2(limits).connect(fixture.database.url()).unwrap()
}

/// Customers only, with so many tenants, so that whatever a later application adds is pending.
pub(crate) fn bare(tenants: usize) -> Fixture {
    let fixture = Fixture::of(4, cases::builder());
    fixture.tenancy.migrate().unwrap();
    for i in 0..tenants {
        fixture.tenant(&format!("t{i:03}"));
    }
    fixture
}

/// The report of a run that must fail, or be stopped.
pub(crate) fn failure(result: Result<MigrationReport, Error>) -> MigrationReport {
    match result {
        Err(Error::Migrate(report)) => *report,
        other => panic!("{other:?}"),
    }
}

/// The schemas of a report, but for the shared one, in order.
fn schemas(report: &MigrationReport) -> Vec<&str> {
    let names = report.schemas.iter().map(|entry| entry.schema.as_str());
    names.filter(|name| *name != "public").collect()
}
