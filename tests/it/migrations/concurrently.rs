//! Files without a transaction, in existing tenants and in births.

use super::*;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::sync::{Arc, Mutex};
use tenant_diesel::{Error, Moment};
use tenant_tests::{ask_bool, cases, chain, name, new_client, wait_until};

#[test]
fn an_index_is_built_concurrently_in_the_schemas_of_existing_tenants() {
    let fixture = bare(&["acme", "globex"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::concurrent::App>());
    let report = tenancy.migrate().unwrap();
    let versions = CONCURRENT.to_vec();
    assert_eq!(
        applied(&report),
        [
            ("public", vec![]),
            ("acme", versions.clone()),
            ("globex", versions)
        ]
    );
    assert_eq!(valid_indexes(&fixture, "documents_title"), ["acme", "globex"]);
    // Also after the file that left the path on `public`.
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "plans"]
    );
    assert_eq!(
        fixture.tables("acme"),
        ["__diesel_schema_migrations", "documents", "pages"]
    );
}

#[test]
fn an_index_is_built_concurrently_also_in_a_birth() {
    let fixture = concurrent();
    let acme = fixture.tenant("ac me");
    assert_eq!(fixture.schemas(), ["ac me", "public"]);
    assert_eq!(
        fixture.tables("ac me"),
        ["__diesel_schema_migrations", "documents", "pages"]
    );
    assert_eq!(fixture.versions("ac me"), CONCURRENT);
    assert_eq!(valid_indexes(&fixture, "documents_title"), ["\"ac me\""]);
    assert_eq!(fixture.advisory_locks(), 0);
    assert_eq!(fixture.tenancy.migrate().unwrap().applied(), 0);
    let inserted = fixture.tenancy.with_tenant(&acme, |conn| {
        diesel::insert_into(cases::concurrent::documents::table)
            .values(cases::concurrent::documents::title.eq("x"))
            .execute(conn)
    });
    assert_eq!(inserted.unwrap(), 1);
}

#[test]
fn such_a_birth_inside_the_callers_transaction_comes_and_goes_with_it() {
    let fixture = concurrent();
    let tenancy = &fixture.tenancy;
    let before = fixture.everything();
    let rolled_back: Result<(), Error> = tenancy.with_public(|conn| {
        conn.transaction(|conn| {
            diesel::sql_query("UPDATE clients SET name = name || '!'").execute(conn)?;
            tenancy.create_in(conn, new_client("acme"))?;
            Err(Error::Query(diesel::result::Error::RollbackTransaction))
        })
    });
    assert!(rolled_back.is_err());
    // The spare waits for the next birth, which takes it away.
    assert_eq!(fixture.texts("SELECT schema_name FROM clients"), [""; 0]);
    assert!(!fixture.has_schema("acme"));
    let acme = tenancy
        .with_public(|conn| conn.transaction(|conn| tenancy.create_in(conn, new_client("acme"))))
        .unwrap();
    assert_eq!(fixture.schemas(), ["acme", "public"]);
    tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(fixture.everything(), before);
}

