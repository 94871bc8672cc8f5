//! Each check, provoked by itself: it is named, and its neighbours are silent.

use super::*;
use tenant_diesel::{LISTED, OnSwitch, Severity};
use tenant_tests::models::RowFirst;
use tenant_tests::{application, name, new_client};

const SPARE: &str = "tenancy_spare_0123456789abcdef0123456789abcdef";

/// `acme` and `globex`, and a static tenant.
fn fixture() -> Fixture {
    let fixture = Fixture::of(2, application().static_tenant(name("www")));
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    fixture.tenant("globex");
    fixture
}

struct Case {
    check: Check,
    severity: Severity,
    /// Statements, one by one, so that some can run outside a transaction.
    sql: &'static [&'static str],
    objects: &'static [&'static str],
}

const fn error(check: Check, sql: &'static [&'static str], objects: &'static [&'static str]) -> Case {
    Case {
        check,
        severity: Severity::Error,
        sql,
        objects,
    }
}

const fn warning(check: Check, sql: &'static [&'static str], objects: &'static [&'static str]) -> Case {
    Case {
        severity: Severity::Warning,
        ..error(check, sql, objects)
    }
}

const CASES: &[Case] = &[
    warning(
        Check::NotMigrated,
        &["DROP SCHEMA tenancy CASCADE"],
        &["tenancy.schemas"],
    ),
    error(Check::RowWithoutSchema, &["DROP SCHEMA acme CASCADE"], &["acme"]),
    error(
        Check::ConfiguredSchemaMissing,
        &["DROP SCHEMA www CASCADE"],
        &["www"],
    ),
    warning(
        Check::SchemaWithoutRow,
        &["DELETE FROM clients WHERE schema_name = 'acme'"],
        &["acme"],
    ),
    warning(
        Check::SchemaWithoutRow,
        &[
            "DELETE FROM clients WHERE schema_name = 'acme'",
            "DELETE FROM tenancy.schemas WHERE name = 'acme'",
        ],
        &["acme"],
    ),
    warning(
        Check::ForgottenSpare,
        &["CREATE SCHEMA tenancy_spare_0123456789abcdef0123456789abcdef"],
        &[SPARE],
    ),
    warning(
        Check::ForgottenRecord,
        &[
            "DELETE FROM clients WHERE schema_name = 'acme'",
            "DROP SCHEMA acme CASCADE",
        ],
        &["acme"],
    ),
    warning(
        Check::UnknownToConfiguration,
        &[
            "ALTER SCHEMA globex RENAME TO blog",
            "DELETE FROM clients WHERE schema_name = 'globex'",
            "UPDATE tenancy.schemas SET name = 'blog', kind = 'static' WHERE name = 'globex'",
        ],
        &["blog"],
    ),
    error(
        Check::FailedTenant,
        &["UPDATE tenancy.schemas SET state = 'failed' WHERE name = 'acme'"],
        &["acme"],
    ),
    error(
        Check::StaleState,
        &["UPDATE tenancy.schemas SET state = 'migrating' WHERE name IN ('acme', 'www')"],
        &["acme", "www"],
    ),
    error(
        Check::InvalidName,
        &["INSERT INTO clients (schema_name, name) VALUES ('pg_acme', ''), ('', ''), ('$user', '')"],
        &["", "$user", "pg_acme"],
    ),
    error(
        Check::InvalidName,
        &["INSERT INTO clients (schema_name, name) VALUES (repeat('x', 64), '')"],
        &["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
    ),
    error(
        Check::ReservedName,
        &[
            "INSERT INTO clients (schema_name, name) VALUES ('public', ''), ('WWW', ''), ('Tenancy', ''), ('tenancy_spare_x', '')",
        ],
        &["Tenancy", "WWW", "public", "tenancy_spare_x"],
    ),
    warning(
        Check::CollidingNames,
        &[
            "CREATE SCHEMA \"Acme\"",
            "CREATE SCHEMA \"GLOBEX\"",
            "CREATE SCHEMA other",
            "CREATE SCHEMA \"Other\"",
        ],
        &["Acme", "acme", "GLOBEX", "globex"],
    ),
    warning(
        Check::NoUniqueConstraint,
        &["ALTER TABLE clients DROP CONSTRAINT clients_schema_name_key"],
        &["public.clients.schema_name"],
    ),
    warning(
        Check::NoUniqueConstraint,
        &[
            "ALTER TABLE clients DROP CONSTRAINT clients_schema_name_key",
            "CREATE UNIQUE INDEX ON clients (schema_name) WHERE on_trial",
            "CREATE UNIQUE INDEX ON clients (schema_name, name)",
            "CREATE UNIQUE INDEX ON clients (lower(name))",
        ],
        &["public.clients.schema_name"],
    ),
    warning(
        Check::TenantTableInPublic,
        &[
            "CREATE TABLE public.tasks (id int)",
            "CREATE VIEW public.labels AS SELECT 1 AS id",
        ],
        &["public.labels", "public.tasks"],
    ),
    warning(
        Check::SharedTableInTenant,
        &[
            "CREATE TABLE acme.plans (id int)",
            "CREATE TABLE www.clients (id int)",
        ],
        &["acme.plans", "www.clients"],
    ),
    error(
        Check::TypeInTenant,
        &[
            "CREATE TYPE acme.mood AS ENUM ('sad')",
            "CREATE DOMAIN www.email AS text",
            "CREATE TYPE globex.pair AS (a int, b int)",
            "CREATE TYPE globex.span AS RANGE (subtype = float8)",
        ],
        &["acme.mood", "globex.pair", "globex.span", "www.email"],
    ),
    error(
        Check::ExtensionInWrongPlace,
        &["CREATE EXTENSION citext SCHEMA acme"],
        &["citext"],
    ),
    warning(
        Check::ExtensionInWrongPlace,
        &["CREATE EXTENSION citext SCHEMA public"],
        &["citext"],
    ),
    warning(
        Check::LibraryGrants,
        &[
            "REVOKE SELECT ON tenancy.schemas FROM PUBLIC",
            "REVOKE USAGE ON SCHEMA tenancy FROM PUBLIC",
        ],
        &["tenancy", "tenancy.schemas"],
    ),
    warning(
        Check::SearchPathSetting,
        &[
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = acme, pg_catalog', current_database()); END $$",
        ],
        &["every role in this database"],
    ),
    warning(
        Check::InvalidIndex,
        &[
            "INSERT INTO acme.tasks (title) VALUES ('twice'), ('twice')",
            "CREATE UNIQUE INDEX CONCURRENTLY once ON acme.tasks (title)",
        ],
        &["acme.once"],
    ),
    warning(
        Check::UnfinishedRun,
        &[
            "TRUNCATE tenancy.runs RESTART IDENTITY CASCADE",
            "INSERT INTO tenancy.runs (what, state, reason) VALUES ('x', 'stopped', 'enough'), ('y', 'failed', NULL)",
            "INSERT INTO tenancy.runs (what, state, started_at) VALUES ('z', 'running', now() - interval '1 day')",
            "INSERT INTO tenancy.runs (what, state) VALUES ('new', 'running')",
            "INSERT INTO tenancy.runs (what, state) VALUES ('old', 'done')",
        ],
        &["run 1 (x)", "run 2 (y)", "run 3 (z)"],
    ),
];

#[test]
fn each_check_names_what_it_is_for_and_its_neighbours_do_not() {
    for case in CASES {
        let fixture = fixture();
        let mut conn = fixture.outside();
        for sql in case.sql {
            let done = diesel::sql_query(*sql).execute(&mut conn);
            // An index that cannot be built is what is wanted.
            assert!(
                done.is_ok() || case.check == Check::InvalidIndex,
                "{sql}: {done:?}"
            );
        }
        let complaint = only(&fixture.tenancy, case.check);
        assert_eq!(objects(&complaint), case.objects, "{complaint}");
        assert_eq!(
            (complaint.severity, complaint.total),
            (case.severity, case.objects.len()),
            "{complaint}"
        );
        assert!(!complaint.reason.is_empty() && !complaint.advice.is_empty());
        assert_eq!(Check::from_id(complaint.check.id()), Some(case.check));
    }
}

#[test]
fn two_rows_of_one_schema_are_an_error_beside_the_missing_constraint() {
    let fixture = fixture();
    fixture.run(
        "ALTER TABLE clients DROP CONSTRAINT clients_schema_name_key; \
         INSERT INTO clients (schema_name, name) VALUES ('acme', 'again')",
    );
    let diagnosis = diagnose(&fixture.tenancy);
    let checks: Vec<Check> = diagnosis.complaints.iter().map(|c| c.check).collect();
    assert_eq!(
        checks,
        [Check::DuplicateRows, Check::NoUniqueConstraint],
        "{diagnosis}"
    );
    assert_eq!(diagnosis.complaints[0].concerned[0].to_string(), "acme: 2 rows");
}

#[test]
fn names_that_differ_in_case_beyond_ascii_collide() {
    let fixture = fixture();
    fixture.tenant("über");
    fixture.run("CREATE SCHEMA \"ÜBER\"");
    assert_eq!(
        objects(&only(&fixture.tenancy, Check::CollidingNames)),
        ["ÜBER", "über"]
    );
}

#[test]
fn a_unique_index_of_another_form_is_enough() {
    let fixture = fixture();
    fixture.run(
        "ALTER TABLE clients DROP CONSTRAINT clients_schema_name_key; \
         CREATE UNIQUE INDEX ON clients (lower(schema_name))",
    );
    assert!(diagnose(&fixture.tenancy).is_healthy());
}

#[test]
fn a_row_whose_schema_comes_later_is_a_warning_and_not_mended() {
    let fixture = Fixture::row_first();
    fixture.tenancy.create(new_client("acme")).unwrap();
    let complaint = only(&fixture.tenancy, Check::RowWithoutSchema);
    assert_eq!(
        (complaint.severity, complaint.can_be_fixed),
        (Severity::Warning, false)
    );
    assert!(matches!(
        fixture.tenancy.fix(&complaint),
        Err(Error::NoSafeFix {
            check: Check::RowWithoutSchema,
            ..
        })
    ));
    let acme: RowFirst = fixture.tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
    fixture.tenancy.create_schema(&acme).unwrap();
    assert!(diagnose(&fixture.tenancy).is_healthy());
}

#[test]
fn a_version_that_no_app_has_is_named_once_it_is_noted() {
    let fixture = fixture();
    fixture.run(
        "INSERT INTO acme.__diesel_schema_migrations VALUES ('20991231000000'), ('19990101000000'); \
         INSERT INTO public.__diesel_schema_migrations VALUES ('20991231000001')",
    );
    fixture.tenancy.verify().unwrap();
    let complaint = only(&fixture.tenancy, Check::UnknownVersion);
    let said: Vec<String> = complaint.concerned.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["acme: 19990101000000, 20991231000000", "public: 20991231000001"]
    );
}

