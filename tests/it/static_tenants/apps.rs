//! Which schema has which tables.

use super::*;
use diesel::prelude::*;
use tenant_diesel::{Adoption, Check, Error, Selection};
use tenant_tests::apps::todo;
use tenant_tests::{new_client, titles};

#[test]
fn each_static_tenant_has_the_apps_that_it_names_and_customers_have_none_of_them() {
    let fixture = migrated();
    assert_eq!(fixture.tables("www"), ["__diesel_schema_migrations", "users"]);
    assert_eq!(fixture.tables("blog"), ["__diesel_schema_migrations", "counted"]);
    assert_eq!(fixture.versions("www"), ACCOUNTS);
    assert_eq!(fixture.versions("blog"), COUNTING);
    for schema in ["help", "acme", "globex"] {
        assert_eq!(fixture.versions(schema), TODO, "{schema}");
        assert_eq!(fixture.tables(schema), fixture.tables("acme"), "{schema}");
    }
    let logins = accounts::users::table.count();
    let count = fixture
        .tenancy
        .with_schema(&name("www"), |conn| logins.get_result::<i64>(conn));
    assert_eq!(count.unwrap(), 0);
    let other = fixture.tenancy.with_schema(&name("www"), titles);
    assert!(
        other
            .unwrap_err()
            .to_string()
            .contains("\"tasks\" does not exist")
    );
}

#[test]
fn nobody_is_behind_unknown_or_unlike_others_because_of_others_apps() {
    let fixture = migrated();
    let tenancy = again(&fixture, sites());
    let status = tenancy.status_with_drift().unwrap();
    assert!(status.is_well(), "{status}");
    assert_eq!(status.schemas(), 5);
    assert_eq!(status.latest.as_deref(), Some(TODO[1]));
    let verified = tenancy.verify().unwrap();
    assert!(verified.is_clean(), "{verified}");
    assert_eq!(verified.checked, 6, "the shared schema too");
    let plan = tenancy.migration().plan().unwrap();
    assert!(plan.is_empty() && plan.up_to_date == 5, "{plan}");
    let listed = tenancy.migration().select(Selection::statics()).list().unwrap();
    let versions = |schema: &str| {
        let listed = listed
            .iter()
            .find(|listed| listed.schema == name(schema))
            .unwrap();
        assert!(
            listed.versions.iter().all(|v| v.is_applied && v.is_embedded),
            "{listed}"
        );
        listed
            .versions
            .iter()
            .map(|v| v.version.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(versions("www"), ACCOUNTS);
    assert_eq!(versions("blog"), COUNTING);
    assert_eq!(versions("help"), TODO);
    let diagnosis = tenancy.doctor().unwrap();
    assert!(diagnosis.is_healthy(), "{diagnosis}");
}

#[test]
fn a_stray_version_of_another_static_tenants_app_is_named() {
    let fixture = migrated();
    fixture.run("INSERT INTO www.__diesel_schema_migrations VALUES ('20241001000000')");
    fixture.run("INSERT INTO acme.__diesel_schema_migrations VALUES ('20240201000000')");
    fixture.tenancy.verify().unwrap();
    let unknown: Vec<String> = (fixture.tenancy.status().unwrap().unknown.iter())
        .map(|unknown| format!("{} {:?}", unknown.schema, unknown.versions))
        .collect();
    assert_eq!(unknown, ["acme [\"20240201000000\"]", "www [\"20241001000000\"]"]);
    let diagnosis = fixture.tenancy.doctor().unwrap();
    let complaint = diagnosis.complaint(Check::UnknownVersion).unwrap();
    let named: Vec<_> = complaint.concerned.iter().map(|c| c.object.as_str()).collect();
    assert_eq!(named, ["acme", "www"], "{complaint}");
}

#[test]
fn a_table_of_a_static_app_in_the_shared_schema_is_named() {
    let fixture = migrated();
    fixture.run("CREATE TABLE users (id int)");
    let diagnosis = fixture.tenancy.doctor().unwrap();
    let complaint = diagnosis.complaint(Check::TenantTableInPublic).unwrap();
    assert_eq!(complaint.concerned[0].object, "public.users");
}

#[test]
fn births_adoptions_and_names_know_static_tenants_and_their_aliases() {
    let fixture = Fixture::of(
        4,
        sites().static_tenant(StaticTenant::new(name("wiki")).alias("manual")),
    );
    fixture.tenancy.migrate().unwrap();
    for taken in ["www", "WIKI", "manual", "Manual"] {
        let refused = fixture.try_tenant(taken);
        assert!(
            matches!(refused, Err(Error::ReservedName { .. })),
            "{taken}: {refused:?}"
        );
        let refused = fixture
            .tenancy
            .adopt(new_client(taken), &Adoption::existing_schema());
        assert!(
            matches!(refused, Err(Error::ReservedName { .. })),
            "{taken}: {refused:?}"
        );
    }
    fixture.run("CREATE TABLE tasks AS SELECT 1::bigint AS id, 'one' AS title; CREATE TABLE labels (id int)");
    let how = Adoption::shared_tables().baseline(TODO[1], "was alone");
    let adopted = fixture.tenancy.adopt(new_client("acme"), &how).unwrap();
    let title = todo::tasks::table.select(todo::tasks::title);
    let titles = fixture
        .tenancy
        .with_tenant(&adopted, |conn| title.load::<String>(conn));
    assert_eq!(titles.unwrap(), ["one"]);
    assert_eq!(fixture.versions("acme"), TODO);
}

#[test]
fn what_an_application_serves_is_about_the_tenant_apps() {
    let fixture = migrated();
    let serves = again(&fixture, sites().serves(TODO[1]..=TODO[1]));
    let older = again(&fixture, sites().serves(..TODO[1]));
    let one = |conn: &mut tenant_diesel::TenantConnection| diesel::sql_query("SELECT 1").execute(conn);
    for schema in ["www", "blog"].map(name) {
        serves.with_schema(&schema, one).unwrap();
        older.with_schema(&schema, one).unwrap();
    }
    for schema in ["help", "acme"].map(name) {
        serves.with_schema(&schema, one).unwrap();
        let refused = older.with_schema(&schema, one);
        assert!(
            matches!(refused, Err(Error::TenantUnavailable { .. })),
            "{refused:?}"
        );
    }
}
