//! Transactions left open or failed, and what their rollback undoes.

use super::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tenant_diesel::Error;

#[test]
fn a_raw_begin_left_open_is_rolled_back_and_told() {
    for begin in [
        "BEGIN",
        "begin transaction isolation level serializable",
        "SELECT 1; BEGIN",
        "START TRANSACTION",
    ] {
        let (fixture, acme, globex) = two();
        let result = fixture.tenancy.with_tenant(&acme, |conn| {
            conn.batch_execute(begin)?;
            insert_task(conn, "never committed")
        });
        assert!(
            matches!(result, Err(Error::TransactionLeftOpen { .. })),
            "{begin}: {result:?}"
        );
        // Nothing is held while the connection idles, nor is there a connection that holds it.
        let held =
            "count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        wait_until("the transaction is gone", || {
            fixture.count(&format!("SELECT {held}")) == 0
        });
        assert_clean(&fixture, &acme, &globex);
    }
}

#[test]
fn a_raw_begin_with_its_commit_is_fine() {
    let (fixture, acme, globex) = two();
    for (begin, commit) in [
        ("BEGIN", "COMMIT"),
        ("start transaction", "end work;"),
        ("BEGIN; SELECT 1", "COMMIT"),
    ] {
        fixture
            .tenancy
            .with_tenant(&acme, |conn| {
                conn.batch_execute(begin)?;
                insert_task(conn, "acme")?;
                conn.batch_execute(commit)
            })
            .unwrap();
    }
    assert_eq!(fixture.titles(&acme).len(), 4);
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_set_undone_by_rollback_leaves_the_path_of_the_scope() {
    let (fixture, acme, globex) = two();
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            let undone = conn.transaction(|conn| {
                // Set inside the transaction, so the rollback takes it back, also the way back to `acme`.
                conn.with_tenant(&globex, titles).unwrap();
                QueryResult::<()>::Err(diesel::result::Error::RollbackTransaction)
            });
            assert!(undone.is_err());
            assert_eq!(titles(conn)?, ["acme"]);
            QueryResult::Ok(())
        })
        .unwrap();
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_set_undone_by_rollback_to_a_savepoint_leaves_the_path_of_the_scope() {
    let (fixture, acme, globex) = two();
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            conn.transaction(|conn| {
                conn.with_tenant(&globex, |conn| {
                    // The savepoint remembers `globex`; the scope ends inside it.
                    conn.batch_execute("SAVEPOINT s")
                })
                .unwrap();
                assert_eq!(titles(conn)?, ["acme"]);
                conn.batch_execute("ROLLBACK TO SAVEPOINT s")?;
                assert_eq!(
                    titles(conn)?,
                    ["acme"],
                    "the path went back to `globex` with the savepoint"
                );
                conn.batch_execute("ROLLBACK TO s")?;
                assert_eq!(setting(conn, "search_path"), "\"acme\", pg_temp");
                QueryResult::Ok(())
            })
        })
        .unwrap();
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_nested_scope_that_fails_inside_a_transaction_leaves_the_outer_path() {
    let (fixture, acme, globex) = two();
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            let failed = conn.transaction(|conn| {
                conn.with_tenant(&globex, |conn| conn.batch_execute("SELECT nonsense"))
                    .unwrap_err();
                // The transaction has failed: the path could not be restored, and no query runs.
                assert!(titles(conn).is_err());
                QueryResult::<()>::Err(diesel::result::Error::RollbackTransaction)
            });
            assert!(failed.is_err());
            assert_eq!(titles(conn)?, ["acme"]);
            // The same with a savepoint that is rolled back while the outer transaction goes on.
            conn.transaction(|conn| {
                let inner = conn.transaction(|conn| {
                    conn.with_tenant(&globex, |conn| conn.batch_execute("SELECT nonsense"))
                        .map_err(|_| diesel::result::Error::RollbackTransaction)
                });
                assert!(inner.is_err());
                assert_eq!(titles(conn)?, ["acme"]);
                QueryResult::Ok(())
            })
        })
        .unwrap();
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn an_aborted_transaction_returned_to_the_pool_leaks_nothing() {
    dirtied_by(|conn| {
        use diesel::connection::TransactionManager;
        diesel::connection::AnsiTransactionManager::begin_transaction(conn).unwrap();
        insert_task(conn, "lost").unwrap();
        conn.batch_execute("SELECT nonsense").unwrap_err();
    });
    dirtied_by(|conn| {
        conn.batch_execute("BEGIN").unwrap();
        conn.batch_execute("SELECT nonsense").unwrap_err();
    });
}

