//! Names that are refused: PostgreSQL's own, those that it would cut, and those of the configuration.

use tenant_diesel::{Error, SchemaName, Tenancy};
use tenant_tests::apps::customers::{self, Client};
use tenant_tests::apps::todo;
use tenant_tests::{Fixture, chain, name};

#[test]
fn what_postgres_keeps_for_itself_or_would_cut_is_no_name() {
    let (too_long, long_in_bytes) = ("a".repeat(64), "é".repeat(32));
    for refused in [
        "",
        "a\0b",
        "pg_a",
        "pg_",
        "PG_a",
        "pG_tenant1",
        "pg_catalog",
        "pg_temp",
        "information_schema",
        "Information_Schema",
        "$user",
        &too_long,
        &long_in_bytes,
    ] {
        assert!(SchemaName::quoted_any(refused).is_err(), "{refused:?}");
        assert!(SchemaName::new(refused).is_err(), "{refused:?}");
    }
    // The server agrees: it would cut the long one, so that two names were one schema.
    let fixture = Fixture::new();
    fixture.run(&format!("CREATE SCHEMA \"{too_long}\""));
    assert_eq!(fixture.schemas(), [&too_long[..63], "public"]);
}

#[test]
fn reserved_names_are_refused_in_any_case_and_nothing_changes() {
    let builder = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .extension_schema(name("extensions"))
        .static_name(name("www"))
        .static_name(name("Блог"));
    let fixture = Fixture::of(2, builder);
    fixture.run("CREATE SCHEMA extensions");
    fixture.tenancy.migrate().unwrap();
    let before = fixture.everything();
    for (reserved, by) in [
        ("public", "the shared schema"),
        ("PUBLIC", "the shared schema"),
        ("Public", "the shared schema"),
        ("extensions", "extensions"),
        ("ExTensions", "extensions"),
        ("www", "a static name"),
        ("WWW", "a static name"),
        ("блог", "a static name"),
        ("БЛОГ", "a static name"),
        ("tenancy", "the library itself"),
        ("Tenancy", "the library itself"),
    ] {
        let error = fixture.try_tenant(reserved).unwrap_err();
        assert!(
            matches!(&error, Error::ReservedName { schema, .. } if schema.as_str() == reserved),
            "{reserved}: {error:?}"
        );
        assert!(error.to_string().contains(by), "{error}");
        assert_eq!(fixture.everything(), before, "{reserved}");
    }
    for free in ["www2", "ww", "publicity", "tenancy1", "default", "sample"] {
        fixture.tenant(free);
    }
}

#[test]
fn a_row_that_names_the_shared_schema_cannot_be_used_to_reach_or_drop_it() {
    let builder = || {
        Tenancy::builder()
            .app::<customers::App>()
            .app::<todo::App>()
            .extension_schema(name("ext"))
    };
    let fixture = Fixture::<Client>::of(2, builder().static_name(name("www")));
    fixture.run("CREATE SCHEMA ext; CREATE SCHEMA www; CREATE TABLE www.kept ()");
    let tenancy = &fixture.tenancy;
    tenancy.migrate().unwrap();
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('public', ''), ('ext', ''), ('tenancy', ''), ('www', '')");
    let before = fixture.everything();
    for schema in ["public", "ext", "tenancy", "www"] {
        let row = tenancy.find_by_schema(&name(schema)).unwrap().unwrap();
        for result in [
            tenancy.delete_with_schema(&row),
            tenancy.drop_schema(&row).map(drop),
            tenancy.create_schema(&row),
            tenancy.create_schema_if_missing(&row).map(drop),
        ] {
            assert!(
                matches!(result, Err(Error::ReservedName { .. })),
                "{schema}: {result:?}"
            );
        }
        assert_eq!(fixture.everything(), before);
        if schema != "www" {
            for result in [
                tenancy.with_tenant(&row, |_| Ok::<_, Error>(())),
                tenancy.transaction(&row, |_| Ok::<_, Error>(())),
                tenancy.get(&row).map(drop),
                tenancy.with_public(|conn| conn.with_tenant(&row, |_| Ok::<_, Error>(()))),
                tenancy.with_schema(&row.schema_name, |_| Ok::<_, Error>(())),
            ] {
                assert!(
                    matches!(result, Err(Error::ReservedName { .. })),
                    "{schema}: {result:?}"
                );
            }
            let Err(Error::Migrate(report)) = tenancy.migrate_tenant(&row) else {
                panic!("{schema}")
            };
            assert!(matches!(
                report.schemas[0].error,
                Some(Error::ReservedName { .. })
            ));
        }
        // The row itself can go.
        tenancy.delete(&row).unwrap();
        assert!(fixture.has_schema(schema) || schema == "tenancy");
        fixture.run(&format!(
            "INSERT INTO clients (id, schema_name, name) VALUES ({}, '{schema}', '')",
            row.id
        ));
    }
    assert!(fixture.has_schema("www"));
}

#[test]
fn a_row_whose_name_is_no_schema_name_is_an_error_that_names_it() {
    let fixture = Fixture::new();
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('pg_bad', '')");
    let error = fixture.tenancy.tenants().next().unwrap().unwrap_err();
    assert!(
        chain(&error).contains("\"pg_bad\" belongs to PostgreSQL"),
        "{}",
        chain(&error)
    );
    let mut tenants = fixture.tenancy.tenants();
    assert!(tenants.next().unwrap().is_err() && tenants.next().is_none());
}
