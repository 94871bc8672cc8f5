//! What lives in a session: temporary tables, locks, channels, statements, cursors, open results.

use super::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tenant_tests::apps::todo::tasks;

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

#[derive(Insertable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
struct Row {
    id: i64,
    title: String,
    owner: String,
}

#[test]
fn a_copy_that_fails_half_way_leaks_nothing_and_writes_nothing() {
    let (fixture, acme, globex) = two();
    // The second row has the key of the first.
    let rows = |ids: &[i64]| -> Vec<Row> {
        let row = |id: &i64| Row {
            id: *id,
            title: "acme".to_owned(),
            owner: "acme".to_owned(),
        };
        ids.iter().map(row).collect()
    };
    let copied = fixture.tenancy.with_tenant(&acme, |conn| {
        diesel::copy_from(tasks::table)
            .from_insertable(rows(&[100, 100]))
            .execute(conn)
    });
    assert!(copied.is_err());
    assert_eq!(fixture.titles(&acme), ["acme"]);
    assert_clean(&fixture, &acme, &globex);
    // A source that fails while the server waits for more, and a text that is no row.
    for (text, fails) in [("lost\n", true), ("one\tcolumn too many\n", false)] {
        let read = fixture.tenancy.with_tenant(&acme, |conn| {
            let copied = diesel::copy_from(tasks::table)
                .from_raw_data((tasks::title,), |copy| {
                    copy.write_all(text.as_bytes())?;
                    match fails {
                        true => Err(CopyFailed::Source(std::io::Error::other("half way"))),
                        false => Ok(()),
                    }
                })
                .execute(conn);
            assert!(copied.is_err());
            // The same connection, in the same scope and in one inside.
            assert!(
                conn.with_tenant(&globex, titles)?
                    .iter()
                    .all(|title| title == "globex")
            );
            titles(conn).map_err(tenant_diesel::Error::from)
        });
        assert!(read.unwrap().iter().all(|title| title == "acme"));
        assert_clean(&fixture, &acme, &globex);
    }
}

#[derive(Debug, thiserror::Error)]
enum CopyFailed {
    #[error(transparent)]
    Source(#[from] std::io::Error),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

#[test]
fn rows_that_are_read_one_by_one_and_dropped_half_way_leave_nothing() {
    use diesel::pg::PgRowByRowLoadingMode;
    let (fixture, acme, globex) = two();
    fixture.run("INSERT INTO acme.tasks (title) SELECT 'acme' FROM generate_series(1, 5000)");
    let first_of = |conn: &mut TenantConnection| -> QueryResult<String> {
        let mut rows = tasks::table
            .select(tasks::title)
            .load_iter::<String, PgRowByRowLoadingMode>(conn)?;
        rows.next().unwrap()
    };
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            for _ in 0..3 {
                assert_eq!(first_of(conn)?, "acme");
                // The next query of the same scope, and of one inside.
                assert_eq!(titles(conn)?.len(), 5001);
                assert_eq!(first_of(conn)?, "acme");
                assert_eq!(conn.with_tenant(&globex, titles).unwrap(), ["globex"]);
                assert_eq!(first_of(conn)?, "acme");
                conn.transaction(|conn| {
                    assert_eq!(first_of(conn)?, "acme");
                    QueryResult::Ok(())
                })?;
            }
            // The last statement of the scope.
            first_of(conn)
        })
        .unwrap();
    assert_clean(&fixture, &acme, &globex);
    let in_transaction = fixture.tenancy.transaction(&acme, first_of);
    assert_eq!(in_transaction.unwrap(), "acme");
    assert_clean(&fixture, &acme, &globex);
    // A guard that is dropped with it.
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    first_of(&mut conn).unwrap();
    drop(conn);
    assert_clean(&fixture, &acme, &globex);
}
