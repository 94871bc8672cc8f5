//! States, counts, handlers and locks.

use super::*;
use crate::process::lock_table;

#[test]
fn a_status_is_not_well_where_every_run_fails() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('tenancy', '')");
    failure(fixture.tenancy.migrate());
    let status = fixture.tenancy.status().unwrap();
    assert!(!status.is_well(), "{status}");
}

#[test]
fn a_migration_that_fails_in_maintenance_is_not_forgotten_with_the_end_of_it() {
    let fixture = bare(1);
    fixture.run("CREATE TABLE t000.labels_task_id ()");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let tenant = tenancy.find_by_schema(&name("t000")).unwrap().unwrap();
    tenancy.begin_maintenance(&tenant).unwrap();
    failure(tenancy.migrate());
    let status = tenancy.status().unwrap();
    let told = status.failed.len();
    let ended = tenancy.end_maintenance(&tenant);
    let served = tenancy.with_tenant(&tenant, titles);
    assert!(
        told == 1 && served.is_err(),
        "{told} failed in the status, end: {ended:?}, served: {served:?}"
    );
}

#[test]
fn a_lock_on_the_ledger_of_one_tenant_does_not_hold_the_others_up() {
    let fixture = bare(3);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let mut holder = lock_table(&fixture, "t000.__diesel_schema_migrations");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            tenancy
                .migration()
                .lock_timeout(Duration::from_millis(50))
                .attempts(2)
                .run()
                .map(drop)
                .map_err(|error| chain(&error))
        });
        std::thread::sleep(Duration::from_secs(6));
        let (is_finished, done) = (run.is_finished(), fixture.versions("t001"));
        holder.batch_execute("ROLLBACK").unwrap();
        let result = run.join().unwrap();
        assert!(is_finished && done == TODO, "{done:?} {result:?}");
    });
}

#[test]
fn a_way_back_that_is_not_there_does_not_take_a_tenant_out_of_service() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::one_way::App>());
    fixture.tenancy.migrate().unwrap();
    let acme = fixture.tenant("acme");
    let before = fixture.everything();
    failure(run(&fixture.tenancy, MigrationTarget::Revert(1)));
    let served = fixture
        .tenancy
        .with_tenant(&acme, |conn| diesel::sql_query("SELECT 1").execute(conn));
    assert!(
        served.is_ok(),
        "nothing was changed: {} {served:?}",
        fixture.everything() == before
    );
}

#[test]
fn a_run_that_stops_leaves_no_tenant_out_of_service_that_did_not_fail() {
    let fixture = bare(2);
    fixture.run("CREATE TABLE t001.tasks ()");
    let mut holder = fixture.outside();
    holder
        .batch_execute("SELECT pg_advisory_lock(hashtextextended('t000', 7310575218))")
        .unwrap();
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = failure(
        tenancy
            .migration()
            .sequential()
            .out_of_service(true)
            .on_error(OnError::StopRun)
            .run(),
    );
    assert_eq!(report.schema(&name("t000")).unwrap().outcome, Outcome::NotStarted);
    assert_eq!(
        fixture.texts("SELECT state FROM tenancy.schemas WHERE name = 't000'"),
        ["ready"]
    );
}
