//! What a run survives: kills, crashes of the server, tenants that fail, a pool without connections.

use super::*;
use crate::process::{NO_ARGUMENTS, victim};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use tenant_diesel::{Outcome, Selection};
use tenant_testing::{Postgres, Programs};
use tenant_tests::apps::todo;
use tenant_tests::{chain, name, wait_until};

const COUNTED: [&str; 3] = ["20241001000000", "20241002000000", "20241003000000"];

fn counting(fixture: &Fixture) -> Tenancy<Client> {
    again(fixture, cases::builder().app::<cases::counting::App>())
}

/// How many schemas of the last run are done.
fn done(fixture: &Fixture) -> i64 {
    fixture.count(
        "SELECT count(*) FROM tenancy.run_targets WHERE state = 'done' AND run = (SELECT max(id) FROM tenancy.runs)",
    )
}

/// Every tenant is at the last version, got there by each migration once, and nothing is left behind.
fn assert_all_is_well(fixture: &Fixture, tenants: usize) {
    for (table, expected) in [
        ("__diesel_schema_migrations", COUNTED.join(",")),
        ("counted", "1,2,3".to_owned()),
    ] {
        let of = |schema: &String| {
            format!("SELECT string_agg(version::text, ',' ORDER BY version) FROM {schema}.{table}")
        };
        let all: Vec<String> = fixture
            .texts("SELECT schema_name FROM clients")
            .iter()
            .map(of)
            .collect();
        assert_eq!(fixture.texts(&all.join(" UNION ALL ")), vec![expected; tenants]);
    }
    assert_eq!(fixture.advisory_locks(), 0);
    assert_eq!(
        fixture.texts("SELECT DISTINCT state FROM tenancy.run_targets"),
        ["done"]
    );
    assert_eq!(fixture.texts("SELECT DISTINCT state FROM tenancy.runs"), ["done"]);
    assert_eq!(
        fixture.texts("SELECT DISTINCT state FROM tenancy.schemas"),
        ["ready"]
    );
    assert!(fixture.tenancy.verify().unwrap().is_clean());
}

/// Puts the fleet back to where nothing of the app was applied.
fn put_back(fixture: &Fixture) {
    fixture.run(
        "DO $$ DECLARE c record; BEGIN FOR c IN SELECT schema_name FROM clients LOOP \
         EXECUTE format('DROP TABLE %I.counted; DELETE FROM %I.__diesel_schema_migrations', c.schema_name, \
         c.schema_name); END LOOP; END $$",
    );
    fixture.tenancy.verify().unwrap();
}

#[test]
fn a_run_over_two_hundred_tenants_that_is_killed_twenty_times_ends_as_if_it_never_was() {
    const TENANTS: usize = 200;
    let fixture = bare(TENANTS);
    let mut random = fastrand::Rng::new();
    println!("seed {}", random.get_seed());
    let mut kills = 0;
    while kills < 20 {
        let all = i64::try_from(TENANTS).unwrap();
        let before = done(&fixture) % all;
        let mut victim = victim(&fixture, "run", "counting", NO_ARGUMENTS);
        // Somewhere before the end, if it is not too fast for that.
        let at = random.i64(before..(before + 40).min(all));
        let mut ended = None;
        wait_until("it came so far", || {
            ended = victim.try_wait().unwrap();
            ended.is_some()
                || (done(&fixture) % all >= at
                    && fixture.count("SELECT count(*) FROM tenancy.runs WHERE state = 'running'") == 1)
        });
        if ended.is_none() {
            victim.kill().unwrap();
            kills += i32::from(!victim.wait().unwrap().success());
            wait_until("the server has noticed", || fixture.advisory_locks() == 0);
        } else {
            assert_all_is_well(&fixture, TENANTS);
            put_back(&fixture);
        }
    }
    let report = counting(&fixture).migrate().unwrap();
    assert!(report.schemas.len() + report.done_before.len() + report.up_to_date > TENANTS);
    assert_all_is_well(&fixture, TENANTS);
}

/// `pg_ctl restart -m immediate`: every process of the server ends at once, and it recovers from its log.
fn crash(postgres: &Postgres) {
    let data = postgres.folder().unwrap().join("data");
    let owner = std::fs::metadata(&data).unwrap();
    let programs = Programs::find().unwrap();
    let mut pg_ctl = Command::new(programs.bin_dir().join("pg_ctl"));
    pg_ctl.args(["restart", "-m", "immediate", "-w", "-D"]).arg(&data);
    pg_ctl
        .arg("-l")
        .arg(data.join("log_after_the_crash"))
        .current_dir(&data);
    if std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        pg_ctl.uid(owner.uid()).gid(owner.gid());
    }
    assert!(pg_ctl.status().unwrap().success());
}

