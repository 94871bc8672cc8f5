//! What a new user who follows the README, and an attacker, found: each states what is promised.

use crate::pooler::Pooled;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationConnection;
use diesel::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tenant_diesel::r2d2::Pool;
use tenant_diesel::{PoolerMode, Tenancy, TenantLimits};
use tenant_testing::PgBouncer;
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

const LONG: Duration = Duration::from_secs(600);

fn with_switchable_on_connect() -> (Fixture, Arc<AtomicBool>) {
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
fn u01_a_connection_on_which_on_connect_failed_serves_nobody() {
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
fn u02_the_same_in_scopes_that_are_transactions() {
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

/// A guard whose connection died and could not be replaced is used again.
#[test]
fn u03_a_guard_that_could_not_be_replaced_is_an_error_and_not_a_panic() {
    let (fixture, fails) = with_switchable_on_connect();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let pid = backend(&mut fixture.tenancy.get(&acme).unwrap());
    // Typed queries only, so that the next checkout asks nothing.
    titles(&mut fixture.tenancy.get(&acme).unwrap()).unwrap();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
    std::thread::sleep(Duration::from_millis(300));
    fails.store(true, Ordering::SeqCst);
    let first = titles(&mut conn);
    assert!(first.is_err(), "{first:?}");
    fails.store(false, Ordering::SeqCst);
    let again = catch_unwind(AssertUnwindSafe(|| titles(&mut conn)));
    assert!(again.is_ok(), "the second statement panicked");
}

/// The same with a nested scope, where the library itself goes on.
#[test]
fn u04_a_scope_that_goes_on_after_a_failed_replacement_does_not_panic() {
    let (fixture, fails) = with_switchable_on_connect();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let pid = backend(&mut fixture.tenancy.get(&acme).unwrap());
    // Typed queries only, so that the next checkout asks nothing.
    titles(&mut fixture.tenancy.get(&acme).unwrap()).unwrap();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    let result = catch_unwind(AssertUnwindSafe(|| {
        conn.with_tenant(&acme, |inner| {
            fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
            std::thread::sleep(Duration::from_millis(300));
            fails.store(true, Ordering::SeqCst);
            titles(inner)
        })
    }));
    assert!(result.is_ok(), "a nested scope panicked");
}

/// What works on a connection that was switched works on one that was not.
#[test]
fn u05_an_isolation_level_can_be_set_first_whether_the_checkout_was_a_hit_or_not() {
    let fixture = Fixture::of(
        1,
        application::<Client>().pool(|pool| pool.alive_bypass_window(LONG)),
    );
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.tenancy.with_tenant(&tenants[0], titles).unwrap();
    let set = || {
        fixture.tenancy.with_tenant(&tenants[1], |conn| {
            conn.transaction(|conn| {
                conn.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")?;
                titles(conn)
            })
        })
    };
    let switch = set();
    fixture.tenancy.with_tenant(&tenants[1], titles).unwrap();
    fixture.tenancy.with_tenant(&tenants[1], titles).unwrap();
    let hit = set();
    assert!(switch.is_ok() && hit.is_ok(), "switch {switch:?}, hit {hit:?}");
}

/// Another process drops the schema; `MigrationHarness` makes its table.
#[test]
fn u06_the_table_of_migrations_is_not_made_somewhere_else() {
    let fixture = Fixture::of(
        1,
        application::<Client>().pool(|pool| pool.alive_bypass_window(LONG)),
    );
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run("DROP TABLE globex.__diesel_schema_migrations");
    drop(fixture.tenancy.get(&tenants[0]).unwrap());
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    fixture.run("DROP SCHEMA acme CASCADE");
    let made = conn.setup();
    drop(conn);
    let mut next = fixture.tenancy.get(&tenants[1]).unwrap();
    let leaked = ask_bool(&mut next, "to_regclass('__diesel_schema_migrations') IS NOT NULL");
    assert!(
        made.is_err() && !leaked,
        "{made:?}, and the next tenant sees it: {leaked}"
    );
}

fn behind(sessions: u32) -> (Pooled, Tenancy<Client>, Vec<Client>) {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(sessions));
    let tenants = pooled.fixture.tagged(&["acme", "globex"]);
    let tenancy = pooled.tenancy(2, |builder| {
        builder.pool(|pool| pool.pooler_mode(PoolerMode::Transaction))
    });
    (pooled, tenancy, tenants)
}

/// A comment before the word, or a dollar anywhere.
#[test]
fn u07_a_raw_end_of_a_pooled_transaction_is_seen_behind_a_comment() {
    let mut leaked = Vec::new();
    for message in [
        "COMMIT; SET search_path TO globex",
        "/* done */ COMMIT; SET search_path TO globex",
        "-- done\nCOMMIT; SET search_path TO globex",
        "SELECT '$'; COMMIT; SET search_path TO globex",
    ] {
        let (pooled, tenancy, tenants) = behind(1);
        let mut beside = pooled.client();
        let mut seen = String::new();
        let _result = tenancy.with_tenant(&tenants[0], |conn| {
            conn.batch_execute(message)?;
            // The scope goes on, and the session is somebody else's.
            seen = setting(&mut beside, "search_path");
            QueryResult::Ok(())
        });
        if seen.contains("globex") {
            leaked.push(message);
        }
    }
    assert!(
        leaked.is_empty(),
        "another client reads globex's tables after {leaked:?}"
    );
}

/// `min_idle(Some(0))`: the probe that is promised at start-up.
#[test]
fn u09_a_pool_that_opens_nothing_at_first_is_refused_behind_a_transaction_mode_pooler() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(1));
    let start = Instant::now();
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(2)
                .min_idle(Some(0))
                .error_handler(Box::new(tenant_diesel::r2d2::NopErrorHandler))
                .connection_timeout(Duration::from_secs(3)),
        )
        .connect(pooled.pgbouncer.url());
    let then = tenancy.as_ref().ok().map(|tenancy| tenancy.get_public().err());
    assert!(
        tenancy.is_err(),
        "then {then:?}, accepted after {:?}",
        start.elapsed()
    );
}

