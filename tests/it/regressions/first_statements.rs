//! The first statement of a scope that was entered without asking, and what a message does to those after it.

use crate::affinity::{LONG, two};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationConnection;
use diesel::prelude::*;
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// What works on a connection that was switched works on one that was not.
#[test]
fn an_isolation_level_can_be_set_first_whether_the_checkout_was_a_hit_or_not() {
    let fixture = Fixture::of(
        1,
        application::<Client>().pool(|pool| pool.alive_bypass_window(LONG)),
    );
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.tenancy.with_tenant(&tenants[0], titles).unwrap();
    let set = || {
        fixture.tenancy.with_tenant(&tenants[1], |conn| {
            conn.transaction(|conn| {
                conn.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")?;
                titles(conn)
            })
        })
    };
    let switch = set();
    fixture.tenancy.with_tenant(&tenants[1], titles).unwrap();
    fixture.tenancy.with_tenant(&tenants[1], titles).unwrap();
    let hit = set();
    assert!(switch.is_ok() && hit.is_ok(), "switch {switch:?}, hit {hit:?}");
}

/// Another process drops the schema; `MigrationHarness` makes its table.
#[test]
fn the_table_of_migrations_is_not_made_somewhere_else() {
    let fixture = Fixture::of(
        1,
        application::<Client>().pool(|pool| pool.alive_bypass_window(LONG)),
    );
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run("DROP TABLE globex.__diesel_schema_migrations");
    drop(fixture.tenancy.get(&tenants[0]).unwrap());
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    fixture.run("DROP SCHEMA acme CASCADE");
    let made = conn.setup();
    drop(conn);
    let mut next = fixture.tenancy.get(&tenants[1]).unwrap();
    let leaked = ask_bool(&mut next, "to_regclass('__diesel_schema_migrations') IS NOT NULL");
    assert!(
        made.is_err() && !leaked,
        "{made:?}, and the next tenant sees it: {leaked}"
    );
}

/// All of Diesel's statements go, and something else comes.
#[test]
fn statements_are_prepared_again_after_a_message_that_forgets_them_and_more() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut found = Vec::new();
    for message in [
        "DISCARD ALL",
        "DEALLOCATE ALL; LISTEN jobs",
        "DEALLOCATE ALL; SELECT pg_advisory_lock(1)",
    ] {
        let mut conn = fixture.tenancy.get(&acme).unwrap();
        titles(&mut conn).unwrap();
        conn.batch_execute(message).unwrap();
        if let Err(error) = titles(&mut conn) {
            found.push((message, error.to_string()));
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

/// A checkout that finds no schema, on a session that something was left in.
#[test]
fn what_a_statement_leaves_in_a_transaction_that_failed_to_begin_is_gone() {
    let (fixture, tenants) = two(|pool| pool);
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| {
            conn.batch_execute("SET statement_timeout = 12345; CREATE TEMP TABLE tasks (title text)")
        })
        .unwrap();
    let missing = Client {
        schema_name: name("nobody"),
        ..tenants[0].clone()
    };
    assert!(fixture.tenancy.transaction(&missing, titles).is_err());
    assert!(fixture.tenancy.with_tenant(&missing, titles).is_err());
    assert_eq!(
        fixture.tenancy.transaction(&tenants[1], titles).unwrap(),
        ["globex"]
    );
    let timeout = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        QueryResult::Ok(setting(conn, "statement_timeout"))
    });
    assert_eq!(timeout.unwrap(), "0");
    assert_eq!(fixture.titles(&tenants[0]), ["acme"]);
    assert!(fixture.tenancy.pool().state().connections <= 1);
}
