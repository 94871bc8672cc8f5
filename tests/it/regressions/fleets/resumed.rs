//! Runs that are resumed, and those that are not.

use super::*;

#[test]
fn to_revert_again_after_a_revert_that_failed_for_one_reverts_them_all_again() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run("CREATE VIEW globex.v AS SELECT * FROM globex.labels");
    failure(run(&fixture.tenancy, MigrationTarget::Revert(1)));
    assert_eq!(fixture.versions("acme"), [TODO[0]]);
    // Given up: all go forward again.
    fixture.run("DROP VIEW globex.v");
    fixture.tenancy.migrate().unwrap();
    assert_eq!(fixture.versions("acme"), TODO);
    let report = run(&fixture.tenancy, MigrationTarget::Revert(1)).unwrap();
    assert_eq!(
        (fixture.versions("acme"), fixture.versions("globex")),
        (vec![TODO[0].to_owned()], vec![TODO[0].to_owned()]),
        "{report} {report:?}"
    );
}

#[test]
fn to_go_to_a_version_again_after_that_failed_for_one_brings_all_there() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    fixture.run("CREATE VIEW globex.v AS SELECT * FROM globex.labels");
    let back = || MigrationTarget::Version(TODO[0].to_owned());
    failure(run(&fixture.tenancy, back()));
    fixture.run("DROP VIEW globex.v");
    fixture.tenancy.migrate().unwrap();
    let report = run(&fixture.tenancy, back()).unwrap();
    assert_eq!(
        (fixture.versions("acme"), fixture.versions("globex")),
        (vec![TODO[0].to_owned()], vec![TODO[0].to_owned()]),
        "{report} {report:?}"
    );
}

#[test]
fn to_redo_again_after_a_process_was_killed_at_the_very_end_of_a_redo_redoes() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme"]);
    run(&fixture.tenancy, MigrationTarget::Redo).unwrap();
    // Killed after its last schema and before the row of the run.
    fixture.run("UPDATE tenancy.runs SET state = 'running', finished_at = NULL WHERE what LIKE 'redo%'");
    // A month later.
    fixture.tenancy.migrate().unwrap();
    fixture.run("INSERT INTO acme.labels (task_id, text) SELECT id, 'x' FROM acme.tasks");
    let report = run(&fixture.tenancy, MigrationTarget::Redo).unwrap();
    assert_eq!(fixture.count("SELECT count(*) FROM acme.labels"), 0, "{report}");
}

#[test]
fn a_run_whose_process_was_killed_after_its_last_schema_does_not_stay_unfinished_for_ever() {
    let fixture = bare(1);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    tenancy.migrate().unwrap();
    fixture.run("UPDATE tenancy.runs SET state = 'running', finished_at = NULL WHERE id = (SELECT max(id) FROM tenancy.runs)");
    tenancy.migrate().unwrap();
    assert_eq!(fixture.texts("SELECT DISTINCT state FROM tenancy.runs"), ["done"]);
}

#[test]
fn a_redo_whose_second_half_failed_goes_on_with_it_and_a_plain_run_does_too() {
    let builder = || application().app::<cases::rough_halves::App>();
    for mends_by_migrate in [false, true] {
        let fixture = Fixture::of(2, builder());
        fixture.tenancy.migrate().unwrap();
        fixture.tenant("acme");
        fixture.run("ALTER TABLE plans RENAME TO lost");
        let report = failure(run(&fixture.tenancy, MigrationTarget::Redo));
        assert_eq!(report.schemas[0].reverted, ["20241201000000"], "{report}");
        assert_eq!(fixture.versions("acme"), TODO);
        fixture.run("ALTER TABLE lost RENAME TO plans");
        let report = match mends_by_migrate {
            true => fixture.tenancy.migrate().unwrap(),
            false => run(&fixture.tenancy, MigrationTarget::Redo).unwrap(),
        };
        assert_eq!(report.applied(), 1, "{report}");
        assert_eq!(fixture.versions("acme"), [TODO[0], TODO[1], "20241201000000"]);
        // And then it is a new one.
        let report = run(&fixture.tenancy, MigrationTarget::Redo).unwrap();
        let acme = report.schema(&name("acme")).unwrap();
        assert_eq!((acme.reverted.len(), acme.applied.len()), (1, 1), "{report}");
    }
}

#[test]
fn a_tenant_that_was_reverted_and_is_renamed_before_the_run_is_resumed_is_not_reverted_twice() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme", "globex"]).remove(0);
    fixture.run("CREATE VIEW globex.v AS SELECT * FROM globex.labels");
    failure(run(&fixture.tenancy, MigrationTarget::Revert(1)));
    assert_eq!(fixture.versions("acme"), [TODO[0]]);
    fixture.tenancy.rename(&acme, &name("acme_ltd")).unwrap();
    fixture.run("DROP VIEW globex.v");
    let report = run(&fixture.tenancy, MigrationTarget::Revert(1)).unwrap();
    assert_eq!(report.done_before, [name("acme_ltd")]);
    assert_eq!(fixture.versions("globex"), [TODO[0]]);
    assert_eq!(fixture.versions("acme_ltd"), [TODO[0]], "{report}");
}
