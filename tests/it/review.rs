//! Tests of a hostile review: each states what the contract promises, and fails where it is not kept.

use crate::pooler::Pooled;
use diesel::connection::SimpleConnection;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tenant_diesel::r2d2::Pool;
use tenant_diesel::{
    Error, OnSwitch, PoolerMode, Tenancy, TenantConnection, TenantLimits, TenantPoolBuilder,
};
use tenant_testing::PgBouncer;
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

const LONG: Duration = Duration::from_secs(600);

fn with(connections: u32, options: impl FnOnce(TenantPoolBuilder) -> TenantPoolBuilder) -> Fixture {
    let fixture = Fixture::of(
        connections,
        application().pool(|pool| options(pool.alive_bypass_window(LONG))),
    );
    fixture.tenancy.migrate().unwrap();
    fixture
}

fn is_running(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

fn kill(fixture: &Fixture, pid: i32) {
    fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
    wait_until("the backend is gone", || !is_running(pid));
}

fn served_by(tenancy: &Tenancy<Client>, tenant: &Client) -> i32 {
    backend(&mut tenancy.get(tenant).unwrap())
}

// ---------------------------------------------------------------- (3) the pool

/// The server takes no third connection; two idle ones lie there. Nobody should wait.
#[test]
fn t01_idle_connections_are_used_at_once_while_the_server_refuses_another() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["a", "b", "c", "d", "e", "f"]);
    let opened = Arc::new(AtomicUsize::new(0));
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(4)
                .min_idle(Some(2))
                .error_handler(Box::new(tenant_diesel::r2d2::NopErrorHandler))
                .connection_timeout(Duration::from_secs(8)),
        )
        .on_connect(move |_| {
            if opened.fetch_add(1, Ordering::SeqCst) < 2 {
                Ok(())
            } else {
                Err(diesel::result::Error::RollbackTransaction)
            }
        })
        .connect(fixture.database.url())
        .unwrap();
    let mut waits = Vec::new();
    for tenant in tenants.iter().cycle().take(12) {
        let start = Instant::now();
        tenancy.with_tenant(tenant, |_| QueryResult::Ok(())).unwrap();
        waits.push(start.elapsed());
    }
    let longest = waits.iter().max().unwrap();
    assert!(
        *longest < Duration::from_millis(300),
        "an idle connection was there all the time: {waits:?}"
    );
}

/// Two callers ask for the one connection that there is room for: the second must not wait for ever.
#[test]
fn t02_two_who_ask_for_the_last_new_connection_do_not_wait_for_the_timeout() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    let mut worst = Duration::ZERO;
    for _ in 0..12 {
        let tenancy = application::<Client>()
            .r2d2(
                Pool::builder()
                    .max_size(6)
                    .min_idle(Some(1))
                    .connection_timeout(Duration::from_secs(4)),
            )
            .connect(fixture.database.url())
            .unwrap();
        std::thread::scope(|threads| {
            let runs: Vec<_> = tenants
                .iter()
                .map(|tenant| {
                    let tenancy = &tenancy;
                    threads.spawn(move || {
                        let mut worst = Duration::ZERO;
                        for _ in 0..6 {
                            let start = Instant::now();
                            tenancy.with_tenant(tenant, |_| QueryResult::Ok(())).unwrap();
                            worst = worst.max(start.elapsed());
                        }
                        worst
                    })
                })
                .collect();
            for run in runs {
                worst = worst.max(run.join().unwrap());
            }
        });
    }
    assert!(worst < Duration::from_secs(2), "{worst:?}");
}

/// One tenant whose limit the server does not take.
#[test]
fn t03_a_tenant_with_a_wrong_limit_does_not_close_everybodys_connections() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(4))
        .pool(|pool| {
            pool.limits(|schema| match schema.as_str() {
                "acme" => TenantLimits::none().work_mem_kb(1),
                _ => TenantLimits::none(),
            })
        })
        .connect(fixture.database.url())
        .unwrap();
    let held: Vec<_> = (0..4).map(|_| tenancy.get(&tenants[1]).unwrap()).collect();
    drop(held);
    let before = tenancy.pool().metrics().closed;
    assert!(tenancy.get(&tenants[0]).is_err());
    let after = tenancy.pool().metrics().closed;
    assert_eq!(after.dead, before.dead, "no connection was dead");
}

