//! A PgBouncer in front of a database: which it is, what it does, and that it is there as long as it is needed.

use std::fs;
use std::os::unix::fs::MetadataExt;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};
use tenant_testing::{Error, PgBouncer, PoolMode, Postgres};

use crate::databases::text;
use crate::helper::{Helper, Holding, eventually, folder, folders_of};

fn of(pooler: &PgBouncer) -> Holding {
    Holding {
        url: pooler.url().to_owned(),
        folder: pooler.folder().to_owned(),
    }
}

#[test]
fn the_url_leads_to_the_same_database_through_the_pooler() {
    let database = Postgres::shared().unwrap().database().unwrap();
    let pooler = PgBouncer::before(database.url()).unwrap();
    assert_ne!(pooler.url(), database.url());
    let mut conn = PgConnection::establish(pooler.url()).unwrap();
    assert_eq!(text(&mut conn, "SELECT current_database()"), database.name());
    assert_eq!(text(&mut conn, "SELECT current_user"), "postgres");
    assert!(pooler.version().contains('.'), "{pooler:?}");
    assert_eq!(pooler.pool_mode(), PoolMode::Transaction);
}

#[test]
fn the_mode_and_the_size_are_those_asked_for() {
    let database = Postgres::shared().unwrap().database().unwrap();
    let backends = |mode| {
        let pooler = PgBouncer::builder()
            .pool_mode(mode)
            .pool_size(1)
            // Whoever waits for a connection that nobody gives back is told so.
            .setting("query_wait_timeout", "1")
            .before(database.url())
            .unwrap();
        let one = PgConnection::establish(pooler.url());
        let other = PgConnection::establish(pooler.url());
        (one.and_then(|one| other.map(|other| (one, other))), pooler)
    };
    let (transaction, _pooler) = backends(PoolMode::Transaction);
    let (mut one, mut other) = transaction.unwrap();
    let pid = "SELECT pg_backend_pid()";
    assert_eq!(text(&mut one, pid), text(&mut other, pid));
    // The first client keeps the only connection, and Diesel sends something when it connects.
    let (session, _pooler) = backends(PoolMode::Session);
    assert!(session.is_err());
    let (statement, _pooler) = backends(PoolMode::Statement);
    let (mut one, _other) = statement.unwrap();
    one.batch_execute("SELECT 1").unwrap();
    one.batch_execute("BEGIN").unwrap_err();
}

#[test]
fn only_who_knows_its_password_is_let_in() {
    let postgres = Postgres::shared().unwrap();
    let database = postgres.database().unwrap();
    let pooler = PgBouncer::before(database.url()).unwrap();
    let (credentials, address) = pooler.url().rsplit_once('@').unwrap();
    let (_, password) = credentials.rsplit_once(':').unwrap();
    for wrong in [
        format!("postgres://postgres@{address}"),
        format!("postgres://postgres:wrong@{address}"),
        format!("postgres://stranger:{password}@{address}"),
    ] {
        assert!(PgConnection::establish(&wrong).is_err(), "{wrong} was let in");
    }
    assert!(!database.url().contains(password));
    assert!(!format!("{pooler:?}").contains(password));
    let home = pooler.folder().join("home");
    assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o700);
    for file in ["pgbouncer.ini", "users"] {
        assert_eq!(fs::metadata(home.join(file)).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_pooler_and_its_folder_are_gone_when_the_handle_is_dropped_though_somebody_is_connected() {
    let database = Postgres::shared().unwrap().database().unwrap();
    let pooler = PgBouncer::before(database.url()).unwrap();
    let mut conn = PgConnection::establish(pooler.url()).unwrap();
    conn.batch_execute("BEGIN").unwrap();
    let held = of(&pooler);
    assert!(held.is_there());
    drop(pooler);
    assert!(held.is_gone(), "drop came back before the end of {held:?}");
    assert!(!held.folder.with_extension("mark").exists());
    conn.batch_execute("SELECT 1").unwrap_err();
}

#[test]
fn the_pooler_is_gone_after_its_process_was_killed() {
    for kill in [Helper::kill, Helper::kill_group] {
        let mut helper = Helper::spawn("pooler", |_| {});
        let held = helper.server();
        assert!(held.is_there());
        kill(helper);
        held.assert_goes_away();
    }
}

#[test]
fn a_process_that_is_killed_while_it_starts_a_pooler_leaves_nothing() {
    let temporary = folder();
    for delay in (0..150).step_by(15) {
        let helper = Helper::spawn("pooler of nothing", |command| {
            command.env("TMPDIR", temporary.path());
        });
        std::thread::sleep(std::time::Duration::from_millis(delay));
        helper.kill();
    }
    let left = || folders_of("pooler", temporary.path());
    assert!(eventually(|| left().is_empty()), "left: {:?}", left());
}

#[test]
fn many_poolers_start_at_once() {
    let database = Postgres::shared().unwrap().database().unwrap();
    let poolers: Vec<_> = std::thread::scope(|threads| {
        let started: Vec<_> = (0..6)
            .map(|_| threads.spawn(|| PgBouncer::before(database.url()).unwrap()))
            .collect();
        started.into_iter().map(|pooler| pooler.join().unwrap()).collect()
    });
    for pooler in &poolers {
        diesel::sql_query("SELECT 1")
            .execute(&mut PgConnection::establish(pooler.url()).unwrap())
            .unwrap();
    }
}

#[test]
fn a_port_that_is_taken_is_passed_over() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = PgBouncer::builder()
        .setting("listen_port", port)
        .before("postgres://nobody@127.0.0.1:1/nothing")
        .unwrap_err()
        .to_string();
    assert!(error.contains("ports were taken"), "{error}");
}

#[test]
fn a_setting_that_is_wrong_is_explained_by_the_log_and_leaves_nothing() {
    let error = PgBouncer::builder()
        .setting("pool_mode", "nonsense")
        .before("postgres://nobody@127.0.0.1:1/nothing")
        .unwrap_err();
    assert!(matches!(error, Error::StartPgBouncer { .. }), "{error:?}");
    assert!(error.to_string().contains("nonsense"), "{error}");
}

#[test]
fn a_program_that_was_named_but_is_of_no_use_is_an_error_that_names_it() {
    let mut process = Helper::spawn("pooler of nothing", |command| {
        command.env("PGBOUNCER", "/no/such/program");
    });
    let error = process.answer();
    assert!(error.contains("/no/such/program"), "{error}");
}
