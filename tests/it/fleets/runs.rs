//! What a run keeps, tells, retries and finds.

use super::*;
use crate::process::lock_table;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use std::sync::{Arc, Mutex};
use tenant_diesel::{MigrationTarget, Moment, Outcome, RunEvent, Selection};
use tenant_tests::apps::todo;
use tenant_tests::{Proxy, chain, name, wait_until};

fn todo(fixture: &Fixture) -> Tenancy<Client> {
    again(fixture, cases::builder().app::<todo::App>())
}

#[test]
fn a_start_up_with_nothing_pending_costs_the_same_for_two_tenants_and_for_forty() {
    let mut costs = Vec::new();
    for tenants in [2, 40] {
        let fixture = bare(tenants);
        todo(&fixture).migrate().unwrap();
        let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
        let limits = r2d2::Pool::builder().max_size(1);
        let tenancy = cases::builder()
            .app::<todo::App>()
            .r2d2(limits)
            .connect(&url)
            .unwrap();
        costs.push(
            proxy
                .count_all(|| assert_eq!(tenancy.migrate().unwrap().up_to_date, tenants))
                .0,
        );
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0].round_trips <= 10, "{costs:?}");
}

#[test]
fn a_schema_that_was_dropped_or_restored_behind_the_librarys_back_is_noticed_at_start_up() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    // A dump from before the second migration.
    fixture.run(
        "DROP SCHEMA acme CASCADE; CREATE SCHEMA acme; CREATE TABLE acme.tasks (id BIGINT PRIMARY KEY); \
         CREATE TABLE acme.__diesel_schema_migrations (LIKE globex.__diesel_schema_migrations INCLUDING ALL); \
         INSERT INTO acme.__diesel_schema_migrations VALUES ('20240101000000')",
    );
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(report.schema(&name("acme")).unwrap().applied, [TODO[1]]);
    fixture.run("DROP SCHEMA globex CASCADE");
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(report.schema(&name("globex")).unwrap().outcome, Outcome::Missing);
}

