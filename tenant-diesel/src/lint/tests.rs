//! Each rule: what it finds, what it leaves alone, and where.

use super::*;
use crate::app::MigrationFile;
use crate::sql_text::Position;
use diesel_migrations::EmbeddedMigrations;
use tenant_core::{App, AppScope, Severity, Table};

struct Shared;

impl App for Shared {
    const NAME: &'static str = "shared";
    const SCOPE: AppScope = AppScope::Shared;
    const TABLES: &'static [Table] = &[
        Table {
            schema: Some("public"),
            name: "plans",
        },
        Table {
            schema: Some("public"),
            name: "tasks",
        },
    ];
    fn migration_versions() -> Vec<String> {
        Vec::new()
    }
}

struct Tenants;

impl App for Tenants {
    const NAME: &'static str = "tenants";
    const SCOPE: AppScope = AppScope::Tenant;
    const TABLES: &'static [Table] = &[Table {
        schema: None,
        name: "tasks",
    }];
    fn migration_versions() -> Vec<String> {
        Vec::new()
    }
}

fn schemas(names: &[&str]) -> Vec<SchemaName> {
    names.iter().map(|name| SchemaName::new(name).unwrap()).collect()
}

/// What is found in a file: `rule severity line:column`.
fn found(scope: AppScope, run_in_transaction: bool, sql: &str) -> Vec<String> {
    let apps = [AppInfo::of::<Shared>(), AppInfo::of::<Tenants>()];
    let (extensions, statics) = (schemas(&["extensions"]), schemas(&["blog"]));
    let names = Names::new(SchemaName::public(), &extensions, &statics, &apps);
    let cx = Context {
        names: &names,
        scope,
        run_in_transaction,
    };
    let found = file::check(sql, &cx);
    found
        .iter()
        .map(|found| {
            let severity = match found.hit.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let Position { line, column } = found.position;
            format!("{} {severity} {line}:{column}", found.hit.rule)
        })
        .collect()
}

fn tenant(sql: &str) -> Vec<String> {
    found(AppScope::Tenant, true, sql)
}

fn shared(sql: &str) -> Vec<String> {
    found(AppScope::Shared, true, sql)
}

#[track_caller]
fn clean(sql: &str) {
    assert_eq!(tenant(sql), [""; 0], "{sql}");
}

/// Each of the texts is found at its start, by one rule.
#[track_caller]
fn all_are(expected: &str, found: impl Fn(&str) -> Vec<String>, texts: &[&str]) {
    for sql in texts {
        assert_eq!(found(sql), [expected], "{sql}");
    }
}

const PATHS: &[&str] = &[
    "SET search_path TO public",
    "set  /* */ local Search_Path = public",
    "SET SESSION search_path = a, b",
    "SET SESSION \"search_path\" = a, b",
    "SET LOCAL \"Search_Path\" TO a",
    "RESET \"search_path\"",
    "SET SCHEMA 'public'",
    "RESET search_path",
    "RESET ALL",
    "ALTER ROLE app SET search_path = a",
    "ALTER ROLE ALL IN DATABASE d SET \"search_path\" TO a, b",
    "ALTER DATABASE d RESET search_path",
];

#[test]
fn the_path_of_the_session_is_the_librarys_in_every_app() {
    all_are("set-search-path error 1:1", tenant, PATHS);
    all_are("set-search-path error 1:1", shared, PATHS);
    all_are(
        "set-search-path error 1:1",
        |sql| found(AppScope::Both, false, sql),
        PATHS,
    );
    assert_eq!(
        tenant("SELECT 1;\nSELECT pg_catalog.set_config('search_path', '', false)"),
        ["set-search-path error 2:19"]
    );
    for spelling in ["E'search_path'", "e'Search_Path'::text", "$$search_path$$"] {
        assert_eq!(
            tenant(&format!("SELECT set_config({spelling}, '', false)")),
            ["set-search-path error 1:8"]
        );
    }
    clean("SELECT set_config(E'search\\137path', '', false); ALTER ROLE app SET work_mem = '1MB'");
    clean("SET LOCAL lock_timeout = '1s'; SHOW search_path; SELECT current_setting('search_path')");
    clean("SELECT 'SET search_path TO public' AS \"SET search_path\" -- SET search_path TO public");
    clean("UPDATE t SET search_path = 1");
}

