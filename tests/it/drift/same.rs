//! What is no drift: rows, order, what was dropped, owners, and what a session has set.

use super::*;
use diesel::prelude::*;
use tenant_diesel::Tenancy;
use tenant_tests::add_task;
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::{customers, todo};

#[test]
fn tenants_that_were_only_used_are_alike() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "b\"c", "O'Brien", "select"]);
    for i in 0..10 {
        add_task(&fixture.tenancy, &tenants[1], &format!("task {i}"));
    }
    let report = fixture.tenancy.drift().unwrap();
    assert!(!report.has_drift(), "{report}");
    assert_eq!(report.to_string(), "4 tenants, no drift");
    let version = &report.versions[0];
    assert_eq!((version.schemas, version.version.is_some()), (4, true));
    assert!(version.applied > 0);
}

#[test]
fn no_order_matters_and_nothing_that_is_gone() {
    let fixture = Fixture::unmigrated(1);
    let all = [
        schema(
            &fixture,
            "one",
            "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE first (a int, b text, c mood); \
             CREATE TABLE second (id int PRIMARY KEY, a int); \
             CREATE INDEX x ON first (a); CREATE INDEX y ON first (b); CREATE SEQUENCE s",
        ),
        schema(
            &fixture,
            "other",
            "CREATE SEQUENCE s; CREATE TABLE second (gone int, a int, id int); ALTER TABLE second ADD PRIMARY KEY (id); \
             CREATE TYPE mood AS ENUM ('b'); ALTER TYPE mood ADD VALUE 'a' BEFORE 'b'; \
             CREATE TABLE first (c mood, b varchar(7), gone text, a int); CREATE INDEX y ON first (b); CREATE INDEX x ON first (a); \
             ALTER TABLE first DROP COLUMN gone; ALTER TABLE second DROP gone; ALTER TABLE first ALTER b TYPE text; \
             INSERT INTO first (a) SELECT * FROM generate_series(1, 100); SELECT nextval('s'), nextval('s'); ANALYZE first; \
             ALTER TABLE first SET (fillfactor = 70); ALTER TABLE first ALTER b SET STORAGE EXTERNAL; \
             GRANT SELECT ON first TO PUBLIC; ALTER TABLE first OWNER TO pg_monitor; COMMENT ON TABLE first IS 'one'",
        ),
    ];
    let report = fixture.tenancy.drift_among(all).unwrap();
    assert!(!report.has_drift(), "{report}");
}

#[test]
fn what_a_session_has_set_changes_no_fingerprint() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    run_in(&fixture, &acme.schema_name, EVERYTHING);
    let connect = |options: &str| {
        let url = format!("{}?options={options}", fixture.database.url());
        let builder = Tenancy::<Client>::builder()
            .app::<customers::App>()
            .app::<todo::App>();
        builder
            .r2d2(r2d2::Pool::builder().max_size(1))
            .connect(&url)
            .unwrap()
    };
    let expected = fixture.tenancy.drift().unwrap().versions[0].expected;
    for options in [
        "-cTimeZone%3DAsia/Tokyo",
        "-cDateStyle%3DGerman",
        "-cquote_all_identifiers%3Don",
        "-cstandard_conforming_strings%3Doff",
        "-cdefault_transaction_isolation%3Dserializable",
        "-cplan_cache_mode%3Dforce_custom_plan",
    ] {
        let report = connect(options).drift().unwrap();
        assert_eq!(report.versions[0].expected, expected, "{options}");
    }
}

#[test]
fn members_of_extensions_are_the_extensions() {
    let fixture = Fixture::unmigrated(1);
    let all = ["one", "other"].map(|name| schema(&fixture, name, "CREATE TABLE t (id int)"));
    if diesel::sql_query("CREATE EXTENSION pg_trgm SCHEMA other")
        .execute(&mut fixture.outside())
        .is_err()
    {
        return;
    }
    let report = fixture.tenancy.drift_among(all).unwrap();
    assert!(!report.has_drift(), "{report}");
}