#[test]
fn verify_names_and_mends_what_was_changed_in_place() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex", "initech"]);
    assert!(fixture.tenancy.verify().unwrap().is_clean());
    fixture.run("DROP TABLE acme.labels; DELETE FROM acme.__diesel_schema_migrations WHERE version > '20240101000000'");
    fixture.run("DROP TABLE globex.__diesel_schema_migrations");
    fixture.run("DELETE FROM tenancy.schemas WHERE name = 'initech'");
    let report = fixture.tenancy.verify().unwrap();
    let mended: Vec<_> = report
        .mended
        .iter()
        .map(|mended| {
            (
                mended.schema.as_str(),
                mended.noted.as_deref(),
                mended.found.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        mended,
        [
            ("acme", Some(TODO[1]), Some(TODO[0])),
            ("globex", Some(TODO[1]), None),
            ("initech", None, Some(TODO[1]))
        ]
    );
    assert_eq!(report.checked, 4);
    assert!(fixture.tenancy.verify().unwrap().is_clean());
    assert!(
        report
            .to_string()
            .contains("`globex`: 20240102000000 was noted, nothing is in its ledger"),
        "{report}"
    );
}

#[test]
fn a_plan_says_what_would_be_done_and_changes_nothing() {
    let fixture = Fixture::of(2, cases::builder());
    let before = fixture.schemas();
    let plan = fixture.tenancy.migration().plan().unwrap();
    assert!(plan.tenants_are_unknown && plan.shared.is_some());
    assert_eq!(fixture.schemas(), before);
    assert!(!fixture.has_schema("tenancy"));

    let fixture = bare(3);
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('gone', '')");
    let tenancy = todo(&fixture);
    let before = fixture.everything();
    let plan = tenancy.migration().plan().unwrap();
    assert_eq!(fixture.everything(), before);
    assert_eq!(plan.missing, [name("gone")]);
    assert_eq!(plan.schemas.len(), 3);
    let text = plan.to_string();
    assert!(
        text.contains("3 schemas: apply 20240101000000, apply 20240102000000: t000, t001, t002"),
        "{text}"
    );
}

#[test]
fn a_failure_has_its_statement_and_the_line_of_it() {
    let fixture = bare(2);
    fixture.run("CREATE TABLE t001.labels_task_id ()");
    let report = failure(todo(&fixture).migrate());
    let entry = report.schema(&name("t001")).unwrap();
    let statement = entry.statement().unwrap();
    assert!(statement.text.starts_with("CREATE INDEX"), "{statement:?}");
    assert!(statement.line > 1);
    assert!(
        report
            .to_string()
            .contains("fixtures/todo/2024-01-02-000000_labels/up.sql:"),
        "{report}"
    );
    let kept = "SELECT state || ' ' || attempts || ' ' || (error LIKE '%labels_task_id%') FROM tenancy.schemas WHERE name = 't001'";
    assert_eq!(fixture.texts(kept), ["failed 1 true"]);
    assert_eq!(
        fixture.texts("SELECT state FROM tenancy.run_targets WHERE schema = 't001'"),
        ["failed"]
    );
    failure(todo(&fixture).migrate());
    assert_eq!(
        fixture.texts("SELECT attempts FROM tenancy.schemas WHERE name = 't001'"),
        ["2"]
    );
    fixture.run("DROP TABLE t001.labels_task_id");
    todo(&fixture).migrate().unwrap();
    let kept =
        "SELECT state || ' ' || attempts || coalesce(error, '') FROM tenancy.schemas WHERE name = 't001'";
    assert_eq!(fixture.texts(kept), ["ready 0"]);
}

#[test]
fn a_lock_that_is_held_for_a_while_is_waited_out_and_the_others_go_on() {
    let fixture = bare(4);
    todo(&fixture).migrate().unwrap();
    fixture.run("DELETE FROM t001.__diesel_schema_migrations WHERE version > '20240101000000'; DROP TABLE t001.labels");
    fixture.tenancy.verify().unwrap();
    let mut holder = lock_table(&fixture, "t001.tasks");
    let retried = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&retried);
    let tenancy = todo(&fixture);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            tenancy
                .migration()
                .lock_timeout(Duration::from_millis(20))
                .attempts(1000)
                .on_event(move |event| {
                    if let RunEvent::Retrying { schema, .. } = event {
                        seen.lock().unwrap().push(schema.to_string());
                    }
                })
                .run()
        });
        wait_until("it was tried twice", || retried.lock().unwrap().len() >= 2);
        holder.batch_execute("ROLLBACK").unwrap();
        let report = run.join().unwrap().unwrap();
        let entry = report.schema(&name("t001")).unwrap();
        assert!(entry.attempts >= 3 && entry.retried.len() >= 2);
        assert!(entry.retried[0].contains("lock timeout"), "{:?}", entry.retried);
    });
    assert!(retried.lock().unwrap().iter().all(|schema| schema == "t001"));
}

