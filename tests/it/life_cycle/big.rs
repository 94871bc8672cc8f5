//! Schemas that are too much for one transaction, on a server with default settings.

use diesel::connection::SimpleConnection;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tenant_diesel::{Error, Moment, Tenancy, TenancyBuilder, TenantState};
use tenant_testing::Postgres;
use tenant_tests::apps::customers::Client;
use tenant_tests::{Fixture, cases, chain};

/// A server with PostgreSQL's own default of connections, and room for that many locks for each.
fn server(locks: u32) -> Postgres {
    Postgres::builder()
        .setting("max_connections", "100")
        .setting("max_locks_per_transaction", locks.to_string())
        .start()
        .unwrap()
}

fn fixture(server: &Postgres, builder: TenancyBuilder<Client>) -> Fixture {
    let database = server.database().unwrap();
    let limits = r2d2::Pool::builder().max_size(2);
    let tenancy: Tenancy<Client> = builder.r2d2(limits).connect(database.url()).unwrap();
    tenancy.migrate().unwrap();
    Fixture { tenancy, database }
}

fn tables(fixture: &Fixture, schema: &str) -> usize {
    fixture.tables(schema).len()
}

#[test]
fn eight_hundred_tables_come_and_go_on_a_server_with_default_settings() {
    let server = server(64);
    let fixture = fixture(&server, cases::builder().app::<cases::huge::App>());
    let acme = fixture.tenant("acme");
    assert_eq!(tables(&fixture, "acme"), 801);
    let before = fixture.everything();
    let globex = fixture.tenant("globex");
    assert_eq!(tables(&fixture, "globex"), 801);
    fixture.tenancy.delete_with_schema(&globex).unwrap();
    assert_eq!(fixture.everything(), before);
    fixture.tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(fixture.schemas(), ["public"]);
}

#[test]
fn what_is_too_much_for_one_transaction_is_built_and_dropped_in_parts_and_goes_on_where_it_stopped() {
    // Room for a thousand locks, and some beyond.
    let server = server(10);
    let told = Arc::new(AtomicUsize::new(0));
    let telling = Arc::clone(&told);
    let builder = cases::builder()
        .app::<cases::huge::App>()
        .lock_timeout(Duration::from_millis(20))
        .lock_patience(Duration::from_millis(50))
        .on(Moment::Dropping, move |event| {
            telling.fetch_add(1, Ordering::Relaxed);
            assert!(event.connection().is_some());
            Ok(())
        });
    let fixture = fixture(&server, builder);
    let acme = fixture.tenant("acme");
    assert_eq!(tables(&fixture, "acme"), 801);
    assert_eq!(fixture.schemas(), ["acme", "public"]);
    let in_one = fixture.outside().batch_execute("DROP SCHEMA acme CASCADE");
    assert_eq!(in_one.unwrap_err().to_string(), "out of shared memory");

    // Something refuses the row: nothing was dropped, and the tenant is as it was.
    fixture.run("CREATE TABLE invoices (client_id integer REFERENCES clients); INSERT INTO invoices SELECT id FROM clients");
    let before = fixture.everything();
    let refused = fixture.tenancy.delete_with_schema(&acme).unwrap_err();
    assert!(
        chain(&refused).contains("invoices_client_id_fkey"),
        "{}",
        chain(&refused)
    );
    assert_eq!(fixture.everything(), before);
    assert_eq!(told.load(Ordering::Relaxed), 0);
    fixture.run("DROP TABLE invoices");

    // Somebody reads one of the tables: what can go does, and the same call goes on later.
    let mut reader = fixture.outside();
    reader.batch_execute("BEGIN; SELECT * FROM acme.t7").unwrap();
    let stopped = fixture.tenancy.delete_with_schema(&acme).unwrap_err();
    assert!(
        matches!(&stopped, Error::LockNotFree { holders, .. } if holders.iter().any(|held| held.starts_with("acme.t7 by"))),
        "{stopped:?}"
    );
    assert_eq!(fixture.tenancy.state(&acme).unwrap(), Some(TenantState::Dropping));
    assert_eq!(
        fixture.texts("SELECT state FROM tenancy.schemas WHERE name = 'acme'"),
        ["dropping"]
    );
    assert!(tables(&fixture, "acme") < 801 && fixture.has_schema("acme"));
    assert_eq!(
        fixture.count("SELECT count(*) FROM pg_constraint WHERE confrelid = 'public.plans'::regclass"),
        0
    );
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 1);
    reader.batch_execute("ROLLBACK").unwrap();
    fixture.tenancy.delete(&acme).unwrap();
    assert_eq!(fixture.schemas(), ["public"]);
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 0);
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(fixture.advisory_locks(), 0);
}

#[test]
fn a_file_that_is_too_much_for_one_transaction_is_run_statement_by_statement() {
    let server = server(10);
    let built = Arc::new(Mutex::new(Vec::new()));
    let building = Arc::clone(&built);
    let builder =
        cases::builder()
            .app::<cases::huge_file::App>()
            .on(Moment::AppliedMigration, move |event| {
                building.lock().unwrap().push(event.schema().as_str().to_owned());
                Ok(())
            });
    let fixture = fixture(&server, builder);
    let acme = fixture.tenant("acme");
    assert_eq!(tables(&fixture, "acme"), 801);
    assert_eq!(fixture.versions("acme"), ["20240909000000"]);
    // In a schema of another name, which the birth claimed; and the next birth knows beforehand.
    let spare = |schema: &String| schema.starts_with("tenancy_spare_");
    assert_eq!(
        built
            .lock()
            .unwrap()
            .iter()
            .filter(|schema| spare(schema))
            .count(),
        1
    );
    let globex = fixture.tenant("globex");
    assert_eq!(
        built
            .lock()
            .unwrap()
            .iter()
            .filter(|schema| spare(schema))
            .count(),
        2
    );
    assert!(!built.lock().unwrap().iter().any(|schema| schema == "globex"));
    assert_eq!(fixture.schemas(), ["acme", "globex", "public"]);
    for tenant in [&acme, &globex] {
        fixture.tenancy.delete_with_schema(tenant).unwrap();
    }
    assert_eq!(fixture.schemas(), ["public"]);
}
