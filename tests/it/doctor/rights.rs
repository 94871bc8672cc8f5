//! Roles and owners; and a role that is no superuser may ask, and is told what it cannot see.

use super::*;
use tenant_diesel::Severity;
use tenant_tests::application;
use tenant_tests::apps::customers::Client;

/// The application as another role.
fn connect(role: &Role<'_>) -> Tenancy<Client> {
    let limits = r2d2::Pool::builder().max_size(1);
    application().r2d2(limits).connect(&role.url()).unwrap()
}

/// Two tenants, and a role that may do what an application does.
fn served<'f>(fixture: &'f Fixture, name: &str) -> Role<'f> {
    fixture.tenant("acme");
    fixture.tenant("globex");
    let role = Role::new(fixture, name);
    fixture.run(&format!(
        "GRANT USAGE ON SCHEMA acme, globex, public TO {role}; GRANT SELECT ON clients, plans TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA acme, globex TO {role}",
        role = role.name
    ));
    role
}

#[test]
fn a_role_that_serves_is_told_what_it_cannot_see() {
    let fixture = Fixture::new();
    let role = served(&fixture, "doctor_serves");
    let tenancy = connect(&role);
    let diagnosis = tenancy.doctor().unwrap();
    assert!(diagnosis.is_healthy(), "{diagnosis}");
    let unseen: Vec<Check> = diagnosis.unseen.iter().map(|unseen| unseen.check).collect();
    assert_eq!(unseen, [Check::UnfinishedRun], "{diagnosis}");
    assert!(
        diagnosis.to_string().contains("may not read `tenancy.runs`"),
        "{diagnosis}"
    );
    // It sees what is wrong as well as anybody.
    fixture.run("DROP SCHEMA acme CASCADE; CREATE TABLE public.tasks (id int); CREATE TYPE globex.mood AS ENUM ('sad')");
    let diagnosis = tenancy.doctor().unwrap();
    let checks: Vec<Check> = diagnosis.complaints.iter().map(|c| c.check).collect();
    assert_eq!(
        checks,
        [
            Check::RowWithoutSchema,
            Check::TypeInTenant,
            Check::TenantTableInPublic
        ],
        "{diagnosis}"
    );
    // And may not mend it, which is said.
    let fixed = tenancy.fix(&diagnosis.complaints[0]).unwrap();
    assert_eq!((fixed.mended.len(), fixed.left.len()), (0, 1), "{fixed}");
    assert!(!fixture.has_schema("acme"));
}

#[test]
fn a_role_without_rights_is_told_which_it_misses() {
    let fixture = Fixture::new();
    let role = served(&fixture, "doctor_misses");
    fixture.run(&format!(
        "REVOKE USAGE ON SCHEMA acme FROM {role}; REVOKE SELECT ON tenancy.schemas FROM PUBLIC",
        role = role.name
    ));
    let tenancy = connect(&role);
    let diagnosis = tenancy.doctor().unwrap();
    let checks: Vec<Check> = diagnosis.complaints.iter().map(|c| c.check).collect();
    assert_eq!(
        checks,
        [Check::MissingGrants, Check::LibraryGrants],
        "{diagnosis}"
    );
    assert_eq!(diagnosis.complaints[0].concerned[0].to_string(), "acme: no USAGE");
    assert_eq!(objects(&diagnosis.complaints[1]), ["tenancy.schemas"]);
    assert!(diagnosis.complaints.iter().all(|c| c.severity == Severity::Error));
    assert!(
        diagnosis
            .unseen
            .iter()
            .any(|unseen| unseen.check == Check::StaleState)
    );
    let fixed = tenancy.fix(&diagnosis.complaints[1]).unwrap();
    assert_eq!((fixed.mended.len(), fixed.left.len()), (0, 1), "{fixed}");
    // Nor does it see tenants that it may not read the rows of, and takes none for missing.
    fixture.run(&format!("REVOKE SELECT ON clients FROM {}", role.name));
    let diagnosis = tenancy.doctor().unwrap();
    let checks: Vec<Check> = diagnosis.complaints.iter().map(|c| c.check).collect();
    assert_eq!(checks, [Check::LibraryGrants], "{diagnosis}");
    assert!(diagnosis.unseen.len() > 10, "{diagnosis}");
}

