//! Start-up: what is pending is applied to every schema, once, whatever the files do.

mod concurrently;
mod extensions;
mod failures;
mod files;
mod ledgers;
mod order;
mod processes;

use std::time::Duration;
use tenant_diesel::{Error, MigrationReport, Tenancy, TenancyBuilder, r2d2};
use tenant_tests::{Fixture, cases};

const TODO: [&str; 2] = ["20240101000000", "20240102000000"];
const CONCURRENT: [&str; 4] = [
    "20240301000000",
    "20240302000000",
    "20240303000000",
    "20240304000000",
];

/// The application of a fixture with other apps, on the same database.
fn again<T: tenant_diesel::TenantModel, U>(fixture: &Fixture<U>, builder: TenancyBuilder<T>) -> Tenancy<T> {
    let limits = r2d2::Pool::builder()
        .max_size(2)
        .connection_timeout(Duration::from_secs(10));
    builder.r2d2(limits).connect(fixture.database.url()).unwrap()
}

/// Customers only, with these tenants, so that whatever a later application adds is pending.
fn bare(schemas: &[&str]) -> Fixture {
    let fixture = Fixture::of(2, cases::builder());
    fixture.tenancy.migrate().unwrap();
    for schema in schemas {
        fixture.tenant(schema);
    }
    fixture
}

/// The report of a run that must fail.
fn failure(result: Result<MigrationReport, Error>) -> MigrationReport {
    match result {
        Err(Error::Migrate(report)) => *report,
        other => panic!("{other:?}"),
    }
}

fn applied(report: &MigrationReport) -> Vec<(&str, Vec<&str>)> {
    report
        .schemas
        .iter()
        .map(|entry| {
            (
                entry.schema.as_str(),
                entry.applied.iter().map(String::as_str).collect(),
            )
        })
        .collect()
}

fn valid_indexes(fixture: &Fixture, index: &str) -> Vec<String> {
    fixture.texts(&format!(
        "SELECT relnamespace::regnamespace FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid \
         WHERE relname = '{index}' AND indisvalid ORDER BY 1"
    ))
}

/// Customers and documents, whose index is built concurrently.
fn concurrent() -> Fixture {
    let fixture = Fixture::of(2, cases::builder().app::<cases::concurrent::App>());
    fixture.tenancy.migrate().unwrap();
    fixture
}
