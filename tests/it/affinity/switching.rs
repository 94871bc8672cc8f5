//! What happens to statements between two tenants, and custom types in their schemas.

use super::*;
use diesel::connection::SimpleConnection;
use tenant_diesel::{OnSwitch, TenantConnection};
use tenant_tests::moods::{self, give_moods};

fn prepared(conn: &mut TenantConnection) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        value: i64,
    }
    let query = diesel::sql_query("SELECT count(*) AS value FROM pg_prepared_statements");
    query.get_result::<Count>(conn).unwrap().value
}

#[test]
fn statements_are_kept_cleared_or_gone_with_their_connection() {
    for (policy, keeps_statements, keeps_connection) in [
        (OnSwitch::Keep, true, true),
        (OnSwitch::ClearStatements, false, true),
        (OnSwitch::Reconnect, false, false),
    ] {
        let (fixture, tenants) = two(|pool| pool.on_switch(policy));
        assert_eq!(fixture.tenancy.pool().on_switch(), policy);
        fixture.titles(&tenants[0]);
        let pid = served_by(&fixture.tenancy, &tenants[0]);
        assert_eq!(
            served_by(&fixture.tenancy, &tenants[0]),
            pid,
            "{policy:?}: the same tenant"
        );
        let mut conn = fixture.tenancy.get(&tenants[1]).unwrap();
        assert_eq!(prepared(&mut conn) > 0, keeps_statements, "{policy:?}");
        assert_eq!(backend(&mut conn) == pid, keeps_connection, "{policy:?}");
        assert_eq!(titles(&mut conn).unwrap(), ["globex"]);
        drop(conn);
        assert_eq!(fixture.titles(&tenants[0]), ["acme"]);
        assert_eq!(
            fixture.tenancy.transaction(&tenants[1], titles).unwrap(),
            ["globex"]
        );
    }
}

#[test]
fn clearing_statements_costs_no_round_trip_of_its_own() {
    let (fixture, tenants) = two(|pool| pool);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = application::<Client>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .pool(|pool| pool.on_switch(OnSwitch::ClearStatements))
        .connect(&url)
        .unwrap();
    for tenant in tenants.iter().cycle().take(4) {
        // The path, then the query, which is prepared and run.
        let (round_trips, _) = proxy.count(|| tenancy.with_tenant(tenant, titles).unwrap());
        assert!(round_trips <= 3, "{round_trips}");
    }
}

#[test]
fn custom_types_of_tenants_found_at_start_up_choose_to_reconnect_and_work() {
    let (fixture, tenants) = two(|pool| pool);
    give_moods(&fixture, &tenants);
    let (warnings, tenancy) = warnings_of(|| {
        application::<Client>()
            .r2d2(r2d2::Pool::builder().max_size(1))
            .connect(fixture.database.url())
            .unwrap()
    });
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert!(
        warning.contains("type=\"mood\"") && warning.contains("OnSwitch::Reconnect"),
        "{warning}"
    );
    assert_eq!(tenancy.pool().on_switch(), OnSwitch::Reconnect);
    for tenant in tenants.iter().cycle().take(4) {
        let read = tenancy.with_tenant(tenant, |conn| moods::round_trip(conn, &tenant.name));
        assert_eq!(read.unwrap(), [moods::Mood(tenant.name.clone())]);
    }
    // A nested scope stays on its connection.
    tenancy
        .with_tenant(&tenants[0], |conn| {
            moods::round_trip(conn, "acme")?;
            let inner = conn.with_tenant(&tenants[1], |conn| moods::round_trip(conn, "globex"))?;
            assert_eq!(inner, [moods::Mood("globex".to_owned())]);
            moods::round_trip(conn, "sad")?;
            Ok::<_, tenant_diesel::Error>(())
        })
        .unwrap();
}

#[test]
fn clearing_statements_is_enough_for_custom_types_too() {
    let (fixture, tenants) = two(|pool| pool.on_switch(OnSwitch::ClearStatements));
    give_moods(&fixture, &tenants);
    for tenant in tenants.iter().cycle().take(4) {
        let read = fixture
            .tenancy
            .with_tenant(tenant, |conn| moods::round_trip(conn, &tenant.name));
        assert_eq!(read.unwrap(), [moods::Mood(tenant.name.clone())]);
    }
}

#[test]
fn the_application_decides_and_types_elsewhere_are_no_reason() {
    let (fixture, tenants) = two(|pool| pool);
    let connect = |options: fn(TenantPoolBuilder) -> TenantPoolBuilder| {
        let tenancy = application::<Client>()
            .pool(options)
            .connect(fixture.database.url());
        tenancy.unwrap().pool().on_switch()
    };
    fixture
        .run("CREATE TYPE public.shared AS ENUM ('x'); CREATE SCHEMA other; CREATE DOMAIN other.d AS text");
    assert_eq!(connect(|pool| pool), OnSwitch::Keep);
    fixture.run("CREATE DOMAIN acme.d AS text");
    assert_eq!(connect(|pool| pool), OnSwitch::Reconnect);
    assert_eq!(connect(|pool| pool.on_switch(OnSwitch::Keep)), OnSwitch::Keep);
    fixture.run("DROP DOMAIN acme.d; CREATE TYPE globex.pair AS (a int, b int)");
    assert_eq!(connect(|pool| pool), OnSwitch::Reconnect);
    drop(tenants);
}

#[test]
fn types_that_the_migrations_of_this_process_make_are_heeded_with_the_first_birth() {
    use tenant_diesel::prelude::*;
    #[tenant_app(migrations = "fixtures/moods")]
    mod mood_app {
        diesel::table! { moods (id) { id -> Int4 } }
    }
    let builder = application::<Client>().app::<mood_app::App>();
    let fixture = Fixture::of(1, builder);
    fixture.tenancy.migrate().unwrap();
    assert_eq!(fixture.tenancy.pool().on_switch(), OnSwitch::Keep);
    let tenants = [fixture.tenant("acme"), fixture.tenant("globex")];
    assert_eq!(fixture.tenancy.pool().on_switch(), OnSwitch::Reconnect);
    for tenant in tenants.iter().cycle().take(4) {
        let read = fixture
            .tenancy
            .with_tenant(tenant, |conn| moods::round_trip(conn, "sad"));
        assert_eq!(read.unwrap().len(), 1);
    }
}

#[test]
fn a_dead_server_is_an_error_also_where_each_switch_reconnects() {
    let (fixture, tenants) = two(|pool| pool.on_switch(OnSwitch::Reconnect));
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    conn.batch_execute("SELECT 1").unwrap();
    let pid = backend(&mut conn);
    drop(conn);
    kill(&fixture, pid);
    assert_eq!(fixture.titles(&tenants[1]), ["globex"]);
}
