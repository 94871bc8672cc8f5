//! What plain connections of Diesel's do to each other behind a pooler in transaction mode: the reason why a tenant's path
//! must be that of a transaction there, and the proof that our tests would see it leak.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tenant_testing::{PgBouncer, PoolMode};

use super::{Pooled, tasks, text};

/// Two tenants with a task each, and two clients that share one connection to the server.
fn two_clients(mode: PoolMode, size: u32) -> (Pooled, PgConnection, PgConnection) {
    let pooled = Pooled::behind(PgBouncer::builder().pool_mode(mode).pool_size(size));
    pooled.fixture.tagged(&["acme", "globex"]);
    let (one, other) = (pooled.client(), pooled.client());
    (pooled, one, other)
}

const BACKEND: &str = "pg_backend_pid()";

/// Whether this PgBouncer gives each client its own `search_path` back: those from 1.26 do, where the server tells them
/// of changes, as PostgreSQL does from 18.
fn path_is_followed(pooled: &Pooled) -> bool {
    let mut numbers = pooled
        .pgbouncer
        .version()
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or_default());
    let version = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    version >= (1, 26) && pooled.fixture.database.postgres().major() >= 18
}

#[test]
fn a_plain_set_leaks_through_a_pooler_in_transaction_mode() {
    let (pooled, mut one, mut other) = two_clients(PoolMode::Transaction, 1);
    assert_eq!(text(&mut one, BACKEND), text(&mut other, BACKEND));
    one.batch_execute("SET app.customer = 'acme'").unwrap();
    let seen = text(&mut other, "current_setting('app.customer')");
    assert_eq!(seen.as_deref(), Some("acme"));
    if path_is_followed(&pooled) {
        return;
    }
    tasks(&mut other).unwrap_err();
    one.batch_execute("SET search_path TO acme").unwrap();
    // It asked for nothing, and is given the rows of a customer.
    assert_eq!(tasks(&mut other).unwrap(), ["acme"]);
    other.batch_execute("SET search_path TO globex").unwrap();
    // It asked for acme's.
    assert_eq!(tasks(&mut one).unwrap(), ["globex"]);
}

#[test]
fn a_plain_set_leaks_out_of_a_transaction_that_commits() {
    let (pooled, mut one, mut other) = two_clients(PoolMode::Transaction, 1);
    if path_is_followed(&pooled) {
        return;
    }
    one.transaction(|one| one.batch_execute("SET search_path TO acme"))
        .unwrap();
    assert_eq!(tasks(&mut other).unwrap(), ["acme"]);
}

#[test]
fn what_is_set_for_a_transaction_does_not_leak() {
    for set in [
        "SET LOCAL search_path TO acme",
        "SELECT set_config('search_path', 'acme', true)",
    ] {
        for commits in [true, false] {
            let (_pooled, mut one, mut other) = two_clients(PoolMode::Transaction, 1);
            let read = one.transaction(|one| {
                one.batch_execute(set)?;
                let read = tasks(one)?;
                assert_eq!(read, ["acme"], "{set}");
                if commits {
                    Ok(())
                } else {
                    Err(diesel::result::Error::RollbackTransaction)
                }
            });
            assert_eq!(read.is_ok(), commits);
            for client in [&mut other, &mut one] {
                assert_eq!(text(client, "current_schema()").as_deref(), Some("public"));
                let error = tasks(client).unwrap_err().to_string();
                assert!(error.contains("\"tasks\" does not exist"), "{set}: {error}");
            }
        }
    }
}

#[test]
fn set_local_outside_a_transaction_does_nothing() {
    let (_pooled, mut one, _other) = two_clients(PoolMode::Transaction, 1);
    one.batch_execute("SET LOCAL search_path TO acme").unwrap();
    tasks(&mut one).unwrap_err();
}

#[test]
fn a_plain_set_does_not_leak_through_a_pooler_in_session_mode() {
    let (pooled, mut one, mut other) = two_clients(PoolMode::Session, 2);
    assert_ne!(text(&mut one, BACKEND), text(&mut other, BACKEND));
    one.batch_execute("SET search_path TO acme").unwrap();
    tasks(&mut other).unwrap_err();
    assert_eq!(tasks(&mut one).unwrap(), ["acme"]);
    // Nor to whoever gets the connection after its client has gone.
    let used = text(&mut one, BACKEND);
    drop(one);
    let mut next = pooled.client();
    assert_eq!(text(&mut next, BACKEND), used);
    tasks(&mut next).unwrap_err();
}
