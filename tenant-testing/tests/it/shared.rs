//! One server for many processes. Each test has a temporary folder of its own, so that it shares with nobody else.

use std::fs;
use std::path::Path;
use std::process::Command;

use diesel::Connection;
use diesel::pg::PgConnection;
use tenant_testing::Postgres;

use crate::helper::{Helper, Holding, clusters, eventually, folder};

fn below(temporary: &Path) -> impl FnOnce(&mut Command) {
    move |command| {
        command.env("TMPDIR", temporary);
    }
}

fn holder(temporary: &Path) -> (Helper, Holding) {
    let mut helper = Helper::spawn("shared", below(temporary));
    let server = helper.server();
    (helper, server)
}

#[test]
fn processes_that_start_at_once_share_one_server_which_ends_after_the_last() {
    let temporary = folder();
    let mut helpers: Vec<_> = (0..8)
        .map(|_| Helper::spawn("shared, with a database", below(temporary.path())))
        .collect();
    let mut databases: Vec<_> = helpers.iter_mut().map(Helper::answer).collect();
    let mut servers: Vec<_> = helpers.iter_mut().map(Helper::server).collect();
    servers.dedup();
    let [server] = &servers[..] else {
        panic!("{} servers: {servers:?}", servers.len());
    };
    assert_eq!(clusters(temporary.path()).len(), 1);
    databases.sort();
    databases.dedup();
    assert_eq!(databases.len(), 8);
    // One of these started it.
    let last = helpers.pop().unwrap();
    helpers.into_iter().for_each(Helper::kill);
    assert!(server.is_there());
    PgConnection::establish(&server.url).unwrap();
    last.kill();
    server.assert_goes_away();
}

#[test]
fn a_process_that_comes_soon_after_the_last_one_finds_the_same_server() {
    let temporary = folder();
    let (first, server) = holder(temporary.path());
    first.finish();
    let (second, same) = holder(temporary.path());
    assert_eq!(server, same);
    second.kill();
    // And the wait begins again.
    let (third, same) = holder(temporary.path());
    assert_eq!(server, same);
    assert!(server.is_there());
    third.finish();
    server.assert_goes_away();
}

#[test]
fn a_process_that_comes_while_the_server_closes_starts_a_new_one() {
    let temporary = folder();
    let (first, closing) = holder(temporary.path());
    // The watchdog sets this mark before it looks for holders for the last time.
    fs::write(closing.folder.join("closing"), "").unwrap();
    let (second, new) = holder(temporary.path());
    assert_ne!(closing.folder, new.folder);
    assert!(closing.is_there(), "the first process still needs its server");
    first.finish();
    closing.assert_goes_away();
    assert!(new.is_there());
    second.finish();
    new.assert_goes_away();
}

#[test]
fn a_process_that_comes_after_the_end_starts_a_new_one() {
    let temporary = folder();
    let (first, gone) = holder(temporary.path());
    first.finish();
    gone.assert_goes_away();
    let (second, new) = holder(temporary.path());
    assert!(new.is_there());
    second.finish();
    new.assert_goes_away();
}

#[test]
fn a_server_that_died_is_replaced() {
    let temporary = folder();
    let (first, dead) = holder(temporary.path());
    rustix::process::kill_process(dead.process(), rustix::process::Signal::QUIT).unwrap();
    assert!(eventually(|| !dead.listens()));
    let (second, new) = holder(temporary.path());
    assert_ne!(dead.folder, new.folder);
    assert!(new.is_there());
    first.finish();
    second.finish();
    new.assert_goes_away();
    assert!(eventually(|| clusters(temporary.path()).is_empty()));
}

#[test]
fn processes_that_are_killed_while_they_start_the_server_are_in_nobodys_way() {
    let temporary = folder();
    for delay in (0..120).step_by(20) {
        let helper = Helper::spawn("shared", below(temporary.path()));
        std::thread::sleep(std::time::Duration::from_millis(delay));
        helper.kill();
    }
    let (helper, server) = holder(temporary.path());
    assert!(server.is_there());
    helper.finish();
    assert!(eventually(|| clusters(temporary.path()).is_empty()));
}

#[test]
fn threads_share_too() {
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| Postgres::shared().unwrap().url()))
        .collect();
    let mut urls: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    urls.dedup();
    assert_eq!(urls.len(), 1);
}

#[test]
fn a_server_named_by_the_environment_is_used_as_it_is() {
    let postgres = Postgres::start().unwrap();
    let mut helper = Helper::spawn("shared, with a database", |command| {
        command.env("TENANT_TESTING_URL", postgres.url());
    });
    let database = helper.answer();
    assert_eq!(helper.answer(), postgres.url());
    assert_eq!(helper.answer(), "none");
    PgConnection::establish(&database).unwrap();
    helper.finish();
    PgConnection::establish(&database)
        .err()
        .expect("the database was dropped");
    PgConnection::establish(&postgres.url()).unwrap();
}
