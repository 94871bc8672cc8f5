//! Work for a tenant that was asked for earlier: it runs for whom it was meant, or not at all.

use diesel::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tenant_diesel::{Error, TenantConnection, TenantRef, TenantState, current};
use tenant_tests::{Fixture, Proxy, application, name, spans_of, titles};

fn now() -> Option<String> {
    current::tenant().map(|tenant| tenant.to_string())
}

#[test]
fn a_job_runs_on_its_tenants_schema_in_a_span_that_names_it() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let acme = fixture.tenancy.tenant_ref(&tenants[0]);
    assert_eq!(acme.key, Some(tenants[0].id.to_string()));
    let (spans, (read, inside)) = spans_of(|| {
        let job = |conn: &mut TenantConnection| Ok::<_, Error>((titles(conn)?, now()));
        fixture.tenancy.run_as(&acme, job).unwrap()
    });
    assert_eq!(read, ["acme"]);
    assert_eq!((inside.as_deref(), now()), (Some("acme"), None));
    assert_eq!(spans, ["+ job tenant=acme", "-"]);
}

#[test]
fn jobs_inside_jobs_come_back_to_the_tenant_of_the_outer_one() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let tenancy = &fixture.tenancy;
    let [acme, globex] = [&tenants[0], &tenants[1]].map(|tenant| tenancy.tenant_ref(tenant));
    let (spans, ()) = spans_of(|| {
        let inner = |conn: &mut TenantConnection| {
            assert_eq!(now().as_deref(), Some("globex"));
            titles(conn)
        };
        let outer = |conn: &mut TenantConnection| {
            assert_eq!(tenancy.run_as(&globex, inner)?, ["globex"]);
            assert_eq!(now().as_deref(), Some("acme"));
            assert_eq!(titles(conn)?, ["acme"]);
            Ok::<_, Error>(())
        };
        tenancy.run_as(&acme, outer).unwrap();
    });
    assert_eq!(spans, ["+ job tenant=acme", "+ job tenant=globex", "-", "-"]);
    assert_eq!(now(), None);
}

#[test]
fn a_job_that_panics_or_fails_leaves_no_tenant_behind() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let acme = fixture.tenancy.tenant_ref(&acme);
    let panics = || {
        let job = |_: &mut TenantConnection| -> QueryResult<()> { panic!("half-way") };
        fixture.tenancy.run_as(&acme, job)
    };
    let (spans, panicked) = spans_of(|| catch_unwind(AssertUnwindSafe(panics)));
    assert!(panicked.is_err());
    assert_eq!((now(), spans.last().map(String::as_str)), (None, Some("-")));
    let failed = fixture
        .tenancy
        .run_as(&acme, |conn| diesel::sql_query("nonsense").execute(conn));
    assert!(matches!(failed, Err(Error::Query(_))));
    assert_eq!(now(), None);
    assert_eq!(fixture.tenancy.run_as(&acme, titles).unwrap(), ["acme"]);
}

#[test]
fn a_job_for_a_tenant_that_was_renamed_does_not_run_under_its_old_name() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let queued = fixture.tenancy.tenant_ref(&acme);
    let renamed = fixture.tenancy.rename(&acme, &name("apex")).unwrap();
    let gone = fixture.tenancy.run_as(&queued, titles);
    assert!(
        matches!(&gone, Err(Error::TenantMissing { schema }) if *schema == name("acme")),
        "{gone:?}"
    );
    // Somebody else takes the name.
    fixture.tagged(&["acme"]);
    let refused = fixture.tenancy.run_as(&queued, titles).unwrap_err();
    assert!(matches!(refused, Error::OtherTenant { .. }));
    assert_eq!(
        refused.to_string(),
        "tenant `acme` has the key 2, and the job is for the one with the key 1: that was renamed or deleted, and another \
         has its name; find it by its key, or drop the job"
    );
    let now = fixture.tenancy.tenant_ref(&renamed.tenant);
    assert_eq!((now.schema.as_str(), &now.key), ("apex", &queued.key));
    assert_eq!(fixture.tenancy.run_as(&now, titles).unwrap(), ["acme"]);
}

