//! An `on_connect` that fails while a session is made as good as new.

use crate::affinity::LONG;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// One connection, and what makes its `on_connect` fail.
pub(super) fn with_switchable_on_connect() -> (Fixture, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&fails);
    let fixture = Fixture::of(
        1,
        application::<Client>()
            .on_connect(move |pg| {
                if told.load(Ordering::SeqCst) {
                    return Err(diesel::result::Error::NotFound);
                }
                pg.batch_execute("SET application_name = 'mine'; SET default_transaction_read_only = off; SET lock_timeout = '777ms'")
            })
            .pool(|pool| pool.alive_bypass_window(LONG)),
    );
    fixture.tenancy.migrate().unwrap();
    (fixture, fails)
}

/// `on_connect` fails once, in a reset.
#[test]
fn a_connection_on_which_on_connect_failed_serves_nobody() {
    let (fixture, fails) = with_switchable_on_connect();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let name_of = |tenant: &Client| {
        let mut conn = fixture.tenancy.get(tenant).ok()?;
        Some(setting(&mut conn, "lock_timeout"))
    };
    let mut found = Vec::new();
    drop(name_of(&tenants[0]));
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    conn.batch_execute("SELECT 1; SELECT 2").unwrap();
    drop(conn);
    fails.store(true, Ordering::SeqCst);
    found.push(name_of(&tenants[1]));
    fails.store(false, Ordering::SeqCst);
    found.push(name_of(&tenants[1]));
    assert!(found.iter().flatten().all(|value| value == "777ms"), "{found:?}");
}

/// The same where the scope is a transaction.
#[test]
fn the_same_in_scopes_that_are_transactions() {
    let (fixture, fails) = with_switchable_on_connect();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let read = |tenant: &Client| {
        fixture
            .tenancy
            .with_tenant(tenant, |conn| QueryResult::Ok(setting(conn, "lock_timeout")))
    };
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| conn.batch_execute("SELECT 1; SELECT 2"))
        .unwrap();
    fails.store(true, Ordering::SeqCst);
    let first = read(&tenants[1]);
    fails.store(false, Ordering::SeqCst);
    let second = read(&tenants[1]);
    // Behind typed queries it stays for as long as the connection lives.
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| conn.batch_execute("SELECT 1; SELECT 2"))
        .unwrap();
    fails.store(true, Ordering::SeqCst);
    let silent = fixture.tenancy.with_tenant(&tenants[1], titles);
    fails.store(false, Ordering::SeqCst);
    for _ in 0..5 {
        let _any = fixture.tenancy.with_tenant(&tenants[0], titles);
    }
    let third = read(&tenants[0]);
    assert!(
        [&first, &second, &third]
            .into_iter()
            .all(|value| value.as_ref().map_or(true, |value| value == "777ms")),
        "{first:?} {second:?}, then {silent:?} {third:?}"
    );
}

/// The same in a scope that is a transaction of its own.
#[test]
fn on_connect_fails_before_a_transaction() {
    let (fixture, fails) = with_switchable_on_connect();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let dirty = || {
        fixture
            .tenancy
            .with_tenant(&tenants[0], |conn| conn.batch_execute("SELECT 1; SELECT 2"))
            .unwrap();
    };
    dirty();
    fails.store(true, Ordering::SeqCst);
    let first = fixture.tenancy.transaction(&tenants[1], titles);
    fails.store(false, Ordering::SeqCst);
    let second = fixture
        .tenancy
        .transaction(&tenants[1], |conn| QueryResult::Ok(setting(conn, "lock_timeout")));
    assert_eq!(second.unwrap(), "777ms", "after {first:?}");
}
