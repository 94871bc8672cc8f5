//! Files that set the path, end or begin transactions, or reach for the shared schema.

use super::*;
use diesel::prelude::*;
use tenant_diesel::Error;
use tenant_tests::{Fixture, cases, chain, name, new_client};

#[test]
fn files_that_set_the_path_do_not_send_later_tables_or_ledger_rows_elsewhere() {
    let tables = [
        "__diesel_schema_migrations",
        "five",
        "four",
        "one",
        "three",
        "two",
    ];
    let fixture = bare(&["acme"]);
    let public = fixture.tables("public");
    let tenancy = again(&fixture, cases::builder().app::<cases::wandering::App>());
    assert_eq!(applied(&tenancy.migrate().unwrap())[1].1.len(), 5);
    // The same in the one transaction of a birth.
    let globex = tenancy.create(new_client("globex")).unwrap();
    for schema in ["acme", "globex"] {
        assert_eq!(fixture.tables(schema), tables);
        assert_eq!(fixture.versions(schema).len(), 5);
    }
    assert_eq!(fixture.tables("public"), public);
    assert_eq!(fixture.versions("public"), ["20240101000000"]);
    // The connections that did it serve the next borrower on his own path.
    for _ in 0..4 {
        tenancy
            .with_tenant(&globex, |conn| {
                assert_eq!(tenant_tests::setting(conn, "search_path"), "\"globex\", pg_temp");
                Ok::<_, Error>(())
            })
            .unwrap();
    }
    // And a row of clients could be inserted after such a birth, in the caller's own transaction.
    tenancy
        .with_public(|conn| {
            conn.transaction(|conn| {
                tenancy.create_in(conn, new_client("initech"))?;
                assert_eq!(tenant_tests::setting(conn, "search_path"), "\"public\", pg_temp");
                Ok::<_, Error>(())
            })
        })
        .unwrap();
    assert_eq!(fixture.tables("initech"), tables);
}

#[test]
fn a_file_that_commits_is_a_clear_error_and_is_not_recorded() {
    let fixture = bare(&["acme"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::commits::App>());
    let report = failure(tenancy.migrate());
    assert_eq!(applied(&report)[1], ("acme", vec!["20240501000000"]));
    assert!(
        report
            .to_string()
            .contains("the file ends the transaction that it runs in"),
        "{report}"
    );
    assert_eq!(fixture.versions("acme"), ["20240501000000"]);
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_birth_whose_file_commits_fails_and_says_so() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::commits::App>());
    fixture.tenancy.migrate().unwrap();
    let error = fixture.try_tenant("acme").unwrap_err();
    assert!(
        chain(&error).contains("the file ends the transaction that it runs in"),
        "{}",
        chain(&error)
    );
    // What the file committed is there, as it said; no version is recorded that was not run.
    assert!(!fixture.versions("acme").contains(&"20240502000000".to_owned()));
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_file_without_a_transaction_that_leaves_one_open_is_not_taken_for_applied() {
    let fixture = bare(&["acme"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::left_open::App>());
    let report = failure(tenancy.migrate());
    assert!(
        report.to_string().contains("leaves a transaction open"),
        "{report}"
    );
    assert_eq!(applied(&report)[1], ("acme", vec![]));
    assert_eq!(fixture.versions("acme"), [""; 0]);
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_stray_drop_of_a_table_that_only_the_shared_schema_has_does_not_reach_it() {
    let with_option = |option: bool| {
        let builder = cases::builder().app::<cases::reaching::App>();
        match option {
            true => builder.public_behind_tenants_where_missing_tables_fall_through(),
            false => builder,
        }
    };
    for option in [false, true] {
        let fixture = bare(&["acme"]);
        let tenancy = again(&fixture, with_option(option));
        tenancy.migrate().unwrap();
        tenancy.create(new_client("globex")).unwrap();
        for schema in ["acme", "globex"] {
            assert_eq!(fixture.tables(schema), ["__diesel_schema_migrations", "reached"]);
        }
        assert_eq!(fixture.count("SELECT count(*) FROM public.plans"), 2);
        // The option is in force outside migrations, and only then.
        let acme = tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
        let plans = tenancy.with_tenant(&acme, |conn| {
            diesel::sql_query("SELECT * FROM plans").execute(conn)
        });
        assert_eq!(plans.is_ok(), option);
    }
}
