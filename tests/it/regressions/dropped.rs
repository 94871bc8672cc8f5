//! Schemas that were dropped, and were believed to be there.

use super::one;
use crate::affinity::with;
use diesel::connection::SimpleConnection;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use tenant_diesel::{Error, TenantPoolBuilder};
use tenant_tests::apps::todo::tasks;
use tenant_tests::*;

/// A dropped schema is missing, also where missing tables fall through to `public`.
#[test]
fn a_dropped_schema_does_not_fall_through_to_public() {
    let fixture = with(
        1,
        TenantPoolBuilder::public_behind_tenants_where_missing_tables_fall_through,
    );
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.run("CREATE TABLE public.tasks (LIKE acme.tasks INCLUDING ALL); INSERT INTO public.tasks (title) VALUES ('everybodys')");
    assert_eq!(fixture.titles(&acme), ["acme"]);
    fixture.run("DROP SCHEMA acme CASCADE");
    let read = fixture.tenancy.with_tenant(&acme, titles);
    assert!(matches!(read, Err(Error::SchemaMissing { .. })), "{read:?}");
}

/// What is written on a path whose schema is gone is an error.
#[test]
fn a_table_made_in_a_dropped_schema_is_an_error_and_not_a_temporary_one() {
    let (fixture, acme) = one();
    fixture.titles(&acme);
    fixture.titles(&acme);
    fixture.run("DROP SCHEMA acme CASCADE");
    let made = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.batch_execute("CREATE TABLE ledger (id int); INSERT INTO ledger VALUES (1)")
    });
    assert!(made.is_err(), "a write was taken and is lost");
}

/// A schema that this process drops is missing before any query runs, whoever verified it meanwhile.
#[test]
fn a_schema_that_is_being_dropped_is_not_believed_in_afterwards() {
    let fixture = with(3, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let mut outside = fixture.outside();
    outside
        .batch_execute("BEGIN; LOCK TABLE acme.tasks IN ACCESS SHARE MODE")
        .unwrap();
    std::thread::scope(|threads| {
        let dropping = threads.spawn(|| fixture.tenancy.delete_with_schema(&acme));
        wait_until("the drop waits", || fixture.waiting() == 1);
        // Another request, meanwhile.
        fixture
            .tenancy
            .with_tenant(&acme, |_| QueryResult::Ok(()))
            .unwrap();
        outside.batch_execute("COMMIT").unwrap();
        dropping.join().unwrap().unwrap();
    });
    let ran = AtomicBool::new(false);
    let result = fixture.tenancy.with_tenant(&acme, |_| {
        ran.store(true, Ordering::SeqCst);
        QueryResult::Ok(())
    });
    assert!(
        matches!(result, Err(Error::SchemaMissing { .. })) && !ran.load(Ordering::SeqCst),
        "{result:?}"
    );
}

/// A schema that is gone was a missing table where rows came one by one.
#[test]
fn a_missing_schema_is_said_row_by_row_too() {
    let (fixture, acme) = one();
    fixture.titles(&acme);
    fixture.run("DROP SCHEMA acme CASCADE");
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let read = tasks::table
        .select(tasks::title)
        .load_iter::<String, PgRowByRowLoadingMode>(&mut conn)
        .map(|_| ())
        .map_err(Error::from);
    assert!(matches!(read, Err(Error::SchemaMissing { .. })), "{read:?}");
}