/// An inner `INSERT` that was rolled back because a later statement failed, and whose error was ignored.
fn ignored_in_a_raw_transaction(through_the_bare_connection: bool, ends: Option<&str>) {
    let (fixture, acme, globex) = two();
    let result = fixture.tenancy.with_tenant(&acme, |conn| {
        let begin = "BEGIN; INSERT INTO tasks (title) VALUES ('lost')";
        if through_the_bare_connection {
            conn.as_pg()?.batch_execute(begin)?;
        } else {
            conn.batch_execute(begin)?;
        }
        let _ignored = conn.batch_execute("SELECT nonsense");
        if let Some(end) = ends {
            // The server answers `ROLLBACK` to this, and not with an error.
            conn.batch_execute(end)?;
        }
        QueryResult::Ok(())
    });
    let how = format!("through the bare connection: {through_the_bare_connection}, {ends:?}");
    assert!(result.is_err(), "Ok, though the row is lost: {how}");
    assert!(!fixture.titles(&acme).contains(&"lost".to_owned()));
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_failure_ignored_in_a_raw_transaction_that_is_left_open_is_told() {
    ignored_in_a_raw_transaction(false, None);
}

#[test]
fn a_failure_ignored_in_a_raw_transaction_of_the_bare_connection_that_is_left_open_is_told() {
    ignored_in_a_raw_transaction(true, None);
}

#[test]
fn a_failure_ignored_in_a_raw_transaction_that_is_committed_is_told() {
    ignored_in_a_raw_transaction(false, Some("COMMIT"));
    ignored_in_a_raw_transaction(true, Some("COMMIT"));
}

#[test]
fn a_typed_failure_ignored_in_a_raw_transaction_is_told() {
    let (fixture, acme, globex) = two();
    for bare in [false, true] {
        let result = fixture.tenancy.with_tenant(&acme, |conn| {
            let begin = "BEGIN; INSERT INTO tasks (title) VALUES ('lost')";
            match bare {
                true => conn.as_pg()?.batch_execute(begin)?,
                false => conn.batch_execute(begin)?,
            }
            let _ignored = diesel::sql_query("SELECT nonsense").execute(conn);
            QueryResult::Ok(())
        });
        assert!(result.is_err(), "bare: {bare}");
        assert!(!fixture.titles(&acme).contains(&"lost".to_owned()));
        assert_clean(&fixture, &acme, &globex);
    }
}

#[test]
fn a_failed_transaction_that_was_rolled_back_by_hand_is_no_error() {
    let (fixture, acme, globex) = two();
    for bare in [false, true] {
        fixture
            .tenancy
            .with_tenant(&acme, |conn| {
                let begin = "BEGIN; INSERT INTO tasks (title) VALUES ('lost')";
                match bare {
                    true => conn.as_pg()?.batch_execute(begin)?,
                    false => conn.batch_execute(begin)?,
                }
                let _handled = conn.batch_execute("SELECT nonsense");
                conn.batch_execute("ROLLBACK")?;
                insert_task(conn, "acme")
            })
            .unwrap();
    }
    assert_eq!(fixture.titles(&acme), ["acme"; 3]);
    assert_clean(&fixture, &acme, &globex);
}
