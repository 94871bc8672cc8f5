//! Real processes: `tests/bin/victim.rs`.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use std::process::{Child, Command, Stdio};
use tenant_diesel::TenantModel;
use tenant_tests::{Fixture, wait_until};

/// For calls that take none.
pub(crate) const NO_ARGUMENTS: &[&str] = &[];

/// Starts `victim <arguments>` on the database of a fixture.
pub(crate) fn victim<T: TenantModel>(fixture: &Fixture<T>, call: &str, app: &str, rest: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_victim"))
        .args([call, app, fixture.database.url()])
        .args(rest)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts several at one moment, waits for all, and fails if one of them does.
pub(crate) fn all_at_once<T: TenantModel>(fixture: &Fixture<T>, calls: &[(&str, &str, &[&str])]) {
    let mut gate = fixture.outside();
    gate.batch_execute("SELECT pg_advisory_lock(42)").unwrap();
    let children: Vec<Child> = calls
        .iter()
        .map(|(call, app, rest)| victim(fixture, call, app, rest))
        .collect();
    let all = i64::try_from(calls.len()).unwrap();
    wait_until("all processes stand at the gate", || fixture.waiting() == all);
    gate.batch_execute("SELECT pg_advisory_unlock(42)").unwrap();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// A lock on a table, until it is dropped: what wants the table waits.
pub(crate) fn lock_table<T: TenantModel>(fixture: &Fixture<T>, table: &str) -> PgConnection {
    let mut conn = fixture.outside();
    conn.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        .unwrap();
    conn
}
