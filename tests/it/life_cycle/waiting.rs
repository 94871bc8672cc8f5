//! Births and ends wait for others, and nobody waits for them.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::{Error, TenancyBuilder};
use tenant_tests::apps::customers::Client;
use tenant_tests::{Fixture, chain, insert_task, new_client, setting, wait_until};

/// More than a wait for a lock at a time, and less than a test may last.
const LIMIT: &str = "SET statement_timeout = '10s'";

fn impatient(builder: TenancyBuilder<Client>) -> TenancyBuilder<Client> {
    builder
        .lock_timeout(Duration::from_millis(20))
        .lock_patience(Duration::from_secs(1))
}

/// Whether a session waits for a lock on a table.
fn is_awaited(fixture: &Fixture, table: &str) -> bool {
    fixture.is_true(&format!(
        "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass)"
    ))
}

/// Runs a statement that wants a shared table, each time after somebody was seen to wait for that table: so somebody
/// who would wait in the queue for ever makes it fail.
fn others_get_on(fixture: &Fixture, statement: &str) {
    let mut other = fixture.outside();
    other.batch_execute(LIMIT).unwrap();
    for _ in 0..3 {
        wait_until("the lock is waited for", || is_awaited(fixture, "public.plans"));
        other.batch_execute(statement).unwrap();
    }
}

#[test]
fn a_tenant_is_dropped_while_a_transaction_has_read_a_shared_table_and_readers_get_on() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut reader = fixture.outside();
    reader.batch_execute("BEGIN; SELECT * FROM plans").unwrap();
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| fixture.tenancy.delete_with_schema(&acme));
        others_get_on(&fixture, "SELECT * FROM plans");
        assert!(!ended.is_finished() && fixture.has_schema("acme"));
        reader.batch_execute("COMMIT").unwrap();
        ended.join().unwrap().unwrap();
    });
    assert!(!fixture.has_schema("acme"));
}

#[test]
fn a_tenant_is_born_while_a_transaction_has_read_a_shared_table() {
    let fixture = Fixture::new();
    let mut reader = fixture.outside();
    reader.batch_execute("BEGIN; SELECT * FROM plans").unwrap();
    fixture.tenant("acme");
    reader.batch_execute("COMMIT").unwrap();
}

#[test]
fn a_tenant_is_born_after_a_transaction_that_wrote_to_a_shared_table_and_writers_get_on() {
    let fixture = Fixture::new();
    let mut writer = fixture.outside();
    writer
        .batch_execute("BEGIN; INSERT INTO plans (title) VALUES ('new')")
        .unwrap();
    std::thread::scope(|scope| {
        let born = scope.spawn(|| fixture.try_tenant("acme"));
        others_get_on(&fixture, "UPDATE plans SET title = title WHERE title = 'free'");
        assert!(!born.is_finished());
        writer.batch_execute("COMMIT").unwrap();
        born.join().unwrap().unwrap();
    });
    assert!(fixture.has_schema("acme"));
}

/// What the error says, and that nothing was changed.
fn gives_up(fixture: &Fixture, act: impl FnOnce() -> Result<(), Error>) {
    let before = fixture.everything();
    let error = act().unwrap_err();
    assert!(
        matches!(&error, Error::LockNotFree { attempts, holders, .. }
            if *attempts > 1 && holders.iter().any(|held| held.starts_with("plans by process"))),
        "{error:?}"
    );
    assert!(chain(&error).contains("lock timeout"), "{}", chain(&error));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn when_patience_ends_nothing_was_changed_and_the_error_says_who_holds_the_lock() {
    let fixture = Fixture::with(impatient);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut holder = fixture.outside();
    holder
        .batch_execute("BEGIN; UPDATE plans SET title = title")
        .unwrap();
    gives_up(&fixture, || fixture.tenancy.delete_with_schema(&acme));
    gives_up(&fixture, || fixture.tenancy.drop_schema(&acme).map(drop));
    gives_up(&fixture, || fixture.try_tenant("globex").map(drop));
    holder.batch_execute("ROLLBACK").unwrap();
    fixture.tenant("globex");
    fixture.tenancy.delete_with_schema(&acme).unwrap();
}

#[test]
fn in_a_transaction_of_the_callers_the_wait_is_his_again_afterwards() {
    let fixture = Fixture::with(impatient);
    fixture.tenant("other");
    let tenancy = &fixture.tenancy;
    let mut holder = fixture.outside();
    tenancy
        .with_public(|conn| {
            conn.transaction(|conn| {
                diesel::sql_query("SET LOCAL lock_timeout = '7s'").execute(conn)?;
                let messages = setting(conn, "lc_messages");
                holder
                    .batch_execute("BEGIN; UPDATE plans SET title = title")
                    .unwrap();
                let refused = tenancy.create_in(conn, new_client("acme"));
                assert!(matches!(refused, Err(Error::LockNotFree { .. })), "{refused:?}");
                assert_eq!(setting(conn, "lock_timeout"), "7s");
                holder.batch_execute("ROLLBACK").unwrap();
                let acme = tenancy.create_in(conn, new_client("acme"))?;
                assert_eq!(setting(conn, "lock_timeout"), "7s");
                assert_eq!(setting(conn, "lc_messages"), messages);
                conn.with_tenant(&acme, |conn| insert_task(conn, "first"))?;
                Ok::<_, Error>(())
            })
        })
        .unwrap();
    assert_eq!(fixture.texts("SELECT title FROM acme.tasks"), ["first"]);
}
