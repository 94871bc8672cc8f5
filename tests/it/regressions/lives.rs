//! Tenants that are adopted, renamed and deleted.

use super::*;
use diesel::connection::SimpleConnection;
use std::sync::{Arc, OnceLock};
use tenant_diesel::{Adoption, BoxError, Event, FileFailure, Moment, Tenancy, TenancyBuilder};

#[test]
fn partitions_of_a_table_that_is_adopted_come_along() {
    let fixture = Fixture::new();
    fixture.run(
        "CREATE TABLE tasks (id BIGSERIAL, title TEXT NOT NULL, owner TEXT NOT NULL DEFAULT current_schema(), \
           plan_id INTEGER) PARTITION BY RANGE (id); \
         CREATE TABLE tasks_1 PARTITION OF tasks FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id); \
         CREATE TABLE tasks_1_1 PARTITION OF tasks_1 FOR VALUES FROM (0) TO (5); \
         CREATE TABLE \"Tasks 2\" PARTITION OF tasks FOR VALUES FROM (10) TO (20); \
         CREATE TABLE labels (id BIGSERIAL PRIMARY KEY, task_id BIGINT NOT NULL, text TEXT NOT NULL); \
         CREATE TABLE old_labels () INHERITS (labels); \
         INSERT INTO tasks (title) VALUES ('old')",
    );
    let how = Adoption::shared_tables().baseline("20240102000000", "was one tenant's");
    let acme = ok(fixture.tenancy.adopt(new_client("acme"), &how));
    assert_eq!(
        fixture.tables("acme"),
        [
            "Tasks 2",
            "__diesel_schema_migrations",
            "labels",
            "old_labels",
            "tasks",
            "tasks_1",
            "tasks_1_1"
        ]
    );
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "plans"]
    );
    assert_eq!(fixture.titles(&acme), ["old"]);
}

#[test]
fn a_function_whose_path_holds_an_empty_name_does_not_keep_a_tenant_from_a_new_one() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    fixture.run("CREATE FUNCTION acme.f() RETURNS int LANGUAGE sql SET search_path = acme, '' AS 'SELECT 1'");
    ok(fixture.tenancy.rename(&acme, &name("globex")));
    assert_eq!(
        fixture.texts("SELECT proconfig[1] FROM pg_proc WHERE proname = 'f'"),
        ["search_path=globex, \"\""]
    );
}

#[test]
fn what_other_schemas_have_does_not_go_with_a_tenant() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme", "globex"]).remove(0);
    fixture.run(
        "CREATE TYPE acme.mood AS ENUM ('fine'); CREATE SEQUENCE acme.numbers; \
         CREATE FUNCTION acme.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    );
    for (of_others, take_away, described) in [
        (
            "CREATE VIEW public.all_tasks AS SELECT title FROM acme.tasks UNION ALL SELECT title FROM globex.tasks",
            "DROP VIEW public.all_tasks",
            "view all_tasks",
        ),
        (
            "CREATE MATERIALIZED VIEW globex.seen AS SELECT title FROM acme.tasks",
            "DROP MATERIALIZED VIEW globex.seen",
            "materialized view globex.seen",
        ),
        (
            "ALTER TABLE globex.tasks ADD COLUMN mood acme.mood DEFAULT 'fine'",
            "ALTER TABLE globex.tasks DROP COLUMN mood",
            "column mood of table globex.tasks, default value for column mood of table globex.tasks",
        ),
        (
            "CREATE TABLE globex.moods (all_of_them acme.mood[], one acme.tasks)",
            "DROP TABLE globex.moods",
            "column all_of_them of table globex.moods, column one of table globex.moods",
        ),
        (
            "CREATE TABLE globex.child () INHERITS (acme.tasks)",
            "DROP TABLE globex.child",
            "table globex.child",
        ),
        (
            "ALTER TABLE globex.labels ADD COLUMN number bigint DEFAULT nextval('acme.numbers')",
            "ALTER TABLE globex.labels DROP COLUMN number",
            "default value for column number of table globex.labels",
        ),
        (
            "CREATE TRIGGER nothing BEFORE INSERT ON globex.labels FOR EACH ROW EXECUTE FUNCTION acme.nothing()",
            "DROP TRIGGER nothing ON globex.labels",
            "trigger nothing on table globex.labels",
        ),
        (
            "CREATE FUNCTION globex.first(acme.tasks) RETURNS text LANGUAGE sql AS 'SELECT ($1).title'",
            "DROP FUNCTION globex.first(acme.tasks)",
            "function globex.first(acme.tasks)",
        ),
    ] {
        fixture.run(of_others);
        let before = fixture.everything();
        for refused in [
            fixture.tenancy.delete_with_schema(&acme),
            fixture.tenancy.drop_schema(&acme).map(drop),
        ] {
            match refused {
                Err(Error::OthersDepend { schema, objects }) => {
                    assert_eq!(
                        (schema.as_str(), objects.join(", ")),
                        ("acme", described.to_owned())
                    );
                }
                other => panic!("{of_others}: {other:?}"),
            }
        }
        assert_eq!(fixture.everything(), before);
        fixture.run(take_away);
    }
    // A foreign key holds nothing, and what a session has for itself goes with it.
    fixture.run("CREATE TABLE globex.audits (task bigint REFERENCES acme.tasks (id)); INSERT INTO globex.audits VALUES (1)");
    let mut session = fixture.outside();
    session
        .batch_execute("CREATE TEMP VIEW mine AS SELECT * FROM acme.labels")
        .unwrap();
    ok(fixture.tenancy.delete_with_schema(&acme));
    assert_eq!(fixture.count("SELECT count(*) FROM globex.audits"), 1);
    assert!(!fixture.has_schema("acme"));
}

