//! The order in which connections are chosen.

use super::*;
use tenant_diesel::r2d2::Pool;

#[test]
fn the_same_tenant_again_gets_its_connection_and_sends_nothing_but_its_query() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = another(&url, 2);
    for tenant in &tenants {
        tenancy.with_tenant(tenant, titles).unwrap();
    }
    for tenant in tenants.iter().cycle().take(6) {
        let (round_trips, read) = proxy.count(|| tenancy.with_tenant(tenant, titles).unwrap());
        assert_eq!((round_trips, read), (1, vec![tenant.name.clone()]));
        let (round_trips, _) = proxy.count(|| tenancy.transaction(tenant, titles).unwrap());
        assert_eq!(round_trips, 3, "BEGIN, the read, COMMIT");
        let (round_trips, _) = proxy.count(|| tenancy.with_tenant(tenant, |_| QueryResult::Ok(())));
        assert_eq!(round_trips, 0);
    }
}

#[test]
fn each_tenant_keeps_its_own_connection_while_there_are_enough() {
    let fixture = affine(4);
    let tenants = fixture.tagged(&["a", "b", "c", "d"]);
    let first = served_at_once(&fixture.tenancy, &tenants);
    for _ in 0..3 {
        for (tenant, pid) in tenants.iter().zip(&first).rev() {
            assert_eq!(served_by(&fixture.tenancy, tenant), *pid, "{}", tenant.name);
        }
    }
}

#[test]
fn of_a_tenants_connections_the_one_used_last_is_taken() {
    let fixture = affine(3);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let pids = served_at_once(&fixture.tenancy, &[acme.clone(), acme.clone(), acme.clone()]);
    // They came back in this order.
    assert_eq!(served_by(&fixture.tenancy, &acme), pids[2]);
}

#[test]
fn one_that_serves_nobody_comes_before_one_that_serves_another() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b", "c"]);
    let tenancy = another(fixture.database.url(), 3);
    let one_after_the_other: Vec<_> = tenants.iter().map(|tenant| served_by(&tenancy, tenant)).collect();
    let mut different = one_after_the_other.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 3, "{one_after_the_other:?}");
    assert_eq!(tenancy.pool().metrics().switches, 0);
}

#[test]
fn a_new_one_is_opened_while_there_is_room_before_another_tenants_is_taken() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b", "c", "d"]);
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(3).min_idle(Some(1)))
        .pool(|pool| pool.alive_bypass_window(LONG))
        .connect(fixture.database.url())
        .unwrap();
    let pids: Vec<_> = tenants[..3]
        .iter()
        .map(|tenant| served_by(&tenancy, tenant))
        .collect();
    for (tenant, pid) in tenants.iter().zip(&pids) {
        assert_eq!(served_by(&tenancy, tenant), *pid, "{}", tenant.name);
    }
    assert_eq!(tenancy.pool().metrics().switches, 0);
    assert_eq!(tenancy.pool().state().connections, 3);
    // No room any more: the fourth takes the one that was used longest ago.
    assert_eq!(served_by(&tenancy, &tenants[3]), pids[0]);
    assert_eq!(tenancy.pool().state().connections, 3);
    assert_eq!(tenancy.pool().metrics().switches, 1);
}

#[test]
fn the_one_used_longest_ago_goes_to_another_tenant() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b", "c", "d", "e"]);
    // Of its own, where no connection has served anybody.
    let tenancy = another(fixture.database.url(), 3);
    let pids = served_at_once(&tenancy, &tenants[..3]);
    for i in [1, 0, 2] {
        served_by(&tenancy, &tenants[i]);
    }
    assert_eq!(served_by(&tenancy, &tenants[3]), pids[1]);
    assert_eq!(served_by(&tenancy, &tenants[4]), pids[0]);
    assert_eq!(served_by(&tenancy, &tenants[2]), pids[2], "c is still on its own");
}

#[test]
fn a_tenant_comes_back_to_the_connection_that_knows_it() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b", "c"]);
    let tenancy = another(fixture.database.url(), 2);
    let pids = served_at_once(&tenancy, &tenants[..2]);
    // `c` takes the one of `a`, and `a` comes back to it although the one of `b` was used longer ago.
    assert_eq!(served_by(&tenancy, &tenants[2]), pids[0]);
    assert_eq!(served_by(&tenancy, &tenants[0]), pids[0]);
    assert_eq!(served_by(&tenancy, &tenants[1]), pids[1]);
}

#[test]
fn without_affinity_each_checkout_sets_its_path() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(1))
        .pool(|pool| pool.affinity(false).alive_bypass_window(LONG))
        .connect(&url)
        .unwrap();
    tenancy.with_tenant(&acme, titles).unwrap();
    let (round_trips, _) = proxy.count(|| tenancy.with_tenant(&acme, titles).unwrap());
    assert_eq!(round_trips, 2);
    assert_eq!(tenancy.pool().metrics().hits, 0);
}

#[test]
fn a_pool_of_few_serves_many_at_one_round_trip_more() {
    let fixture = affine(2);
    let names = names("many", 20);
    let tenants = fixture.tagged(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(2))
        .connect(&url)
        .unwrap();
    // Each query is prepared once for each tenant.
    for _ in 0..2 {
        for tenant in &tenants {
            tenancy.with_tenant(tenant, titles).unwrap();
        }
    }
    for tenant in tenants.iter().rev().chain(&tenants) {
        let (round_trips, read) = proxy.count(|| tenancy.with_tenant(tenant, titles).unwrap());
        assert_eq!(read, [tenant.name.as_str()]);
        assert!(round_trips <= 2, "{round_trips}");
    }
}

#[test]
fn a_scope_that_left_something_is_not_the_same_tenants_connection_for_nothing() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = another(&url, 1);
    for dirty in [
        "SET ROLE NONE",
        "SET statement_timeout = 1000",
        "CREATE TEMP TABLE tasks (id int)",
    ] {
        tenancy.with_tenant(&acme, titles).unwrap();
        tenancy
            .with_tenant(&acme, |conn| diesel::sql_query(dirty).execute(conn))
            .unwrap();
        let (round_trips, read) = proxy.count(|| tenancy.with_tenant(&acme, titles).unwrap());
        assert_eq!(read, ["acme"]);
        assert!(round_trips > 1, "`{dirty}` was not taken back");
        let mut conn = tenancy.get(&acme).unwrap();
        assert_eq!(setting(&mut conn, "statement_timeout"), "0");
    }
}

#[test]
fn many_who_want_a_new_connection_at_once_do_not_wait_for_one_that_another_took() {
    let fixture = affine(1);
    let names = names("t", 12);
    let tenants = fixture.tagged(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(6).min_idle(Some(1)))
        .connect(fixture.database.url())
        .unwrap();
    std::thread::scope(|threads| {
        for tenant in &tenants {
            threads.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(
                        tenancy.with_tenant(tenant, titles).unwrap(),
                        [tenant.name.as_str()]
                    );
                }
            });
        }
    });
    assert!(tenancy.pool().state().connections <= 6);
    assert_eq!(tenancy.pool().metrics().timeouts, 0);
}