#[test]
fn a_server_that_crashes_in_the_middle_is_waited_for_or_the_run_is_resumed() {
    const TENANTS: usize = 60;
    // What was said to be done must be there after the crash.
    let postgres = Postgres::builder()
        .setting("fsync", "on")
        .setting("synchronous_commit", "on")
        .start()
        .unwrap();
    let database = postgres.database().unwrap();
    let limits = || {
        r2d2::Pool::builder()
            .max_size(4)
            .connection_timeout(Duration::from_secs(10))
    };
    let tenancy = cases::builder().r2d2(limits()).connect(database.url()).unwrap();
    let fixture = Fixture { tenancy, database };
    fixture.tenancy.migrate().unwrap();
    for i in 0..TENANTS {
        fixture.tenant(&format!("t{i:03}"));
    }
    for _ in 0..2 {
        let tenancy = counting(&fixture);
        let result = std::thread::scope(|scope| {
            let run = scope.spawn(|| tenancy.migration().parallel(4).run());
            wait_until("some are done, and some are not", || {
                done(&fixture) > 5 || run.is_finished()
            });
            crash(&postgres);
            run.join().unwrap()
        });
        // Whether it got over it or not, what it says is so.
        if let Err(error) = &result {
            assert!(
                matches!(
                    error,
                    Error::Migrate(_) | Error::PoolTimeout { .. } | Error::Attempt { .. }
                ),
                "{}",
                chain(error)
            );
        }
        let again = counting(&fixture).migrate().unwrap();
        assert!(result.is_err() || again.applied() == 0);
        assert_all_is_well(&fixture, TENANTS);
        put_back(&fixture);
    }
    counting(&fixture).migrate().unwrap();
    assert_all_is_well(&fixture, TENANTS);
}

#[test]
fn a_migration_that_fails_on_tenant_137_fails_on_it_alone() {
    let fixture = bare(200);
    fixture.run("CREATE TABLE t137.labels_task_id ()");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = failure(tenancy.migrate());
    assert_eq!(
        report
            .failures()
            .map(|entry| entry.schema.as_str())
            .collect::<Vec<_>>(),
        ["t137"]
    );
    assert_eq!(report.applied(), 399);
    let text = report.to_string();
    assert!(
        text.starts_with("399 migrations applied, 1 of 201 schemas failed\n  `t137`: applied 20240101000000"),
        "{text}"
    );
    let status = tenancy.status().unwrap();
    assert_eq!(status.failed[0].schema, name("t137"));
    fixture.run("DROP TABLE t137.labels_task_id");
    let report = tenancy.migrate().unwrap();
    assert_eq!((report.applied(), report.done_before.len()), (1, 199));
    assert!(tenancy.status().unwrap().is_well());
}

#[test]
fn a_pool_without_a_free_connection_stops_the_run_and_leaves_nothing_half_done() {
    let fixture = bare(5);
    let limits = r2d2::Pool::builder()
        .max_size(2)
        .connection_timeout(Duration::from_secs(1));
    let tenancy = cases::builder()
        .app::<todo::App>()
        .r2d2(limits)
        .connect(fixture.database.url())
        .unwrap();
    let held = [tenancy.get_public().unwrap(), tenancy.get_public().unwrap()];
    assert!(matches!(tenancy.migrate(), Err(Error::PoolTimeout { .. })));
    // They come back, and go away again when the run has begun.
    drop(held);
    let held = std::sync::Mutex::new(Vec::new());
    let other = tenancy.clone();
    let held_by_us = std::sync::Arc::new(held);
    let holder = std::sync::Arc::clone(&held_by_us);
    let report = failure(
        tenancy
            .migration()
            .sequential()
            .attempts(2)
            .on_event(move |event| {
                if matches!(event, tenant_diesel::RunEvent::Planned { .. }) {
                    let mut held = holder.lock().unwrap();
                    held.push(other.get_public().unwrap());
                    held.push(other.get_public().unwrap());
                }
            })
            .run(),
    );
    assert!(
        report.stopped.as_ref().unwrap().contains("no connection"),
        "{report}"
    );
    let not_started = report
        .schemas
        .iter()
        .filter(|entry| entry.outcome == Outcome::NotStarted);
    assert_eq!(not_started.count(), 4);
    held_by_us.lock().unwrap().clear();
    let report = tenancy.migration().select(Selection::all()).run().unwrap();
    assert_eq!(report.applied(), 10);
    assert_eq!(fixture.advisory_locks(), 0);
}