#[test]
fn a_role_that_migrates_and_is_no_superuser_is_healthy_and_owns_everything() {
    let fixture = Fixture::unmigrated(1);
    let role = Role::new(&fixture, "doctor_migrates");
    let database = fixture.texts("SELECT current_database()").remove(0);
    fixture.run(&format!(
        "GRANT CREATE ON DATABASE \"{database}\" TO {role}; GRANT ALL ON SCHEMA public TO {role}",
        role = role.name
    ));
    let tenancy = connect(&role);
    tenancy.migrate().unwrap();
    tenancy.create(tenant_tests::new_client("acme")).unwrap();
    assert!(diagnose(&tenancy).is_healthy());
    // A table that somebody else made by hand stops the next migration.
    fixture.run("CREATE TABLE acme.by_hand (id int); REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let complaint = only(&tenancy, Check::ForeignOwner);
    assert_eq!(
        (objects(&complaint), complaint.severity),
        (vec!["acme.by_hand"], Severity::Error)
    );
    fixture.run(&format!(
        "DROP TABLE acme.by_hand; REVOKE CREATE ON SCHEMA acme FROM {role}; REVOKE CREATE ON SCHEMA public FROM {role}",
        role = role.name
    ));
    let complaint = only(&tenancy, Check::MissingGrants);
    let said: Vec<String> = complaint.concerned.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["acme: no CREATE", "public: no CREATE"]);
    drop(tenancy);
}

#[test]
fn a_role_with_a_tenants_name_and_a_path_to_one_are_named() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    let role = Role::new(&fixture, "doctor_named");
    fixture.tenant(&role.name);
    assert_eq!(
        objects(&only(&fixture.tenancy, Check::RoleNamedAsSchema)),
        [role.name.as_str()]
    );
    let other = Role::new(&fixture, "doctor_path");
    let mine = &other.name;
    let database = fixture.texts("SELECT current_database()").remove(0);
    fixture.run(&format!(
        "ALTER ROLE {mine} IN DATABASE \"{database}\" SET search_path = \"$user\", public"
    ));
    let diagnosis = diagnose(&fixture.tenancy);
    let complaint = diagnosis.complaint(Check::SearchPathSetting).unwrap();
    let said = complaint.concerned[0].to_string();
    assert_eq!(
        said,
        format!("role {mine} in this database: search_path = \"$user\", public")
    );
    fixture.run(&format!(
        "ALTER ROLE {mine} IN DATABASE \"{database}\" SET search_path = ''"
    ));
    assert!(
        diagnose(&fixture.tenancy)
            .complaint(Check::SearchPathSetting)
            .is_none()
    );
}

#[test]
fn schemas_and_tables_of_other_owners_are_named() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    let role = Role::new(&fixture, "doctor_owner");
    fixture.run(&format!(
        "ALTER SCHEMA acme OWNER TO {role}; ALTER TABLE globex.tasks OWNER TO {role}; ALTER TABLE plans OWNER TO {role}",
        role = role.name
    ));
    let complaint = only(&fixture.tenancy, Check::ForeignOwner);
    let found = objects(&complaint);
    assert!(
        found.contains(&"acme") && found.contains(&"globex.tasks") && found.contains(&"public.plans"),
        "{complaint}"
    );
    assert_eq!(
        complaint.severity,
        Severity::Warning,
        "a superuser may do everything"
    );
    assert_eq!(
        complaint.concerned[0].detail,
        Some(format!("owned by {}", role.name))
    );
}
