//! What is said before anything is sent.

use super::*;
use tenant_diesel::{Error, Problem, Tenancy};
use tenant_tests::cases::careless;

#[test]
fn everything_that_is_wrong_with_static_tenants_is_refused_at_once() {
    let builder = application::<Client>()
        .static_app::<accounts::App>()
        .static_tenant(
            StaticTenant::new(name("www"))
                .alias("Public")
                .app::<counting::App>(),
        )
        .static_tenant(
            StaticTenant::new(name("blog"))
                .alias("www")
                .app::<accounts::App>(),
        );
    let refused = builder.connect("postgres://nobody@localhost:1/nothing");
    let Err(Error::Registry { findings }) = refused else {
        panic!("{refused:?}")
    };
    let problems: Vec<_> = findings.iter().map(|finding| finding.problem().clone()).collect();
    assert!(
        matches!(
            problems.as_slice(),
            [
                Problem::AliasTaken { .. },
                Problem::AliasTaken { .. },
                Problem::StaticTenantAppMissing { app: "counting", .. }
            ]
        ),
        "{problems:#?}"
    );
}

#[test]
fn migrations_of_static_apps_are_looked_through_too() {
    let lint = |builder: TenancyBuilder<Client>| {
        let findings = builder.lint();
        findings
            .into_iter()
            .filter(|finding| finding.app == "careless")
            .count()
    };
    let builder = || Tenancy::<Client>::builder().app::<tenant_tests::apps::customers::App>();
    let of_customers = lint(builder().app::<careless::App>());
    let site = StaticTenant::new(name("www")).app::<careless::App>();
    let of_static = lint(builder().static_app::<careless::App>().static_tenant(site));
    assert!(of_static > 0);
    assert!(of_static <= of_customers);
}
