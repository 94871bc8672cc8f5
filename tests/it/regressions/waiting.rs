//! Who waits for a connection, and for how long.

use super::{LOCK_CATALOG, is_waited_for};
use crate::affinity::{LONG, with};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error::RollbackTransaction;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tenant_diesel::r2d2::{NopErrorHandler, Pool};
use tenant_diesel::{Error, OnSwitch, TenantLimits};
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// Each checkout of another tenant waited for a connection that could not be opened, though idle ones lay there.
#[test]
fn idle_connections_are_used_at_once_while_the_server_refuses_another() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["a", "b", "c", "d", "e", "f"]);
    let attempts = Arc::new(AtomicUsize::new(0));
    let attempted = Arc::clone(&attempts);
    let closed_gate = Arc::new(Mutex::new(()));
    let gate = Arc::clone(&closed_gate);
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(4)
                .min_idle(Some(2))
                .error_handler(Box::new(NopErrorHandler)),
        )
        // Two are opened, the third is refused, and the fourth is not answered.
        .on_connect(move |_| match attempted.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Ok(()),
            2 => Err(RollbackTransaction),
            _ => {
                drop(gate.lock());
                Err(RollbackTransaction)
            }
        })
        .connect(fixture.database.url())
        .unwrap();
    let gate = closed_gate.lock().unwrap();
    let nothing = |tenant| tenancy.with_tenant(tenant, |_| QueryResult::Ok(())).unwrap();
    tenants[..3].iter().for_each(nothing);
    wait_until("r2d2 tries again by itself", || {
        attempts.load(Ordering::SeqCst) == 4
    });
    tenants.iter().cycle().take(12).for_each(nothing);
    // Who waits for a connection asks for one first.
    let attempts = attempts.load(Ordering::SeqCst);
    drop(gate);
    assert_eq!(attempts, 4, "an idle connection was there all the time");
    let metrics = tenancy.pool().metrics();
    assert_eq!((metrics.checkouts, metrics.waits, metrics.timeouts), (15, 0, 0));
}

/// Two callers ask for the one connection that there is room for: the second must not wait for ever. (It would wait
/// for ten minutes, and the runner would end the test.)
#[test]
fn two_who_ask_for_the_last_new_connection_do_not_wait_for_the_timeout() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    for _ in 0..12 {
        let tenancy = application::<Client>()
            .r2d2(
                Pool::builder()
                    .max_size(6)
                    .min_idle(Some(1))
                    .connection_timeout(LONG),
            )
            .connect(fixture.database.url())
            .unwrap();
        std::thread::scope(|threads| {
            for tenant in &tenants {
                let tenancy = &tenancy;
                threads.spawn(move || {
                    for _ in 0..6 {
                        tenancy.with_tenant(tenant, |_| QueryResult::Ok(())).unwrap();
                    }
                });
            }
        });
        let metrics = tenancy.pool().metrics();
        assert_eq!((metrics.checkouts, metrics.timeouts), (48, 0));
        assert!(metrics.longest_wait < LONG, "{metrics:?}");
    }
}

/// A switch that could not reconnect threw away the idle connections that worked, one after the other.
#[test]
fn a_failed_reconnect_does_not_drain_the_pool() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let refuse = Arc::new(AtomicBool::new(false));
    let refuses = Arc::clone(&refuse);
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(3)
                .error_handler(Box::new(NopErrorHandler))
                .connection_timeout(Duration::from_secs(2)),
        )
        .on_connect(move |_| {
            if refuses.load(Ordering::SeqCst) {
                Err(RollbackTransaction)
            } else {
                Ok(())
            }
        })
        .pool(|pool| pool.on_switch(OnSwitch::Reconnect).alive_bypass_window(LONG))
        .connect(fixture.database.url())
        .unwrap();
    let held: Vec<_> = (0..3).map(|_| tenancy.get(&tenants[0]).unwrap()).collect();
    drop(held);
    refuse.store(true, Ordering::SeqCst);
    assert!(tenancy.with_tenant(&tenants[1], titles).is_err());
    // Three healthy connections of acme's were idle.
    let acme = tenancy.with_tenant(&tenants[0], titles);
    assert!(acme.is_ok(), "{acme:?}; {:?}", tenancy.pool().metrics());
}

/// A checkout that found its connection dead got the whole `connection_timeout` once more.
#[test]
fn a_checkout_does_not_take_longer_than_the_timeout() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let refuse = Arc::new(AtomicBool::new(false));
    let refuses = Arc::clone(&refuse);
    let pid = Arc::new(AtomicI32::new(0));
    let opened = Arc::clone(&pid);
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(1)
                .error_handler(Box::new(NopErrorHandler))
                .connection_timeout(Duration::from_secs(1)),
        )
        .on_connect(move |pg| {
            if refuses.load(Ordering::SeqCst) {
                return Err(RollbackTransaction);
            }
            opened.store(backend(pg), Ordering::SeqCst);
            Ok(())
        })
        .pool(|pool| pool.alive_bypass_window(Duration::ZERO))
        .connect(fixture.database.url())
        .unwrap();
    tenancy.with_tenant(&acme, titles).unwrap();
    refuse.store(true, Ordering::SeqCst);
    let mut outside = fixture.outside();
    // The session must read the catalog again, where the schema has changed.
    fixture.run("GRANT USAGE ON SCHEMA acme TO PUBLIC");
    outside.batch_execute(LOCK_CATALOG).unwrap();
    std::thread::scope(|threads| {
        let first = threads.spawn(|| tenancy.get(&acme).err());
        wait_until("its question waits", || {
            first.is_finished() || is_waited_for(&mut outside)
        });
        // Two more wait as long as they may, one after the other: the time of the first is over twice.
        let others = waited(tenancy.get(&acme).err()) + waited(tenancy.get(&acme).err());
        let end = format!("pg_terminate_backend({})", pid.load(Ordering::SeqCst));
        assert!(ask_bool(&mut outside, &end));
        let first = waited(first.join().unwrap());
        assert!(
            first >= others,
            "it waited for {first:?} once more, after {others:?}"
        );
    });
}

fn waited(error: Option<Error>) -> Duration {
    match error {
        Some(Error::PoolTimeout { waited, .. }) => waited,
        other => panic!("{other:?}"),
    }
}

/// A closure of `limits` that panics leaves nothing behind, nor does one of a scope.
#[test]
fn a_panic_in_limits_or_the_closure_leaks_no_place() {
    static PANICS: AtomicBool = AtomicBool::new(false);
    let fixture = with(2, |pool| {
        pool.limits(|_| {
            assert!(!PANICS.load(Ordering::SeqCst), "on purpose");
            TenantLimits::none().max_connections(2)
        })
    });
    let acme = fixture.tagged(&["acme"]).remove(0);
    for _ in 0..5 {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            fixture
                .tenancy
                .with_tenant(&acme, |_| -> QueryResult<()> { panic!("on purpose") })
        }));
        assert!(caught.is_err());
        PANICS.store(true, Ordering::SeqCst);
        let caught = catch_unwind(AssertUnwindSafe(|| fixture.titles(&acme)));
        PANICS.store(false, Ordering::SeqCst);
        assert!(caught.is_err());
    }
    let _a = fixture.tenancy.get(&acme).unwrap();
    let _b = fixture.tenancy.get(&acme).unwrap();
}
