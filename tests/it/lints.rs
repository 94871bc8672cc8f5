//! What the library says of the migrations in the binary, before it runs them.

use crate::generated::{diary, library};
use tenant_diesel::{LintFinding, LintRule, TenancyBuilder};
use tenant_tests::apps::customers::Client;
use tenant_tests::{Fixture, application, cases, database, name, warnings_of};

/// An application whose author once had one schema.
fn careless() -> TenancyBuilder<Client> {
    cases::builder()
        .app::<cases::careless::App>()
        .static_name(name("www"))
}

fn places(findings: &[LintFinding]) -> Vec<(LintRule, &'static str, usize)> {
    let place = |finding: &LintFinding| {
        let file = if finding.file.ends_with("/up.sql") {
            "up"
        } else {
            "down"
        };
        (finding.rule, file, finding.line)
    };
    findings.iter().map(place).collect()
}

#[test]
fn careless_migrations_are_found_by_file_and_line_and_no_database_is_asked() {
    let findings = careless().lint();
    assert_eq!(
        places(&findings),
        [
            (LintRule::DropTableIfExists, "up", 2),
            (LintRule::ForeignKeyToSharedTable, "up", 5),
            (LintRule::SetSearchPath, "up", 7),
            (LintRule::HardCodedSchema, "up", 9),
            (LintRule::AllowComment, "up", 10),
            (LintRule::ExtensionInTenantApp, "up", 11),
            (LintRule::HardCodedSchema, "down", 1),
        ]
    );
    // Alone, the app does not know that another one has the table of plans.
    let alone = tenant_diesel::lint::<cases::careless::App>();
    assert_eq!(alone.len(), findings.len() - 1);
}

#[test]
fn a_start_up_warns_of_each_finding_unless_told_not_to() {
    let database = database();
    let (warnings, tenancy) = warnings_of(|| careless().connect(database.url()).unwrap());
    let findings = tenancy.lint();
    assert_eq!(findings, careless().lint());
    let expected = if cfg!(debug_assertions) { findings.len() } else { 0 };
    assert_eq!(warnings.len(), expected, "{warnings:#?}");
    for (warning, finding) in warnings.iter().zip(&findings) {
        assert!(warning.contains(&finding.to_string()), "{warning}");
    }
    let quiet = careless().lint_at_start_up(false);
    let (warnings, _tenancy) = warnings_of(|| quiet.connect(database.url()).unwrap());
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn every_other_fixture_is_clean_or_says_why_not() {
    let findings = application::<Client>()
        .extension_schema(name("extensions"))
        .app::<cases::accounts::App>()
        .app::<cases::commits::App>()
        .app::<cases::counting::App>()
        .app::<cases::concurrent::App>()
        .app::<cases::extensions::App>()
        .app::<cases::left_open::App>()
        .app::<cases::notes::App>()
        .app::<cases::one_way::App>()
        .app::<cases::quoting::App>()
        .app::<cases::reaching::App>()
        .app::<cases::referring::App>()
        .app::<cases::shouting::App>()
        .app::<cases::wandering::App>()
        .app::<cases::workload::App>()
        .app::<library::App>()
        .app::<diary::App>()
        .lint();
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn odd_files_are_migrated_by_the_library_too() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::quoting::App>());
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    assert_eq!(fixture.versions("acme"), ["20240901000000"]);
    assert_eq!(fixture.count("SELECT count(*) FROM acme.log"), 4);
}
