//! What one tenant may use: set with its path, taken back by the next tenant's.

use super::*;
use diesel::connection::SimpleConnection;
use tenant_diesel::r2d2::Pool;
use tenant_diesel::{Error, TenantConnection, TenantLimits};

const SETTINGS: [&str; 4] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "work_mem",
];

/// `acme` is limited in everything, `globex` in one thing, others in nothing.
fn limited(url: &str, connections: u32) -> Tenancy<Client> {
    application::<Client>()
        .r2d2(Pool::builder().max_size(connections))
        .on_connect(|pg| pg.batch_execute("SET lock_timeout = '77s'"))
        .pool(|pool| {
            pool.alive_bypass_window(LONG)
                .limits(|schema| match schema.as_str() {
                    "acme" => TenantLimits::none()
                        .statement_timeout(Duration::from_secs(5))
                        .lock_timeout(Duration::from_millis(1500))
                        .idle_in_transaction_session_timeout(Duration::from_secs(60))
                        .work_mem_kb(1024)
                        .max_connections(2),
                    "globex" => TenantLimits::none().statement_timeout(Duration::from_secs(9)),
                    _ => TenantLimits::none(),
                })
        })
        .connect(url)
        .unwrap()
}

fn settings(conn: &mut TenantConnection) -> [String; 4] {
    SETTINGS.map(|name| setting(conn, name))
}

const ACME: [&str; 4] = ["5s", "1500ms", "1min", "1MB"];
const GLOBEX: [&str; 4] = ["9s", "77s", "0", "4MB"];
const OTHERS: [&str; 4] = ["0", "77s", "0", "4MB"];

#[test]
fn each_tenant_has_its_own_limits_and_others_what_a_new_connection_has() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex", "initech"]);
    let tenancy = limited(fixture.database.url(), 1);
    for (i, expected) in [
        (0, ACME),
        (1, GLOBEX),
        (0, ACME),
        (2, OTHERS),
        (2, OTHERS),
        (1, GLOBEX),
    ] {
        assert_eq!(settings(&mut tenancy.get(&tenants[i]).unwrap()), expected);
        let in_transaction = tenancy.transaction(&tenants[i], |conn| QueryResult::Ok(settings(conn)));
        assert_eq!(in_transaction.unwrap(), expected);
    }
    let mut public = tenancy.get_public().unwrap();
    assert_eq!(SETTINGS.map(|name| setting(&mut public, name)), OTHERS);
}

#[test]
fn limits_come_with_the_path_at_no_round_trip_more() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = limited(&url, 1);
    for tenant in tenants.iter().cycle().take(4) {
        tenancy.with_tenant(tenant, titles).unwrap();
    }
    for tenant in &tenants {
        assert_eq!(proxy.count(|| tenancy.with_tenant(tenant, titles).unwrap()).0, 2);
        assert_eq!(proxy.count(|| tenancy.with_tenant(tenant, titles).unwrap()).0, 1);
    }
    for tenant in &tenants {
        assert_eq!(proxy.count(|| tenancy.transaction(tenant, titles).unwrap()).0, 3);
    }
}

#[test]
fn what_a_scope_set_itself_is_gone_and_the_limit_back_in_the_next() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "initech"]);
    let tenancy = limited(fixture.database.url(), 1);
    for (i, expected) in [(0, ACME), (1, OTHERS)] {
        let mut conn = tenancy.get(&tenants[i]).unwrap();
        conn.batch_execute("SET statement_timeout = '1h'; SET work_mem = '9MB'; SET lock_timeout = 0")
            .unwrap();
        drop(conn);
        assert_eq!(settings(&mut tenancy.get(&tenants[i]).unwrap()), expected);
    }
}

#[test]
fn a_nested_scope_has_the_limits_of_its_tenant_and_gives_back_the_outer_ones() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = limited(fixture.database.url(), 1);
    let mut conn = tenancy.get(&tenants[0]).unwrap();
    let inner = conn.with_tenant(&tenants[1], |conn| QueryResult::Ok(settings(conn)));
    assert_eq!(inner.unwrap(), GLOBEX);
    assert_eq!(settings(&mut conn), ACME);
    // A rolled back transaction takes back what was set in it.
    let rolled_back: Result<(), _> = conn.transaction(|conn| {
        let inner = conn.with_tenant(&tenants[1], |conn| QueryResult::Ok(settings(conn)));
        assert_eq!(inner.unwrap(), GLOBEX);
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert!(rolled_back.is_err());
    assert_eq!(settings(&mut conn), ACME);
}

#[test]
fn a_statement_that_takes_too_long_is_ended_for_its_tenant_only() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(1))
        .pool(|pool| {
            pool.limits(|schema| match schema.as_str() {
                "acme" => TenantLimits::none().statement_timeout(Duration::from_millis(50)),
                _ => TenantLimits::none(),
            })
        })
        .connect(fixture.database.url())
        .unwrap();
    let sleep = |conn: &mut TenantConnection| diesel::sql_query("SELECT pg_sleep(0.2)").execute(conn);
    let error = tenancy.with_tenant(&tenants[0], sleep).unwrap_err();
    assert!(error.to_string().contains("statement timeout"), "{error}");
    tenancy.with_tenant(&tenants[1], sleep).unwrap();
}

#[test]
fn a_tenant_at_its_limit_is_refused_at_once_and_others_do_not_wait() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = limited(fixture.database.url(), 3);
    let held = [
        tenancy.get(&tenants[0]).unwrap(),
        tenancy.get(&tenants[0]).unwrap(),
    ];
    for _ in 0..10 {
        let error = tenancy.with_tenant(&tenants[0], titles).unwrap_err();
        assert!(
            matches!(&error, Error::TenantLimit { schema, max_connections: 2 } if schema.as_str() == "acme"),
            "{error:?}"
        );
        assert!(error.to_string().contains("`acme`"), "{error}");
        assert!(tenancy.transaction(&tenants[0], titles).is_err());
        assert_eq!(tenancy.with_tenant(&tenants[1], titles).unwrap(), ["globex"]);
    }
    let metrics = tenancy.pool().metrics();
    assert_eq!((metrics.refused, metrics.waits), (20, 0), "{metrics:?}");
    drop(held);
    assert_eq!(tenancy.with_tenant(&tenants[0], titles).unwrap(), ["acme"]);
}

#[test]
fn those_who_wait_count_so_that_a_busy_tenant_does_not_fill_the_queue() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = limited(fixture.database.url(), 1);
    let held = tenancy.get(&tenants[0]).unwrap();
    std::thread::scope(|threads| {
        let second = threads.spawn(|| tenancy.with_tenant(&tenants[0], titles));
        wait_until("the second waits", || tenancy.pool().metrics().waiting == 1);
        let third = tenancy.with_tenant(&tenants[0], titles);
        assert!(matches!(third, Err(Error::TenantLimit { .. })), "{third:?}");
        drop(held);
        assert_eq!(second.join().unwrap().unwrap(), ["acme"]);
    });
}

#[test]
fn migrations_are_not_held_to_the_limits_of_a_tenant() {
    let fixture = affine(1);
    let tenant = fixture.tagged(&["acme"]).remove(0);
    let tenancy = application::<Client>()
        .pool(|pool| pool.limits(|_| TenantLimits::none().statement_timeout(Duration::from_millis(1))))
        .connect(fixture.database.url())
        .unwrap();
    fixture.run("DROP TABLE acme.tasks, acme.labels CASCADE; DELETE FROM acme.__diesel_schema_migrations");
    tenancy.migrate_tenant(&tenant).unwrap();
}