#[test]
fn a_lock_that_stays_fails_that_tenant_only() {
    let fixture = bare(3);
    let _holder = lock_table(&fixture, "public.plans");
    let run = todo(&fixture);
    let run = run
        .migration()
        .lock_timeout(Duration::from_millis(10))
        .attempts(2);
    let report = failure(run.run());
    assert_eq!(report.failures().count(), 3);
    assert!(
        report
            .failures()
            .all(|entry| entry.attempts == 2 && entry.retried.len() == 1)
    );
    let error = report.schemas[1].error.as_ref().unwrap();
    assert!(chain(error).contains("canceling statement due to lock timeout"));
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_tenant_that_is_deleted_during_the_run_is_missing_and_no_failure() {
    let fixture = bare(3);
    let tenancy = todo(&fixture);
    let other = fixture.tenancy.clone();
    let seen = Arc::new(Mutex::new(false));
    let report = tenancy
        .migration()
        .sequential()
        .on_event(move |event| {
            let is_first =
                matches!(event, RunEvent::SchemaDone { report } if report.schema.as_str() == "t000");
            if is_first && !std::mem::replace(&mut *seen.lock().unwrap(), true) {
                let gone = other.find_by_schema(&name("t001")).unwrap().unwrap();
                other.delete_with_schema(&gone).unwrap();
            }
        })
        .run()
        .unwrap();
    assert_eq!(report.schema(&name("t001")).unwrap().outcome, Outcome::Missing);
    assert_eq!(report.schema(&name("t002")).unwrap().applied, TODO);
    assert_eq!(
        fixture.texts("SELECT name FROM tenancy.schemas WHERE name = 't001'"),
        [""; 0]
    );
}

#[test]
fn a_backend_that_is_killed_in_a_migration_is_tried_again() {
    let fixture = bare(2);
    let mut holder = lock_table(&fixture, "public.plans");
    let tenancy = todo(&fixture);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| tenancy.migration().lock_timeout(None).run());
        wait_until("both wait for the table", || fixture.waiting() == 2);
        fixture.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        holder.batch_execute("ROLLBACK").unwrap();
        let report = run.join().unwrap().unwrap();
        assert!(report.schemas[1..].iter().all(|entry| entry.attempts == 2));
    });
    for schema in ["t000", "t001"] {
        assert_eq!(fixture.versions(schema), TODO);
    }
}

#[test]
fn handlers_hear_of_each_schema_and_each_migration_public_first() {
    let fixture = Fixture::of(2, cases::builder().app::<todo::App>());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut builder = cases::builder().app::<todo::App>();
    for moment in [
        Moment::MigratingSchema,
        Moment::MigratedSchema,
        Moment::ApplyingMigration,
        Moment::AppliedMigration,
    ] {
        let heard = Arc::clone(&heard);
        builder = builder.on(moment, move |event| {
            let version = event.version().unwrap_or("-").to_owned();
            heard
                .lock()
                .unwrap()
                .push((event.moment(), event.schema().to_string(), version));
            Ok(())
        });
    }
    let tenancy = again(&fixture, builder);
    tenancy.migrate_public().unwrap();
    let public = std::mem::take(&mut *heard.lock().unwrap());
    let moments: Vec<_> = public
        .iter()
        .map(|(moment, schema, _)| (*moment, schema.as_str()))
        .collect();
    assert_eq!(
        moments,
        [
            (Moment::MigratingSchema, "public"),
            (Moment::ApplyingMigration, "public"),
            (Moment::AppliedMigration, "public"),
            (Moment::MigratedSchema, "public"),
        ]
    );
    assert_eq!(public[1].2, "20240101000000");
    tenancy.migrate().unwrap();
    assert!(heard.lock().unwrap().is_empty());
}

#[test]
fn a_handler_that_fails_stops_its_schema_before_anything_is_changed() {
    let fixture = bare(2);
    let builder = cases::builder()
        .app::<todo::App>()
        .on(Moment::ApplyingMigration, |event| {
            match event.schema().as_str() == "t000" && event.version() == Some(TODO[1]) {
                true => Err("not this one".into()),
                false => Ok(()),
            }
        });
    let report = failure(again(&fixture, builder).migrate());
    let entry = report.schema(&name("t000")).unwrap();
    assert!(matches!(
        entry.error,
        Some(Error::Handler {
            moment: Moment::ApplyingMigration,
            ..
        })
    ));
    assert_eq!(fixture.versions("t000"), [TODO[0]]);
    assert_eq!(fixture.versions("t001"), TODO);
}

#[test]
fn two_runs_at_once_share_the_work_and_both_end_well() {
    let fixture = bare(30);
    let (first, second) = (todo(&fixture), todo(&fixture));
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| first.migrate().unwrap());
        let second = scope.spawn(|| second.migrate().unwrap());
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(first.applied() + second.applied(), 60);
    for i in 0..30 {
        assert_eq!(fixture.versions(&format!("t{i:03}")), TODO);
    }
    assert_eq!(fixture.advisory_locks(), 0);
    assert_eq!(
        fixture.texts("SELECT DISTINCT state FROM tenancy.run_targets"),
        ["done"]
    );
    assert_eq!(
        fixture.texts("SELECT state FROM tenancy.runs ORDER BY id DESC LIMIT 1"),
        ["done"]
    );
}

