//! Runs of migrations, and who is served.

mod left_behind;
mod odd;
mod reports;
mod rest;
mod resumed;
mod served;
mod states;
mod told;

use crate::fleets::{TODO, again, bare, failure};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tenant_diesel::{
    Error, Executor, MigrationReport, MigrationTarget, Moment, OnError, Outcome, RunEvent, Selection,
    Tenancy, Work, r2d2,
};
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::todo;
use tenant_tests::{Fixture, application, cases, chain, name, new_client, titles};

fn run(tenancy: &Tenancy<Client>, target: MigrationTarget) -> Result<MigrationReport, Error> {
    tenancy
        .migration()
        .select(Selection::tenants())
        .target(target)
        .run()
}
