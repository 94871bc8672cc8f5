//! Whatever is changed in a schema is found, and named.

use super::*;

/// What is done, and what is then said to differ.
const CHANGES: &[(&str, &[&str])] = &[
    ("CREATE TABLE more (id int)", &["column more.id", "table more"]),
    ("CREATE TABLE nothing ()", &["table nothing"]),
    (
        "DROP TABLE child",
        &["column child.extra", "column child.id", "table child"],
    ),
    ("ALTER TABLE child NO INHERIT parent", &["table child"]),
    ("ALTER TABLE parent SET UNLOGGED", &["table parent"]),
    ("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", &["table orders"]),
    (
        "ALTER TABLE customers FORCE ROW LEVEL SECURITY",
        &["table customers"],
    ),
    (
        "ALTER TABLE parts DETACH PARTITION parts_a",
        &["index parts_a_id_idx", "table parts_a"],
    ),
    (
        "DROP TABLE parts_a; CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a', 'b')",
        &["table parts_a"],
    ),
    (
        "ALTER TABLE parent ADD COLUMN more int",
        &["column child.more", "column parent.more"],
    ),
    (
        "ALTER TABLE customers ALTER code TYPE varchar(11)",
        &["column customers.code"],
    ),
    (
        "ALTER TABLE customers ALTER code TYPE varchar(10) COLLATE \"default\"",
        &["column customers.code"],
    ),
    (
        "ALTER TABLE customers ALTER name DROP NOT NULL",
        &["column customers.name"],
    ),
    (
        "ALTER TABLE customers ALTER name DROP DEFAULT",
        &["column customers.name"],
    ),
    (
        "ALTER TABLE customers ALTER name SET DEFAULT 'Nobody'",
        &["column customers.name"],
    ),
    (
        "ALTER TABLE customers ALTER since SET DEFAULT '2020-02-02 02:02+03'",
        &["column customers.since"],
    ),
    (
        "ALTER TABLE orders ALTER id SET GENERATED ALWAYS",
        &["column orders.id"],
    ),
    (
        "ALTER TABLE orders DROP COLUMN doubled",
        &["column orders.doubled"],
    ),
    (
        "ALTER TABLE orders DROP COLUMN doubled; ALTER TABLE orders ADD doubled numeric GENERATED ALWAYS AS (total * 3) STORED",
        &["column orders.doubled"],
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT total_is_small",
        &["constraint orders.total_is_small"],
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT once",
        &["constraint orders.once"],
    ),
    (
        "ALTER TABLE orders ALTER CONSTRAINT orders_customer_id_fkey DEFERRABLE",
        &["constraint orders.orders_customer_id_fkey"],
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT total_is_small; \
         ALTER TABLE orders ADD CONSTRAINT total_is_small CHECK (total < 1000) NOT VALID",
        &["constraint orders.total_is_small"],
    ),
    (
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        &["constraint orders.orders_customer_id_fkey"],
    ),
    ("DROP INDEX orders_total", &["index orders_total"]),
    (
        "DROP INDEX orders_total; CREATE INDEX orders_total ON orders (total)",
        &["index orders_total"],
    ),
    ("CREATE UNIQUE INDEX more ON parent (id)", &["index more"]),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_total'::regclass",
        &["index orders_total"],
    ),
    ("DROP TRIGGER touch ON customers", &["trigger customers.touch"]),
    (
        "ALTER TABLE customers DISABLE TRIGGER touch",
        &["trigger customers.touch"],
    ),
    (
        "DROP TRIGGER touch ON customers; \
         CREATE TRIGGER touch AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touched()",
        &["trigger customers.touch"],
    ),
    ("DROP RULE keep ON parent", &["rule parent.keep"]),
    ("ALTER TABLE parent DISABLE RULE keep", &["rule parent.keep"]),
    ("DROP POLICY mine ON customers", &["policy customers.mine"]),
    (
        "ALTER POLICY mine ON customers USING (true)",
        &["policy customers.mine"],
    ),
    (
        "ALTER POLICY mine ON customers TO pg_monitor",
        &["policy customers.mine"],
    ),
    (
        "ALTER FUNCTION answer(bigint) IMMUTABLE",
        &["function answer(base bigint)"],
    ),
    (
        "ALTER FUNCTION answer(bigint) SECURITY DEFINER",
        &["function answer(base bigint)"],
    ),
    (
        "ALTER FUNCTION answer(bigint) SET work_mem = '1MB'",
        &["function answer(base bigint)"],
    ),
    (
        "CREATE OR REPLACE FUNCTION answer(base bigint) RETURNS int LANGUAGE sql AS $$ SELECT 43 $$",
        &["function answer(base bigint)"],
    ),
    (
        "CREATE OR REPLACE FUNCTION answer(feeling mood, base int DEFAULT 2) RETURNS int LANGUAGE plpgsql STABLE AS \
         $$ BEGIN RETURN 42; END $$",
        &["function answer(feeling mood, base integer)"],
    ),
    ("DROP FUNCTION answer(bigint)", &["function answer(base bigint)"]),
    ("DROP PROCEDURE work()", &["procedure work()"]),
    (
        "DROP AGGREGATE add_up (int); CREATE AGGREGATE add_up (int) (sfunc = int4pl, stype = int, initcond = '1')",
        &["aggregate add_up(integer)"],
    ),
    (
        "CREATE OR REPLACE VIEW totals AS SELECT c.name, o.total FROM customers c JOIN orders o ON o.id = c.id",
        &["view totals"],
    ),
    ("ALTER VIEW totals SET (security_barrier)", &["view totals"]),
    (
        "DROP MATERIALIZED VIEW kept; CREATE MATERIALIZED VIEW kept AS SELECT id FROM orders WHERE true OR id > 1; \
         CREATE INDEX kept_id ON kept (id)",
        &["materialized view kept"],
    ),
    ("ALTER SEQUENCE counter INCREMENT 2", &["sequence counter"]),
    (
        "ALTER SEQUENCE customers_id_seq OWNED BY NONE",
        &["sequence customers_id_seq"],
    ),
    ("ALTER TYPE mood ADD VALUE 'calm'", &["enum mood"]),
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", &["enum mood"]),
    (
        "ALTER TYPE pair ADD ATTRIBUTE third int",
        &["composite type pair"],
    ),
    (
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = numeric)",
        &["range span"],
    ),
    ("ALTER DOMAIN positive SET NOT NULL", &["domain positive"]),
    ("ALTER DOMAIN positive DROP DEFAULT", &["domain positive"]),
    (
        "ALTER DOMAIN positive DROP CONSTRAINT is_positive",
        &["constraint positive.is_positive"],
    ),
    ("DROP STATISTICS related", &["statistics related"]),
    ("DROP COLLATION plain", &["collation plain"]),
    ("DROP OPERATOR === (int, int)", &["operator"]),
];

