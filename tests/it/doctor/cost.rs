//! What a diagnosis costs does not depend on the number of tenants, and changes nothing.

use super::*;
use tenant_tests::{Proxy, application, names};

#[test]
fn three_tenants_and_sixty_cost_the_same_round_trips() {
    let fixture = Fixture::new();
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = application::<tenant_tests::apps::customers::Client>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .connect(&url)
        .unwrap();
    let cost = |tenancy| {
        let (round_trips, diagnosis) = proxy.count(|| diagnose(tenancy));
        assert!(diagnosis.is_healthy(), "{diagnosis}");
        round_trips
    };
    let all = names("t", 60);
    for schema in &all[..3] {
        fixture.tenant(schema.as_str());
    }
    // Its connection is on the right path from now on.
    cost(&tenancy);
    let three = cost(&tenancy);
    for schema in &all[3..] {
        fixture.tenant(schema.as_str());
    }
    assert_eq!(cost(&tenancy), three);
    assert!(three < 60, "{three}");
    // Nor where something is wrong with all of them.
    fixture.run("UPDATE tenancy.schemas SET state = 'failed', attempts = 1");
    let (round_trips, _) = proxy.count(|| only(&tenancy, Check::FailedTenant));
    assert_eq!(round_trips, three);
}

#[test]
fn nothing_is_changed_by_asking() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run(
        "DROP SCHEMA acme CASCADE; CREATE SCHEMA tenancy_spare_0123456789abcdef0123456789abcdef; \
         UPDATE tenancy.schemas SET state = 'migrating'; CREATE TABLE public.tasks (id int)",
    );
    let before = fixture.everything();
    assert!(diagnose(&fixture.tenancy).has_errors());
    assert_eq!(fixture.everything(), before);
}
