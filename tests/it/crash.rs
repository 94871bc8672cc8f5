//! A killed process leaves nothing half done, and the same call again succeeds. The victim is stopped at a
//! known place by a table lock that the test holds: its first tenant migration refers to `public.plans`.

use crate::process::{lock_table, victim};
use std::process::Child;
use tenant_diesel::{MigrationTarget, Selection};
use tenant_tests::{Fixture, cases, new_client, wait_until};

/// Kills a process that waits for a lock of ours, lets go of the lock, and waits until the server has
/// noticed that its client is gone.
fn kill_while_it_waits(fixture: &Fixture, mut victim: Child, lock: diesel::PgConnection) {
    wait_until("the victim waits for the lock", || fixture.waiting() == 1);
    victim.kill().unwrap();
    assert!(!victim.wait().unwrap().success());
    drop(lock);
    wait_until("the server has noticed", || others(fixture) == 0);
}

/// Sessions of this database that are neither ours nor of the pool, which is idle.
fn others(fixture: &Fixture) -> i64 {
    let pool = i64::from(fixture.tenancy.pool().state().connections);
    fixture.count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
    ) - pool
}

#[test]
fn a_birth_that_is_killed_leaves_neither_row_nor_schema_nor_lock_and_can_be_repeated() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let lock = lock_table(&fixture, "public.plans");
    kill_while_it_waits(&fixture, victim(&fixture, "create", "todo", &["acme"]), lock);
    assert_eq!(fixture.everything(), before);
    assert_eq!(fixture.advisory_locks(), 0);
    let acme = fixture.tenant("acme");
    assert!(fixture.titles(&acme).is_empty());
    assert_eq!(fixture.versions("acme"), ["20240101000000", "20240102000000"]);
}

#[test]
fn another_birth_of_the_same_name_that_waits_for_a_killed_one_succeeds() {
    let fixture = Fixture::new();
    let lock = lock_table(&fixture, "public.plans");
    let mut killed = victim(&fixture, "create", "todo", &["Acme"]);
    wait_until("the victim waits for the lock", || fixture.waiting() == 1);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| fixture.try_tenant("ACME"));
        wait_until("the other waits for the victim", || fixture.waiting() == 2);
        killed.kill().unwrap();
        killed.wait().unwrap();
        drop(lock);
        other.join().unwrap().unwrap();
    });
    assert_eq!(fixture.schemas(), ["ACME", "public"]);
    assert_eq!(fixture.texts("SELECT schema_name FROM clients"), ["ACME"]);
}

#[test]
fn a_birth_that_is_killed_while_it_builds_a_spare_leaves_one_that_the_next_takes_away() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::concurrent::App>());
    fixture.tenancy.migrate().unwrap();
    let lock = lock_table(&fixture, "public.plans");
    kill_while_it_waits(
        &fixture,
        victim(&fixture, "create", "concurrent", &["acme"]),
        lock,
    );
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 0);
    assert_eq!(fixture.advisory_locks(), 0);
    let left = fixture.schemas();
    assert!(
        left.len() == 2 && left[1].starts_with("tenancy_spare_"),
        "{left:?}"
    );
    fixture.tenant("acme");
    assert_eq!(fixture.schemas(), ["acme", "public"]);
}

/// Three tenants without any tables, and what an application adds.
fn behind() -> Fixture {
    let fixture = Fixture::of(2, cases::builder());
    fixture.tenancy.migrate().unwrap();
    for schema in ["a", "b", "c"] {
        fixture.tenancy.create(new_client(schema)).unwrap();
    }
    fixture
}

#[test]
fn a_start_up_that_is_killed_goes_on_where_it_stopped_when_it_is_run_again() {
    for (app, tables, versions) in [
        (
            "todo",
            ["labels", "tasks"],
            ["20240101000000", "20240102000000"].as_slice(),
        ),
        (
            "concurrent",
            ["documents", "pages"],
            [
                "20240301000000",
                "20240302000000",
                "20240303000000",
                "20240304000000",
            ]
            .as_slice(),
        ),
    ] {
        let fixture = behind();
        // `a` is done already. The victim stops in the first migration of `b`, with the lock of that schema.
        let only_a = victim(&fixture, "migrate", app, &[]);
        assert!(only_a.wait_with_output().unwrap().status.success());
        for schema in ["b", "c"] {
            fixture.run(&format!("DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}"));
        }
        let lock = lock_table(&fixture, "public.plans");
        let killed = victim(&fixture, "migrate", app, &[]);
        wait_until("the victim stands in `b`", || {
            fixture.waiting() == 1 && fixture.advisory_locks() == 1
        });
        kill_while_it_waits(&fixture, killed, lock);
        assert_eq!(fixture.advisory_locks(), 0);
        assert_eq!(fixture.versions("a"), versions);
        for schema in ["b", "c"] {
            assert!(fixture.versions(schema).is_empty(), "{schema}");
            assert!(
                !fixture
                    .tables(schema)
                    .iter()
                    .any(|table| tables.contains(&table.as_str()))
            );
        }

        let again = victim(&fixture, "migrate", app, &[]).wait_with_output().unwrap();
        assert!(
            again.status.success(),
            "{}",
            String::from_utf8_lossy(&again.stderr)
        );
        for schema in ["a", "b", "c"] {
            assert_eq!(fixture.versions(schema), versions);
            assert_eq!(fixture.tables(schema)[1..], tables);
        }
    }
}

