//! Who is compared with whom, and who is not there.

use super::*;
use tenant_diesel::Error;
use tenant_tests::names;

#[test]
fn tenants_are_grouped_by_what_they_look_like() {
    let fixture = Fixture::new();
    let tenants: Vec<_> = ["a", "b", "c", "d", "e", "f"]
        .map(|name| fixture.tenant(name))
        .into();
    for index in [0, 3] {
        run_in(&fixture, &tenants[index].schema_name, "DROP TABLE labels");
    }
    run_in(
        &fixture,
        &tenants[4].schema_name,
        "CREATE INDEX more ON tasks (title)",
    );
    let report = fixture.tenancy.drift().unwrap();
    let version = &report.versions[0];
    assert_eq!((version.schemas, version.differing()), (6, 3));
    assert_eq!(version.example.as_str(), "b");
    let groups: Vec<Vec<&str>> = report
        .drifted()
        .map(|group| group.schemas.iter().map(SchemaName::as_str).collect())
        .collect();
    assert_eq!(groups, [vec!["a", "d"], vec!["e"]]);
    let dropped = differing(&report, &tenants[3].schema_name);
    assert!(dropped.contains(&"table labels".to_owned()), "{dropped:?}");
    assert_eq!(differing(&report, &tenants[4].schema_name), ["index more"]);
    assert!(differing(&report, &tenants[1].schema_name).is_empty());
    let text = report.to_string();
    assert!(text.contains("differ from b: a, d\n"), "{text}");
    assert!(text.ends_with("3 of 6 tenants differ"), "{text}");
}

#[test]
fn versions_are_not_compared_with_each_other() {
    let fixture = Fixture::new();
    let tenants: Vec<_> = ["a", "b", "c", "d"].map(|name| fixture.tenant(name)).into();
    for tenant in &tenants[2..] {
        run_in(
            &fixture,
            &tenant.schema_name,
            "DROP TABLE labels; INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101')",
        );
    }
    let report = fixture.tenancy.drift().unwrap();
    assert!(!report.has_drift(), "{report}");
    assert_eq!(report.versions.len(), 2);
    let newer = report
        .versions
        .iter()
        .find(|version| version.example.as_str() == "c");
    assert_eq!(newer.unwrap().version.as_deref(), Some("29990101"));
    assert_eq!(report.to_string(), "4 tenants, no drift, 2 sets of versions");

    // The last version is the same, and one before is not.
    run_in(
        &fixture,
        &tenants[3].schema_name,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('19990101')",
    );
    assert_eq!(fixture.tenancy.drift().unwrap().versions.len(), 3);
}

#[test]
fn a_chosen_schema_is_what_the_others_should_be_like() {
    let fixture = Fixture::new();
    let tenants: Vec<_> = ["a", "b", "c"].map(|name| fixture.tenant(name)).into();
    run_in(
        &fixture,
        &tenants[2].schema_name,
        "CREATE INDEX more ON tasks (title)",
    );
    let report = fixture.tenancy.drift_from(&tenants[2].schema_name).unwrap();
    assert_eq!(report.versions[0].differing(), 2);
    assert_eq!(differing(&report, &tenants[0].schema_name), ["index more"]);
    let missing = fixture.tenancy.drift_from(&name("nobody"));
    assert!(
        matches!(&missing, Err(Error::SchemaMissing { schema }) if schema.as_str() == "nobody"),
        "{missing:?}"
    );
}

#[test]
fn tenants_without_a_schema_are_listed() {
    let fixture = Fixture::new();
    let tenants: Vec<_> = ["a", "b", "c"].map(|name| fixture.tenant(name)).into();
    fixture.run("DROP SCHEMA b CASCADE");
    let report = fixture.tenancy.drift().unwrap();
    assert_eq!(report.missing, [tenants[1].schema_name.clone()]);
    assert_eq!((report.schemas(), report.has_drift()), (2, false));
    assert_eq!(report.to_string(), "2 tenants, no drift\n1 without a schema: b");
}

#[test]
fn schemas_without_a_ledger_and_with_an_empty_one_are_apart() {
    let fixture = Fixture::unmigrated(1);
    let ledger =
        "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp)";
    let all = [
        schema(&fixture, "a", ""),
        schema(&fixture, "b", ledger),
        schema(&fixture, "c", "CREATE TABLE t (id int)"),
    ];
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    assert_eq!(report.versions.len(), 2);
    assert_eq!(differing(&report, &all[2]), ["column t.id", "table t"]);
}

#[test]
fn no_tenants_are_no_drift() {
    let fixture = Fixture::new();
    let report = fixture.tenancy.drift().unwrap();
    assert_eq!((report.schemas(), report.has_drift()), (0, false));
    let unmigrated = Fixture::unmigrated(1);
    assert!(matches!(
        unmigrated.tenancy.drift(),
        Err(Error::PublicNotMigrated { .. })
    ));
}

#[test]
fn more_than_a_query_and_more_than_a_connection_are_read() {
    let fixture = Fixture::unmigrated(1);
    let all = names("t", 620);
    let mut sql = String::new();
    for schema in &all {
        sql += &format!("CREATE SCHEMA {schema}; CREATE SEQUENCE {schema}.s;");
    }
    fixture.run(&sql);
    fixture.run("ALTER SEQUENCE t_605.s CACHE 5; DROP SCHEMA t_7 CASCADE");
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    assert_eq!((report.schemas(), report.missing.len()), (619, 1));
    assert_eq!(report.versions[0].differing(), 1);
    assert_eq!(differing(&report, &all[605]), ["sequence s"]);
}
