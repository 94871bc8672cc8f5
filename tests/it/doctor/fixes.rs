//! What can be mended is mended, once, and nothing that holds data goes.

use super::*;
use tenant_diesel::Fixed;
use tenant_tests::{add_task, application, titles};

const SPARE: &str = "tenancy_spare_0123456789abcdef0123456789abcdef";

/// What was mended and left, as `name: what`.
fn said(fixed: &Fixed) -> (Vec<&str>, Vec<&str>) {
    assert_eq!(fixed.is_complete(), fixed.left.is_empty());
    let mended = fixed.mended.iter().map(|t| t.object.as_str()).collect();
    (mended, fixed.left.iter().map(|t| t.object.as_str()).collect())
}

/// Mends, and mends again, which does nothing.
fn twice(fixture: &Fixture, complaint: &Complaint) -> Fixed {
    let fixed = fixture.tenancy.fix(complaint).unwrap();
    assert_eq!(fixed.check, complaint.check);
    let after = fixture.everything();
    let again = fixture.tenancy.fix(complaint).unwrap();
    assert_eq!(again.mended, [], "{again}");
    assert_eq!(fixture.everything(), after);
    fixed
}

fn state(fixture: &Fixture, schema: &str) -> String {
    fixture
        .texts(&format!(
            "SELECT state FROM tenancy.schemas WHERE name = '{schema}'"
        ))
        .remove(0)
}

#[test]
fn schemas_of_rows_are_made_all_of_them_and_the_others_are_not_touched() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "it's", "globex"]);
    fixture.run("DROP SCHEMA acme CASCADE; DROP SCHEMA \"it's\" CASCADE");
    fixture
        .run("INSERT INTO clients (schema_name, name) SELECT 't' || i, '' FROM generate_series(10, 40) AS i");
    let complaint = only(&fixture.tenancy, Check::RowWithoutSchema);
    assert_eq!((complaint.total, complaint.can_be_fixed), (33, true));
    let fixed = twice(&fixture, &complaint);
    assert_eq!((fixed.mended.len(), fixed.left.len()), (33, 0), "{fixed}");
    assert_eq!(fixture.tables("acme"), fixture.tables("globex"));
    assert_eq!(fixture.tables("t40"), fixture.tables("globex"));
    assert_eq!(fixture.titles(&tenants[2]), ["globex"]);
    add_task(&fixture.tenancy, &tenants[1], "again");
    assert!(diagnose(&fixture.tenancy).is_healthy());
}

#[test]
fn one_schema_that_cannot_be_made_is_left_and_the_others_are_made() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run("DROP SCHEMA acme CASCADE; DROP SCHEMA globex CASCADE; CREATE SCHEMA \"Acme\"");
    let diagnosis = diagnose(&fixture.tenancy);
    let complaint = diagnosis.complaint(Check::RowWithoutSchema).unwrap();
    let fixed = fixture.tenancy.fix(complaint).unwrap();
    assert_eq!(said(&fixed), (vec!["globex"], vec!["acme"]), "{fixed}");
    assert!(fixed.left[0].what.contains("differs in case only"), "{fixed}");
    assert!(
        fixed
            .to_string()
            .starts_with("[row-without-schema] 1 mended, 1 left"),
        "{fixed}"
    );
}

#[test]
fn a_forgotten_spare_is_dropped_if_it_is_empty_and_nobody_is_at_it() {
    let fixture = Fixture::new();
    let (full, busy) = (SPARE.replace("01", "aa"), SPARE.replace("01", "bb"));
    fixture.run(&format!(
        "CREATE SCHEMA {SPARE}; CREATE TABLE {SPARE}.tasks (id int); CREATE TABLE {SPARE}.\"o\"\"dd\" (id int); \
         CREATE TABLE {SPARE}.__diesel_schema_migrations (version text); \
         INSERT INTO {SPARE}.__diesel_schema_migrations VALUES ('1'); \
         CREATE SCHEMA {full}; CREATE TABLE {full}.t (id int); INSERT INTO {full}.t VALUES (1); CREATE SCHEMA {busy}; \
         INSERT INTO tenancy.schemas (name, kind, state, digest) VALUES ('{SPARE}', 'spare', 'provisioning', '')"
    ));
    let held = at_work(&fixture, &busy);
    let complaint = only(&fixture.tenancy, Check::ForgottenSpare);
    assert_eq!(objects(&complaint), [SPARE, full.as_str()]);
    let fixed = twice(&fixture, &complaint);
    assert_eq!(
        said(&fixed),
        (vec![SPARE], vec![full.as_str(), busy.as_str()]),
        "{fixed}"
    );
    assert!(fixed.left[0].what.contains("`t` has rows"), "{fixed}");
    assert!(!fixture.has_schema(SPARE) && fixture.has_schema(&full) && fixture.has_schema(&busy));
    assert_eq!(
        fixture.count("SELECT count(*) FROM tenancy.schemas WHERE kind = 'spare'"),
        0
    );
    drop(held);
}