/// `OnSwitch::Reconnect` must not hold more connections than `max_size`.
#[test]
fn t04_reconnecting_keeps_max_size() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let most = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(1))
        .on_connect(move |pg| {
            let sessions: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
                "(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'review_t04')",
            ))
            .get_result(pg)?;
            seen.fetch_max(usize::try_from(sessions).unwrap() + 1, Ordering::SeqCst);
            pg.batch_execute("SET application_name = 'review_t04'")
        })
        .pool(|pool| pool.on_switch(OnSwitch::Reconnect))
        .connect(fixture.database.url())
        .unwrap();
    for tenant in tenants.iter().cycle().take(6) {
        tenancy.with_tenant(tenant, titles).unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 1, "max_size is 1");
}

/// A switch that cannot reconnect must not throw away what works.
#[test]
fn t05_a_failed_reconnect_does_not_drain_the_pool() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let refuse = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let refuses = Arc::clone(&refuse);
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(3)
                .error_handler(Box::new(tenant_diesel::r2d2::NopErrorHandler))
                .connection_timeout(Duration::from_secs(2)),
        )
        .on_connect(move |_| {
            if refuses.load(Ordering::SeqCst) {
                Err(diesel::result::Error::RollbackTransaction)
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

/// A checkout ends within `connection_timeout`, whatever happens to the connections that it tries.
#[test]
fn t06_a_checkout_does_not_take_longer_than_the_timeout() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let refuse = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let refuses = Arc::clone(&refuse);
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(1)
                .error_handler(Box::new(tenant_diesel::r2d2::NopErrorHandler))
                .connection_timeout(Duration::from_secs(3)),
        )
        .on_connect(move |_| {
            if refuses.load(Ordering::SeqCst) {
                Err(diesel::result::Error::RollbackTransaction)
            } else {
                Ok(())
            }
        })
        .pool(|pool| pool.alive_bypass_window(Duration::ZERO))
        .connect(fixture.database.url())
        .unwrap();
    let mut held = tenancy.get(&acme).unwrap();
    let pid = backend(&mut held);
    refuse.store(true, Ordering::SeqCst);
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| {
            let start = Instant::now();
            let result = tenancy.get(&acme);
            (start.elapsed(), result.err())
        });
        std::thread::sleep(Duration::from_millis(2500));
        kill(&fixture, pid);
        drop(held);
        let (took, error) = waiting.join().unwrap();
        assert!(took < Duration::from_millis(3800), "{took:?}: {error:?}");
    });
}

/// The application's event handler is not told of time-outs that nobody had.
#[test]
fn t07_no_timeouts_are_reported_where_nobody_waited() {
    #[derive(Debug)]
    struct Timeouts(Arc<AtomicUsize>);
    impl tenant_diesel::r2d2::HandleEvent for Timeouts {
        fn handle_timeout(&self, _: tenant_diesel::r2d2::event::TimeoutEvent) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["a", "b", "c", "d"]);
    let timeouts = Arc::new(AtomicUsize::new(0));
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(4)
                .min_idle(Some(1))
                .event_handler(Box::new(Timeouts(Arc::clone(&timeouts)))),
        )
        .connect(fixture.database.url())
        .unwrap();
    for tenant in &tenants {
        tenancy.with_tenant(tenant, titles).unwrap();
    }
    assert_eq!(timeouts.load(Ordering::SeqCst), 0);
}

/// A nested scope holds a connection for its tenant too.
#[test]
fn t08_a_tenants_connections_are_counted_in_nested_scopes() {
    let fixture = with(3, |pool| pool.limits(|_| TenantLimits::none().max_connections(1)));
    let acme = fixture.tagged(&["acme"]).remove(0);
    let _held = fixture.tenancy.get(&acme).unwrap();
    let mut public = fixture.tenancy.get_public().unwrap();
    let second = public.with_tenant(&acme, titles);
    assert!(matches!(second, Err(Error::TenantLimit { .. })), "{second:?}");
}

