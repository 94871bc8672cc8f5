//! A server is there as long as it is needed, and no longer.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};
use tenant_testing::Postgres;

use crate::helper::{Helper, Holding, clusters, eventually, folder, rustix_pid};

fn nothing_special(_: &mut Command) {}

#[test]
fn the_server_and_its_folder_are_gone_when_the_handle_is_dropped() {
    let postgres = Postgres::start().unwrap();
    let server = Holding::of(&postgres);
    assert!(server.is_there());
    drop(postgres);
    assert!(server.is_gone(), "drop came back before the end of {server:?}");
    assert!(!server.folder.with_extension("mark").exists());
}

#[test]
fn a_clone_and_a_database_keep_the_server() {
    let postgres = Postgres::start().unwrap();
    let server = Holding::of(&postgres);
    let clone = postgres.clone();
    drop(postgres);
    let database = clone.database().unwrap();
    drop(clone);
    assert!(server.is_there());
    database.connect().unwrap();
    drop(database);
    assert!(server.is_gone());
}

#[test]
fn the_server_outlives_the_thread_that_started_it() {
    let postgres = thread::spawn(|| Postgres::start().unwrap()).join().unwrap();
    let database = postgres.database().unwrap();
    let mut conn = database.connect().unwrap();
    // A signal on the end of that thread would have arrived by now, or arrives during this.
    diesel::sql_query("SELECT pg_sleep(0.2)")
        .execute(&mut conn)
        .unwrap();
    assert!(Holding::of(&postgres).is_there());
}

#[test]
fn the_server_is_gone_after_its_process_was_killed() {
    let mut helper = Helper::spawn("own", nothing_special);
    let server = helper.server();
    assert!(server.is_there());
    helper.kill();
    server.assert_goes_away();
}

#[test]
fn the_server_is_gone_after_its_process_group_was_killed() {
    // As a test runner does when a test takes too long.
    let mut helper = Helper::spawn("own", nothing_special);
    let server = helper.server();
    helper.kill_group();
    server.assert_goes_away();
}

#[test]
fn the_server_is_gone_after_its_process_aborted() {
    let mut helper = Helper::spawn("own, then abort", nothing_special);
    let server = helper.server();
    helper.finish();
    server.assert_goes_away();
}

#[test]
fn the_server_is_gone_after_its_process_left_without_dropping_it() {
    let mut helper = Helper::spawn("own, then exit", nothing_special);
    let server = helper.server();
    helper.finish();
    server.assert_goes_away();
}

#[test]
fn a_program_that_the_process_started_does_not_keep_the_server() {
    let mut helper = Helper::spawn("own, with a child", nothing_special);
    let child: u32 = helper.answer().parse().unwrap();
    let server = helper.server();
    helper.kill();
    server.assert_goes_away();
    let child = rustix_pid(child);
    rustix::process::test_kill_process(child).expect("the child is still running");
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_process_that_is_killed_while_it_starts_a_server_leaves_nothing() {
    let temporary = folder();
    // A start takes some tens of milliseconds, so these fall into all parts of it.
    for delay in (0..150).step_by(15) {
        let helper = Helper::spawn("own", |command| {
            command.env("TMPDIR", temporary.path());
        });
        thread::sleep(Duration::from_millis(delay));
        helper.kill();
    }
    let left = || clusters(temporary.path());
    assert!(eventually(|| left().is_empty()), "left: {:?}", left());
    let here = temporary.path().to_str().unwrap();
    let running = || command_lines().contains(here);
    assert!(eventually(|| !running()), "a server in {here} is still running");
}

/// The command lines of all processes.
fn command_lines() -> String {
    if Path::new("/proc/self/cmdline").exists() {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        return processes
            .filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok())
            .collect();
    }
    String::from_utf8(
        Command::new("ps")
            .args(["-A", "-o", "args="])
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap()
}

#[test]
fn a_folder_that_nobody_looks_after_any_more_is_removed_by_the_next_start() {
    let temporary = folder();
    let start = || {
        let mut helper = Helper::spawn("own", |command| {
            command.env("TMPDIR", temporary.path());
        });
        (helper.server(), helper)
    };
    let (running, helper) = start();
    // As after a power failure: the folder is there, its watchdog is not.
    let scratch = running.folder.parent().unwrap();
    let abandoned = scratch.join("cluster-0123456789abcdef");
    fs::create_dir_all(abandoned.join("data")).unwrap();
    fs::write(abandoned.with_extension("mark"), "").unwrap();
    let (_, other) = start();
    assert!(!abandoned.exists());
    assert!(running.is_there());
    helper.finish();
    other.finish();
}

#[test]
fn a_setting_that_is_wrong_is_explained_by_the_log_and_leaves_nothing() {
    let error = Postgres::builder()
        .setting("no_such_setting", "1")
        .start()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unrecognized configuration parameter \"no_such_setting\""),
        "{error}"
    );
}

#[test]
fn settings_of_the_builder_count_more_than_the_usual_ones() {
    let postgres = Postgres::builder()
        .setting("max_connections", "17")
        .start()
        .unwrap();
    let mut conn = PgConnection::establish(&postgres.url()).unwrap();
    assert_eq!(
        crate::databases::text(&mut conn, "current_setting('max_connections')"),
        "17"
    );
}

#[test]
fn many_servers_start_at_once() {
    let threads: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| Postgres::start().unwrap()))
        .collect();
    let servers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let mut urls: Vec<_> = servers.iter().map(Postgres::url).collect();
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 4);
}