#[test]
fn what_is_kept_of_schemas_that_are_gone_is_removed_and_nothing_else() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run("DELETE FROM clients WHERE schema_name = 'acme'; DROP SCHEMA acme CASCADE");
    let complaint = only(&fixture.tenancy, Check::ForgottenRecord);
    let held = at_work(&fixture, "acme");
    let fixed = fixture.tenancy.fix(&complaint).unwrap();
    assert_eq!(said(&fixed), (vec![], vec!["acme"]), "{fixed}");
    assert_eq!(fixed.left[0].what, "somebody is at it");
    drop(held);
    tenant_tests::wait_until("the lock is free", || fixture.advisory_locks() == 0);
    assert_eq!(said(&twice(&fixture, &complaint)).0, ["acme"]);
    assert_eq!(
        fixture.texts("SELECT name FROM tenancy.schemas ORDER BY 1"),
        ["globex", "public"]
    );
    assert!(diagnose(&fixture.tenancy).is_healthy());
}

#[test]
fn a_state_that_nobody_ends_becomes_what_the_ledger_says() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex", "initech", "umbrella", "hooli"]);
    // Complete, behind, without a ledger, being dropped, without a schema.
    fixture.run(
        "DELETE FROM globex.__diesel_schema_migrations WHERE version = '20240102000000'; DROP TABLE globex.labels; \
         DROP TABLE initech.__diesel_schema_migrations; DROP TABLE initech.labels; DROP TABLE initech.tasks; \
         DROP SCHEMA hooli CASCADE; \
         UPDATE tenancy.schemas SET state = 'migrating' WHERE name IN ('acme', 'globex', 'initech'); \
         UPDATE tenancy.schemas SET state = 'dropping' WHERE name = 'umbrella'; \
         UPDATE tenancy.schemas SET state = 'provisioning' WHERE name = 'hooli'",
    );
    let complaint = only(&fixture.tenancy, Check::StaleState);
    assert_eq!(
        objects(&complaint),
        ["acme", "globex", "hooli", "initech", "umbrella"]
    );
    let fixed = twice(&fixture, &complaint);
    let (mut mended, left) = said(&fixed);
    mended.sort_unstable();
    assert_eq!(
        (mended, left),
        (vec!["acme", "globex", "hooli", "initech"], vec!["umbrella"]),
        "{fixed}"
    );
    assert!(fixed.left[0].what.contains("call delete again"), "{fixed}");
    let states = ["acme", "globex", "initech", "umbrella", "hooli"].map(|schema| state(&fixture, schema));
    assert_eq!(states, ["ready", "failed", "failed", "dropping", "ready"]);
    assert_eq!(fixture.tables("hooli"), fixture.tables("acme"));
    // What is failed, the next run takes up.
    fixture.tenancy.migrate().unwrap();
    assert_eq!(state(&fixture, "globex"), "ready");
    let fresh = application::<tenant_tests::apps::customers::Client>()
        .connect(fixture.database.url())
        .unwrap();
    assert_eq!(fresh.with_tenant(&tenants[0], titles).unwrap(), ["acme"]);
    fresh.delete_with_schema(&tenants[3]).unwrap();
    assert!(diagnose(&fixture.tenancy).is_healthy());
}

#[test]
fn a_schema_that_is_being_dropped_alone_is_not_offered_to_be_mended() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    fixture.run("UPDATE tenancy.schemas SET state = 'dropping' WHERE name = 'acme'");
    let complaint = only(&fixture.tenancy, Check::StaleState);
    assert!(!complaint.can_be_fixed);
    let fixed = fixture.tenancy.fix(&complaint).unwrap();
    assert_eq!(said(&fixed), (vec![], vec!["acme"]));
    assert!(fixture.has_schema("acme"));
}

#[test]
fn rights_on_the_librarys_table_are_granted_again() {
    let fixture = Fixture::new();
    fixture.run("REVOKE ALL ON tenancy.schemas FROM PUBLIC; REVOKE ALL ON SCHEMA tenancy FROM PUBLIC");
    let complaint = only(&fixture.tenancy, Check::LibraryGrants);
    assert_eq!(said(&twice(&fixture, &complaint)).0, ["tenancy"]);
    assert!(diagnose(&fixture.tenancy).is_healthy());
    // Rights of a role of the application's own are enough.
    let role = Role::new(&fixture, "doctor_granted");
    fixture.run(&format!(
        "REVOKE ALL ON tenancy.schemas FROM PUBLIC; REVOKE ALL ON SCHEMA tenancy FROM PUBLIC; \
         GRANT USAGE ON SCHEMA tenancy TO {role}; GRANT SELECT ON tenancy.schemas TO {role}",
        role = role.name
    ));
    assert!(diagnose(&fixture.tenancy).is_healthy());
}

#[test]
fn what_needs_a_person_is_not_mended() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme"]);
    fixture.run("DELETE FROM clients; CREATE TABLE public.tasks (id int)");
    let before = fixture.everything();
    let diagnosis = diagnose(&fixture.tenancy);
    assert_eq!(diagnosis.complaints.len(), 2);
    assert_eq!(diagnosis.fixable().count(), 0);
    for complaint in &diagnosis.complaints {
        let refused = fixture.tenancy.fix(complaint);
        assert!(
            matches!(&refused, Err(Error::NoSafeFix { check, .. }) if *check == complaint.check),
            "{refused:?}"
        );
    }
    assert_eq!(fixture.everything(), before);
}