// ---------------------------------------------------------------- (1) what reaches the next borrower

/// The question about the catalog is not asked under the limits of whoever came before.
#[test]
fn t10_limits_do_not_reach_the_librarys_own_questions() {
    let fixture = with(1, |pool| {
        pool.limits(|_| TenantLimits::none().lock_timeout(Duration::from_millis(50)))
    });
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.titles(&acme);
    let mut outside = fixture.outside();
    outside
        .batch_execute("BEGIN; LOCK TABLE pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    std::thread::scope(|threads| {
        let asked = threads.spawn(|| fixture.tenancy.schema_exists(&name("acme")));
        std::thread::sleep(Duration::from_millis(700));
        outside.batch_execute("COMMIT").unwrap();
        let asked = asked.join().unwrap();
        assert!(matches!(asked, Ok(true)), "{}", chain(&asked.unwrap_err()));
    });
}

mod moods {
    use diesel::prelude::*;
    use diesel::sql_types::SqlType;

    #[derive(SqlType, diesel::query_builder::QueryId)]
    #[diesel(postgres_type(name = "mood"))]
    pub struct MoodType;

    diesel::table! {
        use diesel::sql_types::*;
        use super::MoodType;
        moods (id) { id -> Int4, mood -> MoodType }
    }

    #[derive(
        Debug, PartialEq, Eq, Clone, diesel::deserialize::FromSqlRow, diesel::expression::AsExpression,
    )]
    #[diesel(sql_type = MoodType)]
    pub struct Mood(pub String);

    impl diesel::serialize::ToSql<MoodType, diesel::pg::Pg> for Mood {
        fn to_sql<'b>(
            &'b self,
            out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
        ) -> diesel::serialize::Result {
            std::io::Write::write_all(out, self.0.as_bytes())?;
            Ok(diesel::serialize::IsNull::No)
        }
    }

    impl diesel::deserialize::FromSql<MoodType, diesel::pg::Pg> for Mood {
        fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
            Ok(Self(String::from_utf8(bytes.as_bytes().to_vec())?))
        }
    }

    pub fn round_trip<C>(conn: &mut C, mood: &str) -> QueryResult<Vec<Mood>>
    where
        C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>,
    {
        diesel::insert_into(moods::table)
            .values((moods::id.eq(1), moods::mood.eq(Mood(mood.to_owned()))))
            .on_conflict(moods::id)
            .do_update()
            .set(moods::mood.eq(Mood(mood.to_owned())))
            .execute(conn)?;
        moods::table
            .filter(moods::mood.eq(Mood(mood.to_owned())))
            .select(moods::mood)
            .load(conn)
    }
}

const MOODS: &str = "CREATE TYPE {}.mood AS ENUM ('sad', '{}'); CREATE TABLE {}.moods (id int PRIMARY KEY, mood {}.mood NOT NULL)";

fn give_moods(fixture: &Fixture, tenants: &[Client]) {
    for tenant in tenants {
        fixture.run(&MOODS.replace("{}", &tenant.name));
    }
}

/// A question about the catalog between two tenants is no reason to keep what Diesel knows of the first one's types.
#[test]
fn t11_a_question_between_two_tenants_does_not_undo_the_policy() {
    for policy in [OnSwitch::ClearStatements, OnSwitch::Reconnect] {
        let fixture = with(1, |pool| pool.on_switch(policy));
        let tenants = fixture.tagged(&["acme", "globex"]);
        give_moods(&fixture, &tenants);
        for tenant in tenants.iter().cycle().take(4) {
            let read = fixture
                .tenancy
                .with_tenant(tenant, |conn| moods::round_trip(conn, &tenant.name));
            assert!(read.is_ok(), "{policy:?}: {read:?}");
            fixture.tenancy.schema_exists(&tenant.schema_name).unwrap();
        }
    }
}

/// A nested scope that fails with its transaction leaves no types behind for the outer one.
#[test]
fn t12_a_nested_scope_in_a_failed_transaction_does_not_undo_the_policy() {
    let fixture = with(1, |pool| pool.on_switch(OnSwitch::ClearStatements));
    let tenants = fixture.tagged(&["acme", "globex"]);
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
    assert!(read.is_ok(), "{}", chain(&read.unwrap_err()));
}

