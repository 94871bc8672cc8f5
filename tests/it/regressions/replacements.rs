//! Dead connections that cannot be replaced.

use super::set_up::with_switchable_on_connect;
use crate::affinity::kill;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use tenant_tests::*;

/// A guard whose connection died and could not be replaced is used again.
#[test]
fn a_guard_that_could_not_be_replaced_is_an_error_and_not_a_panic() {
    let (fixture, fails) = with_switchable_on_connect();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let pid = backend(&mut fixture.tenancy.get(&acme).unwrap());
    // Typed queries only, so that the next checkout asks nothing.
    titles(&mut fixture.tenancy.get(&acme).unwrap()).unwrap();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    kill(&fixture, pid);
    fails.store(true, Ordering::SeqCst);
    let first = titles(&mut conn);
    assert!(first.is_err(), "{first:?}");
    fails.store(false, Ordering::SeqCst);
    let again = catch_unwind(AssertUnwindSafe(|| titles(&mut conn)));
    assert!(again.is_ok(), "the second statement panicked");
}

/// The same with a nested scope, where the library itself goes on.
#[test]
fn a_scope_that_goes_on_after_a_failed_replacement_does_not_panic() {
    let (fixture, fails) = with_switchable_on_connect();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let pid = backend(&mut fixture.tenancy.get(&acme).unwrap());
    // Typed queries only, so that the next checkout asks nothing.
    titles(&mut fixture.tenancy.get(&acme).unwrap()).unwrap();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        conn.with_tenant(&acme, |inner| {
            kill(&fixture, pid);
            fails.store(true, Ordering::SeqCst);
            titles(inner)
        })
    }));
    assert!(result.is_ok(), "a nested scope panicked");
}
