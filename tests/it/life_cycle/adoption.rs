//! What exists becomes a tenant: a schema, or the tables of an application that had one tenant.

use diesel::prelude::*;
use tenant_diesel::{Adoption, CannotAdopt, Error, Moment};
use tenant_tests::apps::customers::Client;
use tenant_tests::{Fixture, add_task, chain, new_client};

const TABLES: &str = "CREATE TABLE tasks (id BIGSERIAL PRIMARY KEY, title TEXT NOT NULL, \
       owner TEXT NOT NULL DEFAULT current_schema(), plan_id INTEGER REFERENCES public.plans (id)); \
     CREATE TABLE labels (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
       task_id BIGINT NOT NULL REFERENCES tasks (id), text TEXT NOT NULL); \
     INSERT INTO tasks (title, plan_id) VALUES ('old', 1)";

const VERSIONS: [&str; 2] = ["20240101000000", "20240102000000"];

fn refused(fixture: &Fixture, adoption: &Adoption) -> Error {
    let before = fixture.everything();
    let error = fixture.tenancy.adopt(new_client("acme"), adoption).unwrap_err();
    assert_eq!(fixture.everything(), before);
    error
}

fn is_whole(fixture: &Fixture, acme: &Client) {
    assert_eq!(fixture.versions("acme"), VERSIONS);
    assert_eq!(fixture.titles(acme), ["old"]);
    // Its sequence came along.
    add_task(&fixture.tenancy, acme, "new");
    assert_eq!(fixture.texts("SELECT id FROM acme.tasks ORDER BY 1"), ["1", "2"]);
    assert_eq!(
        fixture.texts("SELECT kind || ' ' || state FROM tenancy.schemas WHERE name = 'acme'"),
        ["tenant ready"]
    );
    assert_eq!(fixture.tenancy.migrate().unwrap().applied(), 0);
    fixture.tenancy.delete_with_schema(acme).unwrap();
}

#[test]
fn a_schema_with_a_ledger_becomes_a_tenant_as_it_is() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    add_task(&fixture.tenancy, &acme, "old");
    fixture.tenancy.delete(&acme).unwrap();
    assert!(fixture.has_schema("acme"));
    let with_baseline = Adoption::existing_schema().baseline(VERSIONS[1], "known");
    let error = refused(&fixture, &with_baseline);
    assert!(
        matches!(
            error,
            Error::CannotAdopt {
                why: CannotAdopt::HasLedger,
                ..
            }
        ),
        "{error:?}"
    );
    let acme = fixture
        .tenancy
        .adopt(new_client("acme"), &Adoption::existing_schema())
        .unwrap();
    is_whole(&fixture, &acme);
}

