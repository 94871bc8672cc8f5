//! Where all tenants are, by version and state.

use super::*;
use tenant_diesel::{MigrationTarget, Selection, TenantState};
use tenant_tests::apps::todo;
use tenant_tests::{Proxy, application, name};

#[test]
fn each_version_each_state_and_whatever_is_wrong_is_told() {
    let fixture = bare(6);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    assert_eq!(tenancy.status().unwrap().behind.len(), 6);
    fixture.run("CREATE TABLE t005.labels_task_id ()");
    failure(tenancy.migrate());
    let back = Selection::names(["t000", "t001"].map(name));
    tenancy
        .migration()
        .select(back)
        .target(MigrationTarget::Revert(1))
        .run()
        .unwrap();
    fixture.run("UPDATE tenancy.schemas SET state = 'archived' WHERE name = 't002'");
    fixture.run("DROP SCHEMA t003 CASCADE");
    fixture.run("INSERT INTO t004.__diesel_schema_migrations VALUES ('20991231000000')");
    tenancy.verify().unwrap();
    let before = fixture.everything();
    let status = tenancy.status().unwrap();
    assert_eq!(fixture.everything(), before);
    assert_eq!(status.latest.as_deref(), Some(TODO[1]));
    assert!(status.shared_is_current && !status.is_well());
    assert_eq!(status.behind, ["t000", "t001", "t005"].map(name));
    assert_eq!(status.missing, [name("t003")]);
    assert_eq!(
        (&status.failed[0].schema, status.failed[0].runs),
        (&name("t005"), 1)
    );
    assert!(status.failed[0].error.contains("labels_task_id"));
    assert_eq!(
        (&status.unknown[0].schema, status.unknown[0].versions.as_slice()),
        (&name("t004"), &["20991231000000".to_owned()][..])
    );
    let groups: Vec<_> = status
        .versions
        .iter()
        .map(|group| (group.version.as_deref(), group.state, group.schemas))
        .collect();
    assert!(
        groups.contains(&(Some(TODO[0]), Some(TenantState::Ready), 2)),
        "{groups:?}"
    );
    assert!(
        groups.contains(&(Some(TODO[1]), Some(TenantState::Archived), 1)),
        "{groups:?}"
    );
    assert!(
        groups.contains(&(Some(TODO[0]), Some(TenantState::Failed), 1)),
        "{groups:?}"
    );
    assert_eq!(status.schemas(), 6);
    let text = status.to_string();
    for part in [
        "6 schemas",
        "2 at 20240101000000, ready: t000, t001",
        "`t005` failed in 1 run(s)",
        "`t004` has versions",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(status.drifting, None);
}

#[test]
fn drift_is_told_where_it_is_asked_for() {
    let fixture = Fixture::new();
    fixture.tagged(&["a", "b", "c"]);
    fixture.run("ALTER TABLE b.tasks ADD COLUMN by_hand integer");
    let status = fixture.tenancy.status_with_drift().unwrap();
    assert_eq!(status.drifting, Some(vec![name("b")]));
    assert!(status.behind.is_empty() && !status.is_well());
}

#[test]
fn a_database_that_was_never_migrated_has_a_status_too() {
    let fixture = Fixture::of(2, application::<Client>());
    let status = fixture.tenancy.status().unwrap();
    assert!(!status.shared_is_current && status.versions.is_empty());
    assert!(!fixture.has_schema("tenancy"));
}

#[test]
fn the_status_of_many_costs_what_that_of_few_does() {
    let mut costs = Vec::new();
    for tenants in [2, 30] {
        let fixture = bare(tenants);
        let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
        let tenancy = cases::builder().connect(&url).unwrap();
        costs.push(
            proxy
                .count_all(|| assert_eq!(tenancy.status().unwrap().schemas(), tenants))
                .0,
        );
    }
    assert_eq!(costs[0], costs[1]);
}
