//! A database for each test.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_testing::Postgres;

use crate::helper::Holding;

/// The value of an expression, as text.
pub(crate) fn text(conn: &mut PgConnection, expression: &str) -> String {
    diesel::select(diesel::dsl::sql::<Text>(&format!("({expression})::text")))
        .get_result(conn)
        .unwrap()
}

fn count_of(postgres: &Postgres, name: &str) -> String {
    let mut conn = PgConnection::establish(&postgres.url()).unwrap();
    text(
        &mut conn,
        &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"),
    )
}

#[test]
fn two_databases_are_separate() {
    let postgres = Postgres::shared().unwrap();
    let (one, other) = (postgres.database().unwrap(), postgres.database().unwrap());
    assert_ne!(one.name(), other.name());
    diesel::sql_query("CREATE TABLE notes (id int)")
        .execute(&mut one.connect().unwrap())
        .unwrap();
    let there = |database: &tenant_testing::Database| {
        text(
            &mut database.connect().unwrap(),
            "SELECT to_regclass('public.notes') IS NOT NULL",
        )
    };
    assert_eq!(there(&one), "true");
    assert_eq!(there(&other), "false");
}

#[test]
fn the_url_leads_to_the_database() {
    let database = Postgres::shared().unwrap().database().unwrap();
    let mut conn = PgConnection::establish(database.url()).unwrap();
    assert_eq!(text(&mut conn, "SELECT current_database()"), database.name());
    assert!(database.url().starts_with("postgres://"));
    assert!(database.url().ends_with(&format!("/{}", database.name())));
}

#[test]
fn a_database_is_dropped_with_its_handle_though_somebody_is_connected() {
    let postgres = Postgres::shared().unwrap();
    let database = postgres.database().unwrap();
    let name = database.name().to_owned();
    let mut left_open = database.connect().unwrap();
    assert_eq!(count_of(&postgres, &name), "1");
    drop(database);
    assert_eq!(count_of(&postgres, &name), "0");
    diesel::sql_query("SELECT 1").execute(&mut left_open).unwrap_err();
}

#[test]
fn a_database_is_dropped_by_a_test_that_panics() {
    let postgres = Postgres::shared().unwrap();
    let database = postgres.database().unwrap();
    let name = database.name().to_owned();
    let panicking = std::thread::spawn(move || {
        let _database = database;
        std::panic::resume_unwind(Box::new("a failed test"));
    });
    panicking.join().unwrap_err();
    assert_eq!(count_of(&postgres, &name), "0");
}

#[test]
fn handles_of_a_server_that_died_are_dropped_without_a_panic() {
    let postgres = Postgres::start().unwrap();
    let database = postgres.database().unwrap();
    let server = Holding::of(&postgres);
    rustix::process::kill_process(server.process(), rustix::process::Signal::QUIT).unwrap();
    let error = loop {
        // The last of its processes may still be busy with a statement.
        match postgres.database() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            error,
            tenant_testing::Error::Connect { .. } | tenant_testing::Error::Sql { .. }
        ),
        "{error}"
    );
    drop(database);
    drop(postgres);
    assert!(!server.folder.exists());
}

#[test]
fn a_lost_administrative_connection_is_made_anew() {
    let postgres = Postgres::start().unwrap();
    let mut conn = PgConnection::establish(&postgres.url()).unwrap();
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    assert_eq!(text(&mut conn, others), "1");
    postgres.database().unwrap().connect().unwrap();
}

#[test]
fn the_server_says_that_it_is_of_the_version_of_its_programs() {
    let postgres = Postgres::shared().unwrap();
    let mut conn = PgConnection::establish(&postgres.url()).unwrap();
    let number: u32 = text(&mut conn, "SELECT current_setting('server_version_num')")
        .parse()
        .unwrap();
    assert_eq!(number / 10_000, postgres.major());
}
