//! An application that is well has no complaints, whatever its tenants are called, and at every moment of its life.

use super::*;
use tenant_diesel::{PoolerMode, SchemaName};
use tenant_testing::PgBouncer;
use tenant_tests::cases::{self, extensions, notes, shouting};
use tenant_tests::{application, name};

#[test]
fn a_new_application_is_healthy_and_an_empty_database_is_not_migrated() {
    let fixture = Fixture::unmigrated(2);
    let complaint = only(&fixture.tenancy, Check::NotMigrated);
    assert_eq!(objects(&complaint), ["public.clients", "tenancy.schemas"]);
    assert_eq!(complaint.severity.as_str(), "error");
    fixture.tenancy.migrate().unwrap();
    assert!(diagnose(&fixture.tenancy).is_healthy());
    let acme = fixture.tenant("acme");
    fixture.tenant("globex");
    assert!(diagnose(&fixture.tenancy).is_healthy());
    fixture.tenancy.delete_with_schema(&acme).unwrap();
    let diagnosis = diagnose(&fixture.tenancy);
    assert_eq!(diagnosis.to_string(), "healthy");
}

#[test]
fn odd_names_static_tenants_extensions_and_schemas_of_others_are_no_complaint() {
    let builder = cases::builder()
        .app::<extensions::App>()
        .app::<shouting::App>()
        .app::<notes::App>()
        .extension_schema(name("extensions"))
        .static_tenant(name("www"))
        .static_tenant(name("Site's \"own\""))
        .reference_schema(name("sample"))
        .static_name(name("grafana"));
    let fixture = Fixture::of(3, builder);
    fixture.tenancy.migrate().unwrap();
    let odd = [
        "it's",
        "x','b",
        "a, public",
        "quo\"te",
        "日本",
        "naïve",
        "$1",
        "Tenant1",
        "select",
        "\\",
        "a.b",
        " ",
        "%",
    ];
    for tenant in odd {
        fixture.tenant(tenant);
    }
    // Somebody else's.
    fixture.run(
        "CREATE SCHEMA grafana; CREATE SCHEMA topology; CREATE TABLE topology.layers (id int); \
         CREATE TABLE public.whatever (id int); CREATE TYPE topology.kind AS ENUM ('a'); \
         CREATE EXTENSION pgcrypto SCHEMA extensions",
    );
    let diagnosis = diagnose(&fixture.tenancy);
    assert!(diagnosis.is_healthy(), "{diagnosis}");
}

#[test]
fn work_that_is_under_way_is_no_complaint() {
    let fixture = Fixture::new();
    for state in ["provisioning", "migrating", "dropping"] {
        fixture.tenant(state);
        fixture.run(&format!(
            "UPDATE tenancy.schemas SET state = '{state}' WHERE name = '{state}'"
        ));
    }
    let spare = "tenancy_spare_0123456789abcdef0123456789abcdef";
    let waiting = "tenancy_spare_fedcba9876543210fedcba9876543210";
    fixture.run(&format!(
        "CREATE SCHEMA {spare}; CREATE SCHEMA {waiting}; \
         INSERT INTO tenancy.schemas (name, kind, state, digest) VALUES ('{waiting}', 'spare', 'ready', ''), \
         ('not_yet', 'tenant', 'provisioning', ''); \
         INSERT INTO tenancy.runs (what, state, started_at) VALUES ('x', 'running', now() - interval '1 day'); \
         INSERT INTO tenancy.run_targets (run, schema, state) SELECT id, 'migrating', 'pending' FROM tenancy.runs WHERE what = 'x'"
    ));
    let all = ["provisioning", "migrating", "dropping", spare, "not_yet"];
    let held: Vec<_> = all.iter().map(|schema| at_work(&fixture, schema)).collect();
    let diagnosis = diagnose(&fixture.tenancy);
    assert!(diagnosis.is_healthy(), "{diagnosis}");
    drop(held);
    tenant_tests::wait_until("the locks are free", || fixture.advisory_locks() == 0);
    let diagnosis = diagnose(&fixture.tenancy);
    let checks: Vec<Check> = diagnosis.complaints.iter().map(|c| c.check).collect();
    assert_eq!(
        checks,
        [
            Check::StaleState,
            Check::ForgottenSpare,
            Check::ForgottenRecord,
            Check::UnfinishedRun
        ],
        "{diagnosis}"
    );
    assert_eq!(objects(&diagnosis.complaints[1]), [spare]);
}

#[test]
fn tenants_in_other_states_are_no_complaint() {
    let fixture = Fixture::new();
    for state in ["archived", "maintenance"] {
        fixture.tenant(state);
        fixture.run(&format!(
            "UPDATE tenancy.schemas SET state = '{state}' WHERE name = '{state}'"
        ));
    }
    assert!(diagnose(&fixture.tenancy).is_healthy());
}

#[test]
fn tenants_that_are_behind_are_no_complaint() {
    let fixture = Fixture::of(2, cases::builder());
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    let newer = application::<tenant_tests::apps::customers::Client>()
        .connect(fixture.database.url())
        .unwrap();
    assert!(diagnose(&newer).is_healthy());
    drop(newer);
}

#[test]
fn a_pooler_that_the_pool_was_told_of_is_no_complaint_and_one_that_is_not_there_is() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    let pgbouncer = PgBouncer::builder()
        .pool_size(3)
        .before(fixture.database.url())
        .unwrap();
    let told = |url: &str| {
        application::<tenant_tests::apps::customers::Client>()
            .r2d2(r2d2::Pool::builder().max_size(2))
            .pool(|pool| pool.pooler_mode(PoolerMode::Transaction))
            .connect(url)
            .unwrap()
    };
    assert!(diagnose(&told(pgbouncer.url())).is_healthy());
    let complaint = only(&told(fixture.database.url()), Check::WrongPoolMode);
    assert_eq!(complaint.severity.as_str(), "warning");
    assert!(complaint.advice.contains("PoolerMode::Session"));
}

#[test]
fn a_shared_schema_and_a_library_of_another_name_are_looked_for_there() {
    let fixture = Fixture::of(
        2,
        application().library_schema(SchemaName::quoted_any("the library").unwrap()),
    );
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    assert!(diagnose(&fixture.tenancy).is_healthy());
    fixture.run(
        "UPDATE \"the library\".schemas SET state = 'failed', attempts = 3, error = E'no such table\nat all'",
    );
    let complaint = only(&fixture.tenancy, Check::FailedTenant);
    assert_eq!(complaint.total, 2);
    assert_eq!(
        complaint.concerned[0].detail.as_deref(),
        Some("3 attempts: no such table")
    );
}
