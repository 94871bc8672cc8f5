//! Odd names, odd numbers, other roles.

use super::*;
use crate::process::lock_table;

#[test]
fn the_paths_of_functions_are_rewritten_also_for_names_with_quotes_and_capitals() {
    let mut wrong = Vec::new();
    for old in ["acme", "Acme", "we\"ird", "Über", "ÜBER", "a\\b", "o'b"] {
        let fixture = Fixture::new();
        let tenant = fixture.tenant(old);
        let quoted = format!("\"{}\"", old.replace('"', "\"\""));
        fixture.run(&format!(
            "CREATE FUNCTION {quoted}.f() RETURNS bigint LANGUAGE sql SET search_path = {quoted} AS 'SELECT count(*) FROM tasks'; \
             CREATE FUNCTION {quoted}.g() RETURNS bigint LANGUAGE sql AS $x$SELECT count(*) FROM {quoted}.tasks$x$"
        ));
        let renamed = fixture.tenancy.rename(&tenant, &name("renamed")).unwrap();
        let paths = fixture.texts("SELECT proconfig[1] FROM pg_proc WHERE proname = 'f'");
        if paths != ["search_path=renamed"] || renamed.mentions.len() != 1 {
            wrong.push((old, paths, renamed.mentions));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn patience_without_end_is_no_panic() {
    let fixture = Fixture::with(|builder| builder.lock_patience(Duration::MAX));
    fixture.tenant("acme");
}

#[test]
fn a_lock_timeout_without_end_is_no_failure() {
    let fixture = Fixture::with(|builder| builder.lock_timeout(Duration::MAX));
    fixture.tenant("acme");
    let tenancy = again(&fixture, application().app::<cases::rough_index::App>());
    tenancy
        .migration()
        .lock_timeout(Duration::MAX)
        .statement_timeout(Duration::MAX)
        .run()
        .unwrap();
}

#[test]
fn less_than_a_millisecond_is_not_for_ever() {
    let fixture = bare(1);
    let _holder = lock_table(&fixture, "public.plans");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = failure(
        tenancy
            .migration()
            .lock_timeout(Duration::from_micros(500))
            .statement_timeout(Duration::from_secs(2))
            .attempts(1)
            .run(),
    );
    let error = chain(report.failures().next().unwrap().error.as_ref().unwrap());
    assert!(error.contains("lock timeout"), "{error}");
}

#[test]
fn a_role_that_may_not_create_schemas_can_use_those_that_were_made_for_it() {
    let fixture = Fixture::unmigrated(1);
    let role = "rough_migrator";
    fixture.run(&format!(
        "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; ALTER SCHEMA public OWNER TO {role}; \
         CREATE SCHEMA tenancy AUTHORIZATION {role}"
    ));
    let url = format!("{}?options=-crole%3D{role}", fixture.database.url());
    let tenancy = cases::builder()
        .r2d2(r2d2::Pool::builder().max_size(2))
        .connect(&url)
        .unwrap();
    let result = tenancy.migrate().map_err(|error| chain(&error));
    drop(tenancy);
    fixture.run(&format!(
        "REASSIGN OWNED BY {role} TO current_user; DROP OWNED BY {role}; DROP ROLE {role}"
    ));
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_schema_of_somebody_elses_that_has_the_librarys_name_is_left_alone() {
    let fixture = Fixture::unmigrated(2);
    fixture.run("CREATE SCHEMA tenancy; CREATE TABLE tenancy.secrets (id INTEGER)");
    let result = fixture.tenancy.migrate().map(|report| report.to_string());
    let tables = fixture.tables("tenancy");
    assert!(
        result.is_err() && tables == ["secrets"],
        "{result:?} {tables:?}, public may use it: {}",
        fixture.is_true("EXISTS (SELECT FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'tenancy' AND a.grantee = 0)")
    );
}

#[test]
fn a_file_that_waits_for_no_lock_is_tried_again() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    let lock = Mutex::new(Some(lock_table(&fixture, "acme.tasks")));
    let tenancy = again(&fixture, application().app::<cases::rough_nowait::App>());
    let report = tenancy
        .migration()
        .on_event(move |event| {
            if let RunEvent::Retrying { .. } = event {
                // Lets go of it.
                drop(lock.lock().unwrap().take());
            }
        })
        .run()
        .unwrap();
    let entry = report.schemas.last().unwrap();
    assert_eq!((entry.applied.len(), entry.retried.len()), (1, 1), "{report}");
}

#[test]
fn a_file_of_two_indexes_that_are_built_concurrently_is_sent_in_two_messages() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    // What the second of them fails for.
    fixture.run(
        "INSERT INTO globex.labels (task_id, text) SELECT id, 'x' FROM globex.tasks; \
         INSERT INTO globex.labels (task_id, text) SELECT id, 'x' FROM globex.tasks",
    );
    let tenancy = again(&fixture, application().app::<cases::rough_two_indexes::App>());
    let report = failure(tenancy.migrate());
    let failed: Vec<_> = report.failures().collect();
    let statement = failed[0].statement().unwrap();
    assert_eq!(
        (
            failed[0].schema.as_str(),
            statement.line,
            statement.text.lines().next()
        ),
        ("globex", 3, Some("CREATE UNIQUE INDEX CONCURRENTLY labels_both"))
    );
    let indexes = |schema: &str| {
        fixture.count(&format!(
            "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisvalid \
             AND i.indrelid = '{schema}.labels'::regclass AND c.relname IN ('labels_text', 'labels_both')"
        ))
    };
    assert_eq!((indexes("acme"), indexes("globex")), (2, 1));
    // Also in a birth, and on the way back.
    tenancy.create(new_client("initech")).unwrap();
    assert_eq!(indexes("initech"), 2);
    let acme = Selection::names([name("acme")]);
    let back = tenancy
        .migration()
        .select(acme)
        .target(MigrationTarget::Revert(1));
    back.run().unwrap();
    assert_eq!(indexes("acme"), 0);
}
