//! An instrumentation that itself uses the tenancy: that is not answered by another of its own, nor by a
//! wait for ever, and each scope stays where it is.

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::prelude::*;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tenant_diesel::{Error, Tenancy};
use tenant_tests::apps::customers::{self, Client};
use tenant_tests::apps::todo;
use tenant_tests::*;

fn instrumentation(f: impl Fn(InstrumentationEvent<'_>) + Send + 'static) -> impl Instrumentation {
    f
}

#[test]
fn an_instrumentation_of_a_scope_can_open_another_on_the_same_tenancy() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let (tenancy, globex) = (fixture.tenancy.clone(), tenants[1].clone());
    let read = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&read);
    let on_event = move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            let titles = tenancy.with_tenant(&globex, titles).unwrap();
            log.lock().unwrap().push(titles);
        }
    };
    let own = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        conn.set_instrumentation(instrumentation(on_event));
        assert_eq!(titles(conn)?, ["acme"]);
        conn.with_tenant(&tenants[1], titles)?;
        conn.with_public(|conn| {
            assert_eq!(setting(conn, "search_path"), "\"public\", pg_temp");
            Ok::<_, Error>(())
        })?;
        conn.transaction(|conn| insert_task(conn, "acme"))?;
        Ok::<_, Error>(titles(conn)?)
    });
    assert_eq!(own.unwrap(), ["acme", "acme"]);
    let read = read.lock().unwrap();
    assert!(read.len() >= 7, "{} statements", read.len());
    assert!(read.iter().all(|titles| titles == &["globex"]));
}

/// Where the instrumentation finds the tenancy, which is made after it, and a tenant to read.
type Place = Arc<Mutex<Option<(Tenancy<Client>, Client)>>>;

thread_local! {
    /// Whether this thread is inside the instrumentation already: its own scopes are not to be looked at.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn an_instrumentation_of_every_connection_can_open_a_scope_while_the_path_is_set() {
    let place: Place = Arc::default();
    let (seen, paths) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (of_connection, counter, path_counter) = (Arc::clone(&place), Arc::clone(&seen), Arc::clone(&paths));
    let builder = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        // So that each checkout sets a path, for the instrumentation to see.
        .pool(|pool| pool.affinity(false))
        .on_connect(move |pg| {
            let (place, counter) = (Arc::clone(&of_connection), Arc::clone(&counter));
            let path_counter = Arc::clone(&path_counter);
            pg.set_instrumentation(instrumentation(move |event| {
                let InstrumentationEvent::StartQuery { query, .. } = event else {
                    return;
                };
                let place = place.lock().unwrap().clone();
                let Some((tenancy, globex)) = place else { return };
                if INSIDE.replace(true) {
                    return;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                if query.to_string().contains("search_path") {
                    path_counter.fetch_add(1, Ordering::SeqCst);
                }
                let read = tenancy.with_tenant(&globex, titles).unwrap();
                INSIDE.set(false);
                assert_eq!(read, ["globex"]);
            }));
            Ok(())
        });
    // Each thread needs one connection more than it has, and there are enough for that.
    let fixture = Fixture::of(8, builder);
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["acme", "globex", "initech"]);
    *place.lock().unwrap() = Some((fixture.tenancy.clone(), tenants[1].clone()));
    std::thread::scope(|threads| {
        for tenant in [&tenants[0], &tenants[2], &tenants[0]] {
            let tenancy = fixture.tenancy.clone();
            let others = &tenants;
            threads.spawn(move || {
                for _ in 0..20 {
                    let own = tenant.name.as_str();
                    tenancy
                        .with_tenant(tenant, |conn| {
                            assert_eq!(titles(conn)?, [own]);
                            conn.with_tenant(&others[1], titles)?;
                            assert_eq!(titles(conn)?, [own]);
                            Ok::<_, Error>(())
                        })
                        .unwrap();
                    assert_eq!(tenancy.transaction(tenant, titles).unwrap(), [own]);
                }
            });
        }
    });
    // It holds the tenancy that holds it.
    place.lock().unwrap().take();
    // Of each round: three paths, three reads, and at most what a transaction sends.
    let (seen, paths) = (seen.load(Ordering::SeqCst), paths.load(Ordering::SeqCst));
    assert!((3 * 20 * 6..=3 * 20 * 12).contains(&seen), "{seen}");
    assert!(paths >= 3 * 20 * 3, "{paths} of {seen} set a path");
}
