//! Start-up: what is pending is applied to every schema, once, whatever the files do.

use crate::process::{NO_ARGUMENTS, all_at_once, lock_table};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use std::time::Duration;
use tenant_diesel::{EmbeddedApp, Error, MigrationReport, Tenancy, TenancyBuilder, r2d2};
use tenant_tests::apps::customers::{self, Client};
use tenant_tests::apps::todo;
use tenant_tests::models::RowFirst;
use tenant_tests::{Fixture, cases, chain, name, new_client, wait_until};

const TODO: [&str; 2] = ["20240101000000", "20240102000000"];
const CONCURRENT: [&str; 4] = [
    "20240301000000",
    "20240302000000",
    "20240303000000",
    "20240304000000",
];

/// The application of a fixture with other apps, on the same database.
fn again<T: tenant_diesel::TenantModel, U>(fixture: &Fixture<U>, builder: TenancyBuilder<T>) -> Tenancy<T> {
    let limits = r2d2::Pool::builder()
        .max_size(2)
        .connection_timeout(Duration::from_secs(10));
    builder.r2d2(limits).connect(fixture.database.url()).unwrap()
}

/// Customers only, with these tenants, so that whatever a later application adds is pending.
fn bare(schemas: &[&str]) -> Fixture {
    let fixture = Fixture::of(2, cases::builder());
    fixture.tenancy.migrate().unwrap();
    for schema in schemas {
        fixture.tenant(schema);
    }
    fixture
}

/// The report of a run that must fail.
fn failure(result: Result<MigrationReport, Error>) -> MigrationReport {
    match result {
        Err(Error::Migrate(report)) => *report,
        other => panic!("{other:?}"),
    }
}

fn applied(report: &MigrationReport) -> Vec<(&str, Vec<&str>)> {
    report
        .schemas
        .iter()
        .map(|entry| {
            (
                entry.schema.as_str(),
                entry.applied.iter().map(String::as_str).collect(),
            )
        })
        .collect()
}

fn valid_indexes(fixture: &Fixture, index: &str) -> Vec<String> {
    fixture.texts(&format!(
        "SELECT relnamespace::regnamespace FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid \
         WHERE relname = '{index}' AND indisvalid ORDER BY 1"
    ))
}

// Order, and the report.

#[test]
fn the_shared_schema_is_migrated_first_then_each_tenant_in_the_order_of_their_names() {
    let fixture = bare(&["b", "a", "c"]);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = tenancy.migrate().unwrap();
    let todo = TODO.to_vec();
    assert_eq!(
        applied(&report),
        [
            ("public", vec![]),
            ("a", todo.clone()),
            ("b", todo.clone()),
            ("c", todo)
        ]
    );
    assert_eq!(report.applied(), 6);
    assert!(!report.has_failures());
    for schema in ["a", "b", "c"] {
        assert_eq!(fixture.versions(schema), TODO);
        assert_eq!(
            fixture.tables(schema),
            ["__diesel_schema_migrations", "labels", "tasks"]
        );
        let entry = report.schema(&name(schema)).unwrap();
        assert!(entry.error.is_none() && entry.duration > Duration::ZERO);
    }
    assert!(report.schema(&name("d")).is_none());
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    let before = fixture.everything();
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(
        applied(&report),
        [("public", vec![]), ("acme", vec![]), ("globex", vec![])]
    );
    assert_eq!(report.to_string(), "0 migrations applied, 3 schemas up to date");
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_database_that_was_never_migrated_gets_its_shared_tables() {
    let fixture = Fixture::unmigrated(2);
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(applied(&report), [("public", vec!["20240101000000"])]);
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "plans"]
    );
}