/// The same for a panic that is caught.
#[test]
fn t13_a_nested_scope_that_panics_does_not_undo_the_policy() {
    let fixture = with(1, |pool| pool.on_switch(OnSwitch::ClearStatements));
    let tenants = fixture.tagged(&["acme", "globex"]);
    give_moods(&fixture, &tenants);
    let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            conn.with_tenant(&tenants[1], |conn| -> QueryResult<()> {
                moods::round_trip(conn, "globex")?;
                panic!("on purpose")
            })
        }));
        assert!(caught.is_err());
        moods::round_trip(conn, "acme").map_err(Error::from)
    });
    assert!(read.is_ok(), "{}", chain(&read.unwrap_err()));
}

/// A dropped schema is missing, also where missing tables fall through to `public`.
#[test]
fn t14_a_dropped_schema_does_not_fall_through_to_public() {
    let fixture = with(
        1,
        TenantPoolBuilder::public_behind_tenants_where_missing_tables_fall_through,
    );
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.run("CREATE TABLE public.tasks (LIKE acme.tasks INCLUDING ALL); INSERT INTO public.tasks (title) VALUES ('everybodys')");
    assert_eq!(fixture.titles(&acme), ["acme"]);
    fixture.run("DROP SCHEMA acme CASCADE");
    let read = fixture.tenancy.with_tenant(&acme, titles);
    assert!(matches!(read, Err(Error::SchemaMissing { .. })), "{read:?}");
}

/// What is written on a path whose schema is gone is an error.
#[test]
fn t15_a_table_made_in_a_dropped_schema_is_an_error_and_not_a_temporary_one() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.titles(&acme);
    fixture.titles(&acme);
    fixture.run("DROP SCHEMA acme CASCADE");
    let made = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.batch_execute("CREATE TABLE ledger (id int); INSERT INTO ledger VALUES (1)")
    });
    assert!(made.is_err(), "a write was taken and is lost");
}

/// A schema that this process drops is missing before any query runs, whoever verified it meanwhile.
#[test]
fn t16_a_schema_that_is_being_dropped_is_not_believed_in_afterwards() {
    let fixture = with(3, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut outside = fixture.outside();
    outside
        .batch_execute("BEGIN; LOCK TABLE acme.tasks IN ACCESS SHARE MODE")
        .unwrap();
    std::thread::scope(|threads| {
        let dropping = threads.spawn(|| fixture.tenancy.delete_with_schema(&acme));
        wait_until("the drop waits", || {
            fixture.is_true("EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DROP SCHEMA%' AND wait_event_type = 'Lock')")
        });
        // Another request, meanwhile.
        fixture
            .tenancy
            .with_tenant(&acme, |_| QueryResult::Ok(()))
            .unwrap();
        outside.batch_execute("COMMIT").unwrap();
        dropping.join().unwrap().unwrap();
    });
    let ran = std::sync::atomic::AtomicBool::new(false);
    let result = fixture.tenancy.with_tenant(&acme, |_| {
        ran.store(true, Ordering::SeqCst);
        QueryResult::Ok(())
    });
    assert!(
        matches!(result, Err(Error::SchemaMissing { .. })) && !ran.load(Ordering::SeqCst),
        "{result:?}"
    );
}

/// "No query of the scope was run."
#[test]
fn t17_missing_means_that_no_query_of_the_scope_was_run() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.titles(&acme);
    fixture.run("DROP SCHEMA acme CASCADE");
    let result = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.with_public(|conn| {
            diesel::sql_query("INSERT INTO plans (title) VALUES ('written')").execute(conn)
        })
        .map_err(|_| diesel::result::Error::NotFound)?;
        titles(conn)
    });
    let written = fixture.is_true("EXISTS (SELECT FROM public.plans WHERE title = 'written')");
    assert!(
        !(matches!(result, Err(Error::SchemaMissing { .. })) && written),
        "SchemaMissing says that no query was run, and one was committed"
    );
}

