//! Connections that died, and schemas that went, while nothing was asked.

use super::*;
use diesel::connection::{CacheSize, SimpleConnection};
use tenant_diesel::{Error, TenantConnection};

#[test]
fn inside_the_window_nothing_is_asked_and_with_none_always() {
    for (window, round_trips) in [(LONG, 1), (Duration::ZERO, 2)] {
        let fixture = affine(1);
        let acme = fixture.tagged(&["acme"]).remove(0);
        let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
        let tenancy = application::<Client>()
            .r2d2(r2d2::Pool::builder().max_size(1))
            .pool(|pool| pool.alive_bypass_window(window))
            .connect(&url)
            .unwrap();
        tenancy.with_tenant(&acme, titles).unwrap();
        for _ in 0..3 {
            assert_eq!(
                proxy.count(|| tenancy.with_tenant(&acme, titles).unwrap()).0,
                round_trips
            );
        }
    }
}

type Run = fn(&mut TenantConnection) -> QueryResult<()>;

/// What the first statement of a scope can be.
fn first_statements() -> Vec<(&'static str, Run)> {
    vec![
        ("read", |conn| titles(conn).map(drop)),
        ("write", |conn| insert_task(conn, "written").map(drop)),
        ("transaction", |conn| {
            conn.transaction(|conn| insert_task(conn, "written")).map(drop)
        }),
        ("raw query", |conn| {
            diesel::sql_query("SELECT 1").execute(conn).map(drop)
        }),
        ("raw text", |conn| {
            conn.batch_execute("INSERT INTO tasks (title) VALUES ('written')")
        }),
        ("as_pg", |conn| conn.as_pg().and_then(titles).map(drop)),
    ]
}

/// The process that serves a tenant, on a connection that is clean and need not be asked.
fn at_hand(fixture: &Fixture, tenant: &Client) -> i32 {
    let pid = served_by(&fixture.tenancy, tenant);
    let hits = fixture.tenancy.pool().metrics().hits;
    fixture.titles(tenant);
    fixture.titles(tenant);
    assert_eq!(fixture.tenancy.pool().metrics().hits, hits + 1);
    pid
}

#[test]
fn a_connection_that_died_while_idle_is_replaced_before_the_first_statement_whatever_it_is() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut written = 0;
    for (what, run) in first_statements() {
        let pid = at_hand(&fixture, &acme);
        kill(&fixture, pid);
        let result = fixture.tenancy.with_tenant(&acme, run);
        assert!(result.is_ok(), "{what}: {result:?}");
        assert_ne!(served_by(&fixture.tenancy, &acme), pid, "{what}");
        written += i64::from(["write", "transaction", "raw text"].contains(&what));
        assert_eq!(
            fixture.count("SELECT count(*) FROM acme.tasks WHERE title = 'written'"),
            written,
            "{what} was done once"
        );
    }
}

#[test]
fn a_connection_that_dies_between_checkout_and_the_first_statement_is_replaced_too() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    for (what, run) in first_statements() {
        let pid = at_hand(&fixture, &acme);
        let before = fixture.tenancy.pool().metrics().replaced;
        let mut conn = fixture.tenancy.get(&acme).unwrap();
        kill(&fixture, pid);
        let result = run(&mut conn);
        assert!(result.is_ok(), "{what}: {result:?}");
        assert_ne!(backend(&mut conn), pid, "{what}");
        assert_eq!(fixture.tenancy.pool().metrics().replaced, before + 1, "{what}");
    }
}

#[test]
fn a_connection_that_dies_at_the_same_moment_is_replaced_for_what_reads_or_begins() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    for (what, run) in first_statements() {
        if !["read", "transaction"].contains(&what) {
            continue;
        }
        for _ in 0..5 {
            let pid = at_hand(&fixture, &acme);
            let mut conn = fixture.tenancy.get(&acme).unwrap();
            // Not awaited: the statement and the end of the session race.
            fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
            let result = run(&mut conn);
            assert!(result.is_ok(), "{what}: {result:?}");
        }
    }
}

#[test]
fn a_write_that_races_with_the_end_of_its_session_is_done_once_or_fails() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut written = 0;
    for _ in 0..20 {
        let pid = at_hand(&fixture, &acme);
        let mut conn = fixture.tenancy.get(&acme).unwrap();
        fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
        let result = insert_task(&mut conn, "written");
        let now = fixture.count("SELECT count(*) FROM acme.tasks WHERE title = 'written'");
        match result {
            Ok(_) => assert_eq!(now, written + 1),
            // Nobody can say whether it was done; but it was not done twice.
            Err(_) => assert!(now <= written + 1, "{now} of {written}"),
        }
        written = now;
    }
}

#[test]
fn a_connection_that_dies_after_the_first_statement_is_an_error() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    titles(&mut fixture.tenancy.get(&acme).unwrap()).unwrap();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let pid = backend(&mut conn);
    kill(&fixture, pid);
    assert!(titles(&mut conn).is_err());
    assert!(titles(&mut conn).is_err(), "and stays one");
    drop(conn);
    assert_eq!(fixture.titles(&acme), ["acme"]);
}

