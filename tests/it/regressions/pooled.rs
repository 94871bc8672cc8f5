//! Behind a pooler: raw ends of the transaction that a scope is.

use crate::pooler::Pooled;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use std::time::Duration;
use tenant_diesel::r2d2::{NopErrorHandler, Pool};
use tenant_diesel::{Error, OnSwitch, TenantConnection};
use tenant_testing::PgBouncer;
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// The schema that a statement meets.
fn current(conn: &mut TenantConnection) -> QueryResult<Option<String>> {
    diesel::select(diesel::dsl::sql::<Nullable<Text>>("current_schema()::text")).get_result(conn)
}

/// The path is the scope's, or the statement is an error.
#[test]
fn after_a_commit_in_a_message_of_several_nothing_runs_elsewhere() {
    for ends in [
        "SELECT 1; COMMIT",
        "INSERT INTO tasks (title) VALUES ('x'); COMMIT;",
        "ROLLBACK; SELECT 1",
    ] {
        let (_pooled, tenancy, tenants) = Pooled::two(1, |pool| pool);
        let mut seen = None;
        let _ = tenancy.with_tenant(&tenants[0], |conn| {
            conn.batch_execute(ends)?;
            seen = Some(current(conn));
            QueryResult::Ok(())
        });
        assert!(
            !matches!(&seen, Some(Ok(schema)) if schema.as_deref() != Some("acme")),
            "{ends}: {seen:?}"
        );
    }
}

/// The path that followed a raw commit was believed, and the next write went to the other tenant.
#[test]
fn a_commit_and_a_path_do_not_write_into_another_tenant() {
    let (pooled, tenancy, tenants) = Pooled::two(1, |pool| pool);
    let result = tenancy.with_tenant(&tenants[0], |conn| {
        conn.batch_execute("COMMIT; SET search_path TO globex")?;
        titles(conn)?;
        insert_task(conn, "acmes")
    });
    let written = pooled
        .fixture
        .is_true("EXISTS (SELECT FROM globex.tasks WHERE title = 'acmes')");
    assert!(!written, "{result:?}");
}

/// A commit on the raw connection left the rest of the scope without its path.
#[test]
fn after_a_commit_on_the_raw_connection_nothing_runs_elsewhere() {
    let (_pooled, tenancy, tenants) = Pooled::two(1, |pool| pool);
    let mut seen = None;
    let _ = tenancy.with_tenant(&tenants[0], |conn| {
        conn.as_pg()?.batch_execute("COMMIT")?;
        seen = Some(current(conn));
        QueryResult::Ok(())
    });
    assert!(
        !matches!(&seen, Some(Ok(schema)) if schema.as_deref() != Some("acme")),
        "{seen:?}"
    );
}

/// Other clients of the pooler keep their path.
#[test]
fn clearing_statements_leaves_the_poolers_sessions_as_they_are() {
    let (pooled, tenancy, tenants) = Pooled::two(1, |pool| pool.on_switch(OnSwitch::ClearStatements));
    let mut beside = pooled.client();
    for tenant in tenants.iter().cycle().take(12) {
        tenancy.with_tenant(tenant, titles).unwrap();
        assert_eq!(setting(&mut beside, "search_path"), "\"$user\", public");
    }
}

/// What a scope changed is taken back before another client has the session.
#[test]
fn a_commit_and_a_path_do_not_reach_the_next_client() {
    let (pooled, tenancy, tenants) = Pooled::two(1, |pool| pool);
    let mut beside = pooled.client();
    let _ = tenancy.with_tenant(&tenants[0], |conn| {
        conn.batch_execute("COMMIT; SET search_path TO globex")
    });
    assert_eq!(setting(&mut beside, "search_path"), "\"$user\", public");
}

/// A commit that fails takes back what outlives a transaction.
#[test]
fn a_failed_commit_behind_a_pooler_leaves_nothing() {
    let (pooled, tenancy, tenants) = Pooled::two(1, |pool| pool);
    pooled.fixture.run("ALTER TABLE acme.tasks ADD COLUMN once int, ADD CONSTRAINT once UNIQUE (once) DEFERRABLE INITIALLY DEFERRED");
    let result = tenancy.with_tenant(&tenants[0], |conn| {
        diesel::sql_query("SELECT pg_advisory_lock(7)").execute(conn)?;
        conn.batch_execute("PREPARE mine AS SELECT 1")?;
        conn.batch_execute("INSERT INTO tasks (title, once) VALUES ('x', 1), ('y', 1)")
    });
    assert!(result.is_err(), "{result:?}");
    let mut beside = pooled.client();
    assert_eq!(
        pooled
            .fixture
            .count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7"),
        0
    );
    assert!(!ask_bool(
        &mut beside,
        "EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'mine')"
    ));
}

/// A comment before the word, or a dollar anywhere.
#[test]
fn a_raw_end_of_a_pooled_transaction_is_seen_behind_a_comment() {
    let mut leaked = Vec::new();
    for message in [
        "COMMIT; SET search_path TO globex",
        "/* done */ COMMIT; SET search_path TO globex",
        "-- done\nCOMMIT; SET search_path TO globex",
        "SELECT '$'; COMMIT; SET search_path TO globex",
    ] {
        let (pooled, tenancy, tenants) = Pooled::two(1, |pool| pool);
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
fn a_pool_that_opens_nothing_at_first_is_refused_behind_a_transaction_mode_pooler() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(1));
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(2)
                .min_idle(Some(0))
                .error_handler(Box::new(NopErrorHandler))
                .connection_timeout(Duration::from_secs(3)),
        )
        .connect(pooled.pgbouncer.url());
    assert!(
        matches!(tenancy, Err(Error::PoolerSharesSessions { .. })),
        "{tenancy:?}"
    );
}

/// A backend that died in a savepoint was reported as a raw COMMIT of the application's.
#[test]
fn what_follows_a_lost_connection_says_so() {
    let (pooled, tenancy, tenants) = Pooled::two(1, |pool| pool);
    let mut followed = None;
    let _lost = tenancy.transaction(&tenants[0], |conn| {
        let pid = backend(conn);
        let undone = conn.transaction(|conn| {
            pooled.fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
            insert_task(conn, "never")
        });
        assert!(undone.is_err());
        followed = Some(titles(conn));
        QueryResult::Ok(())
    });
    let followed = chain(&followed.unwrap().unwrap_err());
    assert!(!followed.contains("raw COMMIT"), "{followed}");
}
