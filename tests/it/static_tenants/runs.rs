//! Runs of migrations over schemas with lists of their own.

use super::*;
use crate::fleets::failure;
use diesel::r2d2::Pool;
use tenant_diesel::{Error, MigrationTarget, Selection};
use tenant_tests::{Proxy, application};

fn round_trips_of_a_start_up(fixture: &Fixture, builder: TenancyBuilder<Client>, up_to_date: usize) -> usize {
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = builder
        .lint_at_start_up(false)
        .r2d2(Pool::builder().max_size(1))
        .connect(&url)
        .unwrap();
    let (trips, report) = proxy.count(|| tenancy.migrate().unwrap());
    assert_eq!((report.applied(), report.up_to_date), (0, up_to_date), "{report}");
    trips
}

#[test]
fn a_start_up_with_nothing_pending_costs_the_same_with_lists_of_their_own() {
    let fixture = migrated();
    let with = round_trips_of_a_start_up(&fixture, sites(), 5);
    let plain = Fixture::of(4, application().static_tenant(name("help")));
    plain.tenancy.migrate().unwrap();
    plain.tenant("acme");
    let without = round_trips_of_a_start_up(&plain, application().static_tenant(name("help")), 2);
    assert_eq!(with, without);
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(report.up_to_date, 5);
}

#[test]
fn reverting_and_redoing_takes_the_last_of_each_list() {
    let fixture = migrated();
    let all = Selection::all().except([name("public"), name("blog")]);
    let run = |target| fixture.tenancy.migration().select(all.clone()).target(target);
    run(MigrationTarget::Redo).run().unwrap();
    run(MigrationTarget::Revert(1)).run().unwrap();
    assert!(fixture.versions("www").is_empty());
    assert_eq!(fixture.versions("help"), [TODO[0]]);
    assert_eq!(fixture.versions("acme"), [TODO[0]]);
    assert_eq!(fixture.versions("blog"), COUNTING);
    assert_eq!(fixture.tables("www"), ["__diesel_schema_migrations"]);
    let behind = fixture.tenancy.status().unwrap().behind;
    assert_eq!(behind, ["acme", "globex", "help", "www"].map(name));
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!((report.applied(), report.up_to_date), (4, 1), "{report}");
    assert_eq!(fixture.versions("www"), ACCOUNTS);
}

#[test]
fn a_version_is_a_goal_of_those_that_have_it_and_others_stay() {
    let fixture = migrated();
    let to = |version: &str| {
        let target = MigrationTarget::Version(version.to_owned());
        fixture.tenancy.migration().target(target)
    };
    // Of customers: `www` has only later ones, which are not taken from it.
    let plan = to(TODO[0]).plan().unwrap();
    let planned: Vec<_> = plan
        .schemas
        .iter()
        .map(|planned| planned.schema.as_str())
        .collect();
    assert_eq!(planned, ["help", "acme", "globex"]);
    // Of a static tenant.
    let plan = to(COUNTING[1]).plan().unwrap();
    assert!(
        plan.schemas.iter().all(|planned| planned.schema == name("blog")),
        "{plan}"
    );
    let faked = fixture.tenancy.migration().target(MigrationTarget::Fake {
        to: Some(ACCOUNTS[0].to_owned()),
        reason: "nothing is pending".to_owned(),
    });
    assert!(faked.plan().unwrap().is_empty());
    let unknown = to("20990101000000").plan();
    assert!(matches!(unknown, Err(Error::UnknownVersion { .. })));
}

#[test]
fn apps_that_a_static_tenant_does_not_name_any_more_stay_and_are_named() {
    let fixture = migrated();
    let other = || {
        application()
            .static_app::<accounts::App>()
            .static_app::<counting::App>()
            .static_tenant(StaticTenant::new(name("www")).app::<counting::App>())
    };
    let tenancy = again(&fixture, other());
    let status = tenancy.status().unwrap();
    assert_eq!(status.behind, [name("www")]);
    let report = tenancy.migrate().unwrap();
    assert_eq!(report.applied(), 3, "{report}");
    // Nothing was dropped, and what is there all the same is told.
    assert_eq!(
        fixture.tables("www"),
        ["__diesel_schema_migrations", "counted", "users"]
    );
    let status = tenancy.status().unwrap();
    assert!(status.behind.is_empty() && !status.is_well(), "{status}");
    assert_eq!(status.unknown[0].versions, ACCOUNTS);
    let report = tenancy.migrate().unwrap();
    assert_eq!(report.applied(), 0, "{report}");
    // It cannot be reverted as long as it is not named, and can be when it is again.
    let revert = |tenancy: &tenant_diesel::Tenancy<Client>, count| {
        let run = tenancy.migration().select(Selection::names([name("www")]));
        run.target(MigrationTarget::Revert(count)).run()
    };
    let report = failure(revert(&tenancy, 4));
    assert!(
        matches!(&report.schemas[0].error, Some(Error::NotEmbedded { version, .. }) if version == ACCOUNTS[0])
    );
    assert_eq!(report.schemas[0].reverted.len(), 3);
    assert_eq!(fixture.versions("www"), ACCOUNTS);
    let tenancy = again(&fixture, sites());
    let status = tenancy.status().unwrap();
    assert!(status.unknown.is_empty() && status.behind.is_empty(), "{status}");
    revert(&tenancy, 1).unwrap();
    assert_eq!(fixture.tables("www"), ["__diesel_schema_migrations", "counted"]);
    again(&fixture, other()).migrate().unwrap();
    assert!(again(&fixture, other()).status().unwrap().unknown.is_empty());
}

#[test]
fn a_row_that_names_a_static_tenant_with_apps_of_its_own_does_not_migrate_it() {
    let fixture = migrated();
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('www', 'by hand')");
    let report = failure(fixture.tenancy.migrate());
    let error = report.schemas.iter().find_map(|entry| entry.error.as_ref());
    assert!(matches!(error, Some(Error::ReservedName { .. })), "{report}");
    assert_eq!(fixture.versions("www"), ACCOUNTS);
    assert_eq!(fixture.tenancy.status().unwrap().refused.len(), 1);
}