#[test]
fn a_dead_connection_with_something_set_on_it_is_an_error_and_not_silently_another() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let pid = at_hand(&fixture, &acme);
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    kill(&fixture, pid);
    assert!(titles(&mut conn).is_err(), "its cache would not be as it was set");
}

#[test]
fn a_schema_that_this_process_dropped_is_missing_before_any_query_runs() {
    let fixture = affine(2);
    let tenants = fixture.tagged(&["acme", "globex"]);
    served_at_once(&fixture.tenancy, &[tenants[0].clone(), tenants[0].clone()]);
    fixture.tenancy.delete_with_schema(&tenants[0]).unwrap();
    let ran = fixture
        .tenancy
        .with_tenant(&tenants[0], |_| -> QueryResult<()> { panic!("it ran") });
    assert!(matches!(ran, Err(Error::SchemaMissing { .. })), "{ran:?}");
    assert!(matches!(
        fixture.tenancy.get(&tenants[0]),
        Err(Error::SchemaMissing { .. })
    ));
}

#[test]
fn a_schema_that_somebody_else_dropped_is_missing_in_every_kind_of_scope() {
    let fixture = affine(1);
    for (i, what) in ["scope", "transaction", "guard", "transaction inside"]
        .into_iter()
        .enumerate()
    {
        let name = format!("gone_{i}");
        let tenant = fixture.tagged(&[&name]).remove(0);
        fixture.titles(&tenant);
        fixture.run(&format!("DROP SCHEMA {name} CASCADE"));
        let result = match what {
            "scope" => fixture.tenancy.with_tenant(&tenant, titles),
            "transaction" => fixture.tenancy.transaction(&tenant, titles),
            "guard" => titles(&mut fixture.tenancy.get(&tenant).unwrap()).map_err(Error::from),
            _ => fixture
                .tenancy
                .with_tenant(&tenant, |conn| conn.transaction(titles)),
        };
        assert!(
            matches!(&result, Err(Error::SchemaMissing { schema }) if schema.as_str() == name),
            "{what}: {result:?}"
        );
        let next = fixture.tenancy.with_tenant(&tenant, |_| QueryResult::Ok(()));
        assert!(
            matches!(next, Err(Error::SchemaMissing { .. })),
            "{what}: {next:?}"
        );
    }
}

#[test]
fn a_schema_that_was_dropped_and_made_again_is_read_as_it_is_now() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    assert_eq!(fixture.titles(&acme), ["acme"]);
    fixture.tenancy.drop_schema(&acme).unwrap();
    fixture.tenancy.create_schema(&acme).unwrap();
    assert_eq!(fixture.titles(&acme), Vec::<String>::new());
    fixture.run(
        "ALTER SCHEMA acme RENAME TO old; CREATE SCHEMA acme; CREATE TABLE acme.tasks (id int, title text)",
    );
    assert_eq!(fixture.titles(&acme), Vec::<String>::new());
    fixture.run("DROP SCHEMA acme CASCADE; ALTER SCHEMA old RENAME TO acme; INSERT INTO acme.tasks (title) VALUES ('x')");
    assert_eq!(fixture.titles(&acme), ["x"]);
}

#[test]
fn a_connection_whose_reset_failed_half_way_is_not_given_to_anybody() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let tenancy = application::<Client>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .on_connect(move |pg| {
            if failing.load(Ordering::SeqCst) {
                return pg.batch_execute("SELECT nonsense");
            }
            pg.batch_execute("SET application_name = 'shop'")
        })
        .connect(fixture.database.url())
        .unwrap();
    let dirty = |conn: &mut TenantConnection| conn.batch_execute("SET application_name = 'changed'");
    tenancy.with_tenant(&tenants[0], dirty).unwrap();
    fails.store(true, Ordering::SeqCst);
    let error = tenancy.with_tenant(&tenants[1], titles).unwrap_err();
    assert!(error.to_string().contains("globex"), "{error}");
    fails.store(false, Ordering::SeqCst);
    for tenant in &tenants {
        let mut conn = tenancy.get(tenant).unwrap();
        assert_eq!(setting(&mut conn, "application_name"), "shop");
        assert_eq!(titles(&mut conn).unwrap(), [tenant.name.as_str()]);
    }
}

#[test]
fn a_missing_schema_in_between_changes_nothing_for_the_next() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.titles(&tenants[0]);
    for missing in ["nobody", "nobody_else"] {
        let none = fixture.tenancy.with_schema(&name(missing), titles);
        assert!(matches!(none, Err(Error::SchemaMissing { .. })));
        assert_eq!(fixture.titles(&tenants[0]), ["acme"]);
        assert_eq!(
            fixture.tenancy.transaction(&tenants[1], titles).unwrap(),
            ["globex"]
        );
    }
}