/// A tenancy that its own handlers can use.
type Itself = Arc<OnceLock<Tenancy<Client>>>;

fn with_itself(add: impl FnOnce(TenancyBuilder<Client>, Itself) -> TenancyBuilder<Client>) -> Fixture {
    let itself = Itself::default();
    let fixture = Fixture::with(|builder| add(builder, itself.clone()));
    assert!(itself.set(fixture.tenancy.clone()).is_ok());
    fixture
}

/// What a handler returns.
fn done<R>(result: Result<R, Error>) -> Result<(), BoxError> {
    result.map(drop).map_err(Into::into)
}

fn would_wait(result: Result<(), Error>) {
    let error = result.unwrap_err();
    assert!(
        chain(&error).contains("would wait for itself"),
        "{}",
        chain(&error)
    );
}

#[test]
fn a_handler_of_a_birth_that_creates_another_tenant_is_refused_instead_of_waiting_for_itself() {
    for moment in [Moment::Creating, Moment::Created, Moment::ApplyingMigration] {
        let fixture = with_itself(|builder, itself| {
            builder.on(moment, move |event| match event.schema().as_str() {
                "acme" => done(itself.get().unwrap().create(new_client("sandbox"))),
                _ => Ok(()),
            })
        });
        let before = fixture.everything();
        would_wait(fixture.try_tenant("acme").map(drop));
        assert_eq!(fixture.everything(), before);
        fixture.tenant("globex");
    }
    // After the commit nothing is held.
    let fixture = with_itself(|builder, itself| {
        builder.after_commit(Moment::Created, move |event| match event.schema().as_str() {
            "acme" => done(itself.get().unwrap().create(new_client("sandbox"))),
            _ => Ok(()),
        })
    });
    fixture.tenant("acme");
    assert!(fixture.has_schema("sandbox"));
}

#[test]
fn a_handler_that_changes_the_tenant_which_is_being_changed_is_refused_and_another_tenant_can_be_changed() {
    let fixture = with_itself(|builder, itself| {
        let change = move |event: &mut Event<'_>| {
            let tenancy = itself.get().unwrap();
            // Another one may be changed at any time.
            let other = tenancy.find_by_schema(&name("other"))?.unwrap();
            tenancy.begin_maintenance(&other)?;
            tenancy.end_maintenance(&other)?;
            let schema = match event.moment() {
                Moment::Renamed => event.other_name().unwrap().clone(),
                _ => event.schema().clone(),
            };
            match tenancy.find_by_schema(&schema)? {
                Some(same) => Ok(tenancy.archive(&same)?),
                None => Ok(()),
            }
        };
        let moments = [
            Moment::Renaming,
            Moment::Renamed,
            Moment::Dropping,
            Moment::Archived,
        ];
        moments
            .into_iter()
            .fold(builder, |builder, moment| builder.on(moment, change.clone()))
    });
    fixture.tenant("other");
    let acme = fixture.tenant("acme");
    let before = fixture.everything();
    would_wait(fixture.tenancy.rename(&acme, &name("globex")).map(drop));
    would_wait(fixture.tenancy.delete_with_schema(&acme));
    would_wait(fixture.tenancy.archive(&acme));
    assert_eq!(fixture.everything(), before);
    // To another case of the same name, the one lock is the tenant's own.
    let plain = Fixture::new();
    let acme = plain.tenant("acme");
    ok(plain.tenancy.rename(&acme, &name("Acme")));
}

#[test]
fn a_handler_of_a_migration_that_migrates_its_schema_is_refused() {
    let fixture = with_itself(|builder, itself| {
        builder.on(Moment::ApplyingMigration, move |event| {
            match (event.schema().as_str(), itself.get()) {
                ("acme", Some(tenancy)) => done(tenancy.migrate()),
                _ => Ok(()),
            }
        })
    });
    // What a migration would be applied for.
    fixture.run(
        "CREATE SCHEMA acme; INSERT INTO clients (schema_name, name, on_trial) VALUES ('acme', 'acme', true)",
    );
    would_wait(fixture.tenancy.migrate().map(drop));
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_birth_that_fails_says_which_statement_failed_and_where_it_is() {
    let at = |error: &Error| match error {
        Error::Migration { source, .. } => {
            let failure = source.downcast_ref::<FileFailure>().unwrap();
            let statement = failure.statement.clone().unwrap();
            (statement.line, statement.column, statement.text)
        }
        other => panic!("{other:?}"),
    };
    let text = "DO $$\r\nBEGIN\r\n  PERFORM 1 / 0;\r\nEND\r\n$$".to_owned();
    let fixture = Fixture::with(|builder| builder.app::<cases::rough_divides::App>());
    let before = fixture.everything();
    assert_eq!(at(&fixture.try_tenant("acme").unwrap_err()), (6, 1, text.clone()));
    assert_eq!(fixture.everything(), before);
    // So does one whose schema is built beforehand.
    let fixture = Fixture::with(|builder| {
        builder
            .app::<cases::concurrent::App>()
            .app::<cases::rough_divides::App>()
    });
    let before = fixture.everything();
    assert_eq!(at(&fixture.try_tenant("acme").unwrap_err()), (6, 1, text));
    assert_eq!(fixture.everything(), before);
}
