//! Several processes at once.

use super::*;
use crate::process::{NO_ARGUMENTS, all_at_once, lock_table};
use tenant_tests::apps::todo;
use tenant_tests::{Fixture, cases, wait_until};

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
                 AND query LIKE 'SELECT pg_catalog.pg_try_advisory_xact_lock%' AND pid <> pg_backend_pid()",
            ) == 1
        });
        drop(plans);
        assert_eq!(first.join().unwrap().applied(), 2);
        assert_eq!(second.join().unwrap().applied(), 0);
    });
}
