//! Tenants are created, changed, listed and deleted: all or nothing, observed on the server.

use diesel::prelude::*;
use tenant_diesel::{Error, PAGE_SIZE};
use tenant_tests::apps::customers::{Client, NewClient, clients};
use tenant_tests::models::{Fleeting, RowFirst};
use tenant_tests::{Fixture, add_task, chain, name, new_client, titles};

// Births.

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

// Schemas that come later.

#[test]
fn a_model_whose_rows_come_first_gets_its_schema_when_asked_for() {
    let fixture = Fixture::<RowFirst>::row_first();
    let tenancy = &fixture.tenancy;
    let tenant = tenancy.create(new_client("acme")).unwrap();
    assert_eq!(fixture.schemas(), ["public"]);
    let missing = tenancy.with_tenant(&tenant, titles);
    assert!(matches!(missing, Err(Error::SchemaMissing { .. })));

    tenancy.create_schema(&tenant).unwrap();
    assert_eq!(
        fixture.tables("acme"),
        ["__diesel_schema_migrations", "labels", "tasks"]
    );
    tenancy
        .with_tenant(&tenant, |conn| tenant_tests::insert_task(conn, "kept"))
        .unwrap();

    let before = fixture.everything();
    assert!(matches!(
        tenancy.create_schema(&tenant),
        Err(Error::SchemaExists { .. })
    ));
    assert!(!tenancy.create_schema_if_missing(&tenant).unwrap());
    assert_eq!(fixture.everything(), before);
    assert_eq!(tenancy.with_tenant(&tenant, titles).unwrap(), ["kept"]);

    assert!(tenancy.drop_schema(&tenant).unwrap());
    assert!(!tenancy.drop_schema(&tenant).unwrap());
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 1);
    assert!(tenancy.create_schema_if_missing(&tenant).unwrap());
    assert!(fixture.has_schema("acme"));
}

#[test]
fn a_schema_that_fails_in_a_migration_is_not_there() {
    let fixture = Fixture::<RowFirst>::row_first();
    let tenant = fixture.tenancy.create(new_client("acme")).unwrap();
    fixture.run("ALTER TABLE plans RENAME TO hidden");
    let before = fixture.everything();
    assert!(matches!(
        fixture.tenancy.create_schema(&tenant),
        Err(Error::Migration { .. })
    ));
    assert!(matches!(
        fixture.tenancy.create_schema_if_missing(&tenant),
        Err(Error::Migration { .. })
    ));
    assert_eq!(fixture.everything(), before);
}

// Changes.

#[test]
fn a_change_of_the_row_leaves_the_tenants_data_alone() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let changed = fixture
        .tenancy
        .update(
            &tenants[0],
            (clients::name.eq("Acme Ltd"), clients::on_trial.eq(false)),
        )
        .unwrap();
    assert_eq!(
        changed,
        Client {
            name: "Acme Ltd".to_owned(),
            on_trial: false,
            ..tenants[0].clone()
        }
    );
    assert_eq!(
        fixture.texts("SELECT schema_name || ' ' || name || ' ' || on_trial FROM clients ORDER BY 1"),
        ["acme Acme Ltd false", "globex globex true"]
    );
    assert_eq!(fixture.titles(&tenants[0]), ["acme"]);
}

#[test]
fn a_change_of_the_schemas_name_is_refused_and_undone() {
    let fixture = Fixture::new();
    let tenant = fixture.tagged(&["acme"]).remove(0);
    let before = fixture.everything();
    let change = (clients::schema_name.eq(name("other")), clients::name.eq("Other"));
    let error = fixture.tenancy.update(&tenant, change).unwrap_err();
    assert!(matches!(&error, Error::SchemaNameDiffers { expected, found }
        if expected.as_str() == "acme" && found.as_str() == "other"));
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_tenant_without_a_row_cannot_be_changed_or_deleted() {
    let fixture = Fixture::new();
    let tenant = fixture.tagged(&["acme"]).remove(0);
    fixture.run("DELETE FROM clients");
    let before = fixture.everything();
    let tenancy = &fixture.tenancy;
    for result in [
        tenancy.update(&tenant, clients::name.eq("x")).map(drop),
        tenancy.delete(&tenant),
        tenancy.delete_with_schema(&tenant),
    ] {
        assert!(
            matches!(&result, Err(Error::TenantMissing { schema }) if schema.as_str() == "acme"),
            "{result:?}"
        );
        assert_eq!(fixture.everything(), before);
    }
    fixture.run("DROP SCHEMA acme CASCADE");
    let refused = tenancy.create_schema(&tenant);
    assert!(matches!(refused, Err(Error::TenantMissing { .. })), "{refused:?}");
    assert!(!fixture.has_schema("acme"));
    fixture.run("CREATE SCHEMA acme");
    // The data that is left can still be dropped, by its name.
    assert!(tenancy.drop_schema(&tenant).unwrap());
}

#[test]
fn a_value_whose_row_now_names_another_schema_changes_and_deletes_nothing() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run("UPDATE clients SET schema_name = 'moved' WHERE schema_name = 'acme'");
    fixture.run("UPDATE clients SET schema_name = 'acme' WHERE schema_name = 'globex'");
    let before = fixture.everything();
    let tenancy = &fixture.tenancy;
    for stale in &tenants {
        for result in [
            tenancy.update(stale, clients::name.eq("x")).map(drop),
            tenancy.delete(stale),
            tenancy.delete_with_schema(stale),
        ] {
            assert!(
                matches!(result, Err(Error::SchemaNameDiffers { .. })),
                "{result:?}"
            );
        }
        assert_eq!(fixture.everything(), before);
    }
}

