//! What is wrong with a few, and was told of nobody, or of all.

use super::*;
use tenant_diesel::{Check, Gate, TenantState, Wave, WaveEnd};

#[test]
fn an_archived_tenant_whose_schema_was_dropped_is_named() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex", "initech"]);
    fixture.tenancy.archive(&tenants[0]).unwrap();
    fixture.tenancy.archive(&tenants[1]).unwrap();
    fixture.run("DROP SCHEMA acme CASCADE");
    let verified = fixture.tenancy.verify().unwrap();
    assert_eq!(verified.missing, [name("acme")], "{verified}");
    let status = fixture.tenancy.status().unwrap();
    assert_eq!(status.missing, [name("acme")], "{status}");
    let plan = fixture.tenancy.migration().plan().unwrap();
    assert_eq!(plan.missing, [name("acme")], "{plan}");
    assert_eq!(plan.at_rest, [(name("globex"), TenantState::Archived)], "{plan}");
    let diagnosis = fixture.tenancy.doctor().unwrap();
    let complaint = diagnosis.complaint(Check::RowWithoutSchema).unwrap();
    assert_eq!(complaint.concerned[0].object, "acme", "{complaint}");
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!(
        report.schema(&name("acme")).unwrap().outcome,
        Outcome::Missing,
        "{report}"
    );
    assert_eq!(report.at_rest.len(), 1);
}

#[test]
fn one_row_without_a_name_does_not_keep_the_others_from_being_visited() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex", "zeta"]);
    fixture.run(
        "INSERT INTO clients (schema_name, name) VALUES ('', 'first'), ('information_schema', 'between'), \
         ('pg_evil', 'between'), ('zz' || repeat('z', 80), 'last')",
    );
    let report = fixture
        .tenancy
        .for_each(Selection::tenants(), 2, |_, conn| titles(conn))
        .unwrap();
    let visited: Vec<_> = report.tenants.iter().map(|entry| entry.schema.as_str()).collect();
    assert_eq!(visited, ["acme", "globex", "zeta"]);
    assert!(report.tenants.iter().all(|entry| entry.result.is_ok()));
    assert_eq!(report.refused.len(), 4, "{report}");
    assert!(report.has_failures());
    let text = report.to_string();
    assert!(
        text.contains("row `pg_evil` of the table of tenants `public.clients` cannot be read"),
        "{text}"
    );
    let by_name = fixture
        .tenancy
        .for_each_schema(Selection::all(), 1, |_, conn| titles(conn))
        .unwrap();
    assert_eq!((by_name.tenants.len(), by_name.refused.len()), (3, 4));
    // The list itself goes on, too.
    let tenants: Vec<_> = fixture.tenancy.tenants().collect();
    assert_eq!(tenants.iter().filter(|tenant| tenant.is_ok()).count(), 3);
    assert!(
        matches!(tenants[0], Err(Error::UnreadableTenant { .. })),
        "{tenants:?}"
    );
    assert_eq!(tenants.len(), 7);
    let missing = fixture.tenancy.create_missing_schemas().unwrap();
    assert_eq!((missing.existed, missing.failed.len()), (3, 4), "{missing}");
}

#[test]
fn rows_that_cannot_be_read_are_told_page_by_page() {
    let fixture = Fixture::<Client>::of(2, cases::builder());
    fixture.tenancy.migrate().unwrap();
    // Two whole pages between names that are none.
    fixture.run(
        "INSERT INTO clients (schema_name, name) SELECT 'pg_a' || lpad(i::text, 4, '0'), '' FROM generate_series(1, 700) AS i; \
         INSERT INTO clients (schema_name, name) SELECT 'qq' || lpad(i::text, 4, '0'), '' FROM generate_series(1, 1100) AS i; \
         INSERT INTO clients (schema_name, name) VALUES ('pg_z', ''), ('qq0600' || repeat('z', 80), '')",
    );
    let all: Vec<_> = fixture.tenancy.tenants().collect();
    let (read, unread): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!((read.len(), unread.len()), (1100, 702));
    let names: Vec<_> = read
        .into_iter()
        .map(|tenant| tenant.unwrap().schema_name)
        .collect();
    assert!(names.is_sorted());
}

#[test]
fn a_canary_of_names_that_are_nobodys_is_an_error() {
    let fixture = bare(3);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let run = |names: &[&str]| {
        let canary = Wave::canary_of(names.iter().map(|canary| name(canary)));
        tenancy.migration().wave(Wave::of(1)).wave(canary)
    };
    for (names, selection) in [
        (vec!["t00"], Selection::all()),
        (vec!["t000", "T001"], Selection::all()),
        (vec!["t000"], Selection::all().except([name("t000")])),
        (vec!["public"], Selection::all()),
    ] {
        let refused = run(&names).select(selection.clone()).run();
        assert!(
            matches!(refused, Err(Error::WaveOfNobody { wave: 1, .. })),
            "{names:?} {refused:?}"
        );
        let refused = run(&names).select(selection).plan();
        assert!(matches!(refused, Err(Error::WaveOfNobody { .. })), "{names:?}");
    }
    assert!(fixture.versions("t001").is_empty(), "nothing was begun");
    let refused = run(&["t000", "T001"]).run().unwrap_err().to_string();
    assert_eq!(
        refused,
        "wave 1 of the run names `T001`, and the run is for no such schema: correct the name, or the selection"
    );
    run(&["t002"]).run().unwrap();
    // Nothing is left to do for it.
    run(&["t002"]).run().unwrap();
}

