//! Births: row, schema and tables, or nothing.

use diesel::prelude::*;
use tenant_diesel::Error;
use tenant_tests::apps::customers::{NewClient, clients};
use tenant_tests::{Fixture, cases, chain, name, new_client, titles};

#[test]
fn a_new_tenant_has_its_row_its_schema_and_its_tables() {
    let fixture = Fixture::new();
    assert!(!fixture.has_schema("test"));
    let tenant = fixture.tenant("test");
    assert_eq!(
        fixture.tables("test"),
        ["__diesel_schema_migrations", "labels", "tasks"]
    );
    assert_eq!(fixture.versions("test"), ["20240101000000", "20240102000000"]);
    let row = fixture.texts(&format!(
        "SELECT name FROM clients WHERE id = {} AND schema_name = 'test'",
        tenant.id
    ));
    assert_eq!(row, ["test"]);
    assert!(fixture.titles(&tenant).is_empty());
}

#[test]
fn a_birth_that_fails_in_the_row_changes_nothing() {
    let fixture = Fixture::new();
    fixture.run("ALTER TABLE clients ADD CHECK (name <> 'bad')");
    let before = fixture.everything();
    let error = fixture
        .tenancy
        .create(NewClient {
            name: "bad".to_owned(),
            ..new_client("acme")
        })
        .unwrap_err();
    assert!(matches!(error, Error::Attempt { .. }), "{error:?}");
    assert!(chain(&error).contains("clients_name_check"), "{}", chain(&error));
    assert_eq!(fixture.everything(), before);
    // The connection is as good as before.
    fixture.tenant("acme");
}

#[test]
fn a_birth_that_fails_in_a_migration_changes_nothing() {
    let fixture = Fixture::new();
    fixture.run("ALTER TABLE plans RENAME TO hidden");
    let before = fixture.everything();
    let error = fixture.try_tenant("acme").unwrap_err();
    assert!(
        matches!(&error, Error::Migration { schema, version, .. }
            if schema.as_str() == "acme" && version == "20240101000000"),
        "{error:?}"
    );
    assert!(
        chain(&error).contains("relation \"public.plans\" does not exist"),
        "{}",
        chain(&error)
    );
    assert_eq!(fixture.everything(), before);
    fixture.run("ALTER TABLE hidden RENAME TO plans");
    fixture.tenant("acme");
}

