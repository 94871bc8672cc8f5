//! A schema's own name is no difference, and what only looks like it is one.

use super::*;

/// Names that would be cut, folded, or taken for something else.
const ODD: [&str; 16] = [
    "acme",
    "acm",
    "acme2",
    "a",
    "select",
    "b\"c",
    "O'Brien",
    "orders",
    "mood",
    "x, public",
    "a.b",
    "Acme",
    "$1",
    r"a\b'c",
    "日本",
    "counter.orders",
];

/// Names of the first schema in texts: they are the same in all.
const CONSTANTS: &str = r#"
    CREATE TABLE texts (
        a text DEFAULT 'acme.orders', b text DEFAULT '"acme".orders', c text DEFAULT 'see acme.orders.',
        CHECK (a <> 'acme.orders'), acme int, orders int);
    CREATE VIEW seen AS SELECT a FROM texts WHERE b = 'acme.orders' AND orders.acme > 0 ;"#;

#[test]
fn no_name_is_drift() {
    let fixture = Fixture::unmigrated(2);
    let all = ODD.map(|odd| schema(&fixture, odd, EVERYTHING));
    let report = fixture.tenancy.drift_among(all).unwrap();
    assert!(!report.has_drift(), "{report}");
    assert_eq!((report.schemas(), report.versions.len()), (ODD.len(), 1));
}

#[test]
fn a_name_in_a_constant_stays_as_it_is() {
    let fixture = Fixture::unmigrated(2);
    let constants = CONSTANTS.replace("orders.acme", "texts.acme");
    let all = ODD.map(|odd| schema(&fixture, odd, &format!("{EVERYTHING}; {constants}")));
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    assert!(!report.has_drift(), "{report}");

    run_in(
        &fixture,
        &all[1],
        "ALTER TABLE texts ALTER a SET DEFAULT 'acm.orders'",
    );
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    assert_eq!(differing(&report, &all[1]), ["column texts.a"]);
}

#[test]
fn a_body_may_spell_out_the_schema_it_is_in() {
    let fixture = Fixture::unmigrated(2);
    let all = ODD.map(|odd| {
        let quoted = name(odd).quoted();
        let in_text = quoted.replace('\'', "''");
        schema(
            &fixture,
            odd,
            &format!(
                "{EVERYTHING}; CREATE FUNCTION spelled() RETURNS bigint LANGUAGE plpgsql SET search_path = {quoted}, public AS $f$ \
                 BEGIN INSERT INTO {quoted}.customers (name) VALUES ('x'); DELETE FROM {quoted} . \"orders\"; \
                 RETURN nextval('{in_text}.counter'); END $f$"
            ),
        )
    });
    let report = fixture.tenancy.drift_among(all).unwrap();
    assert!(!report.has_drift(), "{report}");
}

#[test]
fn a_body_that_names_a_table_as_its_schema_is_called_is_the_same_everywhere() {
    let fixture = Fixture::unmigrated(2);
    // In the schema `orders`, this is a column of a table, not a table of a schema; in `acme`, a constant and an alias.
    let body = "CREATE FUNCTION spelled() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN \
         RETURN (SELECT max(orders.id) + max(acme.id) FROM orders, customers acme WHERE acme.name <> 'acme.example.com'); END $$";
    let all = ODD.map(|odd| schema(&fixture, odd, &format!("{EVERYTHING}; {body}")));
    let report = fixture.tenancy.drift_among(all).unwrap();
    assert!(!report.has_drift(), "{report}");
}

#[test]
fn a_body_that_reaches_into_another_tenant_is_found() {
    let fixture = Fixture::unmigrated(2);
    let body = |of: &str| {
        format!(
            "{EVERYTHING}; CREATE FUNCTION spelled() RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM {of}.customers $$"
        )
    };
    let all = [
        schema(&fixture, "acme", &body("acme")),
        schema(&fixture, "globex", &body("globex")),
        schema(&fixture, "initech", &body("acme")),
    ];
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    assert_eq!(differing(&report, &all[2]), ["function spelled()"]);
}

#[test]
fn a_table_is_called_as_its_schema_or_as_one_of_postgresqls() {
    let fixture = Fixture::unmigrated(2);
    let tables = "CREATE TABLE acme (id serial PRIMARY KEY, acme int); CREATE INDEX ON acme (acme); \
         CREATE TABLE pg_class (id int REFERENCES acme, acme text DEFAULT 'acme.acme'); \
         CREATE FUNCTION lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'acme.nothing' $$; \
         CREATE VIEW looks AS SELECT acme.acme, lower(pg_class.acme) AS low, pg_catalog.lower(pg_class.acme) AS high \
            FROM acme JOIN pg_class USING (id);";
    let tables = tables.replace("FROM acme JOIN pg_class", "FROM acme JOIN own.pg_class");
    let all = ["acme", "acm", "globex"].map(|odd| {
        let own = tables.replace("own.", &format!("{odd}."));
        schema(&fixture, odd, &own)
    });
    let report = fixture.tenancy.drift_among(all).unwrap();
    assert!(!report.has_drift(), "{report}");
}
