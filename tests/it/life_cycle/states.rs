//! Where a tenant is in its life: archived, restored, in maintenance; each state as the server has it.

use tenant_diesel::{Error, TenantState};
use tenant_tests::Fixture;
use tenant_tests::apps::customers::Client;

/// The state of a tenant, asked beside the library.
fn state(fixture: &Fixture, schema: &str) -> Vec<String> {
    fixture.texts(&format!(
        "SELECT state FROM tenancy.schemas WHERE name = '{schema}'"
    ))
}

fn is_refused(fixture: &Fixture, result: &Result<(), Error>, state: Option<TenantState>, before: &[String]) {
    assert!(
        matches!(result, Err(Error::WrongState { state: found, .. }) if *found == state),
        "{result:?}"
    );
    assert_eq!(fixture.everything(), before);
}

#[test]
fn an_archived_tenant_keeps_everything_and_comes_back() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    assert_eq!(state(&fixture, "acme"), ["ready"]);
    fixture.tenancy.archive(&acme).unwrap();
    assert_eq!(state(&fixture, "acme"), ["archived"]);
    assert_eq!(fixture.texts("SELECT title FROM acme.tasks"), ["acme"]);
    let served = fixture.tenancy.get(&acme);
    assert!(
        matches!(
            served,
            Err(Error::TenantUnavailable {
                state: TenantState::Archived,
                ..
            })
        ),
        "{served:?}"
    );
    // Twice is once too often.
    let before = fixture.everything();
    is_refused(
        &fixture,
        &fixture.tenancy.archive(&acme),
        Some(TenantState::Archived),
        &before,
    );
    fixture.tenancy.restore(&acme).unwrap();
    assert_eq!(state(&fixture, "acme"), ["ready"]);
    assert_eq!(fixture.titles(&acme), ["acme"]);
}

#[test]
fn a_restored_tenant_has_what_came_meanwhile() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    fixture.tenancy.archive(&acme).unwrap();
    fixture.run("DROP TABLE acme.labels; DELETE FROM acme.__diesel_schema_migrations WHERE version = '20240102000000'; UPDATE tenancy.schemas SET digest = 'of less' WHERE name = 'acme'");
    fixture.tenancy.restore(&acme).unwrap();
    assert_eq!(fixture.versions("acme"), ["20240101000000", "20240102000000"]);
    assert_eq!(state(&fixture, "acme"), ["ready"]);
}

#[test]
fn a_tenant_that_cannot_be_migrated_stays_in_the_archive() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    fixture.tenancy.archive(&acme).unwrap();
    // The table is there already, so its migration fails.
    fixture.run("DELETE FROM acme.__diesel_schema_migrations WHERE version = '20240102000000'; UPDATE tenancy.schemas SET digest = 'of less' WHERE name = 'acme'");
    let failed = fixture.tenancy.restore(&acme);
    assert!(matches!(failed, Err(Error::Migrate(_))), "{failed:?}");
    assert_eq!(state(&fixture, "acme"), ["archived"]);
}

#[test]
fn maintenance_begins_where_a_tenant_is_served_and_ends_where_it_began() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let tenancy = &fixture.tenancy;
    let before = fixture.everything();
    is_refused(
        &fixture,
        &tenancy.end_maintenance(&acme),
        Some(TenantState::Ready),
        &before,
    );
    is_refused(
        &fixture,
        &tenancy.restore(&acme),
        Some(TenantState::Ready),
        &before,
    );
    tenancy.begin_maintenance(&acme).unwrap();
    assert_eq!(state(&fixture, "acme"), ["maintenance"]);
    assert_eq!(tenancy.state(&acme).unwrap(), Some(TenantState::Maintenance));
    tenancy.end_maintenance(&acme).unwrap();
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_tenant_in_any_state_can_be_deleted_and_its_name_is_free_again() {
    for state in [
        "ready",
        "archived",
        "maintenance",
        "failed",
        "migrating",
        "dropping",
        "provisioning",
    ] {
        let fixture = Fixture::new();
        let acme = fixture.tenant("acme");
        fixture.run(&format!("UPDATE tenancy.schemas SET state = '{state}'"));
        fixture.tenancy.delete_with_schema(&acme).unwrap();
        assert_eq!(
            fixture.count("SELECT count(*) FROM tenancy.schemas WHERE kind = 'tenant'"),
            0
        );
        fixture.tenant("acme");
    }
}

#[test]
fn a_schema_from_before_the_library_kept_states_is_noted_when_it_is_asked_about() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    fixture.run("DELETE FROM tenancy.schemas");
    assert_eq!(fixture.tenancy.state(&acme).unwrap(), None);
    fixture.tenancy.archive(&acme).unwrap();
    assert_eq!(state(&fixture, "acme"), ["archived"]);
}

#[test]
fn what_is_not_there_has_no_state_to_change() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let gone = Client {
        id: 99,
        ..acme.clone()
    };
    let before = fixture.everything();
    assert!(matches!(
        fixture.tenancy.archive(&gone),
        Err(Error::TenantMissing { .. })
    ));
    assert_eq!(fixture.everything(), before);
    fixture.tenancy.drop_schema(&acme).unwrap();
    let before = fixture.everything();
    assert!(matches!(
        fixture.tenancy.archive(&acme),
        Err(Error::SchemaMissing { .. })
    ));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn of_two_threads_that_archive_a_tenant_one_does() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let archived = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| fixture.tenancy.archive(&acme).is_ok()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .filter(|did| *did)
            .count()
    });
    assert_eq!(archived, 1);
}