#[test]
fn what_a_tenant_app_makes_or_changes_has_no_schema() {
    all_are(
        "hard-coded-schema error 1:14",
        tenant,
        &[
            "CREATE TABLE public.plans (id int)",
            "create table \"public\" . plans (id int)",
            "CREATE TABLE acme.plans (id int)",
            "CREATE TABLE extensions.plans (id int)",
        ],
    );
    for sql in [
        "CREATE INDEX i ON public.plans (id)",
        "CREATE UNIQUE INDEX IF NOT EXISTS ON ONLY acme.tasks (id)",
        "CREATE OR REPLACE VIEW public.v AS SELECT 1",
        "CREATE MATERIALIZED VIEW acme.v AS SELECT 1",
        "ALTER TABLE IF EXISTS ONLY public.plans ADD COLUMN a int",
        "ALTER INDEX acme.i RENAME TO j",
        "DROP TABLE tasks, public.plans",
        "DROP FUNCTION public.f(int)",
        "CREATE TRIGGER t BEFORE UPDATE OF a ON public.plans EXECUTE FUNCTION f()",
        "CREATE POLICY p ON public.plans USING (true)",
        "COMMENT ON TABLE public.plans IS 'x'",
        "CREATE SEQUENCE IF NOT EXISTS blog.s",
        "INSERT INTO public.plans VALUES (1)",
        "UPDATE public.plans SET title = ''",
        "DELETE FROM ONLY public.plans",
        "TRUNCATE TABLE tasks, public.plans",
        "ALTER TABLE tasks SET SCHEMA archive",
    ] {
        let found = tenant(sql);
        assert!(
            matches!(&found[..], [one] if one.starts_with("hard-coded-schema error")),
            "{sql}: {found:?}"
        );
    }
    clean(
        "CREATE TABLE IF NOT EXISTS tasks (id int); CREATE TEMP TABLE t (id int); CREATE TABLE pg_temp.t (id int)",
    );
    clean("CREATE TABLE \"public.plans\" (id int); COMMENT ON TABLE tasks IS 'not public.plans'");
    clean(
        "INSERT INTO tasks SELECT * FROM public.plans; SELECT public.f(); INSERT INTO audit.log VALUES (1)",
    );
}

#[test]
fn what_a_tenants_definition_refers_to_is_not_in_the_shared_schema() {
    for sql in [
        "CREATE VIEW v AS SELECT * FROM public.plans",
        "CREATE TABLE t (LIKE public.plans INCLUDING ALL)",
        "ALTER TABLE t ALTER COLUMN a SET DEFAULT public.f()",
        "CREATE TABLE t (mood public.mood)",
        "CREATE VIEW v AS SELECT * FROM blog.posts",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        "GRANT USAGE ON SCHEMA public TO reader",
    ] {
        let found = tenant(sql);
        assert!(
            matches!(&found[..], [one] if one.starts_with("hard-coded-schema warning")),
            "{sql}: {found:?}"
        );
    }
    clean(
        "CREATE VIEW v AS SELECT blog.title FROM blog; CREATE TABLE t (mood types.mood, e extensions.email)",
    );
    clean("CREATE TABLE t (at timestamptz DEFAULT pg_catalog.now()); GRANT SELECT ON t TO PUBLIC");
}

#[test]
fn a_shared_app_may_name_its_schema_but_no_tenants() {
    assert_eq!(
        shared("CREATE TABLE public.plans (id int REFERENCES public.x); CREATE SCHEMA types"),
        [""; 0]
    );
    assert_eq!(
        shared("CREATE TYPE types.mood AS ENUM (); DROP TABLE IF EXISTS a; CREATE EXTENSION hstore"),
        [""; 0]
    );
    assert_eq!(
        shared("CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = public AS ''"),
        [""; 0]
    );
    assert_eq!(
        shared("CREATE TABLE blog.posts (id int)"),
        ["hard-coded-schema error 1:14"]
    );
    assert_eq!(
        shared("CREATE VIEW v AS SELECT * FROM blog.posts"),
        ["hard-coded-schema warning 1:32"]
    );
}