#[test]
fn a_tenant_that_is_behind_gets_what_it_lacks_and_the_others_nothing() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run("DROP TABLE acme.labels; DELETE FROM acme.__diesel_schema_migrations WHERE version = '20240102000000'");
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(
        applied(&report),
        [("public", vec![]), ("acme", vec![TODO[1]]), ("globex", vec![])]
    );
    assert_eq!(fixture.tables("acme"), fixture.tables("globex"));
    // Its data is as it was.
    assert_eq!(fixture.texts("SELECT title FROM acme.tasks"), ["acme"]);
}

#[test]
fn an_older_migration_that_was_never_seen_is_applied_after_newer_ones() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::concurrent::App>());
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    let tenancy = again(
        &fixture,
        cases::builder()
            .app::<cases::concurrent::App>()
            .app::<cases::accounts::App>(),
    );
    let report = tenancy.migrate().unwrap();
    assert_eq!(applied(&report)[1], ("acme", vec!["20240201000000"]));
}

#[test]
fn one_schema_can_be_migrated_alone() {
    let fixture = bare(&["acme", "globex"]);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let acme = tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
    assert_eq!(
        applied(&tenancy.migrate_tenant(&acme).unwrap()),
        [("acme", TODO.to_vec())]
    );
    assert_eq!(fixture.versions("globex"), [""; 0]);
    assert_eq!(applied(&tenancy.migrate_public().unwrap()), [("public", vec![])]);
    assert_eq!(fixture.versions("globex"), [""; 0]);
}

// Ledgers.

#[test]
fn diesels_own_harness_finds_nothing_pending_on_our_connections_and_on_its_own() {
    let fixture = Fixture::new();
    let tenant = fixture.tenant("quo\"te");
    let tenancy = &fixture.tenancy;
    let nothing = |pending: Vec<_>| assert!(pending.is_empty());
    tenancy
        .with_tenant(&tenant, |conn| {
            nothing(
                conn.pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
                    .unwrap(),
            );
            assert_eq!(conn.applied_migrations().unwrap().len(), 2);
            Ok::<_, Error>(())
        })
        .unwrap();
    tenancy
        .with_public(|conn| {
            nothing(
                conn.pending_migrations(<customers::App as EmbeddedApp>::MIGRATIONS)
                    .unwrap(),
            );
            Ok::<_, Error>(())
        })
        .unwrap();
    let mut plain = fixture.outside();
    nothing(
        plain
            .pending_migrations(<customers::App as EmbeddedApp>::MIGRATIONS)
            .unwrap(),
    );
    plain.batch_execute("SET search_path TO \"quo\"\"te\"").unwrap();
    nothing(
        plain
            .pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
            .unwrap(),
    );
    let applied: Vec<String> = plain
        .applied_migrations()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(applied.len(), 2);
    // The table is of the same shape as Diesel's.
    let shape = |schema: &str| {
        fixture.texts(&format!(
            "SELECT column_name || data_type || is_nullable || coalesce(character_maximum_length, 0) \
               || coalesce(column_default, '') FROM information_schema.columns \
             WHERE table_name = '__diesel_schema_migrations' AND table_schema = '{schema}' ORDER BY 1"
        ))
    };
    plain
        .batch_execute("CREATE SCHEMA diesels; SET search_path TO diesels")
        .unwrap();
    plain
        .run_pending_migrations(<cases::accounts::App as EmbeddedApp>::MIGRATIONS)
        .unwrap();
    assert_eq!(shape("quo\"te"), shape("diesels"));
}

#[test]
fn what_diesels_own_harness_applied_is_not_applied_again() {
    let fixture = bare(&["acme"]);
    let mut plain = fixture.outside();
    plain.batch_execute("SET search_path TO acme").unwrap();
    plain
        .run_pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
        .unwrap();
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    assert_eq!(tenancy.migrate().unwrap().applied(), 0);
    // And the other way round: reverted by Diesel, applied again by us.
    plain
        .revert_last_migration(<todo::App as EmbeddedApp>::MIGRATIONS)
        .unwrap();
    assert_eq!(applied(&tenancy.migrate().unwrap())[1], ("acme", vec![TODO[1]]));
}

