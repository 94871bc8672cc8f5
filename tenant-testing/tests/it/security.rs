//! Who may connect.

use std::fs;
use std::os::unix::fs::MetadataExt;

use diesel::Connection;
use diesel::pg::PgConnection;
use tenant_testing::Postgres;

use crate::databases::text;

/// The URL with another password.
fn with_password(url: &str, password: &str) -> String {
    let (_, server) = url.split_once('@').unwrap();
    format!("postgres://postgres{password}@{server}")
}

#[test]
fn a_wrong_password_is_refused() {
    let postgres = Postgres::start().unwrap();
    for password in [":wrong", ":", ""] {
        let refused = PgConnection::establish(&with_password(&postgres.url(), password));
        let message = refused.err().expect("it was let in").to_string();
        assert!(message.contains("password"), "{message}");
    }
    PgConnection::establish(&postgres.url()).unwrap();
}

#[test]
fn every_way_in_asks_for_a_password_by_scram_on_the_loopback_address() {
    let postgres = Postgres::start().unwrap();
    let mut conn = PgConnection::establish(&postgres.url()).unwrap();
    let methods = "(SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules)";
    assert_eq!(text(&mut conn, methods), "scram-sha-256");
    assert_eq!(
        text(&mut conn, "current_setting('listen_addresses')"),
        "127.0.0.1"
    );
    assert_eq!(text(&mut conn, "current_setting('unix_socket_directories')"), "");
    let stored = "(SELECT split_part(rolpassword, '$', 1) FROM pg_authid WHERE rolname = 'postgres')";
    assert_eq!(text(&mut conn, stored), "SCRAM-SHA-256");
}

#[test]
fn every_server_has_a_password_of_its_own() {
    let (one, other) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    let password = |postgres: &Postgres| {
        let url = postgres.url();
        let (credentials, _) = url.split_once('@').unwrap();
        credentials.rsplit_once(':').unwrap().1.to_owned()
    };
    assert_ne!(password(&one), password(&other));
    let stranger = with_password(&one.url(), &format!(":{}", password(&other)));
    assert!(PgConnection::establish(&stranger).is_err());
}

#[test]
fn nobody_else_can_read_the_data() {
    let postgres = Postgres::start().unwrap();
    let folder = postgres.folder().unwrap();
    assert_eq!(fs::metadata(folder.join("data")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folder).unwrap().mode() & 0o066, 0);
}

#[test]
fn the_password_is_not_in_debug_output() {
    let postgres = Postgres::start().unwrap();
    let database = postgres.database().unwrap();
    let url = database.url();
    let (credentials, _) = url.split_once('@').unwrap();
    let password = credentials.rsplit_once(':').unwrap().1;
    let printed = format!("{postgres:?} {database:?}");
    assert!(!printed.contains(password), "{printed}");
}
