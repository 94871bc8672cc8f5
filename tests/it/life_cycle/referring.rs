//! Tenants whose tables refer to the table of tenants.

use diesel::prelude::*;
use std::sync::Barrier;
use tenant_tests::cases::{self, referring};
use tenant_tests::*;

fn fixture(connections: u32) -> Fixture {
    let fixture = Fixture::of(connections, cases::builder().app::<referring::App>());
    fixture.tenancy.migrate().unwrap();
    fixture
}

#[test]
fn a_tenant_whose_tables_refer_to_its_row_is_deleted_with_its_schema() {
    let fixture = fixture(2);
    let acme = fixture.tenant("acme");
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            let own = referring::files::client_id.eq(acme.id);
            diesel::insert_into(referring::files::table)
                .values(own)
                .execute(conn)
        })
        .unwrap();
    fixture.tenancy.delete_with_schema(&acme).unwrap();
    assert!(!fixture.has_schema("acme"));
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 0);
}

#[test]
fn births_at_one_moment_do_not_wait_for_each_other_in_a_circle() {
    let fixture = fixture(6);
    let barrier = Barrier::new(6);
    std::thread::scope(|threads| {
        for thread in 0..6 {
            let (tenancy, barrier) = (fixture.tenancy.clone(), &barrier);
            threads.spawn(move || {
                barrier.wait();
                for birth in 0..5 {
                    tenancy.create(new_client(&format!("t{thread}_{birth}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(fixture.tenancy.tenants().count(), 30);
}