#[test]
fn migrations_can_be_run_and_reverted_by_diesels_harness_inside_a_scope() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| {
            conn.revert_all_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
                .unwrap();
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations"]);
    assert_eq!(fixture.titles(&tenants[1]), ["globex"]);
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| {
            conn.run_pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
                .unwrap();
            Ok::<_, Error>(())
        })
        .unwrap();
    assert!(fixture.titles(&tenants[0]).is_empty());
    assert_eq!(fixture.versions("acme"), TODO);
}

// Failures.

#[test]
fn a_row_without_a_schema_is_reported_and_is_no_failure() {
    let fixture = Fixture::<RowFirst>::row_first();
    for schema in ["a", "b", "c"] {
        fixture.tenancy.create(new_client(schema)).unwrap();
    }
    let b = fixture.tenancy.find_by_schema(&name("b")).unwrap().unwrap();
    fixture.tenancy.create_schema(&b).unwrap();
    let report = fixture.tenancy.migrate().unwrap();
    let missing: Vec<_> = report.schemas.iter().map(|entry| entry.is_missing()).collect();
    assert_eq!(missing, [false, true, false, true]);
    assert!(!report.has_failures() && report.failures().count() == 0);
    assert!(matches!(
        report.schema(&name("a")).unwrap().error,
        Some(Error::SchemaMissing { .. })
    ));
    assert!(report.to_string().contains("`a`: nothing applied"), "{report}");
    // Nothing was created for it.
    assert_eq!(fixture.schemas(), ["b", "public"]);
    // Asked for alone, it is one.
    let a = fixture.tenancy.find_by_schema(&name("a")).unwrap().unwrap();
    let report = failure(fixture.tenancy.migrate_tenant(&a));
    assert!(report.schemas[0].is_missing() && report.schemas[0].is_failure());
}