#[test]
fn a_missing_table_that_would_fall_through_to_everybodys_is_an_error() {
    let fixture = fixture();
    fixture.run("CREATE TABLE public.tasks (id int)");
    let builder = application::<tenant_tests::apps::customers::Client>()
        .static_tenant(name("www"))
        .public_behind_tenants_where_missing_tables_fall_through();
    let tenancy = builder.connect(fixture.database.url()).unwrap();
    assert_eq!(
        only(&tenancy, Check::TenantTableInPublic).severity,
        Severity::Error
    );
}

#[test]
fn types_in_tenants_are_a_warning_where_connections_do_not_mix_them() {
    let fixture = fixture();
    fixture.run("CREATE TYPE acme.mood AS ENUM ('sad')");
    let builder = application::<tenant_tests::apps::customers::Client>().static_tenant(name("www"));
    let tenancy = builder
        .pool(|pool| pool.on_switch(OnSwitch::Reconnect))
        .connect(fixture.database.url())
        .unwrap();
    assert_eq!(only(&tenancy, Check::TypeInTenant).severity, Severity::Warning);
}

#[test]
fn a_complaint_lists_some_and_counts_all() {
    let fixture = Fixture::new();
    let many = LISTED + 15;
    fixture.run(&format!(
        "INSERT INTO clients (schema_name, name) SELECT 't' || lpad(i::text, 3, '0'), '' FROM generate_series(1, {many}) AS i"
    ));
    let complaint = only(&fixture.tenancy, Check::RowWithoutSchema);
    assert_eq!(
        (complaint.concerned.len(), complaint.total, complaint.unlisted()),
        (LISTED, many, 15)
    );
    assert_eq!(complaint.concerned[0].schema, Some(name("t001")));
    let text = complaint.to_string();
    assert!(
        text.starts_with("error [row-without-schema] 35 tenants have a row and no schema"),
        "{text}"
    );
    assert!(
        text.contains("\n  t001, t002, ") && text.contains("\n  and 15 more\n  do: "),
        "{text}"
    );
    let diagnosis = diagnose(&fixture.tenancy);
    assert!(diagnosis.has_errors());
    assert!(
        diagnosis.to_string().starts_with("1 error\nerror [row-"),
        "{diagnosis}"
    );
}