/// An iterator that is forgotten leaves rows on their way.
#[test]
fn t18_a_forgotten_iterator_does_not_reach_the_next_borrower() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    for i in 0..50 {
        add_task(&fixture.tenancy, &acme, &format!("t{i}"));
    }
    fixture.titles(&acme);
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            use tenant_tests::apps::todo::tasks;
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
fn t19_a_panicking_instrumentation_does_not_break_the_next_borrower() {
    use diesel::connection::{Connection, InstrumentationEvent};
    static PANICS: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
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
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| titles(conn)));
            PANICS.store(false, Ordering::SeqCst);
            assert!(caught.is_err());
            QueryResult::Ok(())
        })
        .unwrap();
    let next = fixture.tenancy.with_tenant(&acme, titles);
    assert!(next.is_ok(), "{next:?}");
}

/// A function that is called with a space before its parenthesis is a function all the same.
#[test]
fn t20_a_quoted_function_with_a_space_is_seen() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run("CREATE FUNCTION public.go(text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', $1, false) $$");
    let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        diesel::sql_query("SELECT public.\"go\" ('globex')").execute(conn)?;
        titles(conn)
    });
    assert_eq!(read.unwrap(), ["acme"]);
}

// ---------------------------------------------------------------- (2) twice, or lost

/// A message that commits on its way is not sent a second time.
#[test]
fn t30_a_raw_message_is_not_run_twice() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let _ = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.batch_execute("PREPARE p AS SELECT * FROM tasks")?;
        conn.batch_execute("EXECUTE p")?;
        conn.batch_execute("ALTER TABLE tasks ADD COLUMN more int")?;
        conn.batch_execute("INSERT INTO tasks (title) VALUES ('once'); COMMIT; EXECUTE p")
    });
    assert!(fixture.count("SELECT count(*) FROM acme.tasks WHERE title = 'once'") <= 1);
}

/// The same for a procedure that commits.
#[test]
fn t31_a_procedure_is_not_called_twice() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
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
fn t32_a_value_in_an_error_is_not_taken_for_a_stale_plan() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let before = fixture.tenancy.pool().metrics().stale_plans;
    let result = fixture.tenancy.transaction(&acme, |conn| {
        diesel::sql_query("SELECT CAST($1 AS int)")
            .bind::<Text, _>("cached plan must not change result type")
            .execute(conn)
    });
    assert!(matches!(result, Err(Error::Query(_))), "{result:?}");
    let _ = fixture.tenancy.with_tenant(&acme, |conn| {
        diesel::sql_query("SELECT CAST($1 AS int)")
            .bind::<Text, _>("cached plan must not change result type")
            .execute(conn)
    });
    assert_eq!(fixture.tenancy.pool().metrics().stale_plans, before);
}

/// A failed statement does not swallow notifications.
#[test]
fn t33_a_failed_statement_loses_no_notification() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.batch_execute("LISTEN jobs").unwrap();
    fixture.run("NOTIFY jobs, 'one'");
    fixture.run("NOTIFY jobs, 'two'");
    std::thread::sleep(Duration::from_millis(200));
    assert!(diesel::sql_query("SELECT nonsense").execute(&mut conn).is_err());
    let got: Vec<String> = conn
        .as_pg()
        .unwrap()
        .notifications_iter()
        .map(|notification| notification.unwrap().payload)
        .collect();
    assert_eq!(got, ["one", "two"]);
}

/// Outside a transaction a stale statement is mended, also row by row.
#[test]
fn t34_a_stale_statement_is_mended_row_by_row_too() {
    use tenant_tests::apps::todo::tasks;
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let read = |conn: &mut TenantConnection| -> QueryResult<Vec<String>> {
        tasks::table
            .select(tasks::title)
            .load_iter::<String, PgRowByRowLoadingMode>(conn)?
            .collect()
    };
    fixture.tenancy.with_tenant(&acme, read).unwrap();
    fixture.run("ALTER TABLE acme.tasks ALTER COLUMN title TYPE varchar(100)");
    let results: Vec<_> = (0..4).map(|_| fixture.tenancy.with_tenant(&acme, read)).collect();
    assert!(results.iter().any(Result::is_ok), "never again: {results:?}");
    assert!(results[0].is_ok(), "{:?}", results[0]);
}