#[test]
fn a_birth_that_fails_in_the_name_changes_nothing() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme"]);
    fixture.run("CREATE SCHEMA stray");
    let before = fixture.everything();
    assert!(matches!(
        fixture.try_tenant("stray"),
        Err(Error::SchemaExists { .. })
    ));
    // The row is refused by its own unique constraint, before the name is compared.
    let error = fixture.try_tenant("acme").unwrap_err();
    assert!(
        chain(&error).contains("clients_schema_name_key"),
        "{}",
        chain(&error)
    );
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_row_of_the_same_name_is_refused_also_without_a_unique_constraint() {
    let fixture = Fixture::new();
    fixture.run("ALTER TABLE clients DROP CONSTRAINT clients_schema_name_key");
    fixture.tenant("acme");
    let before = fixture.everything();
    assert!(matches!(
        fixture.try_tenant("acme"),
        Err(Error::TenantExists { .. })
    ));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_tenant_comes_into_being_when_the_callers_transaction_commits() {
    let fixture = Fixture::new();
    let tenancy = &fixture.tenancy;
    let before = fixture.everything();
    let tenant = tenancy
        .with_public(|conn| {
            conn.transaction(|conn| {
                let tenant = tenancy.create_in(conn, new_client("acme"))?;
                // Nobody else sees it yet; the caller works with it.
                assert!(!fixture.has_schema("acme") && fixture.count("SELECT count(*) FROM clients") == 0);
                conn.with_tenant(&tenant, |conn| tenant_tests::insert_task(conn, "first"))?;
                assert_eq!(clients::table.count().get_result::<i64>(conn)?, 1);
                Ok::<_, Error>(tenant)
            })
        })
        .unwrap();
    assert_ne!(fixture.everything(), before);
    assert_eq!(fixture.titles(&tenant), ["first"]);
}

#[test]
fn a_tenant_never_was_when_the_callers_transaction_rolls_back() {
    let fixture = Fixture::new();
    let tenancy = &fixture.tenancy;
    let before = fixture.everything();
    let result: Result<(), Error> = tenancy.with_public(|conn| {
        conn.transaction(|conn| {
            tenancy.create_in(conn, new_client("acme"))?;
            Err(Error::Query(diesel::result::Error::RollbackTransaction))
        })
    });
    assert!(matches!(
        result,
        Err(Error::Query(diesel::result::Error::RollbackTransaction))
    ));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_failed_birth_leaves_the_callers_transaction_as_it_was() {
    let fixture = Fixture::new();
    let tenancy = &fixture.tenancy;
    fixture.tenant("acme");
    tenancy
        .with_public(|conn| {
            conn.transaction(|conn| {
                diesel::sql_query("INSERT INTO plans (title) VALUES ('mine')").execute(conn)?;
                let refused = tenancy.create_in(conn, new_client("ACME"));
                assert!(matches!(refused, Err(Error::TenantExists { .. })));
                tenancy.create_in(conn, new_client("globex"))?;
                Ok::<_, Error>(())
            })
        })
        .unwrap();
    assert_eq!(fixture.schemas(), ["acme", "globex", "public"]);
    assert!(fixture.is_true("EXISTS (SELECT FROM plans WHERE title = 'mine')"));
    assert_eq!(
        fixture.texts("SELECT schema_name FROM clients ORDER BY 1"),
        ["acme", "globex"]
    );
}

#[test]
fn a_birth_on_a_connection_without_a_transaction_is_all_or_nothing_too() {
    let fixture = Fixture::new();
    let tenancy = &fixture.tenancy;
    let mut conn = tenancy.get_public().unwrap();
    let acme = tenancy.create_in(&mut conn, new_client("acme")).unwrap();
    let before = fixture.everything();
    assert!(tenancy.create_in(&mut conn, new_client("Acme")).is_err());
    assert_eq!(fixture.everything(), before);
    assert_eq!(conn.current_schema().unwrap(), Some(name("public")));
    conn.with_tenant(&acme, titles).unwrap();
}

#[test]
fn a_birth_inside_a_tenants_scope_leaves_that_scope_where_it_was() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            let globex = conn.with_public(|conn| fixture.tenancy.create_in(conn, new_client("globex")))?;
            assert_eq!(titles(conn)?, ["acme"]);
            assert_eq!(conn.with_tenant(&globex, titles)?, [""; 0]);
            assert_eq!(titles(conn)?, ["acme"]);
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[test]
fn a_tuple_of_columns_makes_a_tenant_as_well_as_a_struct() {
    let fixture = Fixture::new();
    let row = (
        clients::schema_name.eq(name("acme")),
        clients::name.eq("Acme"),
        clients::on_trial.eq(false),
    );
    let tenant = fixture.tenancy.create(row).unwrap();
    assert!(!tenant.on_trial && fixture.has_schema("acme"));
}

#[test]
fn with_a_pool_of_one_connection_every_call_gets_by() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tenant("acme");
    let tenancy = &fixture.tenancy;
    assert!(fixture.try_tenant("ACME").is_err());
    tenancy.update(&acme, clients::name.eq("x")).unwrap();
    assert_eq!(tenancy.tenants().count(), 1);
    tenancy.migrate().unwrap();
    tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(tenancy.pool().state().connections, 1);
}

#[test]
fn a_name_that_is_taken_or_reserved_says_so_in_whatever_way_it_was_found() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    fixture.run("CREATE SCHEMA other");
    // By the unique column, by the comparison without case, by the schema, by the library.
    for taken in ["acme", "ACME", "other", "public"] {
        let error = fixture.try_tenant(taken).unwrap_err();
        assert!(error.is_taken(), "{taken}: {error}");
    }
    fixture.run("DROP TABLE clients CASCADE");
    assert!(!fixture.try_tenant("new").unwrap_err().is_taken());
}

#[test]
fn a_birth_checks_deferred_constraints_between_migrations_as_their_own_transactions_would() {
    let fixture = Fixture::of(2, cases::builder().app::<cases::workload::App>());
    fixture.tenancy.migrate().unwrap();
    fixture.tenant("acme");
    assert_eq!(fixture.versions("acme").len(), 9);
}