#[test]
fn a_canary_of_nobody_before_the_first_migration_says_nothing() {
    let fixture = Fixture::unmigrated(2);
    let canary = Wave::canary_of([name("acme")]);
    fixture.tenancy.migration().wave(canary).run().unwrap();
}

/// Runs three tenants one by one; after the first, something is done.
fn meanwhile(fixture: &Fixture, act: impl Fn() + Send + Sync + 'static) -> Result<MigrationReport, Error> {
    let tenancy = again(fixture, cases::builder().app::<todo::App>());
    let act = move |end: &WaveEnd<'_>| {
        if end.wave == 0 {
            act();
        }
        Gate::Continue
    };
    let run = tenancy.migration().sequential();
    run.wave(Wave::canary(1).gate(act)).run()
}

#[test]
fn a_tenant_that_is_renamed_during_a_run_is_migrated_under_its_new_name() {
    let fixture = bare(3);
    let (tenancy, tenant) = (
        fixture.tenancy.clone(),
        fixture.tenancy.find_by_schema(&name("t001")).unwrap().unwrap(),
    );
    let report = meanwhile(&fixture, move || {
        tenancy.rename(&tenant, &name("apex")).unwrap();
    });
    let report = report.unwrap();
    let schemas: Vec<_> = report.schemas.iter().map(|entry| entry.schema.as_str()).collect();
    assert_eq!(schemas, ["public", "t000", "apex", "t002"], "{report}");
    let apex = report.schema(&name("apex")).unwrap();
    assert_eq!(
        (apex.outcome, &apex.renamed_from),
        (Outcome::Done, &Some(name("t001")))
    );
    assert_eq!((apex.applied.len(), apex.attempts), (2, 1));
    assert_eq!(fixture.versions("apex"), TODO);
    let told = fixture.texts("SELECT schema || ' ' || state FROM tenancy.run_targets ORDER BY schema");
    assert_eq!(told, ["apex done", "public done", "t000 done", "t002 done"]);
    let status = again(&fixture, cases::builder().app::<todo::App>())
        .status()
        .unwrap();
    assert!(status.is_well(), "{status}");
}

#[test]
fn a_schema_that_is_renamed_by_hand_during_a_run_is_missing() {
    let fixture = bare(3);
    let url = fixture.database.url().to_owned();
    let report = meanwhile(&fixture, move || {
        let mut outside = PgConnection::establish(&url).unwrap();
        outside.batch_execute("ALTER SCHEMA t001 RENAME TO apex").unwrap();
    });
    let report = report.unwrap();
    assert_eq!(
        report.schema(&name("t001")).unwrap().outcome,
        Outcome::Missing,
        "{report}"
    );
    assert!(fixture.versions("apex").is_empty());
}

#[test]
fn a_tenant_whose_schema_was_dropped_is_not_counted_among_those_at_its_version() {
    let fixture = Fixture::new();
    let archived = fixture.tagged(&["acme", "globex", "initech"]).remove(2);
    fixture.tenancy.archive(&archived).unwrap();
    fixture.run("DROP SCHEMA acme CASCADE; DROP SCHEMA initech CASCADE");
    let status = fixture.tenancy.status().unwrap();
    let groups: Vec<_> = status
        .versions
        .iter()
        .map(|group| (group.version.as_deref(), group.state, group.first.as_slice()))
        .collect();
    let state = |state| Some(state);
    assert_eq!(
        groups,
        [
            (
                Some(TODO[1]),
                state(TenantState::Archived),
                &[name("initech")][..]
            ),
            (Some(TODO[1]), state(TenantState::Ready), &[name("globex")][..]),
            (None, None, &[name("acme")][..]),
        ]
    );
    assert_eq!(status.missing, [name("initech"), name("acme")]);
}

#[test]
fn a_tenant_whose_schema_was_restored_is_not_counted_at_the_version_that_the_last_one_had() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run(
        "ALTER SCHEMA acme RENAME TO old; CREATE SCHEMA acme; \
         CREATE TABLE acme.__diesel_schema_migrations (LIKE old.__diesel_schema_migrations INCLUDING ALL); \
         DROP SCHEMA old CASCADE",
    );
    let status = fixture.tenancy.status().unwrap();
    let groups: Vec<_> = status
        .versions
        .iter()
        .map(|group| (group.version.as_deref(), group.first.as_slice()))
        .collect();
    assert_eq!(
        groups,
        [
            (Some(TODO[1]), &[name("globex")][..]),
            (None, &[name("acme")][..])
        ]
    );
    assert_eq!(status.behind, [name("acme")]);
}

#[test]
fn a_ledger_that_somebody_has_locked_is_not_waited_for_and_the_others_are_read() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex", "initech"]);
    for schema in ["acme", "globex"] {
        fixture.run(&format!(
            "DELETE FROM {schema}.__diesel_schema_migrations WHERE version = '{}'",
            TODO[1]
        ));
    }
    // As whoever drops the schema has it.
    let lock = crate::process::lock_table(&fixture, "acme.__diesel_schema_migrations");
    let mended = |report: tenant_diesel::VerifyReport| -> Vec<String> {
        let mended = report.mended.into_iter();
        mended.map(|mended| mended.schema.to_string()).collect()
    };
    assert_eq!(mended(fixture.tenancy.verify().unwrap()), ["globex"]);
    let drift = fixture.tenancy.drift().unwrap();
    let unread: Vec<_> = drift.unread.iter().map(|unread| unread.schema.as_str()).collect();
    assert_eq!(unread, ["acme"]);
    drop(lock);
    assert_eq!(mended(fixture.tenancy.verify().unwrap()), ["acme"]);
    assert!(fixture.tenancy.drift().unwrap().unread.is_empty());
}
