//! Schemas of extensions.

use super::*;
use diesel::prelude::*;
use tenant_diesel::{Error, Tenancy};
use tenant_tests::apps::customers::{self, Client};
use tenant_tests::apps::todo;
use tenant_tests::{Fixture, cases, name};

#[test]
fn schemas_of_extensions_made_by_a_shared_migration_are_in_every_path() {
    let builder = || {
        Tenancy::<Client>::builder()
            .app::<customers::App>()
            .app::<cases::extensions::App>()
            .app::<cases::shouting::App>()
            .extension_schema(name("extensions"))
    };
    let fixture = Fixture::of(2, builder());
    assert_eq!(applied(&fixture.tenancy.migrate().unwrap())[0].1.len(), 2);
    let acme = fixture.tenant("acme");
    let shouted = fixture.tenancy.with_tenant(&acme, |conn| {
        diesel::sql_query("INSERT INTO shouts (sender) VALUES ('a@b')").execute(conn)?;
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>(
            "(SELECT shout(text) FROM shouts)",
        ))
        .get_result::<String>(conn)
    });
    assert_eq!(shouted.unwrap(), "HEY!!");
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations", "shouts"]);
    assert_eq!(fixture.tables("extensions"), [""; 0]);
    let path = fixture.tenancy.with_tenant(&acme, |conn| {
        Ok::<_, Error>(tenant_tests::setting(conn, "search_path"))
    });
    assert_eq!(path.unwrap(), "\"acme\", \"extensions\", pg_temp");
    // And in that of a tenant who comes with `migrate`.
    fixture.run("CREATE SCHEMA globex; INSERT INTO clients (schema_name, name) VALUES ('globex', '')");
    fixture.tenancy.migrate().unwrap();
    assert_eq!(fixture.tables("globex"), ["__diesel_schema_migrations", "shouts"]);
}

#[test]
fn a_schema_of_extensions_that_does_not_exist_yet_stops_nothing() {
    let builder = || {
        Tenancy::<Client>::builder()
            .app::<customers::App>()
            .app::<todo::App>()
            .extension_schema(name("extensions"))
            .extension_schema(name("more of them"))
    };
    // An empty database, with not even the shared tables.
    let fixture = Fixture::of(2, builder());
    let tenancy = &fixture.tenancy;
    assert!(tenancy.registry().check().is_empty());
    assert!(!tenancy.is_public_migrated().unwrap());
    assert!(!tenancy.schema_exists(&name("extensions")).unwrap());
    assert!(matches!(
        tenancy.tenants().next(),
        Some(Err(Error::PublicNotMigrated { .. }))
    ));
    tenancy.migrate().unwrap();
    let acme = fixture.tagged(&["acme"]).remove(0);
    assert_eq!(fixture.titles(&acme), ["acme"]);
    assert_eq!(tenancy.migrate().unwrap().applied(), 0);
    assert_eq!(fixture.schemas(), ["acme", "public"]);
    let path = tenancy.with_tenant(&acme, |conn| {
        Ok::<_, Error>(tenant_tests::setting(conn, "search_path"))
    });
    assert_eq!(
        path.unwrap(),
        "\"acme\", \"extensions\", \"more of them\", pg_temp"
    );
    // From the moment it exists, what is in it is found.
    fixture.run(
        "CREATE SCHEMA extensions; \
         CREATE FUNCTION extensions.shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)'",
    );
    let shout = |conn: &mut tenant_diesel::TenantConnection| {
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("shout('hey')")).get_result::<String>(conn)
    };
    assert_eq!(tenancy.with_tenant(&acme, shout).unwrap(), "HEY");
    assert_eq!(tenancy.transaction(&acme, shout).unwrap(), "HEY");
    let again = again(&fixture, builder());
    assert_eq!(again.with_tenant(&acme, shout).unwrap(), "HEY");
}
