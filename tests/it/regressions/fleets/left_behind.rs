//! What a file leaves behind, on a connection that the next schema gets; and files that are not what they seem.

use super::*;

#[test]
fn a_setting_that_a_file_without_a_transaction_leaves_is_not_met_by_the_next_schema() {
    let fixture = bare(2);
    let tenancy = again(&fixture, cases::builder().app::<cases::rough_session::App>());
    tenancy.migration().sequential().run().unwrap();
    assert_eq!(
        fixture.texts("SELECT coalesce(left_by, '') FROM t000.seen UNION ALL SELECT coalesce(left_by, '') FROM t001.seen"),
        ["", ""]
    );
}

#[test]
fn a_temporary_table_that_a_file_without_a_transaction_leaves_is_not_met_by_the_next_schema() {
    let fixture = bare(3);
    let tenancy = again(&fixture, cases::builder().app::<cases::rough_scratch::App>());
    let report = tenancy.migration().sequential().run();
    assert!(report.is_ok(), "{}", report.unwrap_err());
}

#[test]
fn a_role_that_a_file_without_a_transaction_leaves_is_not_met_by_the_next_schema() {
    let fixture = bare(2);
    fixture.run("GRANT ALL ON SCHEMA t000, t001 TO pg_monitor");
    let tenancy = again(&fixture, cases::builder().app::<cases::rough_role::App>());
    let report = tenancy.migration().sequential().run();
    let owners = fixture.texts(
        "SELECT schemaname || ' ' || tableowner FROM pg_tables WHERE tablename IN ('owned', '__diesel_schema_migrations') \
         AND tableowner = 'pg_monitor'",
    );
    assert!(owners.is_empty(), "{owners:?} {report:?}");
    assert!(report.is_ok(), "{}", report.unwrap_err());
}

#[test]
fn a_file_that_rolls_back_and_chains_is_not_recorded() {
    let fixture = bare(1);
    let tenancy = again(&fixture, cases::builder().app::<cases::rough_chain::App>());
    let report = tenancy.migrate();
    assert!(
        fixture.versions("t000").is_empty() || fixture.tables("t000").contains(&"chained".to_owned()),
        "recorded: {:?}, tables: {:?}, {report:?}",
        fixture.versions("t000"),
        fixture.tables("t000")
    );
}

#[test]
fn a_file_without_a_transaction_whose_handler_fails_afterwards_is_not_run_twice() {
    let fixture = bare(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let builder = cases::builder()
        .app::<cases::rough_index::App>()
        .on(Moment::AppliedMigration, move |_| {
            match seen.fetch_add(1, Ordering::SeqCst) {
                0 => Err("this once".into()),
                _ => Ok(()),
            }
        });
    let tenancy = again(&fixture, builder);
    failure(tenancy.migrate());
    let second = tenancy.migrate();
    assert!(second.is_ok(), "{}", chain(&second.unwrap_err()));
}

/// Migrates tenants, as many at once as there are connections, to what fails in a block: nobody may wait in vain for a
/// connection to note it with.
fn fails_in_blocks(tenants: usize, connections: u32) {
    let fixture = bare(tenants);
    let limits = r2d2::Pool::builder()
        .max_size(connections)
        .connection_timeout(Duration::from_secs(3));
    let tenancy = cases::builder()
        .app::<cases::rough_raise::App>()
        .r2d2(limits)
        .connect(fixture.database.url())
        .unwrap();
    let report = failure(tenancy.migration().parallel(connections as usize).run());
    assert_eq!(report.failures().count(), tenants, "{report}");
    let states = fixture.texts("SELECT state FROM tenancy.schemas WHERE kind = 'tenant'");
    assert_eq!(states, vec!["failed"; tenants]);
    assert_eq!(tenancy.pool().metrics().timeouts, 0);
}

#[test]
fn a_failure_in_a_block_is_noted_at_once_also_in_a_pool_of_one() {
    fails_in_blocks(3, 1);
}

#[test]
fn failures_in_a_block_are_noted_at_once_by_as_many_threads_as_connections() {
    fails_in_blocks(4, 2);
}

#[test]
fn a_file_that_gives_up_the_lock_of_its_schema_has_it_again_before_anything_else_is_done() {
    let fixture = bare(1);
    let held = Arc::new(AtomicUsize::new(0));
    let (seen, url) = (Arc::clone(&held), fixture.database.url().to_owned());
    let builder = cases::builder().app::<cases::rough_unlocked::App>();
    let tenancy = again(
        &fixture,
        builder.on(Moment::AppliedMigration, move |_| {
            let mut outside = PgConnection::establish(&url)?;
            let locks = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' \
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            seen.fetch_add(diesel::sql_query(locks).execute(&mut outside)?, Ordering::SeqCst);
            Ok(())
        }),
    );
    tenancy.migrate().unwrap();
    assert_eq!(held.load(Ordering::SeqCst), 1);
    assert_eq!(fixture.advisory_locks(), 0, "and it is given back");
}

#[test]
fn what_another_process_recorded_while_the_lock_was_given_up_is_not_recorded_twice() {
    let fixture = bare(1);
    let mut gate = fixture.outside();
    gate.batch_execute("SELECT pg_advisory_lock(42)").unwrap();
    let tenancy = again(&fixture, cases::builder().app::<cases::rough_unlocked::App>());
    std::thread::scope(|scope| {
        let run = scope.spawn(|| tenancy.migrate());
        tenant_tests::wait_until("the file waits at the gate", || fixture.waiting() == 1);
        // Another process, which takes the lock that nobody has.
        gate.batch_execute(
            "SELECT pg_advisory_lock(hashtextextended('t000', 7310575218)); SELECT pg_advisory_unlock(42)",
        )
        .unwrap();
        tenant_tests::wait_until("the file is done", || {
            fixture.tables("t000").contains(&"unlocked".to_owned())
        });
        gate.batch_execute(
            "INSERT INTO t000.__diesel_schema_migrations VALUES ('20241202000000'); SELECT pg_advisory_unlock_all()",
        )
        .unwrap();
        let report = run.join().unwrap().unwrap();
        assert_eq!(report.applied(), 1, "{report}");
    });
    assert_eq!(fixture.versions("t000"), ["20241202000000"]);
    assert!(tenancy.status().unwrap().is_well());
}
