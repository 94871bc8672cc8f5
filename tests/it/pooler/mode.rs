//! `PoolerMode`: what a tenancy does behind a pooler in transaction mode, and that it finds out where it does not know.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::{Error, PoolerMode, Tenancy, TenantConnection, TenantLimits, TenantPool};
use tenant_testing::{PgBouncer, PoolMode};
use tenant_tests::apps::customers::{Client, clients};
use tenant_tests::*;

use super::{Pooled, text};

/// Two tenants behind a pooler in transaction mode that has so many sessions, and a tenancy that knows.
fn two(sessions: u32) -> (Pooled, Tenancy<Client>, Vec<Client>) {
    Pooled::two(sessions, |pool| pool)
}

#[test]
fn session_mode_is_refused_behind_a_pooler_in_transaction_mode() {
    for (sessions, round_robin) in [(1, "0"), (2, "0"), (2, "1"), (5, "0"), (5, "1")] {
        let pooler = PgBouncer::builder()
            .pool_mode(PoolMode::Transaction)
            .pool_size(sessions)
            .setting("server_round_robin", round_robin);
        let pooled = Pooled::behind(pooler);
        let url = pooled.pgbouncer.url();
        // Sessions that are warm, as they are in front of a server that works.
        let mut clients: Vec<_> = (0..sessions).map(|_| pooled.client()).collect();
        for client in &mut clients {
            client.batch_execute("BEGIN").unwrap();
        }
        for client in &mut clients {
            client.batch_execute("COMMIT").unwrap();
        }
        let error = application::<Client>().connect(url).unwrap_err();
        assert!(
            matches!(&error, Error::PoolerSharesSessions { pool } if pool == "tenancy"),
            "{sessions} sessions, round robin {round_robin}: {error:?}"
        );
        assert!(error.to_string().contains("PoolerMode::Transaction"), "{error}");
        assert!(TenantPool::builder().connect(url).is_err());
        // It left nothing in anybody's session.
        for client in &mut clients {
            client.batch_execute("BEGIN").unwrap();
            let path = text(client, "current_setting('search_path')");
            assert_eq!(path.as_deref(), Some("\"$user\", public"));
        }
    }
}

#[test]
fn session_mode_is_not_refused_where_sessions_are_not_shared() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_mode(PoolMode::Session));
    pooled.tenancy(2, |builder| builder);
}

