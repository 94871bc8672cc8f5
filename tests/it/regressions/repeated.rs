//! Statements that were sent again, or should have been.

use super::{ok, one};
use crate::affinity::{served_by, with};
use diesel::connection::SimpleConnection;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::time::Duration;
use tenant_diesel::{Error, TenantConnection};
use tenant_tests::apps::todo::tasks;
use tenant_tests::*;

/// A write whose connection is killed at any moment is done once, or is an error.
#[test]
fn a_write_on_a_hit_whose_connection_dies_is_never_done_twice_or_lost() {
    let fixture = with(2, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut ok = 0;
    for i in 0..60 {
        fixture.titles(&acme);
        let pid = served_by(&fixture.tenancy, &acme);
        fixture.titles(&acme);
        let mut conn = fixture.tenancy.get(&acme).unwrap();
        std::thread::scope(|threads| {
            threads.spawn(|| fixture.run(&format!("SELECT pg_terminate_backend({pid})")));
            // At another moment each time: there is nothing to wait for.
            std::thread::sleep(Duration::from_micros(i * 150));
            ok += i64::from(insert_task(&mut conn, "counted").is_ok());
        });
    }
    let written = fixture.count("SELECT count(*) FROM acme.tasks WHERE title = 'counted'");
    assert!(written >= ok && written <= 60, "{written} written, {ok} said so");
}

/// A message that commits on its way is not sent a second time.
#[test]
fn a_raw_message_is_not_run_twice() {
    let (fixture, acme) = one();
    let _ = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.batch_execute("PREPARE p AS SELECT * FROM tasks")?;
        conn.batch_execute("EXECUTE p")?;
        conn.batch_execute("ALTER TABLE tasks ADD COLUMN more int")?;
        conn.batch_execute("INSERT INTO tasks (title) VALUES ('once'); COMMIT; EXECUTE p")
    });
    assert!(fixture.count("SELECT count(*) FROM acme.tasks WHERE title = 'once'") <= 1);
}

/// A procedure that commits on its way is not called a second time.
#[test]
fn a_procedure_is_not_called_twice() {
    let (fixture, acme) = one();
    fixture.run(
        "CREATE PROCEDURE public.work() LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO acme.tasks (title) VALUES ('once'); COMMIT; EXECUTE 'EXECUTE p'; END $$",
    );
    let _ = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.batch_execute("PREPARE p AS SELECT * FROM tasks")?;
        conn.batch_execute("EXECUTE p")?;
        conn.batch_execute("ALTER TABLE tasks ADD COLUMN more int")?;
        diesel::sql_query("CALL public.work()").execute(conn)
    });
    assert!(fixture.count("SELECT count(*) FROM acme.tasks WHERE title = 'once'") <= 1);
}

/// What a user typed is not taken for what the server says.
#[test]
fn a_value_in_an_error_is_not_taken_for_a_stale_plan() {
    let (fixture, acme) = one();
    let before = fixture.tenancy.pool().metrics().stale_plans;
    let cast = |conn: &mut TenantConnection| {
        diesel::sql_query("SELECT CAST($1 AS int)")
            .bind::<Text, _>("cached plan must not change result type")
            .execute(conn)
    };
    for result in [
        fixture.tenancy.transaction(&acme, cast),
        fixture.tenancy.with_tenant(&acme, cast),
    ] {
        assert!(matches!(result, Err(Error::Query(_))), "{result:?}");
    }
    assert_eq!(fixture.tenancy.pool().metrics().stale_plans, before);
}

/// Outside a transaction a stale statement is mended, also row by row.
#[test]
fn a_stale_statement_is_mended_row_by_row_too() {
    let (fixture, acme) = one();
    let read = |conn: &mut TenantConnection| -> QueryResult<Vec<String>> {
        tasks::table
            .select(tasks::title)
            .load_iter::<String, PgRowByRowLoadingMode>(conn)?
            .collect()
    };
    fixture.tenancy.with_tenant(&acme, read).unwrap();
    fixture.run("ALTER TABLE acme.tasks ALTER COLUMN title TYPE varchar(100)");
    for _ in 0..4 {
        assert_eq!(ok(fixture.tenancy.with_tenant(&acme, read)), ["acme"]);
    }
}

/// What people prepared is theirs while their scope lasts.
#[test]
fn mending_a_stale_statement_forgets_nobody_elses() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    titles(&mut conn).unwrap();
    diesel::sql_query("PREPARE mine AS SELECT 1")
        .execute(&mut conn)
        .unwrap();
    titles(&mut conn).unwrap();
    fixture.run("ALTER TABLE acme.tasks ALTER COLUMN title TYPE varchar(100)");
    titles(&mut conn).unwrap();
    diesel::sql_query("EXECUTE mine").execute(&mut conn).unwrap();
}
