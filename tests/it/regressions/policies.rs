//! [`OnSwitch`]: custom types of one tenant met another, and reconnecting took more than its place.

use super::ok;
use crate::affinity::{two, with};
use crate::pooler::Pooled;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tenant_diesel::r2d2::Pool;
use tenant_diesel::{Error, OnSwitch};
use tenant_tests::apps::customers::Client;
use tenant_tests::moods::{self, give_moods};
use tenant_tests::*;

/// [`OnSwitch::Reconnect`] opened the new connection while it still held the old one.
#[test]
fn reconnecting_keeps_max_size() {
    const OTHERS: &str = "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'reconnecting')";
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(1))
        .on_connect(|pg| {
            // The server is told of the end, and takes its time.
            wait_until("the old session has ended", || !ask_bool(pg, OTHERS));
            pg.batch_execute("SET application_name = 'reconnecting'")
        })
        .pool(|pool| pool.on_switch(OnSwitch::Reconnect))
        .connect(fixture.database.url())
        .unwrap();
    for tenant in tenants.iter().cycle().take(6) {
        tenancy.with_tenant(tenant, titles).unwrap();
    }
    assert_eq!(tenancy.pool().metrics().closed.switched, 5);
}

/// A question about the catalog between two tenants is no reason to keep what Diesel knows of the first one's types.
#[test]
fn a_question_between_two_tenants_does_not_undo_the_policy() {
    for policy in [OnSwitch::ClearStatements, OnSwitch::Reconnect] {
        let fixture = with(1, |pool| pool.on_switch(policy));
        let tenants = fixture.tagged(&["acme", "globex"]);
        give_moods(&fixture, &tenants);
        for tenant in tenants.iter().cycle().take(4) {
            let read = fixture
                .tenancy
                .with_tenant(tenant, |conn| moods::round_trip(conn, &tenant.name));
            assert_eq!(ok(read), [moods::Mood(tenant.name.clone())], "{policy:?}");
            fixture.tenancy.schema_exists(&tenant.schema_name).unwrap();
        }
    }
}

/// A nested scope that fails with its transaction leaves no types behind for the outer one.
#[test]
fn a_nested_scope_in_a_failed_transaction_does_not_undo_the_policy() {
    let (fixture, tenants) = two(|pool| pool.on_switch(OnSwitch::ClearStatements));
    give_moods(&fixture, &tenants);
    let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        let failed: Result<(), Error> = conn.transaction(|conn| {
            conn.with_tenant(&tenants[1], |conn| {
                moods::round_trip(conn, "globex")?;
                diesel::sql_query("SELECT nonsense").execute(conn)
            })?;
            Ok(())
        });
        assert!(failed.is_err());
        moods::round_trip(conn, "acme").map_err(Error::from)
    });
    ok(read);
}

/// Nor does one that panics, where the panic is caught.
#[test]
fn a_nested_scope_that_panics_does_not_undo_the_policy() {
    let (fixture, tenants) = two(|pool| pool.on_switch(OnSwitch::ClearStatements));
    give_moods(&fixture, &tenants);
    let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            conn.with_tenant(&tenants[1], |conn| -> QueryResult<()> {
                moods::round_trip(conn, "globex")?;
                panic!("on purpose")
            })
        }));
        assert!(caught.is_err());
        moods::round_trip(conn, "acme").map_err(Error::from)
    });
    ok(read);
}

/// Custom types in nested scopes behind a pooler.
#[test]
fn custom_types_in_nested_scopes_behind_a_pooler() {
    let (pooled, tenancy, tenants) = Pooled::two(1, |pool| pool.on_switch(OnSwitch::ClearStatements));
    give_moods(&pooled.fixture, &tenants);
    let read = tenancy.with_tenant(&tenants[0], |conn| {
        moods::round_trip(conn, "acme")?;
        conn.with_tenant(&tenants[1], |conn| moods::round_trip(conn, "globex"))
    });
    ok(read);
}