/// As the README has it.
#[test]
fn u10_the_readmes_options() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex", "initech"]);
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(4).min_idle(Some(1)))
        .pool(|pool| {
            pool.alive_bypass_window(Duration::from_millis(500))
                .tenants_per_connection(2)
                .verify_always()
                .limits(|_| {
                    TenantLimits::none()
                        .statement_timeout(Duration::from_secs(10))
                        .max_connections(2)
                })
                .pooler_mode(PoolerMode::Session)
        })
        .connect(fixture.database.url())
        .unwrap();
    for tenant in tenants.iter().cycle().take(30) {
        let read = tenancy.with_tenant(tenant, |conn| {
            assert_eq!(setting(conn, "statement_timeout"), "10s");
            titles(conn)
        });
        assert_eq!(read.unwrap(), [tenant.name.clone()]);
    }
    let held = [
        tenancy.get(&tenants[0]).unwrap(),
        tenancy.get(&tenants[0]).unwrap(),
    ];
    assert!(matches!(
        tenancy.get(&tenants[0]),
        Err(tenant_diesel::Error::TenantLimit {
            max_connections: 2,
            ..
        })
    ));
    drop(held);
    assert!(tenancy.pool().state().connections <= 4);
    eprintln!("{:?}", tenancy.pool().metrics());
}

