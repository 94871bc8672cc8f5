//! Who is served, and who is not.

use super::*;

#[test]
fn a_process_that_was_there_before_the_librarys_tables_refuses_who_is_archived_too() {
    let fixture = Fixture::unmigrated(4);
    let early = again(&fixture, application());
    fixture.tenancy.migrate().unwrap();
    let acme = fixture.tagged(&["acme"]).remove(0);
    assert_eq!(early.with_tenant(&acme, titles).unwrap(), ["acme"]);
    fixture.tenancy.archive(&acme).unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    let served = early.with_tenant(&acme, titles);
    assert!(
        matches!(served, Err(Error::TenantUnavailable { .. })),
        "{served:?}"
    );
}

#[test]
fn the_process_that_takes_a_tenant_out_of_service_knows_it_at_once() {
    let fixture = bare(1);
    let slot: Arc<Mutex<Option<Tenancy<Client>>>> = Arc::default();
    let inner = Arc::clone(&slot);
    let served = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&served);
    let builder = cases::builder()
        .app::<todo::App>()
        .on(Moment::ApplyingMigration, move |event| {
            if event.schema().as_str() == "t000" {
                let tenancy = inner.lock().unwrap().clone().unwrap();
                let result =
                    tenancy.with_schema(&name("t000"), |conn| diesel::sql_query("SELECT 1").execute(conn));
                seen.lock().unwrap().push(result.is_ok());
            }
            Ok(())
        });
    let tenancy = again(&fixture, builder);
    *slot.lock().unwrap() = Some(tenancy.clone());
    tenancy
        .with_schema(&name("t000"), |conn| diesel::sql_query("SELECT 1").execute(conn))
        .unwrap();
    tenancy
        .migration()
        .sequential()
        .out_of_service(true)
        .run()
        .unwrap();
    slot.lock().unwrap().take();
    assert_eq!(*served.lock().unwrap(), [false, false]);
}

#[test]
fn a_version_with_a_space_in_a_ledger_does_not_bring_an_archived_tenant_back() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.run("INSERT INTO acme.__diesel_schema_migrations VALUES ('hotfix 7')");
    fixture.tenancy.verify().unwrap();
    fixture.tenancy.archive(&acme).unwrap();
    let served = fixture.tenancy.with_tenant(&acme, titles);
    assert!(
        matches!(served, Err(Error::TenantUnavailable { .. })),
        "{served:?}"
    );
}

#[test]
fn a_tenant_is_born_ready_also_where_a_stale_row_says_that_its_name_is_archived() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.tenancy.archive(&acme).unwrap();
    // Behind the library's back.
    fixture.run("DROP SCHEMA acme CASCADE; DELETE FROM clients");
    let acme = fixture.tenant("acme");
    let served = fixture.tenancy.with_tenant(&acme, titles);
    assert!(served.is_ok(), "{served:?}");
}

#[test]
fn the_start_of_a_range_of_versions_can_be_left_out() {
    use std::ops::Bound::{Excluded, Unbounded};
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let tenancy = again(
        &fixture,
        application().serves::<&str>((Excluded(TODO[1]), Unbounded)),
    );
    let served = tenancy.with_tenant(&acme, titles);
    assert!(
        matches!(served, Err(Error::TenantUnavailable { .. })),
        "{served:?}"
    );
}

#[test]
fn a_run_that_has_nothing_to_do_does_not_put_a_failed_tenant_back_into_service() {
    let fixture = bare(2);
    fixture.run("CREATE TABLE t001.labels_task_id ()");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    failure(tenancy.migrate());
    let state = "SELECT state FROM tenancy.schemas WHERE name = 't001'";
    assert_eq!(fixture.texts(state), ["failed"]);
    run(&tenancy, MigrationTarget::Revert(0)).unwrap();
    assert_eq!(fixture.texts(state), ["failed"]);
}

#[test]
fn a_tenant_that_is_archived_while_a_run_is_under_way_is_not_migrated() {
    let fixture = bare(2);
    let other = fixture.tenancy.clone();
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = tenancy
        .migration()
        .sequential()
        .on_event(move |event| {
            if matches!(event, RunEvent::Planned { .. }) {
                let tenant = other.find_by_schema(&name("t001")).unwrap().unwrap();
                other.archive(&tenant).unwrap();
            }
        })
        .run();
    assert!(fixture.versions("t001").is_empty(), "{report:?}");
}
