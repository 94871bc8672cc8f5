//! Rows and messages on their way: iterators, notifications, instrumentations that panic.

use super::one;
use crate::affinity::{kill, served_by, with};
use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use tenant_tests::apps::todo::tasks;
use tenant_tests::*;

/// An iterator that is forgotten leaves rows on their way.
#[test]
#[expect(clippy::mem_forget, reason = "that is what is tried")]
fn a_forgotten_iterator_does_not_reach_the_next_borrower() {
    let (fixture, acme) = one();
    for i in 0..50 {
        add_task(&fixture.tenancy, &acme, &format!("t{i}"));
    }
    fixture.titles(&acme);
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            let mut rows = tasks::table
                .select(tasks::title)
                .load_iter::<String, PgRowByRowLoadingMode>(conn)?;
            rows.next().unwrap()?;
            std::mem::forget(rows);
            QueryResult::Ok(())
        })
        .unwrap();
    let next = fixture.tenancy.with_tenant(&acme, titles);
    assert!(next.as_ref().is_ok_and(|titles| titles.len() == 51), "{next:?}");
}

/// An instrumentation that panics at the end of a query, caught within the scope.
#[test]
fn a_panicking_instrumentation_does_not_break_the_next_borrower() {
    static PANICS: AtomicBool = AtomicBool::new(false);
    let fixture = with(1, |pool| {
        pool.on_connect(|pg| {
            pg.set_instrumentation(|event: InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::FinishQuery { .. }) && PANICS.load(Ordering::SeqCst)
                {
                    panic!("on purpose");
                }
            });
            Ok(())
        })
    });
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.titles(&acme);
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            PANICS.store(true, Ordering::SeqCst);
            let caught = catch_unwind(AssertUnwindSafe(|| titles(conn)));
            PANICS.store(false, Ordering::SeqCst);
            assert!(caught.is_err());
            QueryResult::Ok(())
        })
        .unwrap();
    let next = fixture.tenancy.with_tenant(&acme, titles);
    assert!(next.is_ok(), "{next:?}");
}

/// Row by row, on a connection that died just before: the write of the next scope is done or fails, and the
/// connection is replaced.
#[test]
fn a_connection_lost_row_by_row_is_not_given_to_the_next() {
    let (fixture, acme) = one();
    let mut failed = 0;
    for _ in 0..20 {
        fixture.titles(&acme);
        let pid = served_by(&fixture.tenancy, &acme);
        fixture.titles(&acme);
        let result = fixture.tenancy.with_tenant(&acme, |conn| {
            titles(conn)?;
            kill(&fixture, pid);
            tasks::table
                .select(tasks::title)
                .load_iter::<String, PgRowByRowLoadingMode>(conn)?
                .collect::<QueryResult<Vec<_>>>()
        });
        assert!(result.is_err());
        let next = fixture
            .tenancy
            .with_tenant(&acme, |conn| insert_task(conn, "next"));
        failed += usize::from(next.is_err());
    }
    assert_eq!(failed, 0, "of 20");
}

/// A failed statement does not swallow notifications.
#[test]
fn a_failed_statement_loses_no_notification() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.batch_execute("LISTEN jobs").unwrap();
    fixture.run("NOTIFY jobs, 'one'");
    fixture.run("NOTIFY jobs, 'two'");
    let mut got = Vec::new();
    wait_until("both have come", || {
        assert!(diesel::sql_query("SELECT nonsense").execute(&mut conn).is_err());
        let notifications = conn.as_pg().unwrap().notifications_iter();
        got.extend(notifications.map(|notification| notification.unwrap().payload));
        got.len() >= 2
    });
    assert_eq!(got, ["one", "two"]);
}

/// Rows that fail on their way fail the transaction.
#[test]
fn a_row_that_fails_on_its_way_fails_the_transaction() {
    let (fixture, acme) = one();
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        #[expect(dead_code, reason = "read by Diesel")]
        value: i32,
    }
    let result = fixture.tenancy.transaction(&acme, |conn| {
        insert_task(conn, "lost")?;
        let query = diesel::sql_query("SELECT 1 / (5 - i) AS value FROM generate_series(1, 10) AS g(i)");
        let rows = query.load_iter::<Row, PgRowByRowLoadingMode>(conn)?;
        let _ignored: Vec<_> = rows.take(7).collect();
        QueryResult::Ok(())
    });
    let written = fixture.is_true("EXISTS (SELECT FROM acme.tasks WHERE title = 'lost')");
    assert_eq!(result.is_ok(), written, "{result:?}");
}
