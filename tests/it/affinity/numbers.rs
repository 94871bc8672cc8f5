//! The metrics count what happened, and name nobody.

use super::*;
use tenant_diesel::Error;

#[test]
fn each_checkout_is_counted_for_what_it_was() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = another(fixture.database.url(), 1);
    let start = tenancy.pool().metrics();
    let read = |i: usize| tenancy.with_tenant(&tenants[i], titles).unwrap();
    read(0);
    read(0);
    read(1);
    tenancy
        .with_tenant(&tenants[1], |conn| diesel::sql_query("SELECT 1").execute(conn))
        .unwrap();
    read(1);
    tenancy.with_public(|_| QueryResult::Ok(())).unwrap();
    let metrics = tenancy.pool().metrics();
    assert_eq!(metrics.first_uses - start.first_uses, 1, "{metrics:?}");
    assert_eq!(metrics.hits - start.hits, 2, "{metrics:?}");
    assert_eq!(metrics.switches - start.switches, 2, "{metrics:?}");
    assert_eq!(metrics.verified - start.verified, 1, "{metrics:?}");
    assert_eq!(metrics.resets - start.resets, 1, "{metrics:?}");
    assert_eq!(metrics.checkouts - start.checkouts, 6, "{metrics:?}");
    assert_eq!(metrics.opened, 1);
    assert_eq!((metrics.connections, metrics.idle, metrics.waiting), (1, 1, 0));
    // Both tenants and the shared schema.
    assert_eq!((metrics.tenants, metrics.most_tenants), (3, 3));
    let text = format!("{metrics:?}");
    assert!(!text.contains("acme") && !text.contains("globex"), "{text}");
}

#[test]
fn closed_connections_are_counted_by_reason() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let tenancy = &fixture.tenancy;
    let before = tenancy.pool().metrics().closed;
    tenancy
        .with_tenant(&acme, |conn| diesel::sql_query("LISTEN jobs").execute(conn))
        .unwrap();
    assert_eq!(tenancy.pool().metrics().closed.unclean, before.unclean + 1);
    let mut conn = tenancy.get(&acme).unwrap();
    let pid = backend(&mut conn);
    kill(&fixture, pid);
    assert!(titles(&mut conn).is_err());
    drop(conn);
    let pid = served_by(tenancy, &acme);
    kill(&fixture, pid);
    fixture.titles(&acme);
    let closed = tenancy.pool().metrics().closed;
    assert_eq!(closed.dead, before.dead + 2, "{closed:?}");
}

#[test]
fn waits_are_counted_with_their_time() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let tenancy = &fixture.tenancy;
    let before = tenancy.pool().metrics();
    let held = tenancy.get(&acme).unwrap();
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| fixture.titles(&acme));
        wait_until("somebody waits", || tenancy.pool().metrics().waiting == 1);
        drop(held);
        assert_eq!(waiting.join().unwrap(), ["acme"]);
    });
    let metrics = tenancy.pool().metrics();
    assert_eq!(metrics.waits, before.waits + 1);
    assert!(metrics.wait_time > before.wait_time && metrics.longest_wait > Duration::ZERO);
    assert_eq!(metrics.waiting, 0);
}

#[test]
fn a_failed_checkout_is_no_checkout() {
    let fixture = affine(1);
    let before = fixture.tenancy.pool().metrics().checkouts;
    let missing = fixture
        .tenancy
        .with_schema(&name("nobody"), |_| QueryResult::Ok(()));
    assert!(matches!(missing, Err(Error::SchemaMissing { .. })));
    assert_eq!(fixture.tenancy.pool().metrics().checkouts, before);
}
