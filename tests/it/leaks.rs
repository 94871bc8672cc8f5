//! What one borrower leaves must not reach the next. The pool has one connection, so that the next
//! borrower gets just what the last one had; what it gets is read from the server.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tenant_diesel::{Error, TenantConnection};
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// Two tenants with a tagged task each, and one connection for both.
fn two() -> (Fixture, Client, Client) {
    let fixture = Fixture::with_one_connection();
    let mut tenants = fixture.tagged(&["acme", "globex"]);
    let globex = tenants.pop().unwrap();
    let acme = tenants.pop().unwrap();
    (fixture, acme, globex)
}

/// Lets `dirty` loose in the scope of one tenant, then checks what the other gets.
fn dirtied_by(dirty: impl FnOnce(&mut TenantConnection)) {
    let (fixture, acme, globex) = two();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    dirty(&mut conn);
    drop(conn);
    assert_clean(&fixture, &acme, &globex);
}

/// Neither tenant sees anything of the other, or of what was done to the session.
fn assert_clean(fixture: &Fixture, acme: &Client, globex: &Client) {
    for tenant in [globex, acme] {
        let own = tenant.schema_name.as_str();
        let mut conn = fixture.tenancy.get(tenant).unwrap();
        assert_eq!(setting(&mut conn, "search_path"), format!("\"{own}\", pg_temp"));
        assert_eq!(conn.current_schema().unwrap().unwrap(), tenant.schema_name);
        assert!(titles(&mut conn).unwrap().iter().all(|title| title == own));
        for truth in [
            "current_user = session_user",
            "current_setting('role') = 'none'",
            "current_setting('TimeZone') = 'UTC'",
            "current_setting('client_encoding') = 'UTF8'",
            "current_setting('statement_timeout') = '0'",
            "current_setting('standard_conforming_strings') = 'on'",
            "coalesce(current_setting('app.customer', true), '') = ''",
            "NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())",
            "NOT EXISTS (SELECT FROM pg_listening_channels())",
            "NOT EXISTS (SELECT FROM pg_cursors WHERE name NOT LIKE '<unnamed%' AND name <> '')",
            "NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name NOT LIKE '__diesel%')",
            "NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_my_temp_schema())",
        ] {
            assert!(ask_bool(&mut conn, truth), "{truth} for {own}");
        }
        // Inside a transaction the clock of `now()` stands still.
        let now = diesel::dsl::sql::<Text>("now()::text");
        let times: [String; 2] = [(); 2].map(|()| diesel::select(now.clone()).get_result(&mut conn).unwrap());
        assert_ne!(times[0], times[1], "a transaction is open for {own}");
        // Diesel's own statements still work: typed queries, cached and not.
        assert_eq!(insert_task(&mut conn, own).unwrap(), 1);
        assert_eq!(titles(&mut conn).unwrap().len(), titles(&mut conn).unwrap().len());
    }
}

#[test]
fn the_path_of_one_borrower_is_not_seen_by_the_next() {
    dirtied_by(|conn| assert_eq!(titles(conn).unwrap(), ["acme"]));
}

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
fn raw_changes_of_the_path_last_for_their_own_message_only() {
    for change in [
        "SET search_path TO globex",
        "SET SESSION \"search_path\" = 'globex'",
        "SET SCHEMA 'globex'",
        "SELECT set_config('search_path', 'globex', false)",
        "UPDATE pg_settings SET setting = 'globex' WHERE name = 'search_path'",
        "RESET ALL",
        "RESET search_path",
        "DISCARD ALL",
        "DO $$ BEGIN PERFORM set_config('search' || '_path', 'globex', false); END $$",
        "BEGIN; SET LOCAL search_path TO globex",
        "BEGIN; SET search_path TO globex; COMMIT",
    ] {
        dirtied_by(|conn| {
            conn.batch_execute(change).unwrap();
            assert_eq!(titles(conn).unwrap(), ["acme"], "{change}");
        });
    }
}

#[test]
fn a_path_changed_by_a_typed_query_or_by_sql_query_is_set_again() {
    diesel::define_sql_function! { fn set_config(name: Text, value: Text, is_local: Bool) -> Text; }
    dirtied_by(|conn| {
        diesel::select(set_config("search_path", "globex", false))
            .execute(conn)
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
        diesel::sql_query("SELECT set_config($1, 'globex', false)")
            .bind::<Text, _>("search_path")
            .execute(conn)
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
        diesel::sql_query("SET search_path TO globex")
            .execute(conn)
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
    });
}

#[test]
fn a_path_changed_through_the_bare_connection_is_set_again() {
    dirtied_by(|conn| {
        conn.as_pg()
            .unwrap()
            .batch_execute("SET search_path TO globex")
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
    });
}

