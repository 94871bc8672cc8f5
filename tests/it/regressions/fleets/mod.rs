//! Runs of migrations, and who is served.

mod left_behind;
mod odd;
mod reports;
mod rest;
mod resumed;
mod served;
mod states;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tenant_diesel::{
    Error, Executor, MigrationReport, MigrationTarget, Moment, OnError, Outcome, RunEvent, Selection,
    Tenancy, TenancyBuilder, Work, r2d2,
};
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::todo;
use tenant_tests::{Fixture, application, cases, chain, name, titles};

const TODO: [&str; 2] = ["20240101000000", "20240102000000"];

fn again(fixture: &Fixture, builder: TenancyBuilder<Client>) -> Tenancy<Client> {
    let limits = r2d2::Pool::builder()
        .max_size(4)
        .connection_timeout(Duration::from_secs(10));
    builder.r2d2(limits).connect(fixture.database.url()).unwrap()
}

fn bare(tenants: usize) -> Fixture {
    let fixture = Fixture::of(4, cases::builder());
    fixture.tenancy.migrate().unwrap();
    for i in 0..tenants {
        fixture.tenant(&format!("t{i:03}"));
    }
    fixture
}

fn failure(result: Result<MigrationReport, Error>) -> MigrationReport {
    match result {
        Err(Error::Migrate(report)) => *report,
        other => panic!("{other:?}"),
    }
}

fn run(tenancy: &Tenancy<Client>, target: MigrationTarget) -> Result<MigrationReport, Error> {
    tenancy
        .migration()
        .select(Selection::tenants())
        .target(target)
        .run()
}