#[test]
fn a_tenant_can_be_taken_out_of_service_while_it_is_migrated() {
    let fixture = bare(1);
    let mut holder = lock_table(&fixture, "public.plans");
    let tenancy = todo(&fixture);
    let tenant = tenancy.find_by_schema(&name("t000")).unwrap().unwrap();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            tenancy
                .migration()
                .select(Selection::tenants())
                .out_of_service(true)
                .run()
        });
        wait_until("it waits for the table", || fixture.waiting() == 1);
        let state = "SELECT state FROM tenancy.schemas WHERE name = 't000'";
        assert_eq!(fixture.texts(state), ["migrating"]);
        holder.batch_execute("ROLLBACK").unwrap();
        run.join().unwrap().unwrap();
        assert_eq!(fixture.texts(state), ["ready"]);
    });
    assert!(tenancy.with_tenant(&tenant, tenant_tests::titles).is_ok());
}

#[test]
fn one_migration_costs_each_schema_four_round_trips_and_each_further_one_as_many() {
    let cost = |tenants: usize| {
        let fixture = bare(tenants);
        let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
        let limits = r2d2::Pool::builder().max_size(1);
        let tenancy = cases::builder()
            .app::<todo::App>()
            .r2d2(limits)
            .connect(&url)
            .unwrap();
        // The ledgers are there.
        proxy.count_all(|| tenancy.migrate().unwrap()).0.round_trips
    };
    // Two migrations: begin with path, limits and lock; the ledger; the file; the rows with the commit. Twice.
    assert_eq!((cost(12) - cost(2)) / 10, 8);
}

#[test]
fn what_was_noted_of_a_ledger_is_believed_until_the_ledger_is_read_under_its_lock() {
    let fixture = bare(3);
    let first = MigrationTarget::Version(TODO[0].to_owned());
    todo(&fixture).migration().target(first).run().unwrap();
    // Behind the library's back: one is brought up to date, one has lost all that it had.
    fixture.run(
        "INSERT INTO t000.__diesel_schema_migrations (version) VALUES ('20240102000000'); \
         DROP TABLE t001.tasks CASCADE; DROP TABLE t001.__diesel_schema_migrations",
    );
    let tenancy = todo(&fixture);
    let report = tenancy.migrate().unwrap();
    let applied = |schema| &report.schema(&name(schema)).unwrap().applied;
    assert!(applied("t000").is_empty(), "{report}");
    assert_eq!(*applied("t001"), TODO);
    assert_eq!(*applied("t002"), TODO[1..]);
    assert!(!fixture.tables("t000").contains(&"labels".to_owned()));
    assert!(
        tenancy.verify().unwrap().is_clean(),
        "it is noted as it was found"
    );
    assert_eq!(tenancy.migrate().unwrap().up_to_date, 3);
}

#[test]
fn a_server_that_forgets_what_was_prepared_costs_no_schema_its_migration() {
    let fixture = bare(3);
    // Nothing in the files speaks of it.
    fixture.run(
        "CREATE FUNCTION public.forget() RETURNS event_trigger LANGUAGE plpgsql AS \
         $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$; \
         CREATE EVENT TRIGGER forget ON ddl_command_end EXECUTE FUNCTION public.forget()",
    );
    let tenancy = todo(&fixture);
    let report = tenancy.migration().sequential().run().unwrap();
    assert_eq!(report.applied(), 6, "{report}");
    for tenant in ["t000", "t001", "t002"] {
        assert_eq!(fixture.versions(tenant), TODO);
    }
    assert!(tenancy.status().unwrap().is_well());
    assert!(tenancy.verify().unwrap().is_clean());
}

