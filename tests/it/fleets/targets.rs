//! Where a run brings schemas.

use super::*;
use tenant_diesel::{MigrationTarget, Outcome, Selection, Step};
use tenant_tests::apps::todo;
use tenant_tests::{application, chain, name};

fn run(tenancy: &Tenancy<Client>, target: MigrationTarget) -> Result<MigrationReport, Error> {
    tenancy
        .migration()
        .select(Selection::tenants())
        .target(target)
        .run()
}

fn version(version: &str) -> MigrationTarget {
    MigrationTarget::Version(version.to_owned())
}

#[test]
fn a_version_is_reached_from_below_and_from_above() {
    let fixture = bare(2);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = run(&tenancy, version(TODO[0])).unwrap();
    assert_eq!(report.schema(&name("t000")).unwrap().applied, [TODO[0]]);
    assert_eq!(fixture.versions("t001"), [TODO[0]]);
    tenancy.migrate().unwrap();
    assert_eq!(fixture.versions("t001"), TODO);
    let report = run(&tenancy, version(TODO[0])).unwrap();
    assert_eq!(report.schema(&name("t000")).unwrap().reverted, [TODO[1]]);
    for schema in ["t000", "t001"] {
        assert_eq!(fixture.versions(schema), [TODO[0]]);
        assert_eq!(fixture.tables(schema), ["__diesel_schema_migrations", "tasks"]);
        let kept = format!("SELECT version FROM tenancy.schemas WHERE name = '{schema}'");
        assert_eq!(fixture.texts(&kept), [TODO[0]]);
    }
    // Of the shared schema's versions, none is the tenants'.
    assert_eq!(fixture.versions("public"), ["20240101000000"]);
    let unknown = run(&tenancy, version("2024-01-01"));
    assert!(matches!(unknown, Err(Error::UnknownVersion { version }) if version == "2024-01-01"));
}

#[test]
fn migrations_are_reverted_last_first_and_each_time_that_it_is_asked_for() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    let tenancy = &fixture.tenancy;
    assert_eq!(
        run(tenancy, MigrationTarget::Revert(1)).unwrap().schemas[0].reverted,
        [TODO[1]]
    );
    assert_eq!(fixture.versions("globex"), [TODO[0]]);
    assert_eq!(
        run(tenancy, MigrationTarget::Revert(1)).unwrap().schemas[1].reverted,
        [TODO[0]]
    );
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations"]);
    assert!(
        run(tenancy, MigrationTarget::Revert(1))
            .unwrap()
            .schemas
            .is_empty()
    );
    tenancy.migrate().unwrap();
    let report = run(tenancy, MigrationTarget::Revert(9)).unwrap();
    assert_eq!(report.schemas[0].reverted, [TODO[1], TODO[0]]);
    assert!(report.to_string().contains("4 reverted"), "{report}");
}

#[test]
fn the_last_migration_is_redone_in_one_transaction() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.run("INSERT INTO acme.labels (task_id, text) SELECT id, 'x' FROM acme.tasks");
    let report = run(&fixture.tenancy, MigrationTarget::Redo).unwrap();
    let entry = &report.schemas[0];
    assert_eq!(
        (&entry.reverted, &entry.applied),
        (&vec![TODO[1].to_owned()], &vec![TODO[1].to_owned()])
    );
    assert_eq!(fixture.count("SELECT count(*) FROM acme.labels"), 0);
    assert_eq!(fixture.titles(&acme), ["acme"]);
    assert_eq!(fixture.versions("acme"), TODO);
}

#[test]
fn what_is_faked_is_recorded_and_not_run_and_only_with_a_reason() {
    let fixture = bare(1);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let fake = |to: Option<&str>, reason: &str| MigrationTarget::Fake {
        to: to.map(str::to_owned),
        reason: reason.to_owned(),
    };
    let before = fixture.everything();
    assert!(matches!(
        run(&tenancy, fake(None, " ")),
        Err(Error::FakeWithoutReason)
    ));
    assert_eq!(fixture.everything(), before);
    let report = run(&tenancy, fake(Some(TODO[0]), "made by hand")).unwrap();
    assert_eq!(report.schemas[0].faked, [TODO[0]]);
    assert_eq!(fixture.versions("t000"), [TODO[0]]);
    assert_eq!(fixture.tables("t000"), ["__diesel_schema_migrations"]);
    assert_eq!(
        fixture.texts("SELECT reason FROM tenancy.runs WHERE reason IS NOT NULL"),
        ["made by hand"]
    );
}