#[test]
fn schemas_extensions_and_types_are_not_made_for_each_tenant() {
    all_are(
        "schema-in-tenant-app error 1:1",
        tenant,
        &[
            "CREATE SCHEMA IF NOT EXISTS types",
            "DROP SCHEMA types CASCADE",
            "ALTER SCHEMA acme RENAME TO globex",
        ],
    );
    all_are(
        "extension-in-tenant-app error 1:1",
        tenant,
        &[
            "CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public",
            "DROP EXTENSION hstore",
        ],
    );
    all_are(
        "type-in-tenant-app warning 1:1",
        tenant,
        &[
            "CREATE TYPE mood AS ENUM ('sad')",
            "CREATE DOMAIN email AS text",
            "CREATE TYPE extensions.pair AS (a int, b int)",
        ],
    );
    clean("ALTER TYPE mood ADD VALUE 'glad'; DROP TYPE mood; ALTER EXTENSION hstore UPDATE");
    assert_eq!(
        found(AppScope::Both, true, "CREATE DOMAIN d AS int"),
        ["type-in-tenant-app warning 1:1"]
    );
}

#[test]
fn types_schemas_and_extensions_that_a_block_makes_are_found_in_it() {
    let body = "DO $$\nBEGIN\n  CREATE TYPE mood AS ENUM ('sad');\nEXCEPTION WHEN duplicate_object THEN NULL;\nEND $$";
    assert_eq!(tenant(body), ["type-in-tenant-app warning 3:3"]);
    assert_eq!(shared(body), [""; 0]);
    let body = "DO $$ BEGIN IF true THEN CREATE SCHEMA types; END IF; CREATE EXTENSION hstore; END $$";
    assert_eq!(
        tenant(body),
        [
            "schema-in-tenant-app warning 1:26",
            "extension-in-tenant-app warning 1:55"
        ]
    );
    clean("DO $$ BEGIN RAISE NOTICE 'CREATE TYPE mood'; DROP TABLE IF EXISTS scratch; END $$");
}

#[test]
fn a_foreign_key_to_a_shared_table_is_found_once() {
    assert_eq!(
        tenant("CREATE TABLE files (\n    plan_id int REFERENCES public.plans (id)\n)"),
        ["foreign-key-to-shared-table warning 2:28"]
    );
    assert_eq!(
        tenant("ALTER TABLE files ADD FOREIGN KEY (a) REFERENCES Plans"),
        ["foreign-key-to-shared-table warning 1:50"]
    );
    // A table of the same name in the tenant's schema is what is meant.
    clean("CREATE TABLE labels (task_id int REFERENCES tasks (id), b int REFERENCES \"Plans\")");
    clean("GRANT REFERENCES ON plans TO reader; CREATE TABLE t (a text DEFAULT 'REFERENCES public.plans')");
}

#[test]
fn a_table_is_not_dropped_if_it_exists() {
    assert_eq!(
        tenant("DROP TABLE IF EXISTS tasks"),
        ["drop-table-if-exists warning 1:1"]
    );
    clean("DROP TABLE tasks; DROP INDEX IF EXISTS i; DROP VIEW IF EXISTS v");
}

#[test]
fn a_function_brings_no_fixed_path_along() {
    let function = "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = ";
    for path in ["public AS ''", "pg_catalog, acme AS ''", "'public' AS ''"] {
        assert_eq!(
            tenant(&format!("{function}{path}")),
            ["function-search-path warning 1:57"],
            "{path}"
        );
    }
    assert_eq!(
        tenant("ALTER FUNCTION f() SET \"search_path\" TO public"),
        ["function-search-path warning 1:20"]
    );
    assert_eq!(
        tenant("ALTER FUNCTION f() SET search_path TO public"),
        ["function-search-path warning 1:20"]
    );
    for path in [
        "'' AS ''",
        "pg_catalog, extensions, pg_temp AS ''",
        "DEFAULT AS ''",
    ] {
        clean(&format!("{function}{path}"));
    }
    clean("ALTER FUNCTION f() SET search_path FROM CURRENT; ALTER FUNCTION f() RESET search_path");
}

