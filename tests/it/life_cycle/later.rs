//! Schemas that come after their rows.

use tenant_diesel::Error;
use tenant_tests::models::RowFirst;
use tenant_tests::{Fixture, new_client, titles};

#[test]
fn a_model_whose_rows_come_first_gets_its_schema_when_asked_for() {
    let fixture = Fixture::<RowFirst>::row_first();
    let tenancy = &fixture.tenancy;
    let tenant = tenancy.create(new_client("acme")).unwrap();
    assert_eq!(fixture.schemas(), ["public"]);
    let missing = tenancy.with_tenant(&tenant, titles);
    assert!(matches!(missing, Err(Error::SchemaMissing { .. })));

    tenancy.create_schema(&tenant).unwrap();
    assert_eq!(
        fixture.tables("acme"),
        ["__diesel_schema_migrations", "labels", "tasks"]
    );
    tenancy
        .with_tenant(&tenant, |conn| tenant_tests::insert_task(conn, "kept"))
        .unwrap();

    let before = fixture.everything();
    assert!(matches!(
        tenancy.create_schema(&tenant),
        Err(Error::SchemaExists { .. })
    ));
    assert!(!tenancy.create_schema_if_missing(&tenant).unwrap());
    assert_eq!(fixture.everything(), before);
    assert_eq!(tenancy.with_tenant(&tenant, titles).unwrap(), ["kept"]);

    assert!(tenancy.drop_schema(&tenant).unwrap());
    assert!(!tenancy.drop_schema(&tenant).unwrap());
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 1);
    assert!(tenancy.create_schema_if_missing(&tenant).unwrap());
    assert!(fixture.has_schema("acme"));
}

#[test]
fn a_schema_that_fails_in_a_migration_is_not_there() {
    let fixture = Fixture::<RowFirst>::row_first();
    let tenant = fixture.tenancy.create(new_client("acme")).unwrap();
    fixture.run("ALTER TABLE plans RENAME TO hidden");
    let before = fixture.everything();
    assert!(matches!(
        fixture.tenancy.create_schema(&tenant),
        Err(Error::Migration { .. })
    ));
    assert!(matches!(
        fixture.tenancy.create_schema_if_missing(&tenant),
        Err(Error::Migration { .. })
    ));
    assert_eq!(fixture.everything(), before);
}
