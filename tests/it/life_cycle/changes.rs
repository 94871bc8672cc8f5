//! Changes and deaths: of the row that is meant, and of nothing else.

use diesel::prelude::*;
use tenant_diesel::Error;
use tenant_tests::apps::customers::{Client, clients};
use tenant_tests::models::Fleeting;
use tenant_tests::{Fixture, add_task, name, new_client};

#[test]
fn a_change_of_the_row_leaves_the_tenants_data_alone() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let changed = fixture
        .tenancy
        .update(
            &tenants[0],
            (clients::name.eq("Acme Ltd"), clients::on_trial.eq(false)),
        )
        .unwrap();
    assert_eq!(
        changed,
        Client {
            name: "Acme Ltd".to_owned(),
            on_trial: false,
            ..tenants[0].clone()
        }
    );
    assert_eq!(
        fixture.texts("SELECT schema_name || ' ' || name || ' ' || on_trial FROM clients ORDER BY 1"),
        ["acme Acme Ltd false", "globex globex true"]
    );
    assert_eq!(fixture.titles(&tenants[0]), ["acme"]);
}

#[test]
fn a_change_of_the_schemas_name_is_refused_and_undone() {
    let fixture = Fixture::new();
    let tenant = fixture.tagged(&["acme"]).remove(0);
    let before = fixture.everything();
    let change = (clients::schema_name.eq(name("other")), clients::name.eq("Other"));
    let error = fixture.tenancy.update(&tenant, change).unwrap_err();
    assert!(matches!(&error, Error::SchemaNameDiffers { expected, found }
        if expected.as_str() == "acme" && found.as_str() == "other"));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_tenant_without_a_row_cannot_be_changed_or_deleted() {
    let fixture = Fixture::new();
    let tenant = fixture.tagged(&["acme"]).remove(0);
    fixture.run("DELETE FROM clients");
    let before = fixture.everything();
    let tenancy = &fixture.tenancy;
    for result in [
        tenancy.update(&tenant, clients::name.eq("x")).map(drop),
        tenancy.delete(&tenant),
        tenancy.delete_with_schema(&tenant),
    ] {
        assert!(
            matches!(&result, Err(Error::TenantMissing { schema }) if schema.as_str() == "acme"),
            "{result:?}"
        );
        assert_eq!(fixture.everything(), before);
    }
    fixture.run("DROP SCHEMA acme CASCADE");
    let refused = tenancy.create_schema(&tenant);
    assert!(matches!(refused, Err(Error::TenantMissing { .. })), "{refused:?}");
    assert!(!fixture.has_schema("acme"));
    fixture.run("CREATE SCHEMA acme");
    // The data that is left can still be dropped, by its name.
    assert!(tenancy.drop_schema(&tenant).unwrap());
}

#[test]
fn a_value_whose_row_now_names_another_schema_changes_and_deletes_nothing() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run("UPDATE clients SET schema_name = 'moved' WHERE schema_name = 'acme'");
    fixture.run("UPDATE clients SET schema_name = 'acme' WHERE schema_name = 'globex'");
    let before = fixture.everything();
    let tenancy = &fixture.tenancy;
    for stale in &tenants {
        for result in [
            tenancy.update(stale, clients::name.eq("x")).map(drop),
            tenancy.delete(stale),
            tenancy.delete_with_schema(stale),
        ] {
            assert!(
                matches!(result, Err(Error::SchemaNameDiffers { .. })),
                "{result:?}"
            );
        }
        assert_eq!(fixture.everything(), before);
    }
}

#[test]
fn deleting_a_tenant_keeps_its_schema_unless_the_model_or_the_caller_says_otherwise() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["kept", "gone", "other"]);
    fixture.tenancy.delete(&tenants[0]).unwrap();
    fixture.tenancy.delete_with_schema(&tenants[1]).unwrap();
    assert_eq!(fixture.schemas(), ["kept", "other", "public"]);
    assert_eq!(fixture.texts("SELECT schema_name FROM clients"), ["other"]);
    assert_eq!(fixture.texts("SELECT title FROM kept.tasks"), ["kept"]);
    assert_eq!(fixture.titles(&tenants[2]), ["other"]);

    let fixture = Fixture::<Fleeting>::fleeting();
    let tenant = fixture.tenancy.create(new_client("acme")).unwrap();
    fixture.tenancy.delete(&tenant).unwrap();
    assert_eq!(fixture.schemas(), ["public"]);
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 0);
}

#[test]
fn deleting_a_tenant_with_its_schema_works_where_the_schema_is_gone_already() {
    let fixture = Fixture::<Fleeting>::fleeting();
    for with in [true, false] {
        let tenant = fixture.tenancy.create(new_client("acme")).unwrap();
        fixture.run("DROP SCHEMA acme CASCADE");
        match with {
            true => fixture.tenancy.delete_with_schema(&tenant).unwrap(),
            false => fixture.tenancy.delete(&tenant).unwrap(),
        }
        assert_eq!(fixture.count("SELECT count(*) FROM clients"), 0);
    }
}

#[test]
fn a_deletion_that_the_server_refuses_changes_nothing() {
    let fixture = Fixture::new();
    let tenant = fixture.tagged(&["acme"]).remove(0);
    fixture.run(
        "CREATE TABLE invoices (client_id INTEGER REFERENCES clients); \
         INSERT INTO invoices SELECT id FROM clients",
    );
    let before = fixture.everything();
    assert!(matches!(
        fixture.tenancy.delete_with_schema(&tenant),
        Err(Error::Attempt { .. })
    ));
    assert_eq!(fixture.everything(), before);
    assert_eq!(fixture.titles(&tenant), ["acme"]);
}

#[test]
fn a_deleted_name_can_be_used_again_and_starts_empty() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        let tenant = fixture.tenant("acme");
        assert!(fixture.titles(&tenant).is_empty());
        add_task(&fixture.tenancy, &tenant, "old");
        fixture.tenancy.delete_with_schema(&tenant).unwrap();
    }
}