// Deaths.

#[test]
fn deleting_a_tenant_keeps_its_schema_unless_the_model_or_the_caller_says_otherwise() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["kept", "gone", "other"]);
    fixture.tenancy.delete(&tenants[0]).unwrap();
    fixture.tenancy.delete_with_schema(&tenants[1]).unwrap();
    assert_eq!(fixture.schemas(), ["kept", "other", "public"]);
    assert_eq!(fixture.texts("SELECT schema_name FROM clients"), ["other"]);
    assert_eq!(fixture.texts("SELECT title FROM kept.tasks"), ["kept"]);
    assert_eq!(fixture.titles(&tenants[2]), ["other"]);

    let fixture = Fixture::<Fleeting>::fleeting();
    let tenant = fixture.tenancy.create(new_client("acme")).unwrap();
    fixture.tenancy.delete(&tenant).unwrap();
    assert_eq!(fixture.schemas(), ["public"]);
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 0);
}

#[test]
fn deleting_a_tenant_with_its_schema_works_where_the_schema_is_gone_already() {
    let fixture = Fixture::<Fleeting>::fleeting();
    for with in [true, false] {
        let tenant = fixture.tenancy.create(new_client("acme")).unwrap();
        fixture.run("DROP SCHEMA acme CASCADE");
        match with {
            true => fixture.tenancy.delete_with_schema(&tenant).unwrap(),
            false => fixture.tenancy.delete(&tenant).unwrap(),
        }
        assert_eq!(fixture.count("SELECT count(*) FROM clients"), 0);
    }
}

#[test]
fn a_deletion_that_the_server_refuses_changes_nothing() {
    let fixture = Fixture::new();
    let tenant = fixture.tagged(&["acme"]).remove(0);
    fixture.run(
        "CREATE TABLE invoices (client_id INTEGER REFERENCES clients); \
         INSERT INTO invoices SELECT id FROM clients",
    );
    let before = fixture.everything();
    assert!(matches!(
        fixture.tenancy.delete_with_schema(&tenant),
        Err(Error::Attempt { .. })
    ));
    assert_eq!(fixture.everything(), before);
    assert_eq!(fixture.titles(&tenant), ["acme"]);
}

#[test]
fn a_deleted_name_can_be_used_again_and_starts_empty() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        let tenant = fixture.tenant("acme");
        assert!(fixture.titles(&tenant).is_empty());
        add_task(&fixture.tenancy, &tenant, "old");
        fixture.tenancy.delete_with_schema(&tenant).unwrap();
    }
}

// Lists.

#[test]
fn tenants_are_streamed_over_several_pages_each_once_and_in_order() {
    let fixture = Fixture::<RowFirst>::row_first();
    let count = usize::try_from(PAGE_SIZE).unwrap() * 2 + 1;
    fixture.run(&format!(
        "INSERT INTO clients (schema_name, name) SELECT 'T' || lpad((i * 7919 % {count})::text, 4, '0'), '' \
         FROM generate_series(1, {count}) i"
    ));
    let all: Vec<String> = fixture
        .tenancy
        .tenants()
        .map(|tenant| tenant.unwrap().schema_name.to_string())
        .collect();
    let expected: Vec<String> = (0..count).map(|i| format!("T{i:04}")).collect();
    assert_eq!(all, expected);
}

#[test]
fn the_end_of_the_list_is_found_at_the_edge_of_a_page() {
    let fixture = Fixture::<RowFirst>::row_first();
    for (count, more) in [
        (0, 0),
        (1, 1),
        (PAGE_SIZE - 2, PAGE_SIZE - 1),
        (1, PAGE_SIZE),
        (1, PAGE_SIZE + 1),
    ] {
        fixture.run(&format!(
            "INSERT INTO clients (schema_name, name) SELECT gen_random_uuid()::text, '' \
             FROM generate_series(1, {count})"
        ));
        let listed: Result<Vec<RowFirst>, Error> = fixture.tenancy.tenants().collect();
        assert_eq!(i64::try_from(listed.unwrap().len()).unwrap(), more);
    }
}

