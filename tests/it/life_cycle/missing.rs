//! Schemas for tenants that have none, once, whoever asks.

use crate::process::{NO_ARGUMENTS, all_at_once};
use tenant_diesel::{Error, TenantState};
use tenant_tests::{Fixture, name};

fn insert(fixture: &Fixture, schemas: &[&str]) {
    for schema in schemas {
        fixture.run(&format!(
            "INSERT INTO clients (schema_name, name) VALUES ('{schema}', '')"
        ));
    }
}

#[test]
fn every_tenant_without_a_schema_gets_one_and_the_others_keep_theirs() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    insert(&fixture, &["b", "c"]);
    let report = fixture.tenancy.create_missing_schemas().unwrap();
    assert_eq!(report.created, [name("b"), name("c")]);
    assert!(report.existed == 1 && !report.has_failures());
    assert_eq!(report.to_string(), "2 created, 1 existed, 0 failed");
    assert_eq!(fixture.versions("c"), ["20240101000000", "20240102000000"]);
    assert_eq!(fixture.titles(&acme), ["acme"]);
    let before = fixture.everything();
    let again = fixture.tenancy.create_missing_schemas().unwrap();
    assert!(again.created.is_empty() && again.existed == 3);
    assert_eq!(fixture.everything(), before);
}

#[test]
fn one_that_cannot_be_made_is_reported_and_the_others_are_made() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    insert(&fixture, &["ACME", "zulu", "pg_bad"]);
    fixture.run("DELETE FROM clients WHERE schema_name = 'pg_bad'");
    let report = fixture.tenancy.create_missing_schemas().unwrap();
    assert_eq!(report.created, [name("zulu")]);
    assert!(
        matches!(report.failed.as_slice(), [(schema, Error::SchemaExists { .. })] if schema.as_str() == "ACME"),
        "{report:?}"
    );
    assert_eq!(fixture.schemas(), ["acme", "public", "zulu"]);
}

#[test]
fn before_the_first_migration_it_says_what_to_do() {
    let fixture = Fixture::unmigrated(2);
    let refused = fixture.tenancy.create_missing_schemas();
    assert!(
        matches!(refused, Err(Error::PublicNotMigrated { .. })),
        "{refused:?}"
    );
}

#[test]
fn several_processes_make_each_schema_once() {
    let fixture = Fixture::new();
    insert(&fixture, &["a", "b", "c", "d", "e"]);
    all_at_once(&fixture, &[("create_missing", "todo", NO_ARGUMENTS); 3]);
    for schema in ["a", "b", "c", "d", "e"] {
        assert_eq!(fixture.versions(schema), ["20240101000000", "20240102000000"]);
    }
    assert_eq!(
        fixture.texts("SELECT DISTINCT state FROM tenancy.schemas WHERE kind = 'tenant'"),
        ["ready"]
    );
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn of_several_processes_that_create_one_tenant_one_does() {
    let fixture = Fixture::new();
    let call: (_, _, &[&str]) = ("create_if_free", "todo", &["acme"]);
    all_at_once(&fixture, &[call; 3]);
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 1);
    assert_eq!(fixture.versions("acme"), ["20240101000000", "20240102000000"]);
}

#[test]
fn an_archived_tenant_without_a_schema_is_passed_over_instead_of_being_served_empty() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let globex = fixture.tenant("globex");
    fixture.tenancy.archive(&acme).unwrap();
    fixture.run("DROP SCHEMA acme CASCADE; DROP SCHEMA globex CASCADE");
    let report = fixture.tenancy.create_missing_schemas().unwrap();
    assert_eq!(report.created, [globex.schema_name]);
    assert_eq!(report.at_rest, [(name("acme"), TenantState::Archived)]);
    assert!(report.to_string().contains("`acme` is archived"), "{report}");
    assert_eq!(fixture.tenancy.state(&acme).unwrap(), Some(TenantState::Archived));
    assert!(!fixture.has_schema("acme"));
    // Who asks for that very schema gets it.
    fixture.tenancy.create_schema(&acme).unwrap();
    assert_eq!(fixture.tenancy.state(&acme).unwrap(), Some(TenantState::Ready));
}
