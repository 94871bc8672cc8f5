//! Backends that are killed.

use super::*;
use tenant_diesel::Error;

/// Kills the backend of the idle connection, and waits until it is gone. Its number.
fn kill_idle(fixture: &Fixture, tenant: &Client) -> i32 {
    let pid = backend(&mut fixture.tenancy.get(tenant).unwrap());
    fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
    let alive = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    wait_until("the backend is gone", || fixture.count(&alive) == 0);
    pid
}

#[test]
fn a_backend_killed_while_idle_is_replaced_without_an_error() {
    let (fixture, acme, globex) = two();
    let pid = kill_idle(&fixture, &acme);
    assert_eq!(fixture.titles(&globex), ["globex"]);
    assert_eq!(fixture.tenancy.transaction(&acme, titles).unwrap(), ["acme"]);
    assert_ne!(backend(&mut fixture.tenancy.get(&acme).unwrap()), pid);
}

#[test]
fn a_backend_killed_while_idle_is_replaced_at_the_begin_of_a_transaction_too() {
    let (fixture, acme, _) = two();
    kill_idle(&fixture, &acme);
    assert_eq!(fixture.tenancy.transaction(&acme, titles).unwrap(), ["acme"]);
    assert!(fixture.tenancy.is_public_migrated().unwrap());
}

#[test]
fn a_backend_killed_while_in_use_is_an_error_and_the_next_borrower_gets_another() {
    let (fixture, acme, globex) = two();
    let result = fixture.tenancy.with_tenant(&acme, |conn| {
        let pid = backend(conn);
        fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
        titles(conn)
    });
    assert!(matches!(result, Err(Error::Query(_))), "{result:?}");
    let result = fixture.tenancy.transaction(&acme, |conn| {
        insert_task(conn, "lost")?;
        let pid = backend(conn);
        fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
        titles(conn)
    });
    assert!(result.is_err());
    assert_clean(&fixture, &acme, &globex);
    assert!(!fixture.titles(&acme).contains(&"lost".to_owned()));
}