#[test]
fn each_scope_is_one_transaction_with_the_path_for_its_time() {
    let (pooled, tenancy, tenants) = two(1);
    let mut beside = pooled.client();
    for tenant in tenants.iter().cycle().take(4) {
        let read = tenancy.with_tenant(tenant, |conn| {
            assert_eq!(conn.current_schema()?.as_ref(), Some(&tenant.schema_name));
            let now = "now()::text";
            assert_eq!(setting_of(conn, now), setting_of(conn, now), "one transaction");
            titles(conn)
        });
        assert_eq!(read.unwrap(), [tenant.name.as_str()]);
        assert_eq!(
            tenancy.transaction(tenant, titles).unwrap(),
            [tenant.name.as_str()]
        );
        let path = text(&mut beside, "current_setting('search_path')");
        assert_eq!(path.as_deref(), Some("\"$user\", public"), "the next client's");
    }
    let count = tenancy.with_public(|conn| clients::table.count().get_result::<i64>(conn));
    assert_eq!(count.unwrap(), 2);
    let failed: Result<(), Error> = tenancy.with_tenant(&tenants[0], |conn| {
        insert_task(conn, "undone")?;
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert!(failed.is_err());
    assert_eq!(tenancy.with_tenant(&tenants[0], titles).unwrap(), ["acme"]);
}

fn setting_of(conn: &mut TenantConnection, expression: &str) -> String {
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>(expression))
        .get_result(conn)
        .unwrap()
}

#[test]
fn what_needs_a_session_is_an_error_that_says_why_and_sends_nothing() {
    let (pooled, tenancy, tenants) = two(2);
    let errors = [
        tenancy.get(&tenants[0]).unwrap_err(),
        tenancy.get_public().unwrap_err(),
        tenancy.pool().tenant(&tenants[0].schema_name).unwrap_err(),
        tenancy.pool().public().unwrap_err(),
    ];
    for error in &errors {
        assert!(matches!(error, Error::NeedsSession { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("with_tenant") && text.contains("PoolerMode::Transaction"),
            "{text}"
        );
    }
    let Err(Error::Migrate(report)) = tenancy.migrate() else {
        panic!("it migrated")
    };
    assert!(report.to_string().contains("straight to PostgreSQL"), "{report}");
    assert_eq!(pooled.fixture.advisory_locks(), 0);
}

#[test]
fn nested_scopes_go_and_come_back_within_the_transaction() {
    let (_pooled, tenancy, tenants) = two(1);
    tenancy
        .with_tenant(&tenants[0], |conn| {
            assert_eq!(conn.with_tenant(&tenants[1], titles)?, ["globex"]);
            assert_eq!(titles(conn)?, ["acme"]);
            let missing = conn.with_schema(&name("nobody"), titles);
            assert!(matches!(missing, Err(Error::SchemaMissing { .. })));
            assert_eq!(titles(conn)?, ["acme"]);
            let undone: Result<(), Error> = conn.transaction(|conn| {
                conn.with_tenant(&tenants[1], |conn| insert_task(conn, "undone"))?;
                Err(diesel::result::Error::RollbackTransaction.into())
            });
            assert!(undone.is_err());
            assert_eq!(titles(conn)?, ["acme"]);
            conn.with_public(|conn| clients::table.count().get_result::<i64>(conn))?;
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(tenancy.with_tenant(&tenants[1], titles).unwrap(), ["globex"]);
}

#[test]
fn what_a_scope_changes_of_the_session_is_taken_back_before_another_client_has_it() {
    let (pooled, tenancy, tenants) = two(1);
    let mut beside = pooled.client();
    let role = format!("pooled_{:08x}", fastrand::u32(..));
    pooled.fixture.run(&format!("CREATE ROLE {role}"));
    for (dirty, question, clean) in [
        (
            "SET search_path TO globex",
            "current_setting('search_path')",
            "\"$user\", public",
        ),
        (
            "SET statement_timeout = 12345",
            "current_setting('statement_timeout')",
            "0",
        ),
        (&*format!("SET ROLE {role}"), "current_setting('role')", "none"),
        (
            "CREATE TEMP TABLE mine AS SELECT 1",
            "to_regclass('mine') IS NULL",
            "true",
        ),
        (
            "SELECT pg_advisory_lock(7)",
            "NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())",
            "true",
        ),
        (
            "LISTEN jobs",
            "NOT EXISTS (SELECT FROM pg_listening_channels())",
            "true",
        ),
        (
            "PREPARE mine AS SELECT 1",
            "NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'mine')",
            "true",
        ),
        (
            "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
            "NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'mine')",
            "true",
        ),
    ] {
        for fails in [false, true] {
            let result = tenancy.with_tenant(&tenants[0], |conn| {
                conn.batch_execute(dirty)?;
                if fails {
                    Err(diesel::result::Error::RollbackTransaction)
                } else {
                    Ok(())
                }
            });
            assert_eq!(result.is_err(), fails, "{dirty}: {result:?}");
            assert_eq!(
                text(&mut beside, question).as_deref(),
                Some(clean),
                "{dirty}, {fails}"
            );
            assert_eq!(tenancy.with_tenant(&tenants[1], titles).unwrap(), ["globex"]);
        }
    }
    pooled.fixture.run(&format!("DROP ROLE {role}"));
}

#[test]
fn a_transaction_that_is_ended_by_hand_leaves_nothing_to_run_in() {
    let (_pooled, tenancy, tenants) = two(1);
    for end in ["COMMIT", "ROLLBACK"] {
        let result = tenancy.with_tenant(&tenants[0], |conn| {
            conn.batch_execute(end)?;
            titles(conn)
        });
        assert!(
            matches!(&result, Err(Error::NeedsSession { .. })),
            "after {end}: {result:?}"
        );
        assert_eq!(tenancy.with_tenant(&tenants[1], titles).unwrap(), ["globex"]);
    }
}

#[test]
fn a_missing_schema_is_found_before_the_closure_runs() {
    let (_pooled, tenancy, _tenants) = two(1);
    let ran = tenancy.with_schema(&name("nobody"), |_| -> QueryResult<()> { panic!("it ran") });
    assert!(matches!(ran, Err(Error::SchemaMissing { .. })), "{ran:?}");
    let next = tenancy.with_public(|_| QueryResult::Ok(()));
    next.unwrap();
}

#[test]
fn a_scope_costs_its_queries_begin_and_commit() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(2));
    let tenants = pooled.fixture.tagged(&["acme", "globex"]);
    let (proxy, url) = Proxy::before(pooled.pgbouncer.url()).unwrap();
    let tenancy = application::<Client>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .pool(|pool| pool.pooler_mode(PoolerMode::Transaction))
        .connect(&url)
        .unwrap();
    for tenant in tenants.iter().cycle().take(4) {
        let (round_trips, read) = proxy.count(|| tenancy.with_tenant(tenant, titles).unwrap());
        assert_eq!((round_trips, read), (3, vec![tenant.name.clone()]));
    }
}

#[test]
fn statements_are_prepared_by_name_only_where_the_pooler_carries_them() {
    let (pooled, tenancy, tenants) = two(1);
    for tenant in tenants.iter().cycle().take(6) {
        tenancy.with_tenant(tenant, titles).unwrap();
    }
    let mut beside = pooled.client();
    let by_name = "SELECT string_agg(name, ',') FROM pg_prepared_statements WHERE name LIKE '\\_\\_diesel%'";
    assert_eq!(text(&mut beside, &format!("({by_name})")), None);
    let carried = "SELECT count(*) > 0 FROM pg_prepared_statements WHERE statement LIKE '%tasks%'";
    let carries = tenancy.with_tenant(&tenants[0], |conn| {
        QueryResult::Ok(ask_bool(conn, &format!("({carried})")))
    });
    // PgBouncer gives them names of its own since 1.21, if `max_prepared_statements` is not 0, as it is by default up to 1.23.
    let mut version = pooled
        .pgbouncer
        .version()
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (version.next().unwrap_or(0), version.next().unwrap_or(0));
    assert_eq!(carries.unwrap(), version >= (1, 24));
}

#[test]
fn tenants_are_born_changed_listed_and_deleted_through_the_pooler() {
    let (pooled, tenancy, _tenants) = two(3);
    let initech = tenancy.create(new_client("initech")).unwrap();
    add_task(&tenancy, &initech, "initech");
    assert_eq!(tenancy.with_tenant(&initech, titles).unwrap(), ["initech"]);
    let changed = tenancy.update(&initech, clients::on_trial.eq(false)).unwrap();
    assert!(!changed.on_trial);
    assert!(matches!(
        tenancy.create(new_client("Initech")),
        Err(Error::TenantExists { .. })
    ));
    let all: Vec<String> = tenancy.tenants().map(|tenant| tenant.unwrap().name).collect();
    assert_eq!(all, ["acme", "globex", "initech"]);
    assert!(tenancy.schema_exists(&initech.schema_name).unwrap());
    tenancy.delete_with_schema(&initech).unwrap();
    assert!(!pooled.fixture.has_schema("initech"));
    assert!(matches!(
        tenancy.with_tenant(&initech, titles),
        Err(Error::SchemaMissing { .. })
    ));
    wait_until("no lock is left", || pooled.fixture.advisory_locks() == 0);
}

#[test]
fn limits_hold_for_the_transaction_and_not_for_the_next_client() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(1));
    let tenants = pooled.fixture.tagged(&["acme", "globex"]);
    let tenancy = pooled.tenancy(2, |builder| {
        builder.pool(|pool| {
            pool.pooler_mode(PoolerMode::Transaction)
                .limits(|schema| match schema.as_str() {
                    "acme" => TenantLimits::none()
                        .statement_timeout(Duration::from_secs(7))
                        .work_mem_kb(2048),
                    _ => TenantLimits::none(),
                })
        })
    });
    for (tenant, timeout) in tenants.iter().zip(["7s", "0"]) {
        let seen = tenancy.with_tenant(tenant, |conn| QueryResult::Ok(setting(conn, "statement_timeout")));
        assert_eq!(seen.unwrap(), timeout);
        let mut beside = pooled.client();
        assert_eq!(
            text(&mut beside, "current_setting('statement_timeout')").as_deref(),
            Some("0")
        );
    }
}
