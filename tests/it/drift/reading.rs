//! How schemas are read: by few round trips, whatever happens to them meanwhile, and leaving nothing behind.

use super::*;
use diesel::r2d2::Pool;
use tenant_diesel::Tenancy;
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::{customers, todo};
use tenant_tests::{Proxy, names, setting};

#[test]
fn a_query_reads_fifty_schemas_whatever_is_in_them() {
    let fixture = Fixture::new();
    let all = names("t", 150);
    let of_each = |sql: fn(&SchemaName) -> String| fixture.run(&all.iter().map(sql).collect::<String>());
    of_each(|schema| format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.t ();"));
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .r2d2(Pool::builder().max_size(1).min_idle(Some(0)))
        .connect(&url)
        .unwrap();
    let cost = |schemas: &[SchemaName]| {
        let (round_trips, report) = proxy.count(|| tenancy.drift_among(schemas.to_vec()).unwrap());
        assert_eq!((report.schemas(), report.has_drift()), (schemas.len(), false));
        round_trips
    };
    // Each time a connection is opened, whose path is set, and which prepares its query.
    cost(&all[..1]);
    let one = cost(&all[..1]);
    assert_eq!(cost(&all[..50]), one);
    assert_eq!(cost(&all[..51]), one + 3, "BEGIN, the query, ROLLBACK");
    assert_eq!(cost(&all), one + 6);
    of_each(|schema| {
        (0..5)
            .map(|i| format!("CREATE TABLE {schema}.t{i} (id int);"))
            .collect()
    });
    assert_eq!(cost(&all), one + 6);
}

#[test]
fn a_schema_that_cannot_be_read_takes_no_other_with_it() {
    let fixture = Fixture::unmigrated(1);
    let all: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|name| schema(&fixture, name, EVERYTHING))
        .into();
    // As while it is being dropped: a foreign key refers to a table that is not there any more.
    fixture.run("DELETE FROM pg_class WHERE oid = 'b.customers'::regclass");
    run_in(&fixture, &all[3], "DROP INDEX orders_total");
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    assert_eq!((report.schemas(), report.unread.len()), (4, 1));
    assert_eq!(report.unread[0].schema, all[1]);
    assert_eq!(differing(&report, &all[3]), ["index orders_total"]);
    let text = report.to_string();
    assert!(text.contains("\nb could not be read: "), "{text}");
}

#[test]
fn a_schema_that_the_role_may_not_use_is_not_taken_for_another() {
    let fixture = Fixture::unmigrated(1);
    let all = ["a", "b", "c"].map(|name| schema(&fixture, name, EVERYTHING));
    let role = "drift_reader";
    fixture.run(&format!(
        "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA a, c TO {role}"
    ));
    let url = format!("{}?options=-crole%3D{role}", fixture.database.url());
    let tenancy = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .r2d2(Pool::builder().max_size(1))
        .connect(&url)
        .unwrap();
    let report = tenancy.drift_among(all.clone()).unwrap();
    assert_eq!((report.schemas(), report.has_drift()), (2, false), "{report}");
    assert_eq!(report.unread[0].schema, all[1]);
    assert!(tenancy.drift_from(&all[1]).is_err());
    drop(tenancy);
    fixture.run(&format!(
        "REVOKE USAGE ON SCHEMA a, c FROM {role}; DROP ROLE {role}"
    ));
}

#[test]
fn nothing_is_left_behind() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tenant("acme");
    let settings = [
        "TimeZone",
        "jit",
        "search_path",
        "quote_all_identifiers",
        "plan_cache_mode",
    ];
    let all = |fixture: &Fixture| {
        fixture
            .tenancy
            .with_tenant(&acme, |conn| {
                let values = settings.map(|name| setting(conn, name));
                tenant_diesel::Result::<_>::Ok(values)
            })
            .unwrap()
    };
    let before = all(&fixture);
    assert!(!fixture.tenancy.drift_from(&acme.schema_name).unwrap().has_drift());
    assert_eq!(all(&fixture), before);
}