#[test]
fn no_connection_is_held_between_pages_and_a_deleted_tenant_is_no_error() {
    let fixture = Fixture::with_one_connection();
    fixture.tagged(&["a", "b", "c"]);
    let mut seen = Vec::new();
    for tenant in fixture.tenancy.tenants() {
        // Needs the only connection.
        let tenant = tenant.unwrap();
        seen.push(fixture.titles(&tenant).remove(0));
        fixture.tenancy.delete_with_schema(&tenant).unwrap();
    }
    assert_eq!(seen, ["a", "b", "c"]);
}

#[test]
fn a_tenant_is_found_by_its_key_and_by_its_schema() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let tenancy = &fixture.tenancy;
    assert_eq!(tenancy.find(&acme.id).unwrap().as_ref(), Some(&acme));
    assert_eq!(tenancy.find(&(acme.id + 1)).unwrap(), None);
    assert_eq!(tenancy.find_by_schema(&name("acme")).unwrap(), Some(acme));
    assert_eq!(tenancy.find_by_schema(&name("globex")).unwrap(), None);
}

// What exists.

#[test]
fn schemas_of_any_kind_are_found() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    let exists = |schema| fixture.tenancy.schema_exists(&name(schema)).unwrap();
    assert!(exists("acme") && exists("public") && !exists("default"));
    assert_eq!(fixture.tenancy.public_schema(), &name("public"));
}

/// Whatever asks for the table of tenants says that `migrate` comes first.
fn says_that_migrate_comes_first(fixture: &Fixture, stale: &Client) {
    let tenancy = &fixture.tenancy;
    assert!(!tenancy.is_public_migrated().unwrap());
    let before = fixture.schemas();
    for (call, result) in [
        ("create", tenancy.create(new_client("acme")).map(drop)),
        ("create_schema", tenancy.create_schema(stale)),
        (
            "create_schema_if_missing",
            tenancy.create_schema_if_missing(stale).map(drop),
        ),
        ("find", tenancy.find(&1).map(drop)),
        ("find_by_schema", tenancy.find_by_schema(&name("acme")).map(drop)),
        ("tenants", tenancy.tenants().next().unwrap().map(drop)),
        ("update", tenancy.update(stale, clients::name.eq("x")).map(drop)),
        ("delete", tenancy.delete(stale)),
        ("delete_with_schema", tenancy.delete_with_schema(stale)),
    ] {
        let Err(error) = result else {
            panic!("{call} succeeded")
        };
        assert!(
            matches!(&error, Error::PublicNotMigrated { table } if table == "public.clients"),
            "{call}: {error:?}"
        );
        assert!(error.to_string().contains("call `migrate` first"), "{error}");
    }
    assert_eq!(fixture.schemas(), before);
}

#[test]
fn before_the_first_migration_every_call_says_what_to_do_and_none_crashes() {
    let fixture = Fixture::unmigrated(2);
    let stale = Client {
        id: 1,
        schema_name: name("acme"),
        name: String::new(),
        on_trial: true,
    };
    assert!(!fixture.tenancy.schema_exists(&name("acme")).unwrap());
    assert!(!fixture.tenancy.drop_schema(&stale).unwrap());
    says_that_migrate_comes_first(&fixture, &stale);
    let in_scope = fixture
        .tenancy
        .with_public(|conn| fixture.tenancy.create_in(conn, new_client("acme")));
    assert!(
        matches!(in_scope, Err(Error::PublicNotMigrated { .. })),
        "{in_scope:?}"
    );
    assert!(fixture.tenancy.registry().check().is_empty());
    fixture.tenancy.migrate().unwrap();
    assert!(fixture.tenancy.is_public_migrated().unwrap());
    assert_eq!(fixture.tenancy.tenants().count(), 0);
}

#[test]
fn after_the_shared_schema_was_dropped_every_call_says_what_to_do_and_migrate_makes_it_again() {
    let fixture = Fixture::new();
    let stale = fixture.tenant("acme");
    assert!(fixture.tenancy.is_public_migrated().unwrap());
    fixture.run("DROP SCHEMA public CASCADE; DROP SCHEMA acme CASCADE");
    says_that_migrate_comes_first(&fixture, &stale);
    fixture.tenancy.migrate().unwrap();
    assert!(fixture.tenancy.is_public_migrated().unwrap());
    fixture.tenant("acme");
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
