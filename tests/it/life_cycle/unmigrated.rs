//! What exists, and what every call says before the first migration.

use diesel::prelude::*;
use tenant_diesel::Error;
use tenant_tests::apps::customers::{Client, clients};
use tenant_tests::{Fixture, name, new_client};

#[test]
fn schemas_of_any_kind_are_found() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    let exists = |schema| fixture.tenancy.schema_exists(&name(schema)).unwrap();
    assert!(exists("acme") && exists("public") && !exists("default"));
    assert_eq!(fixture.tenancy.public_schema(), &name("public"));
}

/// Whatever asks for the table of tenants says that `migrate` comes first.
fn says_that_migrate_comes_first(fixture: &Fixture, stale: &Client) {
    let tenancy = &fixture.tenancy;
    assert!(!tenancy.is_public_migrated().unwrap());
    let before = fixture.schemas();
    for (call, result) in [
        ("create", tenancy.create(new_client("acme")).map(drop)),
        ("create_schema", tenancy.create_schema(stale)),
        (
            "create_schema_if_missing",
            tenancy.create_schema_if_missing(stale).map(drop),
        ),
        ("find", tenancy.find(&1).map(drop)),
        ("find_by_schema", tenancy.find_by_schema(&name("acme")).map(drop)),
        ("tenants", tenancy.tenants().next().unwrap().map(drop)),
        ("update", tenancy.update(stale, clients::name.eq("x")).map(drop)),
        ("delete", tenancy.delete(stale)),
        ("delete_with_schema", tenancy.delete_with_schema(stale)),
    ] {
        let Err(error) = result else {
            panic!("{call} succeeded")
        };
        assert!(
            matches!(&error, Error::PublicNotMigrated { table } if table == "public.clients"),
            "{call}: {error:?}"
        );
        assert!(error.to_string().contains("call `migrate` first"), "{error}");
    }
    assert_eq!(fixture.schemas(), before);
}

#[test]
fn before_the_first_migration_every_call_says_what_to_do_and_none_crashes() {
    let fixture = Fixture::unmigrated(2);
    let stale = Client {
        id: 1,
        schema_name: name("acme"),
        name: String::new(),
        on_trial: true,
    };
    assert!(!fixture.tenancy.schema_exists(&name("acme")).unwrap());
    assert!(!fixture.tenancy.drop_schema(&stale).unwrap());
    says_that_migrate_comes_first(&fixture, &stale);
    let in_scope = fixture
        .tenancy
        .with_public(|conn| fixture.tenancy.create_in(conn, new_client("acme")));
    assert!(
        matches!(in_scope, Err(Error::PublicNotMigrated { .. })),
        "{in_scope:?}"
    );
    assert!(fixture.tenancy.registry().check().is_empty());
    fixture.tenancy.migrate().unwrap();
    assert!(fixture.tenancy.is_public_migrated().unwrap());
    assert_eq!(fixture.tenancy.tenants().count(), 0);
}

#[test]
fn after_the_shared_schema_was_dropped_every_call_says_what_to_do_and_migrate_makes_it_again() {
    let fixture = Fixture::new();
    let stale = fixture.tenant("acme");
    assert!(fixture.tenancy.is_public_migrated().unwrap());
    fixture.run("DROP SCHEMA public CASCADE; DROP SCHEMA acme CASCADE");
    says_that_migrate_comes_first(&fixture, &stale);
    fixture.tenancy.migrate().unwrap();
    assert!(fixture.tenancy.is_public_migrated().unwrap());
    fixture.tenant("acme");
}