/// All of Diesel's statements go, and something else comes.
#[test]
fn u11_statements_are_prepared_again_after_a_message_that_forgets_them_and_more() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut found = Vec::new();
    for message in [
        "DISCARD ALL",
        "DEALLOCATE ALL; LISTEN jobs",
        "DEALLOCATE ALL; SELECT pg_advisory_lock(1)",
    ] {
        let mut conn = fixture.tenancy.get(&acme).unwrap();
        titles(&mut conn).unwrap();
        conn.batch_execute(message).unwrap();
        if let Err(error) = titles(&mut conn) {
            found.push((message, error.to_string()));
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

/// The same in a scope that is a transaction of its own.
#[test]
fn u12_on_connect_fails_before_a_transaction() {
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

mod functions {
    use diesel::sql_types::Text;
    diesel::define_sql_function! {
        #[sql_name = "ctx.set"]
        fn ctx_set(path: Text) -> Text;
    }
    diesel::define_sql_function! {
        #[sql_name = "my_pg_catalog.lower"]
        fn my_lower(path: Text) -> Text;
    }
}

fn with_functions() -> (Fixture, Vec<Client>) {
    let fixture = Fixture::of(
        1,
        application::<Client>().pool(|pool| pool.alive_bypass_window(LONG)),
    );
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["acme", "globex"]);
    for (schema, name) in [
        ("ctx", "set"),
        ("ctx", "go"),
        ("ctx", "lower"),
        ("my_pg_catalog", "lower"),
    ] {
        fixture.run(&format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE FUNCTION {schema}.{name}(path text) RETURNS text LANGUAGE sql AS \
             $$ SELECT set_config('search_path', path, false) $$"
        ));
    }
    (fixture, tenants)
}

/// Behind a period, PostgreSQL takes any word for a name.
#[test]
fn u13_a_function_with_the_name_of_a_word_does_not_reach_the_next_borrower() {
    let mut leaked = Vec::new();
    for which in ["ctx.set", "my_pg_catalog.lower"] {
        let (fixture, tenants) = with_functions();
        let same = fixture.tenancy.with_tenant(&tenants[0], |conn| {
            match which {
                "ctx.set" => diesel::select(functions::ctx_set("globex")).get_result::<String>(conn)?,
                _ => diesel::select(functions::my_lower("globex")).get_result::<String>(conn)?,
            };
            titles(conn)
        });
        let next = fixture.tenancy.with_tenant(&tenants[0], titles);
        for (scope, read) in [("same", same.unwrap()), ("next", next.unwrap())] {
            if read != ["acme"] {
                leaked.push((which, scope, read));
            }
        }
    }
    assert!(leaked.is_empty(), "acme read: {leaked:?}");
}

/// Other ways to write a call.
#[test]
fn u14_a_call_is_seen_behind_comments_and_spaces() {
    let mut leaked = Vec::new();
    for call in [
        "SELECT ctx.go/**/('globex')",
        "SELECT ctx.go -- lower\n('globex')",
        "SELECT ctx . lower('globex')",
        "SELECT ctx. lower('globex')",
        "SELECT ctx.set('globex')",
        "UPDATE tasks SET owner = ctx. lower('globex')",
    ] {
        let (fixture, tenants) = with_functions();
        let same = fixture.tenancy.with_tenant(&tenants[0], |conn| {
            diesel::sql_query(call).execute(conn)?;
            titles(conn)
        });
        let next = fixture.tenancy.with_tenant(&tenants[0], titles);
        for (scope, read) in [("same", same), ("next", next)] {
            if read.as_ref().is_ok_and(|read| *read != ["acme"]) {
                leaked.push((call, scope));
            }
        }
    }
    assert!(leaked.is_empty(), "acme read globex's rows: {leaked:?}");
}

/// A word may stand before a comment, or be of a role's own.
#[test]
fn u15_what_a_statement_leaves_in_a_transaction_that_failed_to_begin_is_gone() {
    let (fixture, tenants) = with_functions();
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| {
            conn.batch_execute("SET statement_timeout = 12345; CREATE TEMP TABLE tasks (title text)")
        })
        .unwrap();
    let missing = Client {
        schema_name: name("nobody"),
        ..tenants[0].clone()
    };
    assert!(fixture.tenancy.transaction(&missing, titles).is_err());
    assert!(fixture.tenancy.with_tenant(&missing, titles).is_err());
    assert_eq!(
        fixture.tenancy.transaction(&tenants[1], titles).unwrap(),
        ["globex"]
    );
    let timeout = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        QueryResult::Ok(setting(conn, "statement_timeout"))
    });
    assert_eq!(timeout.unwrap(), "0");
    assert_eq!(fixture.titles(&tenants[0]), ["acme"]);
    assert!(fixture.tenancy.pool().state().connections <= 1);
}
