//! Order, the report, and what is pending.

use super::*;
use std::time::Duration;
use tenant_tests::apps::todo;
use tenant_tests::{Fixture, cases, name};

#[test]
fn the_shared_schema_is_migrated_first_then_each_tenant_in_the_order_of_their_names() {
    let fixture = bare(&["b", "a", "c"]);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = tenancy.migrate().unwrap();
    let todo = TODO.to_vec();
    assert_eq!(
        applied(&report),
        [
            ("public", vec![]),
            ("a", todo.clone()),
            ("b", todo.clone()),
            ("c", todo)
        ]
    );
    assert_eq!(report.applied(), 6);
    assert!(!report.has_failures());
    for schema in ["a", "b", "c"] {
        assert_eq!(fixture.versions(schema), TODO);
        assert_eq!(
            fixture.tables(schema),
            ["__diesel_schema_migrations", "labels", "tasks"]
        );
        let entry = report.schema(&name(schema)).unwrap();
        assert!(entry.error.is_none() && entry.duration > Duration::ZERO);
    }
    assert!(report.schema(&name("d")).is_none());
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    let before = fixture.everything();
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(applied(&report), [("public", vec![])]);
    assert_eq!((report.up_to_date, report.run), (2, None));
    assert_eq!(report.to_string(), "0 migrations applied, 3 schemas up to date");
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_database_that_was_never_migrated_gets_its_shared_tables() {
    let fixture = Fixture::unmigrated(2);
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(applied(&report), [("public", vec!["20240101000000"])]);
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "plans"]
    );
}

#[test]
fn a_tenant_that_is_behind_gets_what_it_lacks_and_the_others_nothing() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run("DROP TABLE acme.labels; DELETE FROM acme.__diesel_schema_migrations WHERE version = '20240102000000'");
    fixture.tenancy.verify().unwrap();
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(applied(&report), [("public", vec![]), ("acme", vec![TODO[1]])]);
    assert_eq!(fixture.tables("acme"), fixture.tables("globex"));
    // Its data is as it was.
    assert_eq!(fixture.texts("SELECT title FROM acme.tasks"), ["acme"]);
}

#[test]
fn an_older_migration_that_was_never_seen_is_applied_after_newer_ones() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::concurrent::App>());
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    let tenancy = again(
        &fixture,
        cases::builder()
            .app::<cases::concurrent::App>()
            .app::<cases::accounts::App>(),
    );
    let report = tenancy.migrate().unwrap();
    assert_eq!(applied(&report)[1], ("acme", vec!["20240201000000"]));
}

#[test]
fn one_schema_can_be_migrated_alone() {
    let fixture = bare(&["acme", "globex"]);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let acme = tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
    assert_eq!(
        applied(&tenancy.migrate_tenant(&acme).unwrap()),
        [("acme", TODO.to_vec())]
    );
    assert_eq!(fixture.versions("globex"), [""; 0]);
    assert_eq!(applied(&tenancy.migrate_public().unwrap()), [("public", vec![])]);
    assert_eq!(fixture.versions("globex"), [""; 0]);
}