#[test]
fn a_schema_without_a_ledger_needs_a_version_and_a_reason() {
    let fixture = Fixture::new();
    fixture.tenant("other");
    fixture.run(&format!("CREATE SCHEMA acme; SET search_path = acme; {TABLES}"));
    let error = refused(&fixture, &Adoption::existing_schema());
    assert!(
        matches!(
            error,
            Error::CannotAdopt {
                why: CannotAdopt::NoLedger,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(chain(&error).contains("with `baseline`"), "{}", chain(&error));
    let error = refused(&fixture, &Adoption::existing_schema().baseline("20240101", ""));
    assert!(
        chain(&error).contains("no migration 20240101"),
        "{}",
        chain(&error)
    );
    fixture.run("ALTER TABLE acme.labels RENAME TO hidden");
    let error = refused(&fixture, &Adoption::existing_schema().baseline(VERSIONS[1], ""));
    assert!(
        matches!(&error, Error::CannotAdopt { why: CannotAdopt::TablesMissing(tables), .. } if tables == &["acme.labels"]),
        "{error:?}"
    );
    fixture.run("ALTER TABLE acme.hidden RENAME TO labels");
    let reason = "it's been \\ restored from a dump; DROP TABLE $tenancy$ ü";
    let how = Adoption::existing_schema().baseline(VERSIONS[1], reason);
    let acme = fixture.tenancy.adopt(new_client("acme"), &how).unwrap();
    assert_eq!(
        fixture.texts("SELECT obj_description('acme.__diesel_schema_migrations'::regclass)"),
        [format!("baseline {}: {reason}", VERSIONS[1])]
    );
    is_whole(&fixture, &acme);
}

#[test]
fn what_is_pending_after_a_baseline_is_applied_by_the_next_run() {
    let fixture = Fixture::new();
    fixture.run(&format!(
        "CREATE SCHEMA acme; SET search_path = acme; {TABLES}; DROP TABLE labels"
    ));
    let how = Adoption::existing_schema().baseline(VERSIONS[0], "labels came later");
    let acme = fixture.tenancy.adopt(new_client("acme"), &how).unwrap();
    assert_eq!(fixture.versions("acme"), VERSIONS[..1]);
    assert_eq!(fixture.tenancy.migrate_tenant(&acme).unwrap().applied(), 1);
    is_whole(&fixture, &acme);
}

#[test]
fn the_tables_of_a_single_tenant_application_become_a_tenants() {
    let fixture = Fixture::new();
    fixture.tenant("other");
    let error = refused(&fixture, &Adoption::shared_tables());
    assert!(
        matches!(&error, Error::CannotAdopt { why: CannotAdopt::TablesMissing(tables), .. }
            if tables == &["public.tasks", "public.labels"]),
        "{error:?}"
    );
    fixture.run(TABLES);
    let error = refused(&fixture, &Adoption::shared_tables());
    assert!(
        matches!(
            error,
            Error::CannotAdopt {
                why: CannotAdopt::NoLedger,
                ..
            }
        ),
        "{error:?}"
    );
    // A shared table may refer to one that goes. The first version is a shared app's too, so it is there.
    fixture.run(
        "CREATE TABLE favourites (task_id bigint REFERENCES tasks); INSERT INTO favourites VALUES (1); \
         INSERT INTO __diesel_schema_migrations (version) VALUES ('20240102000000')",
    );
    let acme = fixture
        .tenancy
        .adopt(new_client("acme"), &Adoption::shared_tables())
        .unwrap();
    assert_eq!(fixture.versions("public"), ["20240101000000"]);
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "favourites", "plans"]
    );
    assert_eq!(
        fixture.count("SELECT count(*) FROM favourites f JOIN acme.tasks t ON t.id = f.task_id"),
        1
    );
    is_whole(&fixture, &acme);
}

#[test]
fn what_is_not_there_or_taken_cannot_be_adopted() {
    let fixture = Fixture::new();
    fixture.tenant("Acme");
    let missing = fixture
        .tenancy
        .adopt(new_client("new"), &Adoption::existing_schema());
    assert!(matches!(missing, Err(Error::SchemaMissing { .. })), "{missing:?}");
    assert!(refused(&fixture, &Adoption::existing_schema()).is_taken());
    fixture.run("CREATE SCHEMA new");
    let taken = fixture
        .tenancy
        .adopt(new_client("new"), &Adoption::shared_tables());
    assert!(matches!(taken, Err(Error::SchemaExists { .. })), "{taken:?}");
    let reserved = fixture
        .tenancy
        .adopt(new_client("public"), &Adoption::existing_schema());
    assert!(
        matches!(reserved, Err(Error::ReservedName { .. })),
        "{reserved:?}"
    );
}

#[test]
fn a_handler_that_refuses_undoes_the_adoption_and_one_that_does_not_works_with_the_data() {
    for moment in [Moment::Adopting, Moment::Adopted] {
        let fixture = Fixture::with(|builder| {
            builder
                .on(Moment::Adopted, |event| {
                    let conn = event.connection().ok_or("no connection")?;
                    diesel::sql_query("UPDATE tasks SET title = 'adopted'").execute(conn)?;
                    Ok(())
                })
                .on(moment, |event| match event.schema().as_str() {
                    "acme" => Err("not today".into()),
                    _ => Ok(()),
                })
        });
        fixture.tenant("other");
        fixture.run(&format!("CREATE SCHEMA acme; SET search_path = acme; {TABLES}"));
        let how = Adoption::existing_schema().baseline(VERSIONS[1], "");
        let error = refused(&fixture, &how);
        assert!(matches!(error, Error::Handler { .. }), "{error:?}");
        assert_eq!(fixture.texts("SELECT title FROM acme.tasks"), ["old"]);
        fixture.run("ALTER SCHEMA acme RENAME TO globex");
        let globex = fixture.tenancy.adopt(new_client("globex"), &how).unwrap();
        assert_eq!(fixture.titles(&globex), ["adopted"]);
    }
}
