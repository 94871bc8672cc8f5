//! Round trips, counted on the wire: they do not depend on the machine.

use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use tenant_diesel::Tenancy;
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::{customers, todo};
use tenant_tests::*;

struct Counted {
    fixture: Fixture,
    proxy: Proxy,
    tenancy: Tenancy<Client>,
    url: String,
}

/// The application behind a proxy, with one connection that is warm: each query was prepared once.
fn counted() -> (Counted, Client, Client) {
    let fixture = Fixture::new();
    let mut tenants = fixture.tagged(&["acme", "globex"]);
    let (globex, acme) = (tenants.pop().unwrap(), tenants.pop().unwrap());
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .r2d2(Pool::builder().max_size(1))
        .connect(&url)
        .unwrap();
    let counted = Counted {
        fixture,
        proxy,
        tenancy,
        url,
    };
    for tenant in [&acme, &globex] {
        counted.tenancy.with_tenant(tenant, titles).unwrap();
        counted
            .tenancy
            .with_tenant(tenant, |conn| insert_task(conn, "warm"))
            .unwrap();
    }
    (counted, acme, globex)
}

#[test]
fn a_plain_checkout_of_diesel_and_r2d2_costs_one_round_trip_with_a_ping() {
    let (counted, _, _) = counted();
    let manager = ConnectionManager::<PgConnection>::new(&counted.url);
    let pool = Pool::builder().max_size(1).build(manager).unwrap();
    let read = || {
        diesel::select(1.into_sql::<diesel::sql_types::Int4>()).get_result::<i32>(&mut pool.get().unwrap())
    };
    read().unwrap();
    assert_eq!(
        counted.proxy.count(read).0,
        2,
        "`SELECT 1` of the pool, and the query"
    );
}

#[test]
fn with_tenant_adds_at_most_one_round_trip_to_what_the_closure_sends() {
    let (counted, acme, globex) = counted();
    for tenant in [&acme, &acme, &globex, &acme] {
        let (round_trips, read) = counted
            .proxy
            .count(|| counted.tenancy.with_tenant(tenant, titles));
        assert!(read.unwrap().contains(&tenant.name));
        assert!(round_trips <= 2, "{round_trips} for one read");
    }
    let (round_trips, _) = counted.proxy.count(|| {
        counted.tenancy.with_tenant(&globex, |conn| {
            for _ in 0..3 {
                insert_task(conn, "globex")?;
            }
            QueryResult::Ok(())
        })
    });
    assert!(round_trips <= 4, "{round_trips} for three inserts");
    let (round_trips, _) = counted
        .proxy
        .count(|| counted.tenancy.with_tenant(&acme, |_| QueryResult::Ok(())));
    assert!(round_trips <= 1, "{round_trips} for nothing");
}

#[test]
fn a_scope_that_follows_a_dirty_one_costs_no_round_trip_more() {
    let (counted, acme, globex) = counted();
    for dirty in [
        "SET ROLE NONE",
        "CREATE TEMP TABLE tasks (id int)",
        "SET statement_timeout = 1000",
        "SELECT 1",
    ] {
        counted
            .tenancy
            .with_tenant(&acme, |conn| diesel::sql_query(dirty).execute(conn))
            .unwrap();
        let (round_trips, read) = counted
            .proxy
            .count(|| counted.tenancy.with_tenant(&globex, titles));
        assert!(read.unwrap().contains(&globex.name));
        assert!(round_trips <= 2, "{round_trips} after `{dirty}`");
        counted
            .tenancy
            .with_tenant(&acme, |conn| diesel::sql_query(dirty).execute(conn))
            .unwrap();
        let (round_trips, read) = counted
            .proxy
            .count(|| counted.tenancy.transaction(&globex, titles));
        assert!(read.unwrap().contains(&globex.name));
        assert!(round_trips <= 3, "{round_trips} in a transaction after `{dirty}`");
    }
}

#[test]
fn a_transaction_adds_no_round_trip_to_begin_and_commit() {
    let (counted, acme, globex) = counted();
    for tenant in [&acme, &globex, &globex] {
        let (round_trips, read) = counted
            .proxy
            .count(|| counted.tenancy.transaction(tenant, titles));
        assert!(read.unwrap().contains(&tenant.name));
        assert_eq!(round_trips, 3, "BEGIN with the path, the read, COMMIT");
        let (round_trips, result) = counted.proxy.count(|| {
            counted.tenancy.transaction(tenant, |_| {
                QueryResult::<()>::Err(diesel::result::Error::NotFound)
            })
        });
        assert!(result.is_err());
        assert_eq!(round_trips, 2, "BEGIN with the path, ROLLBACK");
    }
}

#[test]
fn a_missing_schema_is_found_before_any_query_and_told_apart_in_one_round_trip_more() {
    let (counted, acme, _) = counted();
    counted.fixture.run("DROP SCHEMA acme CASCADE");
    let (round_trips, result) = counted.proxy.count(|| counted.tenancy.with_tenant(&acme, titles));
    assert!(
        matches!(result, Err(tenant_diesel::Error::SchemaMissing { .. })),
        "{result:?}"
    );
    assert_eq!(
        round_trips, 2,
        "the message that sets the path fails, and which failure it was is asked"
    );
}

#[test]
fn nested_scopes_cost_one_round_trip_in_and_one_out_and_none_for_the_same_tenant() {
    let (counted, acme, globex) = counted();
    let mut conn = counted.tenancy.get(&acme).unwrap();
    let (round_trips, _) = counted.proxy.count(|| conn.with_tenant(&globex, titles).unwrap());
    assert_eq!(round_trips, 3);
    let (round_trips, _) = counted.proxy.count(|| conn.with_tenant(&acme, titles).unwrap());
    assert_eq!(round_trips, 1);
}

#[test]
fn no_path_is_set_that_is_set_already() {
    let (counted, acme, _) = counted();
    let mut conn = counted.tenancy.get(&acme).unwrap();
    let (round_trips, _) = counted.proxy.count(|| {
        for _ in 0..5 {
            titles(&mut conn).unwrap();
        }
    });
    assert_eq!(round_trips, 5);
}