#[test]
fn what_bodies_say_is_a_warning_with_its_own_line() {
    assert_eq!(
        tenant(
            "DO $$\nBEGIN\n  SET LOCAL search_path = a;\n  PERFORM set_config('search_path', '', true);\nEND $$"
        ),
        ["set-search-path warning 3:3", "set-search-path warning 4:11"]
    );
    assert_eq!(
        tenant(
            "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS $a$\n SELECT count(*) FROM public.plans $a$"
        ),
        ["hard-coded-schema warning 2:23"]
    );
    assert_eq!(
        tenant("CREATE FUNCTION f() RETURNS int LANGUAGE 'plpgsql' AS 'BEGIN RETURN public.g(); END'"),
        ["hard-coded-schema warning 1:69"]
    );
    clean("CREATE FUNCTION f() RETURNS int LANGUAGE plperl AS $$ public.x; SET search_path $$");
    clean(
        "DO $$ BEGIN -- public.plans\n EXECUTE 'SET search_path = a'; UPDATE t SET search_path = 1; END $$",
    );
    clean("DO 'BEGIN RAISE NOTICE ''public.x''; END'; SELECT $$ public.plans $$");
    clean("COMMENT ON FUNCTION f() IS $$ public.plans; SET search_path = a $$");
}

#[test]
fn what_cannot_run_in_a_transaction_runs_outside() {
    for sql in [
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "CREATE UNIQUE INDEX concurrently i ON t (a)",
        "DROP INDEX CONCURRENTLY i",
        "REINDEX TABLE CONCURRENTLY t",
        "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
        "VACUUM ANALYZE t",
        "CREATE DATABASE d",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "REINDEX SCHEMA s",
    ] {
        for scope in [AppScope::Shared, AppScope::Tenant] {
            let hits = found(scope, true, sql);
            assert!(
                matches!(&hits[..], [one] if one.starts_with("not-in-transaction error")),
                "{sql}: {hits:?}"
            );
            assert_eq!(found(scope, false, sql), [""; 0], "{sql}");
        }
    }
    clean("REFRESH MATERIALIZED VIEW CONCURRENTLY v; CREATE INDEX \"concurrently\" ON t (a); ANALYZE t");
}

#[test]
fn the_transaction_of_a_file_is_not_ended_in_it() {
    let controls = [
        "BEGIN",
        "start transaction",
        "COMMIT",
        "END",
        "ROLLBACK",
        "ABORT",
        "PREPARE TRANSACTION 'a'",
    ];
    for sql in controls {
        assert_eq!(tenant(sql), ["transaction-control error 1:1"], "{sql}");
        assert_eq!(shared(sql), ["transaction-control error 1:1"], "{sql}");
        assert_eq!(found(AppScope::Tenant, false, sql), [""; 0], "{sql}");
    }
    clean("SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a; PREPARE p AS SELECT 1");
    clean("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END");
}

#[test]
fn a_comment_allows_a_rule_for_its_statement_only() {
    const ALLOW: &str = "-- tenancy: allow(drop-table-if-exists) old";
    const DROP: &str = "DROP TABLE IF EXISTS a";
    for allowed in [
        format!("{ALLOW}\n{DROP};"),
        format!("{ALLOW}\n\n-- more\n{DROP}"),
        format!("SELECT 1;\n{ALLOW}\n{DROP}"),
        format!("SELECT 1; {DROP}; {ALLOW}"),
        format!("{DROP}\n; {ALLOW}").replace('\n', ""),
        format!("DROP {ALLOW}\nTABLE IF EXISTS a;"),
        format!("/* tenancy: allow(set-search-path, drop-table-if-exists) old */ {DROP}"),
    ] {
        clean(&allowed);
    }
    for (other, line) in [
        (format!("{ALLOW}\nSELECT 1; {DROP}"), "2:11"),
        (format!("{DROP};\n{ALLOW}"), "1:1"),
        (format!("SELECT 1; {ALLOW}\n{DROP}"), "2:1"),
        (format!("-- tenancy: allow(set-search-path) x\n{DROP}"), "2:1"),
        (format!("SELECT '{ALLOW}';\n{DROP}"), "2:1"),
    ] {
        assert_eq!(
            tenant(&other),
            [format!("drop-table-if-exists warning {line}")],
            "{other}"
        );
    }
}

