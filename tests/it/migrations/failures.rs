//! One failure is a row in the report, and not the end of the run.

use super::*;
use tenant_diesel::Error;
use tenant_tests::apps::todo;
use tenant_tests::models::RowFirst;
use tenant_tests::{Fixture, cases, chain, name, new_client};

#[test]
fn a_row_without_a_schema_is_reported_and_is_no_failure() {
    let fixture = Fixture::<RowFirst>::row_first();
    for schema in ["a", "b", "c"] {
        fixture.tenancy.create(new_client(schema)).unwrap();
    }
    let b = fixture.tenancy.find_by_schema(&name("b")).unwrap().unwrap();
    fixture.tenancy.create_schema(&b).unwrap();
    let report = fixture.tenancy.migrate().unwrap();
    let missing: Vec<_> = report.schemas.iter().map(|entry| entry.is_missing()).collect();
    assert_eq!(missing, [false, true, true]);
    assert_eq!(report.up_to_date, 1);
    assert!(!report.has_failures() && report.failures().count() == 0);
    assert!(matches!(
        report.schema(&name("a")).unwrap().error,
        Some(Error::SchemaMissing { .. })
    ));
    assert!(report.to_string().contains("`a`: nothing applied"), "{report}");
    // Nothing was created for it.
    assert_eq!(fixture.schemas(), ["b", "public"]);
    // Asked for alone, it is one.
    let a = fixture.tenancy.find_by_schema(&name("a")).unwrap().unwrap();
    let report = failure(fixture.tenancy.migrate_tenant(&a));
    assert!(report.schemas[0].is_missing() && report.schemas[0].is_failure());
}

#[test]
fn a_tenant_that_fails_does_not_stop_the_others_and_the_error_holds_the_whole_report() {
    let fixture = bare(&["a", "b", "c"]);
    // In `b`, the second migration meets something of the name that its index wants.
    fixture.run("CREATE TABLE b.labels_task_id ()");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let result = tenancy.migrate();
    let text = result.as_ref().unwrap_err().to_string();
    let report = failure(result);
    assert_eq!(
        applied(&report),
        [
            ("public", vec![]),
            ("a", TODO.to_vec()),
            ("b", vec![TODO[0]]),
            ("c", TODO.to_vec())
        ]
    );
    let failed: Vec<_> = report.failures().map(|entry| entry.schema.as_str()).collect();
    assert_eq!(failed, ["b"]);
    assert!(matches!(
        &report.schema(&name("b")).unwrap().error,
        Some(Error::Migration { schema, version, .. }) if schema.as_str() == "b" && version == TODO[1]
    ));
    assert!(
        text.starts_with("5 migrations applied, 1 of 4 schemas failed\n"),
        "{text}"
    );
    for part in [
        "`b`: applied 20240101000000 in",
        "migration 20240102000000 failed on schema `b`",
        "relation \"labels_task_id\" already exists",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // What failed half-way left nothing of itself, and what came before stays.
    assert_eq!(
        fixture.tables("b"),
        ["__diesel_schema_migrations", "labels_task_id", "tasks"]
    );
    assert_eq!(fixture.versions("b"), [TODO[0]]);
    assert_eq!(fixture.advisory_locks(), 0);
    // Mended, the next run goes on where this one stopped.
    fixture.run("DROP TABLE b.labels_task_id");
    let report = tenancy.migrate().unwrap();
    assert_eq!(applied(&report)[1], ("b", vec![TODO[1]]));
    assert!(report.is_resumed);
    assert_eq!(report.done_before, [name("a"), name("c")]);
}

#[test]
fn a_shared_schema_that_fails_stops_everything() {
    let fixture = bare(&["acme"]);
    fixture.run("CREATE TABLE clients_2 (); DELETE FROM __diesel_schema_migrations");
    fixture.tenancy.verify().unwrap();
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    for result in [tenancy.migrate(), tenancy.migrate_public()] {
        let report = failure(result);
        assert_eq!(report.schemas.len(), 1);
        let error = report.schemas[0].error.as_ref().unwrap();
        assert!(
            chain(error).contains("relation \"clients\" already exists"),
            "{}",
            chain(error)
        );
    }
    assert_eq!(fixture.versions("acme"), [""; 0]);
}

#[test]
fn a_list_of_tenants_that_cannot_be_read_still_leaves_a_report() {
    let fixture = bare(&["acme"]);
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('pg_bad', '')");
    let report = failure(fixture.tenancy.migrate());
    assert!(
        report.to_string().contains("\"pg_bad\" belongs to PostgreSQL"),
        "{report}"
    );
    assert_eq!(report.schemas[0].schema, name("public"));
}

#[test]
fn a_schema_whose_ledger_cannot_be_written_is_a_failure_of_that_schema() {
    let fixture = bare(&["acme", "globex"]);
    fixture.run("DROP TABLE acme.__diesel_schema_migrations; CREATE TABLE acme.__diesel_schema_migrations (version text CHECK (version = ''))");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = failure(tenancy.migrate());
    assert_eq!(
        applied(&report)[1..],
        [("acme", vec![]), ("globex", TODO.to_vec())]
    );
    // The migration went with its row.
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations"]);
}
