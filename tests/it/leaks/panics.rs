//! Panics, caught inside and outside the scope.

use super::*;
use diesel::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tenant_diesel::Error;

#[test]
fn a_panic_caught_outside_the_scope_leaks_nothing() {
    let (fixture, acme, globex) = two();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        fixture.tenancy.with_tenant(&acme, |conn| -> QueryResult<()> {
            insert_task(conn, "acme")?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_panic_caught_inside_the_scope_leaks_nothing() {
    let (fixture, acme, globex) = two();
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                conn.with_tenant(&globex, |conn| -> QueryResult<()> {
                    assert_eq!(titles(conn)?, ["globex"]);
                    panic!("on purpose")
                })
            }));
            assert!(panicked.is_err());
            assert_eq!(setting(conn, "search_path"), "\"acme\", pg_temp");
            assert_eq!(titles(conn)?, ["acme"]);
            QueryResult::Ok(())
        })
        .unwrap();
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_panic_inside_a_transaction_and_caught_there_commits_nothing() {
    let (fixture, acme, globex) = two();
    let result = fixture.tenancy.with_tenant(&acme, |conn| {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            conn.transaction(|conn| -> QueryResult<()> {
                insert_task(conn, "half done")?;
                panic!("on purpose")
            })
        }));
        assert!(panicked.is_err());
        QueryResult::Ok(())
    });
    assert!(
        matches!(result, Err(Error::TransactionLeftOpen { .. })),
        "{result:?}"
    );
    assert_clean(&fixture, &acme, &globex);
}