#[test]
fn nothing_that_a_run_prepares_is_left_to_the_next_borrower() {
    let fixture = bare(2);
    let limits = r2d2::Pool::builder().max_size(1);
    let tenancy = cases::builder()
        .app::<todo::App>()
        .r2d2(limits)
        .connect(fixture.database.url())
        .unwrap();
    assert_eq!(tenancy.migrate().unwrap().applied(), 4);
    let prepared = "(SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'tenant_diesel%')";
    let prepared = tenancy
        .with_public(|conn| diesel::select(sql::<BigInt>(prepared)).get_result::<i64>(conn))
        .unwrap();
    assert_eq!(prepared, 0);
}

const PLAIN: [&str; 2] = ["20241210000000", "20241211000000"];

fn plain(fixture: &Fixture) -> Tenancy<Client> {
    again(fixture, cases::builder().app::<cases::plain::App>())
}

/// Tenants without the second of two plain migrations.
fn half(tenants: usize) -> Fixture {
    let fixture = bare(tenants);
    let first = MigrationTarget::Version(PLAIN[0].to_owned());
    plain(&fixture).migration().target(first).run().unwrap();
    fixture
}

/// Whether a tenant has the index that comes with the second.
fn is_whole(fixture: &Fixture, tenant: &str) -> bool {
    fixture.is_true(&format!("to_regclass('{tenant}.leaves_size') IS NOT NULL"))
}

#[test]
fn a_plain_migration_costs_each_schema_one_round_trip() {
    let cost = |tenants: usize| {
        let fixture = half(tenants);
        let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
        let limits = r2d2::Pool::builder().max_size(1);
        let tenancy = cases::builder()
            .app::<cases::plain::App>()
            .r2d2(limits)
            .connect(&url)
            .unwrap();
        let (cost, report) = proxy.count_all(|| tenancy.migrate().unwrap());
        assert_eq!(report.applied(), tenants);
        let last = format!("t{:03}", tenants - 1);
        assert_eq!(fixture.versions(&last), PLAIN);
        assert!(is_whole(&fixture, &last));
        assert!(tenancy.verify().unwrap().is_clean());
        cost.round_trips
    };
    assert_eq!((cost(12) - cost(2)) / 10, 1);
}

#[test]
fn a_plain_migration_that_fails_leaves_nothing_and_says_where() {
    let fixture = half(3);
    fixture.run("CREATE TABLE t001.leaves_size ()");
    let report = failure(plain(&fixture).migrate());
    let statement = report.schema(&name("t001")).unwrap().statement().unwrap();
    assert!(statement.text.starts_with("CREATE INDEX"), "{statement:?}");
    assert_eq!(statement.line, 3);
    let added =
        "EXISTS (SELECT FROM pg_attribute WHERE attrelid = 't001.leaves'::regclass AND attname = 'size')";
    assert!(!fixture.is_true(added));
    assert_eq!(fixture.versions("t001"), PLAIN[..1]);
    assert_eq!(fixture.versions("t002"), PLAIN);
    fixture.run("DROP TABLE t001.leaves_size");
    assert_eq!(plain(&fixture).migrate().unwrap().applied(), 1);
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_plain_migration_waits_for_who_is_at_its_schema() {
    let fixture = half(2);
    let mut other = fixture.outside();
    other
        .batch_execute("SELECT pg_advisory_lock(hashtextextended('t000', 7310575218))")
        .unwrap();
    let other = Mutex::new(other);
    let busy = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&busy);
    let tenancy = plain(&fixture);
    let report = tenancy
        .migration()
        .on_event(move |event| {
            if matches!(event, RunEvent::Busy { .. }) {
                *seen.lock().unwrap() += 1;
                let mut other = other.lock().unwrap();
                other.batch_execute("SELECT pg_advisory_unlock_all()").unwrap();
            }
        })
        .run()
        .unwrap();
    assert!(is_whole(&fixture, "t000"));
    assert_eq!((report.applied(), *busy.lock().unwrap()), (2, 1));
}
