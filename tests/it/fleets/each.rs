//! Something that is done in many tenants.

use super::*;
use diesel::prelude::*;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenant_diesel::{Selection, TenantState};
use tenant_tests::{application, backend, name, names, titles, wait_until};

#[test]
fn each_tenant_is_visited_once_in_its_own_schema_on_several_connections() {
    let fixture = Fixture::new();
    let names: Vec<String> = (0..30).map(|i| format!("t{i:02}")).collect();
    fixture.tagged(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let backends = Mutex::new(HashSet::new());
    let report = fixture
        .tenancy
        .for_each(Selection::tenants(), 16, |client, conn| {
            backends.lock().unwrap().insert(backend(conn));
            assert_eq!(conn.current_schema()?, Some(client.schema_name.clone()));
            titles(conn)
        })
        .unwrap();
    assert!(backends.into_inner().unwrap().len() <= 4);
    let all = report.into_result().unwrap();
    assert_eq!(all.len(), 30);
    for ((schema, titles), expected) in all.iter().zip(&names) {
        assert_eq!(
            (schema.as_str(), titles.as_slice()),
            (expected.as_str(), std::slice::from_ref(expected))
        );
    }
}

#[test]
fn one_failure_is_an_entry_and_tenants_at_rest_are_passed_over() {
    let fixture = Fixture::new();
    fixture.tagged(&["a", "b", "c", "d"]);
    fixture.run("UPDATE tenancy.schemas SET state = 'archived' WHERE name = 'c'; DROP SCHEMA d CASCADE");
    let visits = AtomicUsize::new(0);
    let report = fixture
        .tenancy
        .for_each(Selection::tenants().except([name("x")]), 2, |client, conn| {
            visits.fetch_add(1, Ordering::SeqCst);
            match client.schema_name.as_str() {
                "b" => diesel::sql_query("SELECT nonsense")
                    .execute(conn)
                    .map(|_| Vec::new()),
                _ => titles(conn),
            }
        })
        .unwrap();
    assert_eq!(report.at_rest, [(name("c"), TenantState::Archived)]);
    let failed: Vec<_> = report.failures().map(|(schema, _)| schema.as_str()).collect();
    assert_eq!(failed, ["b", "d"]);
    assert!(
        report
            .failures()
            .any(|(_, error)| matches!(error, Error::SchemaMissing { .. }))
    );
    let text = report.to_string();
    assert!(
        text.starts_with("done in 1 tenants, failed in 2\n  `b`: column \"nonsense\" does not exist"),
        "{text}"
    );
    assert_eq!(report.into_result().unwrap_err().tenants.len(), 3);

    // `d` too, where its connection was on its path a moment ago.
    assert!(visits.load(Ordering::SeqCst) <= 3);
}

#[test]
fn schemas_of_the_configuration_are_visited_by_name() {
    let fixture = Fixture::of(
        2,
        application::<Client>()
            .static_tenant(name("www"))
            .reference_schema(name("sample")),
    );
    fixture.tenancy.migrate().unwrap();
    fixture.tagged(&["acme"]);
    let of = |selection| {
        let report = fixture.tenancy.for_each_schema(selection, 1, |schema, conn| {
            assert_eq!(conn.current_schema()?.as_ref(), Some(schema));
            QueryResult::Ok(())
        });
        let all = report.unwrap().into_result().unwrap();
        all.into_iter()
            .map(|(schema, ())| schema.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Selection::all()), ["acme", "sample", "www"]);
    assert_eq!(of(Selection::statics()), ["sample", "www"]);
    assert_eq!(of(Selection::names([name("acme")])), ["acme"]);
    let unknown = fixture
        .tenancy
        .for_each(Selection::names([name("nobody")]), 1, |_, _| QueryResult::Ok(()));
    assert!(matches!(unknown, Err(Error::UnknownSchemas { .. })));
}

#[test]
fn a_panic_in_one_tenant_goes_on_to_the_caller_with_its_own_words() {
    let fixture = Fixture::new();
    for schema in names("t", 6) {
        fixture.tenant(schema.as_str());
    }
    for threads in [1, 3] {
        let begun = AtomicUsize::new(0);
        // Of several threads, one that the caller is not.
        let caller = std::thread::current().id();
        let is_its_turn = || threads == 1 || caller != std::thread::current().id();
        let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            fixture
                .tenancy
                .for_each(Selection::tenants(), threads, |client, _| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    if !is_its_turn() {
                        // Until another one has had a tenant.
                        wait_until("another thread has one", || begun.load(Ordering::Relaxed) > 1);
                        return Ok::<_, Error>(());
                    }
                    panic!("of {}", client.name);
                })
        }));
        let words = panicked.unwrap_err().downcast::<String>().unwrap();
        assert!(words.starts_with("of t_"), "{words}");
        if threads == 1 {
            assert_eq!(begun.into_inner(), 1);
        }
        assert_eq!(fixture.advisory_locks(), 0);
        assert_eq!(fixture.tenancy.tenants().count(), 6);
    }
}