/// Rows that fail on their way fail the transaction.
#[test]
fn t35_a_row_that_fails_on_its_way_fails_the_transaction() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
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

// ---------------------------------------------------------------- behind a pooler

fn behind(
    sessions: u32,
    options: impl FnOnce(TenantPoolBuilder) -> TenantPoolBuilder,
) -> (Pooled, Tenancy<Client>, Vec<Client>) {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(sessions));
    let tenants = pooled.fixture.tagged(&["acme", "globex"]);
    let tenancy = pooled.tenancy(4, |builder| {
        builder.pool(|pool| options(pool.pooler_mode(PoolerMode::Transaction)))
    });
    (pooled, tenancy, tenants)
}

/// The path is the scope's, or the statement is an error.
#[test]
fn t40_after_a_commit_in_a_message_of_several_nothing_runs_elsewhere() {
    for ends in [
        "SELECT 1; COMMIT",
        "INSERT INTO tasks (title) VALUES ('x'); COMMIT;",
        "ROLLBACK; SELECT 1",
    ] {
        let (_pooled, tenancy, tenants) = behind(1, |pool| pool);
        let mut seen = None;
        let _ = tenancy.with_tenant(&tenants[0], |conn| {
            conn.batch_execute(ends)?;
            seen = Some(current(conn));
            QueryResult::Ok(())
        });
        assert!(
            !matches!(&seen, Some(Ok(schema)) if schema.as_deref() != Some("acme")),
            "{ends}: {seen:?}"
        );
    }
}

fn current(conn: &mut TenantConnection) -> QueryResult<Option<String>> {
    diesel::select(diesel::dsl::sql::<Nullable<Text>>("current_schema()::text")).get_result(conn)
}

#[test]
fn t41_a_commit_and_a_path_do_not_write_into_another_tenant() {
    let (pooled, tenancy, tenants) = behind(1, |pool| pool);
    let mut seen = None;
    let result = tenancy.with_tenant(&tenants[0], |conn| {
        conn.batch_execute("COMMIT; SET search_path TO globex")?;
        seen = Some(titles(conn));
        insert_task(conn, "acmes")
    });
    assert_eq!(
        pooled
            .fixture
            .count("SELECT count(*) FROM globex.tasks WHERE title = 'acmes'"),
        0
    );
}

/// What a scope changed is taken back before another client has the session.
#[test]
fn t45_a_commit_and_a_path_do_not_reach_the_next_client() {
    let (pooled, tenancy, tenants) = behind(1, |pool| pool);
    let mut beside = pooled.client();
    let _ = tenancy.with_tenant(&tenants[0], |conn| {
        conn.batch_execute("COMMIT; SET search_path TO globex")
    });
    assert_eq!(path_of(&mut beside), "\"$user\", public");
}

