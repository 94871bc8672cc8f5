//! Only those who are ready, and at a version that the application serves, are served.

use super::*;
use diesel::prelude::*;
use tenant_diesel::TenantState;
use tenant_tests::apps::todo;
use tenant_tests::{Proxy, application, titles};

/// What a checkout is refused with.
fn refusal(tenancy: &Tenancy<Client>, tenant: &Client) -> (TenantState, Option<String>, Option<String>) {
    match tenancy.with_tenant(tenant, titles) {
        Err(Error::TenantUnavailable {
            tenant: name,
            state,
            version,
            needs,
        }) => {
            assert_eq!(name, tenant.schema_name);
            (state, version, needs)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tenant_that_is_not_ready_is_refused_in_every_kind_of_scope_and_the_others_are_served() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = again(
        &fixture,
        application().pool(|pool| pool.state_window(Duration::ZERO)),
    );
    for state in [
        "provisioning",
        "migrating",
        "maintenance",
        "failed",
        "archived",
        "dropping",
    ] {
        fixture.run(&format!(
            "UPDATE tenancy.schemas SET state = '{state}' WHERE name = 'acme'"
        ));
        assert_eq!(refusal(&tenancy, &tenants[0]).0.as_str(), state);
        let refused = |result: Result<Vec<String>, Error>| {
            assert!(
                matches!(result, Err(Error::TenantUnavailable { .. })),
                "{state}: {result:?}"
            );
        };
        refused(tenancy.transaction(&tenants[0], titles));
        refused(tenancy.get(&tenants[0]).map(|_| Vec::new()));
        refused(tenancy.with_public(|conn| conn.with_tenant(&tenants[0], titles)));
        refused(tenancy.with_tenant(&tenants[1], |conn| conn.with_tenant(&tenants[0], titles)));
        // On a connection that must be reset first.
        let mut tainted = tenancy.get(&tenants[1]).unwrap();
        diesel::sql_query("SET work_mem = '1MB'")
            .execute(&mut tainted)
            .unwrap();
        drop(tainted);
        refused(tenancy.with_tenant(&tenants[0], titles));
        for _ in 0..3 {
            assert_eq!(tenancy.with_tenant(&tenants[1], titles).unwrap(), ["globex"]);
            assert_eq!(tenancy.transaction(&tenants[1], titles).unwrap(), ["globex"]);
        }
    }
    fixture.run("UPDATE tenancy.schemas SET state = 'ready'");
    assert_eq!(tenancy.with_tenant(&tenants[0], titles).unwrap(), ["acme"]);
}

#[test]
fn a_tenant_that_another_process_takes_away_is_refused_within_the_window_also_while_it_is_in_use() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tagged(&["acme"]).remove(0);
    assert_eq!(fixture.titles(&acme), ["acme"]);
    fixture.run("UPDATE tenancy.schemas SET state = 'maintenance' WHERE name = 'acme'");
    // The connection is on its path, and used without a pause.
    tenant_tests::wait_until("it is refused", || {
        matches!(
            fixture.tenancy.with_tenant(&acme, titles),
            Err(Error::TenantUnavailable {
                state: TenantState::Maintenance,
                ..
            })
        )
    });
    fixture.run("UPDATE tenancy.schemas SET state = 'ready' WHERE name = 'acme'");
    tenant_tests::wait_until("it is served again", || {
        fixture.tenancy.with_tenant(&acme, titles).is_ok()
    });
}

#[test]
fn to_know_who_is_served_costs_no_round_trip() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    for window in [Duration::ZERO, Duration::from_secs(3600)] {
        let limits = r2d2::Pool::builder().max_size(1);
        let builder = application::<Client>()
            .r2d2(limits)
            .pool(|pool| pool.state_window(window).statement_per_tenant(false));
        let tenancy = builder.connect(&url).unwrap();
        let read = |tenant: &Client| tenancy.with_tenant(tenant, titles).unwrap();
        let in_transaction = |tenant: &Client| tenancy.transaction(tenant, titles).unwrap();
        // The statements of Diesel's are prepared.
        tenants.iter().for_each(|tenant| drop(read(tenant)));
        let switch = proxy.count_all(|| drop(read(&tenants[0]))).0;
        assert_eq!(switch.round_trips, 2, "{window:?}");
        let same = proxy.count_all(|| drop(read(&tenants[0]))).0;
        assert_eq!(same.round_trips, if window.is_zero() { 2 } else { 1 });
        let transaction = proxy.count_all(|| drop(in_transaction(&tenants[1]))).0;
        assert_eq!(transaction.round_trips, 3);
        let nested = || tenancy.with_tenant(&tenants[0], |conn| conn.with_tenant(&tenants[1], titles));
        nested().unwrap();
        let nested = proxy.count_all(|| drop(nested().unwrap())).0;
        assert!(nested.round_trips <= 4, "{nested:?}");
    }
}

#[test]
fn an_application_serves_the_versions_that_it_says_and_no_others() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let of = |builder: TenancyBuilder<Client>| again(&fixture, builder);
    for (tenancy, needs) in [
        (
            of(application().serves("20240103000000"..)),
            "versions from 20240103000000 on",
        ),
        (
            of(application().serves(..="20240101000000")),
            "versions up to 20240101000000",
        ),
        (
            of(application().serves("20230101000000".."20240102000000")),
            "versions from 20230101000000 to before 20240102000000",
        ),
    ] {
        let (state, version, says) = refusal(&tenancy, &acme);
        assert_eq!((state, version.as_deref()), (TenantState::Ready, Some(TODO[1])));
        assert_eq!(says.as_deref(), Some(needs));
        // The shared schema has its own versions.
        assert!(
            tenancy
                .with_public(|conn| diesel::sql_query("SELECT 1").execute(conn))
                .is_ok()
        );
    }
    let tenancy = of(application().serves(TODO[0]..=TODO[1]));
    assert_eq!(tenancy.with_tenant(&acme, titles).unwrap(), ["acme"]);
}

#[test]
fn a_canary_and_a_rolling_deployment_meet() {
    let fixture = bare(3);
    let old = again(&fixture, cases::builder().serves(..="20231231000000"));
    let new = again(&fixture, cases::builder().app::<todo::App>().serves(TODO[1]..));
    let tenants: Vec<Client> = new.tenants().collect::<Result<_, _>>().unwrap();
    assert!(new.with_tenant(&tenants[0], titles).is_err());
    let canary = tenant_diesel::Selection::names([tenants[0].schema_name.clone()]);
    new.migration().select(canary).run().unwrap();
    assert!(new.with_tenant(&tenants[0], titles).is_ok());
    assert!(new.with_tenant(&tenants[1], titles).is_err());
    let asks = |tenancy: &Tenancy<Client>, tenant: &Client| {
        tenancy
            .with_tenant(tenant, |conn| diesel::sql_query("SELECT 1").execute(conn))
            .is_ok()
    };
    // Those that were never migrated have no version: only who serves every version serves them.
    tenant_tests::wait_until("the old one refuses the canary", || !asks(&old, &tenants[0]));
}
