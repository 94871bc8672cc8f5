//! Limits of tenants that reached others, or the library's own questions.

use super::{LOCK_CATALOG, is_waited_for, ok};
use crate::affinity::with;
use diesel::connection::SimpleConnection;
use std::time::Duration;
use tenant_diesel::r2d2::Pool;
use tenant_diesel::{Closed, TenantLimits};
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// A tenant whose limit the server does not take had all idle connections closed, one after the other, as dead.
#[test]
fn a_tenant_with_a_limit_below_what_the_server_takes_closes_nobodys_connections() {
    let fixture = with(1, |pool| pool);
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = application::<Client>()
        .r2d2(Pool::builder().max_size(4))
        .pool(|pool| {
            pool.limits(|schema| match schema.as_str() {
                "acme" => TenantLimits::none().work_mem_kb(1),
                _ => TenantLimits::none(),
            })
        })
        .connect(fixture.database.url())
        .unwrap();
    let held: Vec<_> = (0..4).map(|_| tenancy.get(&tenants[1]).unwrap()).collect();
    drop(held);
    let mut conn = tenancy.get(&tenants[0]).unwrap();
    assert_eq!(setting(&mut conn, "work_mem"), "64kB");
    assert_eq!(titles(&mut conn).unwrap(), ["acme"]);
    assert_eq!(tenancy.pool().metrics().closed, Closed::default());
}

/// The question about the catalog was asked under the limits of whoever had the connection before.
#[test]
fn limits_do_not_reach_the_librarys_own_questions() {
    let fixture = with(1, |pool| {
        pool.limits(|_| TenantLimits::none().lock_timeout(Duration::from_millis(100)))
    });
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.titles(&acme);
    let mut impatient = fixture.outside();
    impatient.batch_execute("SET lock_timeout = '100ms'").unwrap();
    let mut outside = fixture.outside();
    outside.batch_execute(LOCK_CATALOG).unwrap();
    std::thread::scope(|threads| {
        let asked = threads.spawn(|| fixture.tenancy.schema_exists(&name("acme")));
        wait_until("the question waits", || {
            asked.is_finished() || is_waited_for(&mut outside)
        });
        // Who came later and is under that limit waits in vain.
        let later = impatient.batch_execute("SELECT count(*) FROM pg_catalog.pg_namespace");
        outside.batch_execute("COMMIT").unwrap();
        assert!(later.unwrap_err().to_string().contains("lock timeout"));
        assert!(ok(asked.join().unwrap()));
    });
}