fn path_of(conn: &mut PgConnection) -> String {
    #[derive(QueryableByName)]
    struct Path {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let query = diesel::sql_query("SELECT current_setting('search_path') AS value");
    query.get_result::<Path>(conn).unwrap().value
}

#[test]
fn t42_as_pg_and_a_commit() {
    let (_pooled, tenancy, tenants) = behind(1, |pool| pool);
    let mut seen = None;
    let _ = tenancy.with_tenant(&tenants[0], |conn| {
        conn.as_pg()?.batch_execute("COMMIT")?;
        seen = Some(current(conn));
        QueryResult::Ok(())
    });
    assert!(
        !matches!(&seen, Some(Ok(schema)) if schema.as_deref() != Some("acme")),
        "{seen:?}"
    );
}

/// Other clients of the pooler keep their path.
#[test]
fn t43_clearing_statements_leaves_the_poolers_sessions_as_they_are() {
    let (pooled, tenancy, tenants) = behind(1, |pool| pool.on_switch(OnSwitch::ClearStatements));
    let mut beside = pooled.client();
    for tenant in tenants.iter().cycle().take(12) {
        tenancy.with_tenant(tenant, titles).unwrap();
        #[derive(QueryableByName)]
        struct Path {
            #[diesel(sql_type = Text)]
            value: String,
        }
        let Path { value } = diesel::sql_query("SELECT current_setting('search_path') AS value")
            .get_result(&mut beside)
            .unwrap();
        assert_eq!(value, "\"$user\", public");
    }
}

/// Custom types in nested scopes behind a pooler.
#[test]
fn t44_custom_types_in_nested_scopes_behind_a_pooler() {
    let (pooled, tenancy, tenants) = behind(1, |pool| pool.on_switch(OnSwitch::ClearStatements));
    give_moods(&pooled.fixture, &tenants);
    let read = tenancy.with_tenant(&tenants[0], |conn| {
        moods::round_trip(conn, "acme")?;
        conn.with_tenant(&tenants[1], |conn| moods::round_trip(conn, "globex"))
    });
    assert!(read.is_ok(), "{}", chain(&read.unwrap_err()));
}

/// What `on_connect` chose for the cache is kept.
#[test]
fn t21_statements_that_on_connect_does_not_want_are_not_kept() {
    use diesel::connection::{CacheSize, Connection};
    let fixture = with(1, |pool| {
        pool.on_switch(OnSwitch::ClearStatements).on_connect(|pg| {
            pg.set_prepared_statement_cache_size(CacheSize::Disabled);
            Ok(())
        })
    });
    let tenants = fixture.tagged(&["acme", "globex"]);
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    conn.with_tenant(&tenants[1], titles).unwrap();
    titles(&mut conn).unwrap();
    assert!(!ask_bool(
        &mut conn,
        "EXISTS (SELECT FROM pg_prepared_statements WHERE name LIKE '\\_\\_diesel%')"
    ));
}

/// A deferred trigger.
#[test]
fn t22_with_verify_always_a_deferred_trigger_at_commit_is_not_believed() {
    let fixture = with(1, TenantPoolBuilder::verify_always);
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run(
        "CREATE FUNCTION public.unseen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('search_path', 'globex', false); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER unseen AFTER INSERT ON acme.tasks DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION public.unseen();",
    );
    for _ in 0..2 {
        let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
            conn.transaction(|conn| insert_task(conn, "x"))?;
            titles(conn)
        });
        assert!(read.unwrap().contains(&"acme".to_owned()));
        let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
        assert!(titles(&mut conn).unwrap().contains(&"acme".to_owned()));
        drop(conn);
        fixture
            .tenancy
            .transaction(&tenants[0], |conn| insert_task(conn, "y"))
            .unwrap();
        assert_eq!(fixture.titles(&tenants[1]), ["globex"]);
    }
}

/// Row by row, on a connection that died just before: the write of the next scope is done or fails, and the
/// connection is replaced.
#[test]
fn t23_a_connection_lost_row_by_row_is_not_given_to_the_next() {
    use tenant_tests::apps::todo::tasks;
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
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

/// A closure of `limits` that panics leaves nothing behind.
#[test]
fn t24_a_panic_in_limits_or_the_closure_leaks_no_place() {
    static PANICS: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let fixture = with(2, |pool| {
        pool.limits(|_| {
            assert!(!PANICS.load(Ordering::SeqCst), "on purpose");
            TenantLimits::none().max_connections(2)
        })
    });
    let acme = fixture.tagged(&["acme"]).remove(0);
    for _ in 0..5 {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            fixture
                .tenancy
                .with_tenant(&acme, |_| -> QueryResult<()> { panic!("on purpose") })
        }));
        assert!(caught.is_err());
        PANICS.store(true, Ordering::SeqCst);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fixture.titles(&acme)));
        PANICS.store(false, Ordering::SeqCst);
        assert!(caught.is_err());
    }
    let _a = fixture.tenancy.get(&acme).unwrap();
    let _b = fixture.tenancy.get(&acme).unwrap();
}