#[test]
fn a_start_up_that_is_killed_lets_another_that_waits_for_it_go_on() {
    let fixture = behind();
    let lock = lock_table(&fixture, "public.plans");
    let mut killed = victim(&fixture, "migrate", "todo", &[]);
    wait_until("the first waits for the table", || fixture.waiting() == 1);
    let other = victim(&fixture, "migrate", "todo", &[]);
    // It leaves the schema to the first, and waits for the same table in the next one.
    wait_until("the second waits for the table", || fixture.waiting() == 2);
    killed.kill().unwrap();
    killed.wait().unwrap();
    drop(lock);
    let output = other.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for schema in ["a", "b", "c"] {
        assert_eq!(fixture.versions(schema), ["20240101000000", "20240102000000"]);
    }
}

#[test]
fn a_file_without_a_transaction_that_was_killed_says_what_is_in_its_way_when_it_is_run_again() {
    let fixture = behind();
    assert!(
        victim(&fixture, "migrate", "concurrent", &[])
            .wait()
            .unwrap()
            .success()
    );
    // As before the index, which must wait for the lock.
    fixture.run(
        "DROP INDEX a.documents_title; \
         DELETE FROM a.__diesel_schema_migrations WHERE version = '20240302000000'",
    );
    fixture.tenancy.verify().unwrap();
    let lock = lock_table(&fixture, "a.documents");
    let killed = victim(&fixture, "migrate", "concurrent", &[]);
    kill_while_it_waits(&fixture, killed, lock);
    // The server finished the statement, and nobody was left to record it.
    let again = victim(&fixture, "migrate", "concurrent", &[])
        .wait_with_output()
        .unwrap();
    let text = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success());
    for part in ["20240302000000", "documents_title", "already exists"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(fixture.advisory_locks(), 0);
    fixture.run("DROP INDEX a.documents_title");
    assert!(
        victim(&fixture, "migrate", "concurrent", &[])
            .wait()
            .unwrap()
            .success()
    );
    assert!(fixture.versions("a").contains(&"20240302000000".to_owned()));
}

#[test]
fn a_redo_that_is_killed_between_its_halves_goes_on_with_the_second() {
    let builder = || cases::builder().app::<cases::rough_halves::App>();
    let fixture = Fixture::of(1, builder());
    fixture.tenancy.migrate().unwrap();
    for schema in ["acme", "globex"] {
        fixture.tenant(schema);
    }
    let lock = lock_table(&fixture, "public.plans");
    let mut victim = victim(&fixture, "redo", "halves", &[]);
    wait_until("the victim waits for the lock", || fixture.waiting() == 1);
    victim.kill().unwrap();
    victim.wait().unwrap();
    // The server would end the statement that nobody waits for.
    fixture.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
    drop(lock);
    wait_until("the server has noticed", || others(&fixture) == 0);
    // The first half was done, and is known to be.
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations"]);
    assert!(fixture.versions("acme").is_empty());
    assert_eq!(fixture.versions("globex"), ["20241201000000"]);
    let redo = || {
        let run = fixture.tenancy.migration().select(Selection::tenants());
        run.target(MigrationTarget::Redo)
    };
    let plan = redo().plan().unwrap().to_string();
    assert!(plan.contains("apply 20241201000000: acme"), "{plan}");
    assert!(plan.contains("redo 20241201000000: globex"), "{plan}");
    let report = redo().run().unwrap();
    assert!(report.is_resumed, "{report}");
    let acme = report
        .schemas
        .iter()
        .find(|entry| entry.schema.as_str() == "acme")
        .unwrap();
    assert_eq!((acme.reverted.len(), acme.applied.len()), (0, 1), "{report}");
    for schema in ["acme", "globex"] {
        assert_eq!(fixture.versions(schema), ["20241201000000"]);
        assert_eq!(fixture.tables(schema), ["__diesel_schema_migrations", "halves"]);
    }
    assert!(fixture.tenancy.status().unwrap().is_well());
    // That run is over: the next one does all of it again.
    let report = redo().run().unwrap();
    assert_eq!((report.is_resumed, report.applied()), (false, 2), "{report}");
}