#[test]
fn a_job_for_a_tenant_that_was_deleted_does_not_run_for_the_next_of_its_name() {
    let fixture = Fixture::new();
    let first = fixture.tagged(&["acme"]).remove(0);
    let queued = fixture.tenancy.tenant_ref(&first);
    fixture.tenancy.delete_with_schema(&first).unwrap();
    assert!(matches!(
        fixture.tenancy.run_as(&queued, titles),
        Err(Error::TenantMissing { .. })
    ));
    let second = fixture.tagged(&["acme"]).remove(0);
    assert!(matches!(
        fixture.tenancy.run_as(&queued, titles),
        Err(Error::OtherTenant { .. })
    ));
    let queued = fixture.tenancy.tenant_ref(&second);
    assert_eq!(fixture.tenancy.run_as(&queued, titles).unwrap(), ["acme"]);
}

#[test]
fn a_job_for_a_static_tenant_needs_no_row_and_a_configuration_that_names_it() {
    let fixture = Fixture::with(|builder| builder.static_tenant(name("www")));
    let acme = fixture.tagged(&["acme"]).remove(0);
    let tenancy = &fixture.tenancy;
    assert!(
        tenancy
            .run_as(&TenantRef::to_static(name("www")), titles)
            .unwrap()
            .is_empty()
    );
    // A customer is not to be had without a key, a static tenant not with one.
    let refused = tenancy.run_as(&TenantRef::to_static(acme.schema_name), titles);
    assert!(
        matches!(refused, Err(Error::NoStaticTenant { .. })),
        "{refused:?}"
    );
    let refused = tenancy.run_as(&TenantRef::new(name("www"), &1), titles);
    assert!(matches!(refused, Err(Error::TenantMissing { .. })), "{refused:?}");
}

#[test]
fn a_job_for_a_tenant_that_is_not_served_is_refused() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    let queued = fixture.tenancy.tenant_ref(&acme);
    fixture.tenancy.archive(&acme).unwrap();
    let refused = fixture.tenancy.run_as(&queued, titles);
    assert!(
        matches!(
            &refused,
            Err(Error::TenantUnavailable {
                state: TenantState::Archived,
                ..
            })
        ),
        "{refused:?}"
    );
    fixture.tenancy.restore(&acme).unwrap();
    fixture.tenancy.run_as(&queued, titles).unwrap();
}

#[test]
fn a_job_costs_one_question_more_than_its_scope() {
    let fixture = Fixture::with(|builder| builder.static_tenant(name("www")));
    let acme = fixture.tagged(&["acme"]).remove(0);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = application()
        .static_tenant(name("www"))
        .r2d2(r2d2::Pool::builder().max_size(2))
        .connect(&url)
        .unwrap();
    let (queued, www) = (tenancy.tenant_ref(&acme), TenantRef::to_static(name("www")));
    for _ in 0..2 {
        tenancy.run_as(&queued, titles).unwrap();
        tenancy.run_as(&www, titles).unwrap();
        tenancy
            .with_public(|conn| diesel::sql_query("SELECT 1").execute(conn))
            .unwrap();
    }
    let (row, _) = proxy.count(|| tenancy.find_by_schema(&acme.schema_name).unwrap());
    let (scope, _) = proxy.count(|| tenancy.with_tenant(&acme, titles).unwrap());
    tenancy
        .with_public(|conn| diesel::sql_query("SELECT 1").execute(conn))
        .unwrap();
    let (job, _) = proxy.count(|| tenancy.run_as(&queued, titles).unwrap());
    assert_eq!(job, row + scope, "{row} for the row, {scope} for the scope");
    let (of_static, _) = proxy.count(|| tenancy.run_as(&www, titles).unwrap());
    let (scope, _) = proxy.count(|| tenancy.with_schema(&name("www"), titles).unwrap());
    assert!(of_static <= scope + 1, "{of_static} and {scope}");
}
