//! The number of tenants a connection.

use super::*;

#[test]
fn no_connection_serves_more_tenants_than_it_may_and_each_is_replaced() {
    let fixture = with(2, |pool| pool.tenants_per_connection(5));
    let names = names("t", 23);
    let tenants = fixture.tagged(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    let mut served: std::collections::HashMap<i32, std::collections::HashSet<&str>> = Default::default();
    for _ in 0..2 {
        for tenant in &tenants {
            let pid = served_by(&fixture.tenancy, tenant);
            served.entry(pid).or_default().insert(&tenant.name);
        }
    }
    for (pid, tenants) in &served {
        assert!(tenants.len() <= 5, "{pid} served {tenants:?}");
    }
    let metrics = fixture.tenancy.pool().metrics();
    assert!(metrics.most_tenants <= 5, "{metrics:?}");
    assert!(metrics.closed.recycled >= 46 / 5 - 2, "{metrics:?}");
    wait_until("both are open again", || {
        fixture.tenancy.pool().state().connections == 2
    });
}

#[test]
fn a_replacement_is_opened_before_anybody_asks_also_where_r2d2_keeps_few() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b"]);
    for min_idle in [None, Some(0)] {
        let tenancy = application::<Client>()
            .r2d2(r2d2::Pool::builder().max_size(1).min_idle(min_idle))
            .pool(|pool| pool.tenants_per_connection(2))
            .connect(fixture.database.url())
            .unwrap();
        let pids: Vec<_> = tenants.iter().map(|tenant| served_by(&tenancy, tenant)).collect();
        assert_eq!(pids[0], pids[1]);
        wait_until("another is open", || {
            let state = tenancy.pool().state();
            (state.connections, state.idle_connections) == (1, 1)
        });
        assert_ne!(served_by(&tenancy, &tenants[0]), pids[0]);
        assert_eq!(tenancy.pool().metrics().closed.recycled, 1);
    }
}

#[test]
fn tenants_of_nested_scopes_count() {
    let fixture = with(1, |pool| pool.tenants_per_connection(3));
    let tenants = fixture.tagged(&["a", "b", "c"]);
    let pid = served_by(&fixture.tenancy, &tenants[0]);
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| {
            conn.with_tenant(&tenants[1], |conn| conn.with_tenant(&tenants[2], titles))
        })
        .unwrap();
    assert_ne!(served_by(&fixture.tenancy, &tenants[0]), pid);
}