#[test]
fn such_a_birth_inside_a_transaction_that_blocks_it_fails_instead_of_hanging() {
    let fixture = concurrent();
    let tenancy = &fixture.tenancy;
    let before = fixture.everything();
    let result: Result<(), Error> = tenancy.with_public(|conn| {
        conn.transaction(|conn| {
            // The first migration refers to this table, on another connection.
            diesel::sql_query("LOCK TABLE plans").execute(conn)?;
            tenancy.create_in(conn, new_client("acme")).map(drop)
        })
    });
    let error = result.unwrap_err();
    assert!(chain(&error).contains("lock timeout"), "{}", chain(&error));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn such_a_birth_that_fails_half_way_leaves_neither_a_spare_nor_a_row() {
    let fixture = concurrent();
    // The last migration fails, after the index was built.
    fixture.run("CREATE TABLE kept AS SELECT * FROM plans; DELETE FROM plans");
    let before = fixture.everything();
    let error = fixture.try_tenant("acme").unwrap_err();
    assert!(
        matches!(&error, Error::Migration { version, .. } if version == CONCURRENT[3]),
        "{error:?}"
    );
    assert_eq!(fixture.everything(), before);
    // Nor where the name is refused, after everything was built.
    fixture.run("INSERT INTO plans SELECT * FROM kept");
    fixture.tenant("globex");
    let before = fixture.everything();
    assert!(matches!(
        fixture.try_tenant("GLOBEX"),
        Err(Error::TenantExists { .. })
    ));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_forgotten_spare_is_dropped_by_the_next_birth_and_one_in_use_is_not() {
    let fixture = concurrent();
    let spare = |digit: &str| format!("tenancy_spare_{}", digit.repeat(32));
    let (forgotten, used) = (spare("a"), spare("b"));
    let (alike, short) = (format!("{}x", spare("c")), "tenancy_spare_dd".to_owned());
    for schema in [&forgotten, &used, &alike, &short] {
        fixture.run(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.t ()"));
    }
    // The lock of a spare in use, as a birth of another process holds it.
    let mut user = fixture.outside();
    user.batch_execute(&format!(
        "SELECT pg_advisory_lock_shared(hashtextextended('{used}', 7310575218))"
    ))
    .unwrap();
    fixture.tenant("acme");
    assert_eq!(fixture.schemas(), ["acme", "public", &used, &alike, &short]);
    drop(user);
    wait_until("the lock is gone", || fixture.advisory_locks() == 0);
    fixture.tenant("globex");
    assert_eq!(fixture.schemas(), ["acme", "globex", "public", &alike, &short]);
}

#[test]
fn a_tenant_that_is_deleted_while_its_index_is_built_goes_when_that_is_done() {
    let fixture = bare(&["acme"]);
    let tenancy = again(&fixture, cases::builder().app::<cases::concurrent::App>());
    let acme = tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
    // Building the index must wait for whoever writes to the table.
    fixture.run(
        "SET search_path TO acme; CREATE TABLE documents (id BIGINT, title TEXT); \
         CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
           run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
         INSERT INTO __diesel_schema_migrations VALUES ('20240301000000')",
    );
    let mut writer: PgConnection = fixture.outside();
    writer
        .batch_execute("BEGIN; INSERT INTO acme.documents VALUES (1, 'x')")
        .unwrap();
    std::thread::scope(|scope| {
        let migrate = scope.spawn(|| tenancy.migrate());
        wait_until("the index waits for the writer", || fixture.waiting() == 1);
        let delete = scope.spawn(|| fixture.tenancy.delete_with_schema(&acme));
        wait_until("the deletion asks for the lock of the schema", || {
            fixture.count(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()",
            ) == 1
        });
        writer.batch_execute("COMMIT").unwrap();
        let report = migrate.join().unwrap().unwrap();
        // The lock of the schema is let go between two migrations: the deletion may come then, or after the last.
        assert_eq!(report.schemas[1].applied[0], CONCURRENT[1]);
        assert!(!report.has_failures());
        delete.join().unwrap().unwrap();
    });
    assert_eq!(fixture.schemas(), ["public"]);
}

#[test]
fn a_spare_is_noted_as_one_that_is_being_made_until_its_tenant_is_born() {
    let fixture = concurrent();
    let (url, seen) = (
        fixture.database.url().to_owned(),
        Arc::new(Mutex::new(Vec::new())),
    );
    let told = Arc::clone(&seen);
    let builder = cases::builder().app::<cases::concurrent::App>();
    let tenancy = again(
        &fixture,
        builder.on(Moment::MigratedSchema, move |event| {
            let state = format!(
                "EXISTS (SELECT FROM tenancy.schemas WHERE name = '{}' AND kind = 'spare' AND state = 'provisioning')",
                event.schema()
            );
            let is_noted = ask_bool(&mut PgConnection::establish(&url)?, &state);
            told.lock().unwrap().push(is_noted);
            Ok(())
        }),
    );
    tenancy.create(new_client("acme")).unwrap();
    assert_eq!(*seen.lock().unwrap(), [true]);
    let kept = || fixture.texts("SELECT name || ' ' || kind FROM tenancy.schemas ORDER BY 1");
    assert_eq!(kept(), ["acme tenant", "public shared"]);
    // What a process left that was killed goes with its schema.
    let forgotten = format!("tenancy_spare_{}", "a".repeat(32));
    fixture.run(&format!(
        "CREATE SCHEMA {forgotten}; INSERT INTO tenancy.schemas (name, kind, state, digest) \
         VALUES ('{forgotten}', 'spare', 'provisioning', '')"
    ));
    tenancy.create(new_client("globex")).unwrap();
    assert_eq!(kept(), ["acme tenant", "globex tenant", "public shared"]);
}