#[test]
fn a_migration_without_a_way_back_says_so_and_changes_nothing() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::one_way::App>());
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    let before = fixture.versions("acme");
    let report = failure(run(&fixture.tenancy, MigrationTarget::Revert(1)));
    let error = report.schemas[0].error.as_ref().unwrap();
    assert!(matches!(error, Error::NoDownFile { .. }), "{}", chain(error));
    assert_eq!(fixture.versions("acme"), before);
}

#[test]
fn a_ledger_with_a_version_that_nobody_knows_is_named_and_left_alone() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run("INSERT INTO acme.__diesel_schema_migrations VALUES ('20991231000000')");
    fixture.tenancy.verify().unwrap();
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!((report.applied(), report.up_to_date), (0, 2));
    let plan = fixture
        .tenancy
        .migration()
        .select(Selection::tenants())
        .target(MigrationTarget::Revert(1))
        .plan()
        .unwrap();
    assert_eq!(plan.schemas[0].unknown, ["20991231000000"]);
    assert_eq!(plan.schemas[0].steps, [Step::Revert("20991231000000".to_owned())]);
    let report = failure(run(&fixture.tenancy, MigrationTarget::Revert(1)));
    assert!(matches!(report.schemas[0].error, Some(Error::NotEmbedded { .. })));
    assert_eq!(report.schemas[1].outcome, Outcome::Done);
    assert_eq!(fixture.versions("acme").len(), 3);
}

#[test]
fn selections_are_what_the_existing_systems_have() {
    let fixture = Fixture::of(
        2,
        application()
            .static_tenant(name("www"))
            .static_tenant(name("blog"))
            .reference_schema(name("sample")),
    );
    let tenancy = &fixture.tenancy;
    tenancy.migrate().unwrap();
    fixture.tenant("acme");
    fixture.tenant("globex");
    assert_eq!(
        fixture.schemas(),
        ["acme", "blog", "globex", "public", "sample", "www"]
    );
    assert_eq!(fixture.tables("sample"), fixture.tables("acme"));
    let of = |selection: Selection| {
        let target = MigrationTarget::Revert(1);
        let plan = tenancy
            .migration()
            .select(selection)
            .target(target)
            .plan()
            .unwrap();
        let shared = plan.shared.iter().map(|planned| planned.schema.to_string());
        let others = plan.schemas.iter().map(|planned| planned.schema.to_string());
        shared.chain(others).collect::<Vec<_>>()
    };
    assert_eq!(
        of(Selection::all()),
        ["public", "blog", "sample", "www", "acme", "globex"]
    );
    assert_eq!(of(Selection::statics()), ["public", "blog", "sample", "www"]);
    assert_eq!(of(Selection::tenants()), ["acme", "globex"]);
    assert_eq!(of(Selection::tenant_like()), ["sample", "acme", "globex"]);
    assert_eq!(of(Selection::shared()), ["public"]);
    let mine = ["www", "globex"].map(name);
    assert_eq!(of(Selection::names(mine.clone())), ["www", "globex"]);
    assert_eq!(
        of(Selection::all().except(mine)),
        ["public", "blog", "sample", "acme"]
    );
    let unknown = Selection::names(["acme", "nobody"].map(name));
    let refused = tenancy.migration().select(unknown).run();
    assert!(
        matches!(&refused, Err(Error::UnknownSchemas { names }) if *names == [name("nobody")]),
        "{refused:?}"
    );
    // Nobody can take the names.
    for taken in ["www", "Sample"] {
        assert!(fixture.try_tenant(taken).unwrap_err().is_taken());
    }
}

#[test]
fn a_version_is_reached_by_the_shared_schema_first_forward_and_last_backward() {
    let fixture = bare(2);
    let builder = cases::builder().app::<cases::rates::App>();
    let tenancy = again(&fixture, builder.app::<cases::prices::App>());
    let to = |version: &str| {
        let target = MigrationTarget::Version(version.to_owned());
        tenancy.migration().target(target).run()
    };
    // What tenants refer to is made before, in one version of one name.
    let report = to("20250301000000").unwrap();
    assert_eq!(report.applied(), 3, "{report}");
    // One of the shared schema's alone, which undoes what tenants need: refused, and nothing is changed.
    let report = failure(to("20240101000000"));
    assert_eq!(
        fixture.versions("public"),
        ["20240101000000", "20250301000000"],
        "{report}"
    );
    let back = tenancy
        .migration()
        .target(MigrationTarget::Revert(1))
        .run()
        .unwrap();
    assert_eq!(fixture.versions("public"), ["20240101000000"], "{back}");
    assert_eq!(fixture.versions("t001"), [""; 0]);
}