#[test]
fn roles_and_settings_do_not_leak() {
    let (fixture, acme, globex) = two();
    let role = format!("r{}", std::process::id());
    fixture.run(&format!("CREATE ROLE {role}"));
    for dirty in [
        format!("SET ROLE {role}"),
        format!("SET SESSION AUTHORIZATION {role}"),
        "SET statement_timeout = '1h'".to_owned(),
        "SET app.customer = 'acme'".to_owned(),
        "SET TIME ZONE 'Asia/Tokyo'; SET client_encoding = 'LATIN1'".to_owned(),
        "SET standard_conforming_strings = off".to_owned(),
        "DISCARD ALL".to_owned(),
        "RESET ALL".to_owned(),
    ] {
        let mut conn = fixture.tenancy.get(&acme).unwrap();
        conn.batch_execute(&dirty).unwrap();
        drop(conn);
        assert_clean(&fixture, &acme, &globex);
    }
    fixture.run(&format!("DROP ROLE {role}"));
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

#[test]
fn a_temporary_table_neither_shadows_a_tenants_table_nor_outlives_its_scope() {
    dirtied_by(|conn| {
        conn.batch_execute(
            "CREATE TEMP TABLE tasks (id bigint, title text); INSERT INTO pg_temp.tasks VALUES (1, 'TEMP')",
        )
        .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
    });
    dirtied_by(|conn| {
        diesel::sql_query("SELECT 'TEMP' AS title INTO TEMP tasks")
            .execute(conn)
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
    });
    dirtied_by(|conn| {
        diesel::sql_query("CREATE TEMPORARY TABLE tasks (title text)")
            .execute(conn)
            .unwrap();
    });
}

#[test]
fn locks_channels_statements_and_cursors_are_not_left_behind() {
    for dirty in [
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_lock_shared(2)",
        "LISTEN jobs",
        "PREPARE mine AS SELECT 1",
        "BEGIN; DECLARE mine CURSOR WITH HOLD FOR SELECT 1; COMMIT",
        "DEALLOCATE ALL",
    ] {
        dirtied_by(|conn| conn.batch_execute(dirty).unwrap());
        if !dirty.contains(';') {
            dirtied_by(|conn| {
                diesel::sql_query(dirty).execute(conn).unwrap();
            });
        }
    }
}

#[test]
fn a_session_lock_is_given_back_at_once_not_at_the_next_checkout() {
    let (fixture, acme, _) = two();
    fixture
        .tenancy
        .with_tenant(&acme, |conn| conn.batch_execute("SELECT pg_advisory_lock(77)"))
        .unwrap();
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_until("the lock is free", || fixture.count(held) == 0);
}

#[test]
fn a_backend_killed_while_idle_is_replaced_without_an_error() {
    let (fixture, acme, globex) = two();
    let pid = backend(&mut fixture.tenancy.get(&acme).unwrap());
    fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
    wait_until("the backend is gone", || {
        fixture.count(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"
        )) == 0
    });
    assert_eq!(fixture.titles(&globex), ["globex"]);
    assert_eq!(fixture.tenancy.transaction(&acme, titles).unwrap(), ["acme"]);
    assert_ne!(backend(&mut fixture.tenancy.get(&acme).unwrap()), pid);
}

#[test]
fn a_backend_killed_while_idle_is_replaced_at_the_begin_of_a_transaction_too() {
    let (fixture, acme, _) = two();
    let pid = backend(&mut fixture.tenancy.get(&acme).unwrap());
    fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
    wait_until("the backend is gone", || {
        fixture.count(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"
        )) == 0
    });
    assert_eq!(fixture.tenancy.transaction(&acme, titles).unwrap(), ["acme"]);
    assert!(fixture.tenancy.is_public_migrated().unwrap());
}

#[test]
fn a_backend_killed_while_in_use_is_an_error_and_the_next_borrower_gets_another() {
    let (fixture, acme, globex) = two();
    let result = fixture.tenancy.with_tenant(&acme, |conn| {
        let pid = backend(conn);
        fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
        titles(conn)
    });
    assert!(matches!(result, Err(Error::Query(_))), "{result:?}");
    let result = fixture.tenancy.transaction(&acme, |conn| {
        insert_task(conn, "lost")?;
        let pid = backend(conn);
        fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
        titles(conn)
    });
    assert!(result.is_err());
    assert_clean(&fixture, &acme, &globex);
    assert!(!fixture.titles(&acme).contains(&"lost".to_owned()));
}

#[test]
fn an_instrumentation_of_one_scope_does_not_see_the_next() {
    use diesel::connection::{Instrumentation, InstrumentationEvent};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (fixture, acme, globex) = two();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let log = move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    };
    fn instrumentation(f: impl Fn(InstrumentationEvent<'_>) + Send + 'static) -> impl Instrumentation {
        f
    }
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            conn.set_instrumentation(instrumentation(log));
            titles(conn)
        })
        .unwrap();
    let in_scope = seen.load(Ordering::SeqCst);
    assert!(in_scope > 0);
    assert_clean(&fixture, &acme, &globex);
    assert_eq!(seen.load(Ordering::SeqCst), in_scope);
}

#[test]
fn a_connection_that_was_given_no_tenant_sees_no_table() {
    use diesel::r2d2::{ConnectionManager, Pool};
    use tenant_diesel::SearchPathCustomizer;
    let fixture = Fixture::new();
    fixture.tenant("acme");
    fixture.run("CREATE TABLE public.tasks (id bigint, title text)");
    let pool = |customizer| {
        Pool::builder()
            .max_size(1)
            .connection_timeout(std::time::Duration::from_secs(2))
            .connection_customizer(Box::new(customizer))
            .build(ConnectionManager::<PgConnection>::new(fixture.database.url()))
    };
    let mut nothing = pool(SearchPathCustomizer::fail_closed()).unwrap().get().unwrap();
    assert!(
        titles(&mut nothing)
            .unwrap_err()
            .to_string()
            .contains("does not exist")
    );
    nothing.batch_execute("CREATE TABLE here (id int)").unwrap_err();
    assert_eq!(
        titles(
            &mut pool(SearchPathCustomizer::one_tenant(&name("acme"), &[]))
                .unwrap()
                .get()
                .unwrap()
        ),
        Ok(vec![])
    );
    let missing = pool(SearchPathCustomizer::one_tenant(&name("nobody"), &[])).unwrap_err();
    assert!(
        missing.to_string().contains("schema `nobody` does not exist"),
        "{missing}"
    );
}