/// Killed at any moment.
#[test]
fn t25_a_write_on_a_hit_whose_connection_dies_is_never_done_twice_or_lost() {
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
            std::thread::sleep(Duration::from_micros(i * 150));
            ok += i64::from(insert_task(&mut conn, "counted").is_ok());
        });
    }
    let written = fixture.count("SELECT count(*) FROM acme.tasks WHERE title = 'counted'");
    assert!(written >= ok && written <= 60, "{written} written, {ok} said so");
}

diesel::define_sql_function! {
    /// The application's own, which has the name of a function of PostgreSQL's.
    fn log(message: Text) -> Text;
}

/// "What a function does that a query calls by name is taken back."
#[test]
fn t26_a_function_with_the_name_of_a_harmless_one_is_taken_back() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run(
        "CREATE FUNCTION acme.log(text) RETURNS text LANGUAGE sql AS \
         $$ SELECT set_config('search_path', 'globex', false) $$",
    );
    let within = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        diesel::select(log("x")).get_result::<String>(conn)?;
        titles(conn)
    });
    let next = fixture.tenancy.with_tenant(&tenants[0], titles);
    assert_eq!(next.unwrap(), ["acme"], "the next borrower");
    assert_eq!(within.unwrap(), ["acme"]);
}

/// Of a guard too.
#[test]
fn t36_a_missing_schema_is_said_row_by_row_too() {
    use tenant_tests::apps::todo::tasks;
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.titles(&acme);
    fixture.run("DROP SCHEMA acme CASCADE");
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let read = tasks::table
        .select(tasks::title)
        .load_iter::<String, PgRowByRowLoadingMode>(&mut conn)
        .map(|_| ())
        .map_err(Error::from);
    assert!(matches!(read, Err(Error::SchemaMissing { .. })), "{read:?}");
}

/// What people prepared is theirs while their scope lasts.
#[test]
fn t37_mending_a_stale_statement_forgets_nobody_elses() {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
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

/// A commit that fails takes back what outlives a transaction.
#[test]
fn t47_a_failed_commit_behind_a_pooler_leaves_nothing() {
    let (pooled, tenancy, tenants) = behind(1, |pool| pool);
    pooled.fixture.run("ALTER TABLE acme.tasks ADD COLUMN once int, ADD CONSTRAINT once UNIQUE (once) DEFERRABLE INITIALLY DEFERRED");
    let result = tenancy.with_tenant(&tenants[0], |conn| {
        diesel::sql_query("SELECT pg_advisory_lock(7)").execute(conn)?;
        conn.batch_execute("PREPARE mine AS SELECT 1")?;
        conn.batch_execute("INSERT INTO tasks (title, once) VALUES ('x', 1), ('y', 1)")
    });
    assert!(result.is_err(), "{result:?}");
    let mut beside = pooled.client();
    assert_eq!(
        pooled
            .fixture
            .count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7"),
        0
    );
    assert!(!ask_bool(
        &mut beside,
        "EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'mine')"
    ));
}

/// The same for calls that are written in other ways, in a write, which leaves its session clean.
#[test]
fn t27_a_function_that_a_write_calls_does_not_reach_the_next_borrower() {
    let mut leaked = Vec::new();
    for call in [
        "public.\"go\" (title)",
        "tasks.go",
        "(tasks).go",
        "public.go(title)",
    ] {
        let fixture = with(1, |pool| pool);
        let tenants = fixture.tagged(&["acme", "globex"]);
        fixture.run(
            "CREATE FUNCTION public.go(text) RETURNS text LANGUAGE sql AS \
             $$ SELECT set_config('search_path', 'globex', false) $$; \
             CREATE FUNCTION acme.go(acme.tasks) RETURNS text LANGUAGE sql AS \
             $$ SELECT set_config('search_path', 'globex', false) $$;",
        );
        fixture
            .tenancy
            .with_tenant(&tenants[0], |conn| {
                diesel::sql_query(format!("UPDATE tasks SET owner = {call}")).execute(conn)
            })
            .unwrap();
        let next = fixture.tenancy.with_tenant(&tenants[0], titles);
        if next.as_ref().is_ok_and(|next| *next != ["acme"]) {
            leaked.push(call);
        }
    }
    assert!(
        leaked.is_empty(),
        "the next borrower read another tenant's rows after {leaked:?}"
    );
}