#[test]
fn every_change_is_found_and_named() {
    let fixture = Fixture::unmigrated(1);
    let others = [
        schema(&fixture, "one", EVERYTHING),
        schema(&fixture, "other", EVERYTHING),
    ];
    let changed: Vec<_> = (0..CHANGES.len())
        .map(|index| schema(&fixture, &format!("changed_{index}"), EVERYTHING))
        .collect();
    let all: Vec<_> = others.iter().chain(&changed).cloned().collect();
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    assert!(!report.has_drift(), "{report}");

    for (schema, (change, _)) in changed.iter().zip(CHANGES) {
        run_in(&fixture, schema, change);
    }
    let report = fixture.tenancy.drift_among(all).unwrap();
    assert!(report.unread.is_empty(), "{report}");
    assert_eq!(report.versions[0].example, others[0]);
    for (schema, (change, expected)) in changed.iter().zip(CHANGES) {
        let found = differing(&report, schema);
        let is_told = found.len() == expected.len()
            && found
                .iter()
                .zip(*expected)
                .all(|(found, expected)| found.starts_with(expected));
        assert!(is_told, "after `{change}`: {found:?}, not {expected:?}");
    }
}

#[test]
fn a_difference_has_both_definitions() {
    let fixture = Fixture::unmigrated(1);
    let all = ["a", "b", "c"].map(|name| schema(&fixture, name, EVERYTHING));
    run_in(
        &fixture,
        &all[2],
        "ALTER TABLE customers ALTER number SET DEFAULT nextval('a.counter'); DROP INDEX orders_total; CREATE TABLE more ()",
    );
    let report = fixture.tenancy.drift_among(all.clone()).unwrap();
    let group = report.group_of(&all[2]).unwrap();
    let told: Vec<_> = group
        .differences
        .iter()
        .map(|d| (d.kind.as_str(), d.expected.as_deref(), d.found.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "column",
                Some("bigint DEFAULT nextval('counter'::regclass)"),
                Some("bigint DEFAULT nextval('a.counter'::regclass)")
            ),
            (
                "index",
                Some(
                    "CREATE INDEX orders_total ON orders USING btree (total, (total + 1::numeric)) WHERE total > 0::numeric"
                ),
                None
            ),
            ("table", None, Some("")),
        ]
    );
    assert_eq!(
        report.to_string(),
        "1 of 3 tenants with no migrations differs from a: c\n  \
         column customers.number: \n    \
         expected bigint DEFAULT nextval('counter'::regclass)\n    \
         found    bigint DEFAULT nextval('a.counter'::regclass)\n  \
         index orders_total: missing, CREATE INDEX orders_total ON orders USING btree (total, (total + 1::numeric)) WHERE total > 0::numeric\n  \
         table more: not expected\n\
         1 of 3 tenants differ"
    );
}
