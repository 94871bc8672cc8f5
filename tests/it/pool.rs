//! The pool: bounded, with errors that name it, and r2d2's options kept.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::{Error, PoolerMode, SchemaName, Tenancy, TenantLimits, TenantPool};
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::{customers, todo};
use tenant_tests::*;

fn builder() -> tenant_diesel::TenancyBuilder<Client> {
    Tenancy::builder().app::<customers::App>().app::<todo::App>()
}

#[test]
fn an_exhausted_pool_is_an_error_that_names_it_and_not_a_hang() {
    let database = database();
    let limits = r2d2::Pool::builder()
        .max_size(2)
        .connection_timeout(Duration::from_millis(200));
    let tenancy = builder()
        .pool_name("web")
        .r2d2(limits)
        .connect(database.url())
        .unwrap();
    tenancy.migrate().unwrap();
    let acme = tenancy.create(new_client("acme")).unwrap();
    let held = (tenancy.get(&acme).unwrap(), tenancy.get_public().unwrap());
    let error = tenancy.get(&acme).unwrap_err();
    assert!(
        matches!(&error, Error::PoolTimeout { pool, schema, max_size: 2, .. } if pool == "web" && *schema == acme.schema_name)
    );
    assert!(error.to_string().contains("`web`"), "{error}");
    assert!(matches!(
        tenancy.with_public(|_| QueryResult::Ok(())),
        Err(Error::PoolTimeout { .. })
    ));
    assert!(matches!(
        tenancy.tenants().next(),
        Some(Err(Error::PoolTimeout { .. }))
    ));
    drop(held);
    tenancy.with_tenant(&acme, titles).unwrap();
}

#[test]
fn one_bounded_pool_serves_all_tenants() {
    let fixture = Fixture::unmigrated(3);
    fixture.tenancy.migrate().unwrap();
    let names = names("many", 30);
    let tenants = fixture.tagged(&names.iter().map(SchemaName::as_str).collect::<Vec<_>>());
    std::thread::scope(|threads| {
        for chunk in tenants.chunks(5) {
            threads.spawn(|| {
                for tenant in chunk.iter().cycle().take(30) {
                    assert_eq!(fixture.titles(tenant), [tenant.name.as_str()]);
                }
            });
        }
    });
    assert!(fixture.tenancy.pool().state().connections <= 3);
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(fixture.count(others) <= 3);
}

#[test]
fn what_runs_on_connect_runs_again_after_a_reset_and_cannot_choose_the_path() {
    let database = database();
    let tenancy = builder()
        .r2d2(r2d2::Pool::builder().max_size(1).test_on_check_out(false))
        .on_connect(|conn| conn.batch_execute("SET application_name = 'shop'; SET search_path = public"))
        .connect(database.url())
        .unwrap();
    tenancy.migrate().unwrap();
    let acme = tenancy.create(new_client("acme")).unwrap();
    for _ in 0..3 {
        let mut conn = tenancy.get(&acme).unwrap();
        assert_eq!(setting(&mut conn, "application_name"), "shop");
        assert_eq!(conn.current_schema().unwrap(), Some(acme.schema_name.clone()));
        conn.batch_execute("SET application_name = 'changed'").unwrap();
        drop(conn);
        tenancy
            .transaction(&acme, |conn| {
                assert_eq!(setting(conn, "application_name"), "shop");
                assert_eq!(conn.current_schema()?, Some(acme.schema_name.clone()));
                conn.batch_execute("SET application_name = 'changed'")
            })
            .unwrap();
    }
}

#[test]
fn a_pool_without_a_model_takes_schemas_by_name() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme"]);
    let pool = TenantPool::builder()
        .name("bare")
        .connect(fixture.database.url())
        .unwrap();
    assert_eq!(
        titles(&mut pool.tenant(&name("acme")).unwrap()).unwrap(),
        ["acme"]
    );
    assert!(matches!(
        pool.tenant(&name("nobody")),
        Err(Error::SchemaMissing { .. })
    ));
    assert!(matches!(
        pool.tenant(&name("public")),
        Err(Error::ReservedName { .. })
    ));
    assert_eq!(
        setting(&mut pool.public().unwrap(), "search_path"),
        "\"public\", pg_temp"
    );
}

#[test]
fn a_server_that_cannot_be_reached_is_an_error_that_names_the_pool() {
    let limits = r2d2::Pool::builder()
        .max_size(1)
        .connection_timeout(Duration::from_millis(300));
    let error = builder()
        .r2d2(limits)
        .connect("postgres://nobody@127.0.0.1:1/nothing")
        .unwrap_err();
    assert!(
        matches!(&error, Error::PoolStart { pool, .. } if pool == "tenancy"),
        "{error:?}"
    );
}

#[test]
fn a_registry_with_problems_fails_with_all_of_them_before_anything_is_sent() {
    let error = Tenancy::<Client>::builder()
        .app::<todo::App>()
        .app::<todo::App>()
        .extension_schema(name("public"))
        .connect("postgres://nobody@127.0.0.1:1/nothing")
        .unwrap_err();
    let Error::Registry { findings } = &error else {
        panic!("{error:?}")
    };
    assert!(findings.len() >= 4, "{error}");
    for part in [
        "two apps are named `todo`",
        "`clients`",
        "extension schemas contain",
        "migration",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[test]
fn all_connections_dead_at_once_are_replaced_within_one_checkout() {
    let fixture = Fixture::unmigrated(4);
    fixture.tenancy.migrate().unwrap();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let all: Vec<_> = (0..4).map(|_| fixture.tenancy.get(&acme).unwrap()).collect();
    drop(all);
    let others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    fixture.run(&format!("SELECT pg_terminate_backend(pid) {others}"));
    assert_eq!(fixture.titles(&acme), ["acme"]);
}

#[test]
fn a_tenancy_is_cheap_to_share_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn sendable<T: Send + 'static>() {}
    shared::<Tenancy<Client>>();
    shared::<TenantPool>();
    sendable::<tenant_diesel::TenantConnection>();
    sendable::<tenant_diesel::PublicConnection>();
}

/// As the README has it.
#[test]
fn the_options_of_the_readme_together() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex", "initech"]);
    let tenancy = application::<Client>()
        .r2d2(r2d2::Pool::builder().max_size(4).min_idle(Some(1)))
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
        assert_eq!(read.unwrap(), [tenant.name.as_str()]);
    }
    let held = [
        tenancy.get(&tenants[0]).unwrap(),
        tenancy.get(&tenants[0]).unwrap(),
    ];
    assert!(matches!(
        tenancy.get(&tenants[0]),
        Err(Error::TenantLimit {
            max_connections: 2,
            ..
        })
    ));
    drop(held);
    assert!(tenancy.pool().state().connections <= 4);
}