#[test]
fn a_tenant_that_fails_does_not_stop_the_others_and_the_error_holds_the_whole_report() {
    let fixture = bare(&["a", "b", "c"]);
    // In `b`, the second migration meets something of the name that its index wants.
    fixture.run("CREATE TABLE b.labels_task_id ()");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let result = tenancy.migrate();
    let text = result.as_ref().unwrap_err().to_string();
    let report = failure(result);
    assert_eq!(
        applied(&report),
        [
            ("public", vec![]),
            ("a", TODO.to_vec()),
            ("b", vec![TODO[0]]),
            ("c", TODO.to_vec())
        ]
    );
    let failed: Vec<_> = report.failures().map(|entry| entry.schema.as_str()).collect();
    assert_eq!(failed, ["b"]);
    assert!(matches!(
        &report.schema(&name("b")).unwrap().error,
        Some(Error::Migration { schema, version, .. }) if schema.as_str() == "b" && version == TODO[1]
    ));
    assert!(
        text.starts_with("5 migrations applied, 1 of 4 schemas failed\n"),
        "{text}"
    );
    for part in [
        "`b`: applied 20240101000000 in",
        "migration 20240102000000 failed on schema `b`",
        "relation \"labels_task_id\" already exists",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // What failed half-way left nothing of itself, and what came before stays.
    assert_eq!(
        fixture.tables("b"),
        ["__diesel_schema_migrations", "labels_task_id", "tasks"]
    );
    assert_eq!(fixture.versions("b"), [TODO[0]]);
    assert_eq!(fixture.advisory_locks(), 0);
    // Mended, the next run goes on where this one stopped.
    fixture.run("DROP TABLE b.labels_task_id");
    let report = tenancy.migrate().unwrap();
    assert_eq!(applied(&report)[2], ("b", vec![TODO[1]]));
}

#[test]
fn a_shared_schema_that_fails_stops_everything() {
    let fixture = bare(&["acme"]);
    fixture.run("CREATE TABLE clients_2 (); DELETE FROM __diesel_schema_migrations");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    for result in [tenancy.migrate(), tenancy.migrate_public()] {
        let report = failure(result);
        assert_eq!(report.schemas.len(), 1);
        let error = report.schemas[0].error.as_ref().unwrap();
        assert!(
            chain(error).contains("relation \"clients\" already exists"),
            "{}",
            chain(error)
        );
    }
    assert_eq!(fixture.versions("acme"), [""; 0]);
}

#[test]
fn a_list_of_tenants_that_cannot_be_read_still_leaves_a_report() {
    let fixture = bare(&["acme"]);
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('pg_bad', '')");
    let report = failure(fixture.tenancy.migrate());
    assert!(
        report.to_string().contains("\"pg_bad\" belongs to PostgreSQL"),
        "{report}"
    );
    assert_eq!(report.schemas[0].schema, name("public"));
}

#[test]
fn a_schema_whose_ledger_cannot_be_written_is_a_failure_of_that_schema() {
    let fixture = bare(&["acme", "globex"]);
    fixture.run("DROP TABLE acme.__diesel_schema_migrations; CREATE TABLE acme.__diesel_schema_migrations (version text CHECK (version = ''))");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = failure(tenancy.migrate());
    assert_eq!(
        applied(&report)[1..],
        [("acme", vec![]), ("globex", TODO.to_vec())]
    );
    // The migration went with its row.
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations"]);
}

// Files that set the path.

#[test]
fn files_that_set_the_path_do_not_send_later_tables_or_ledger_rows_elsewhere() {
    let tables = [
        "__diesel_schema_migrations",
        "five",
        "four",
        "one",
        "three",
        "two",
    ];
    let fixture = bare(&["acme"]);
    let public = fixture.tables("public");
    let tenancy = again(&fixture, cases::builder().app::<cases::wandering::App>());
    assert_eq!(applied(&tenancy.migrate().unwrap())[1].1.len(), 5);
    // The same in the one transaction of a birth.
    let globex = tenancy.create(new_client("globex")).unwrap();
    for schema in ["acme", "globex"] {
        assert_eq!(fixture.tables(schema), tables);
        assert_eq!(fixture.versions(schema).len(), 5);
    }
    assert_eq!(fixture.tables("public"), public);
    assert_eq!(fixture.versions("public"), ["20240101000000"]);
    // The connections that did it serve the next borrower on his own path.
    for _ in 0..4 {
        tenancy
            .with_tenant(&globex, |conn| {
                assert_eq!(tenant_tests::setting(conn, "search_path"), "\"globex\", pg_temp");
                Ok::<_, Error>(())
            })
            .unwrap();
    }
    // And a row of clients could be inserted after such a birth, in the caller's own transaction.
    tenancy
        .with_public(|conn| {
            conn.transaction(|conn| {
                tenancy.create_in(conn, new_client("initech"))?;
                assert_eq!(tenant_tests::setting(conn, "search_path"), "\"public\", pg_temp");
                Ok::<_, Error>(())
            })
        })
        .unwrap();
    assert_eq!(fixture.tables("initech"), tables);
}

// Files that end or begin transactions.

#[test]
fn a_file_that_commits_is_a_clear_error_and_is_not_recorded() {
    let fixture = bare(&["acme"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::commits::App>());
    let report = failure(tenancy.migrate());
    assert_eq!(applied(&report)[1], ("acme", vec!["20240501000000"]));
    assert!(
        report
            .to_string()
            .contains("the file ends the transaction that it runs in"),
        "{report}"
    );
    assert_eq!(fixture.versions("acme"), ["20240501000000"]);
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_birth_whose_file_commits_fails_and_says_so() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::commits::App>());
    fixture.tenancy.migrate().unwrap();
    let error = fixture.try_tenant("acme").unwrap_err();
    assert!(
        chain(&error).contains("the file ends the transaction that it runs in"),
        "{}",
        chain(&error)
    );
    // What the file committed is there, as it said; no version is recorded that was not run.
    assert!(!fixture.versions("acme").contains(&"20240502000000".to_owned()));
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_file_without_a_transaction_that_leaves_one_open_is_not_taken_for_applied() {
    let fixture = bare(&["acme"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::left_open::App>());
    let report = failure(tenancy.migrate());
    assert!(
        report.to_string().contains("leaves a transaction open"),
        "{report}"
    );
    assert_eq!(applied(&report)[1], ("acme", vec![]));
    assert_eq!(fixture.versions("acme"), [""; 0]);
    assert_eq!(fixture.advisory_locks(), 0);
}

// Files that reach for the shared schema.

#[test]
fn a_stray_drop_of_a_table_that_only_the_shared_schema_has_does_not_reach_it() {
    let with_option = |option: bool| {
        let builder = cases::builder().app::<cases::reaching::App>();
        match option {
            true => builder.public_behind_tenants_where_missing_tables_fall_through(),
            false => builder,
        }
    };
    for option in [false, true] {
        let fixture = bare(&["acme"]);
        let tenancy = again(&fixture, with_option(option));
        tenancy.migrate().unwrap();
        tenancy.create(new_client("globex")).unwrap();
        for schema in ["acme", "globex"] {
            assert_eq!(fixture.tables(schema), ["__diesel_schema_migrations", "reached"]);
        }
        assert_eq!(fixture.count("SELECT count(*) FROM public.plans"), 2);
        // The option is in force outside migrations, and only then.
        let acme = tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
        let plans = tenancy.with_tenant(&acme, |conn| {
            diesel::sql_query("SELECT * FROM plans").execute(conn)
        });
        assert_eq!(plans.is_ok(), option);
    }
}

// Files without a transaction.

#[test]
fn an_index_is_built_concurrently_in_the_schemas_of_existing_tenants() {
    let fixture = bare(&["acme", "globex"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::concurrent::App>());
    let report = tenancy.migrate().unwrap();
    let versions = CONCURRENT.to_vec();
    assert_eq!(
        applied(&report),
        [
            ("public", vec![]),
            ("acme", versions.clone()),
            ("globex", versions)
        ]
    );
    assert_eq!(valid_indexes(&fixture, "documents_title"), ["acme", "globex"]);
    // Also after the file that left the path on `public`.
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "plans"]
    );
    assert_eq!(
        fixture.tables("acme"),
        ["__diesel_schema_migrations", "documents", "pages"]
    );
}

/// Customers and documents, whose index is built concurrently.
fn concurrent() -> Fixture {
    let fixture = Fixture::of(2, cases::builder().app::<cases::concurrent::App>());
    fixture.tenancy.migrate().unwrap();
    fixture
}

#[test]
fn an_index_is_built_concurrently_also_in_a_birth() {
    let fixture = concurrent();
    let acme = fixture.tenant("ac me");
    assert_eq!(fixture.schemas(), ["ac me", "public"]);
    assert_eq!(
        fixture.tables("ac me"),
        ["__diesel_schema_migrations", "documents", "pages"]
    );
    assert_eq!(fixture.versions("ac me"), CONCURRENT);
    assert_eq!(valid_indexes(&fixture, "documents_title"), ["\"ac me\""]);
    assert_eq!(fixture.advisory_locks(), 0);
    assert_eq!(fixture.tenancy.migrate().unwrap().applied(), 0);
    let inserted = fixture.tenancy.with_tenant(&acme, |conn| {
        diesel::insert_into(cases::concurrent::documents::table)
            .values(cases::concurrent::documents::title.eq("x"))
            .execute(conn)
    });
    assert_eq!(inserted.unwrap(), 1);
}

#[test]
fn such_a_birth_inside_the_callers_transaction_comes_and_goes_with_it() {
    let fixture = concurrent();
    let tenancy = &fixture.tenancy;
    let before = fixture.everything();
    let rolled_back: Result<(), Error> = tenancy.with_public(|conn| {
        conn.transaction(|conn| {
            diesel::sql_query("UPDATE clients SET name = name || '!'").execute(conn)?;
            tenancy.create_in(conn, new_client("acme"))?;
            Err(Error::Query(diesel::result::Error::RollbackTransaction))
        })
    });
    assert!(rolled_back.is_err());
    // The spare waits for the next birth, which takes it away.
    assert_eq!(fixture.texts("SELECT schema_name FROM clients"), [""; 0]);
    assert!(!fixture.has_schema("acme"));
    let acme = tenancy
        .with_public(|conn| conn.transaction(|conn| tenancy.create_in(conn, new_client("acme"))))
        .unwrap();
    assert_eq!(fixture.schemas(), ["acme", "public"]);
    tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(fixture.everything(), before);
}

#[test]
fn such_a_birth_inside_a_transaction_that_blocks_it_fails_instead_of_hanging() {
    let fixture = concurrent();
    let tenancy = &fixture.tenancy;
    let before = fixture.everything();
    let result: Result<(), Error> = tenancy.with_public(|conn| {
        conn.transaction(|conn| {
            // The first migration refers to this table, on another connection.
            diesel::sql_query("LOCK TABLE plans").execute(conn)?;
            tenancy.create_in(conn, new_client("acme")).map(drop)
        })
    });
    let error = result.unwrap_err();
    assert!(chain(&error).contains("lock timeout"), "{}", chain(&error));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn such_a_birth_that_fails_half_way_leaves_neither_a_spare_nor_a_row() {
    let fixture = concurrent();
    // The last migration fails, after the index was built.
    fixture.run("CREATE TABLE kept AS SELECT * FROM plans; DELETE FROM plans");
    let before = fixture.everything();
    let error = fixture.try_tenant("acme").unwrap_err();
    assert!(
        matches!(&error, Error::Migration { version, .. } if version == CONCURRENT[3]),
        "{error:?}"
    );
    assert_eq!(fixture.everything(), before);
    // Nor where the name is refused, after everything was built.
    fixture.run("INSERT INTO plans SELECT * FROM kept");
    fixture.tenant("globex");
    let before = fixture.everything();
    assert!(matches!(
        fixture.try_tenant("GLOBEX"),
        Err(Error::TenantExists { .. })
    ));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_forgotten_spare_is_dropped_by_the_next_birth_and_one_in_use_is_not() {
    let fixture = concurrent();
    let spare = |digit: &str| format!("tenancy_spare_{}", digit.repeat(32));
    let (forgotten, used) = (spare("a"), spare("b"));
    let (alike, short) = (format!("{}x", spare("c")), "tenancy_spare_dd".to_owned());
    for schema in [&forgotten, &used, &alike, &short] {
        fixture.run(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.t ()"));
    }
    // The lock of a spare in use, as a birth of another process holds it.
    let mut user = fixture.outside();
    user.batch_execute(&format!(
        "SELECT pg_advisory_lock_shared(hashtextextended('{used}', 7310575218))"
    ))
    .unwrap();
    fixture.tenant("acme");
    assert_eq!(fixture.schemas(), ["acme", "public", &used, &alike, &short]);
    drop(user);
    wait_until("the lock is gone", || fixture.advisory_locks() == 0);
    fixture.tenant("globex");
    assert_eq!(fixture.schemas(), ["acme", "globex", "public", &alike, &short]);
}

#[test]
fn a_tenant_that_is_deleted_while_its_index_is_built_goes_when_that_is_done() {
    let fixture = bare(&["acme"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::concurrent::App>());
    let acme = tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
    // Building the index must wait for whoever writes to the table.
    fixture.run(
        "SET search_path TO acme; CREATE TABLE documents (id BIGINT, title TEXT); \
         CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
           run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
         INSERT INTO __diesel_schema_migrations VALUES ('20240301000000')",
    );
    let mut writer: PgConnection = fixture.outside();
    writer
        .batch_execute("BEGIN; INSERT INTO acme.documents VALUES (1, 'x')")
        .unwrap();
    std::thread::scope(|scope| {
        let migrate = scope.spawn(|| tenancy.migrate());
        wait_until("the index waits for the writer", || fixture.waiting() == 1);
        let delete = scope.spawn(|| fixture.tenancy.delete_with_schema(&acme));
        wait_until("the deletion asks for the lock of the schema", || {
            fixture.count(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()",
            ) == 1
        });
        writer.batch_execute("COMMIT").unwrap();
        let report = migrate.join().unwrap().unwrap();
        assert_eq!(applied(&report)[1], ("acme", CONCURRENT[1..].to_vec()));
        delete.join().unwrap().unwrap();
    });
    assert_eq!(fixture.schemas(), ["public"]);
}

// Several processes at once.

#[test]
fn four_processes_that_migrate_at_once_apply_each_migration_once_and_all_succeed() {
    let schemas = ["a", "b", "c", "d", "e"];
    for (app, versions) in [("todo", &TODO[..]), ("concurrent", &CONCURRENT[..])] {
        let fixture = bare(&schemas);
        all_at_once(&fixture, &[("migrate", app, NO_ARGUMENTS); 4]);
        for schema in schemas {
            assert_eq!(fixture.versions(schema), versions);
        }
        assert_eq!(fixture.advisory_locks(), 0);
    }
}

#[test]
fn four_processes_that_migrate_a_new_database_at_once_all_succeed() {
    let fixture = Fixture::unmigrated(1);
    // Not even the shared schema is there.
    fixture.run("DROP SCHEMA public");
    all_at_once(&fixture, &[("migrate", "todo", NO_ARGUMENTS); 4]);
    assert_eq!(fixture.versions("public"), ["20240101000000"]);
}

#[test]
fn processes_that_create_tenants_at_once_do_not_take_each_others_spares() {
    let fixture = concurrent();
    let calls: [(&str, &str, &[&str]); 4] = [
        ("create", "concurrent", &["a"]),
        ("create", "concurrent", &["b"]),
        ("create", "concurrent", &["c"]),
        ("migrate", "concurrent", &[]),
    ];
    all_at_once(&fixture, &calls);
    assert_eq!(fixture.schemas(), ["a", "b", "c", "public"]);
    for schema in ["a", "b", "c"] {
        assert_eq!(fixture.versions(schema), CONCURRENT);
    }
    let mut indexes = valid_indexes(&fixture, "documents_title");
    indexes.sort();
    assert_eq!(indexes, ["a", "b", "c"]);
}

#[test]
fn a_tenant_that_is_born_while_others_migrate_is_whole() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        let migrate = scope.spawn(|| (0..20).for_each(|_| drop(fixture.tenancy.migrate().unwrap())));
        for i in 0..20 {
            fixture.tenant(&format!("t{i}"));
        }
        migrate.join().unwrap();
    });
    for i in 0..20 {
        assert_eq!(fixture.versions(&format!("t{i}")), TODO);
    }
}

#[test]
fn a_migration_waits_for_whoever_migrates_the_same_schema() {
    let fixture = bare(&["acme"]);
    let tenancy = || again(&fixture, cases::builder().app::<todo::App>());
    let (first, second) = (tenancy(), tenancy());
    let plans = lock_table(&fixture, "public.plans");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| first.migrate().unwrap());
        wait_until("the first waits for the table", || fixture.waiting() == 1);
        let second = scope.spawn(|| second.migrate().unwrap());
        wait_until("the second asks for the lock of the schema", || {
            fixture.count(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND query LIKE '%try_advisory_lock%' AND pid <> pg_backend_pid()",
            ) == 1
        });
        drop(plans);
        assert_eq!(first.join().unwrap().applied(), 2);
        assert_eq!(second.join().unwrap().applied(), 0);
    });
}

// Schemas of extensions.

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