#[test]
fn a_comment_that_is_wrong_is_a_finding() {
    assert_eq!(
        tenant("-- tenancy: allow(drop-table-if-exists)\nDROP TABLE IF EXISTS a"),
        ["allow-comment warning 1:1", "drop-table-if-exists warning 2:1"]
    );
    assert_eq!(
        tenant("SELECT 1;\n\n  -- tenancy: allow(nonsense) x"),
        ["allow-comment warning 3:3"]
    );
    clean("-- tenancy: allow(drop-table-if-exists) allows nothing, and does no harm");
}

#[derive(Debug)]
struct Embeds;

impl App for Embeds {
    const NAME: &'static str = "embeds";
    const SCOPE: AppScope = AppScope::Tenant;
    const TABLES: &'static [Table] = &[];
    fn migration_versions() -> Vec<String> {
        Vec::new()
    }
}

impl EmbeddedApp for Embeds {
    const MIGRATIONS: EmbeddedMigrations = EmbeddedMigrations::new(&[]);
    const FILES: &'static [MigrationFile] = &[MigrationFile {
        version: "20240101000000",
        name: "2024-01-01-000000_a",
        directory: "migrations/2024-01-01-000000_a",
        up: "SELECT 1;\nSET search_path\n TO public;",
        down: Some("DROP TABLE IF EXISTS a;"),
        run_in_transaction: true,
    }];
}

#[test]
fn a_finding_names_its_file_and_says_what_to_do() {
    let findings = lint::<Embeds>();
    let texts: Vec<_> = findings.iter().map(LintFinding::to_string).collect();
    assert!(texts[0].starts_with(
        "migrations/2024-01-01-000000_a/up.sql:2:1: error: the path is set by `SET search_path` (app `embeds`) \
         [set-search-path]\n  in: SET search_path ..\n  why: "
    ));
    assert!(texts[0].ends_with("-- tenancy: allow(set-search-path) <why it is right here>"));
    assert!(texts[1].starts_with("migrations/2024-01-01-000000_a/down.sql:1:1: warning: a table is dropped"));
    assert_eq!(findings[0].statement, "SET search_path\n TO public");
    assert_eq!(
        (findings[0].version, findings[0].migration),
        ("20240101000000", "2024-01-01-000000_a")
    );
}

#[cfg(feature = "serde")]
#[test]
fn a_finding_is_json_with_the_words_of_its_rule() {
    let json = serde_json::to_value(&lint::<Embeds>()[1]).unwrap();
    assert_eq!(json["rule"], "drop-table-if-exists");
    assert_eq!((&json["severity"], &json["line"]), (&"warning".into(), &1.into()));
    assert_eq!(json["instead"], LintRule::DropTableIfExists.instead());
}

#[test]
fn every_rule_has_an_id_of_its_own_and_is_documented() {
    let table = include_str!("../docs/lints.md");
    for rule in LintRule::ALL {
        assert_eq!(LintRule::from_id(rule.id()), Some(rule));
        assert!(table.contains(&format!("| `{rule}` |")), "{rule}");
    }
}

#[test]
fn files_are_found_by_the_kind_of_schema() {
    let mut apps = EmbeddedApps::default();
    apps.push::<Embeds>();
    assert_eq!(
        apps.migrations(AppScope::Tenant).first(),
        Embeds::FILES.first().as_ref()
    );
    assert!(apps.migrations(AppScope::Shared).is_empty());
}
