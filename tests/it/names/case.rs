//! Names that differ in case only are one name, whoever comes first.

use super::*;
use diesel::prelude::*;
use std::sync::Barrier;
use tenant_diesel::{Error, Tenancy, TenantModel};
use tenant_tests::apps::customers::{self, Client, clients};
use tenant_tests::apps::todo;
use tenant_tests::models::RowFirst;
use tenant_tests::{Fixture, chain, name, new_client};

/// Names that are one but for case, by Unicode's rules, whichever comes first.
const CASES: [(&str, &str); 9] = [
    ("acme", "ACME"),
    ("Tenant1", "tenant1"),
    ("it's", "IT'S"),
    ("École", "éCOLE"),
    ("ΟΔΟΣ", "οδος"),
    ("k", "\u{212A}"),
    ("strasse", "straße"),
    ("s", "ſ"),
    ("日本a", "日本A"),
];

#[test]
fn names_that_differ_in_case_only_cannot_both_become_tenants_in_either_order() {
    let fixture = Fixture::new();
    for (a, b) in CASES {
        for (first, second) in [(a, b), (b, a)] {
            let tenant = fixture.tenant(first);
            let before = fixture.everything();
            let error = fixture.try_tenant(second).unwrap_err();
            assert!(
                matches!(&error, Error::TenantExists { schema, existing }
                    if schema.as_str() == second && existing.as_str() == first),
                "{second} after {first}: {error:?}"
            );
            assert!(error.to_string().contains("differs in case only"));
            assert_eq!(fixture.everything(), before, "{second} after {first}");
            fixture.tenancy.delete_with_schema(&tenant).unwrap();
        }
    }
}

#[test]
fn a_name_that_differs_in_case_only_from_a_schema_of_no_tenant_is_refused() {
    let fixture = Fixture::new();
    for (a, b) in CASES {
        for (first, second) in [(a, b), (b, a)] {
            fixture.run(&format!("CREATE SCHEMA \"{first}\""));
            let before = fixture.everything();
            for schema in [first, second] {
                let error = fixture.try_tenant(schema).unwrap_err();
                assert!(
                    matches!(&error, Error::SchemaExists { existing, .. } if existing.as_str() == first),
                    "{schema} while {first} exists: {error:?}"
                );
            }
            assert_eq!(
                fixture.tenancy.schema_like(&name(second)).unwrap(),
                Some(name(first))
            );
            assert_eq!(fixture.everything(), before);
            fixture.run(&format!("DROP SCHEMA \"{first}\""));
        }
    }
}

#[test]
fn names_that_differ_in_case_only_cannot_both_become_tenants_where_the_row_comes_first() {
    let fixture = Fixture::<RowFirst>::row_first();
    for (a, b) in CASES {
        for (first, second) in [(a, b), (b, a)] {
            let tenant = fixture.tenancy.create(new_client(first)).unwrap();
            let before = fixture.everything();
            let error = fixture.tenancy.create(new_client(second)).unwrap_err();
            assert!(
                matches!(&error, Error::TenantExists { existing, .. } if existing.as_str() == first),
                "{second} after {first}: {error:?}"
            );
            assert_eq!(fixture.everything(), before);
            // Nor when somebody wrote the second row without asking us.
            fixture.run(&format!(
                "INSERT INTO clients (schema_name, name) VALUES ('{}', '')",
                second.replace('\'', "''")
            ));
            let intruder = fixture.tenancy.find_by_schema(&name(second)).unwrap().unwrap();
            fixture.tenancy.create_schema(&tenant).unwrap();
            let error = fixture.tenancy.create_schema(&intruder).unwrap_err();
            assert!(matches!(&error, Error::SchemaExists { existing, .. } if existing.as_str() == first));
            assert_eq!(fixture.schemas(), sorted(&[first, "public"]));
            fixture.tenancy.delete_with_schema(&tenant).unwrap();
            fixture.tenancy.delete(&intruder).unwrap();
        }
    }
}

/// Creates each name in a thread of its own, all at one moment, and returns how many succeeded.
fn race<T: TenantModel + std::fmt::Debug>(tenancy: &Tenancy<T>, schemas: &[&str]) -> usize
where
    customers::NewClient: tenant_diesel::NewTenant<T>,
{
    let start = Barrier::new(schemas.len());
    std::thread::scope(|scope| {
        let create = |schema| {
            start.wait();
            tenancy.create(new_client(schema))
        };
        let threads: Vec<_> = schemas
            .iter()
            .map(|&schema| scope.spawn(move || create(schema)))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        let mut created = 0;
        for result in results {
            match result {
                Ok(_) => created += 1,
                Err(Error::TenantExists { .. } | Error::SchemaExists { .. }) => {}
                Err(error) => panic!("{}", chain(&error)),
            }
        }
        created
    })
}

#[test]
fn of_threads_that_create_names_which_differ_in_case_only_one_succeeds() {
    let fixture = Fixture::new();
    let row_first = Fixture::<RowFirst>::row_first();
    for i in 0..10 {
        let names = [format!("École{i}"), format!("éCOLE{i}"), format!("ÉCOLE{i}")];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(race(&fixture.tenancy, &names), 1);
        assert_eq!(race(&row_first.tenancy, &names), 1);
    }
    assert_eq!(fixture.schemas().len(), 11);
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 10);
    assert_eq!(row_first.count("SELECT count(*) FROM clients"), 10);
}

#[test]
fn of_names_that_differ_in_case_only_one_is_created_also_where_transactions_see_an_old_snapshot() {
    let fixture = Fixture::unmigrated(4);
    let database = fixture.texts("SELECT current_database()").remove(0);
    fixture.run(&format!(
        "ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read'"
    ));
    let tenancy = cases_of(&fixture);
    tenancy.migrate().unwrap();
    for i in 0..10 {
        let names = [format!("Acme{i}"), format!("ACME{i}"), format!("acme{i}")];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(race(&tenancy, &names), 1, "round {i}");
    }
    assert_eq!(fixture.count("SELECT count(*) FROM clients"), 10);
}

#[test]
fn a_tenant_is_not_created_inside_a_transaction_that_sees_an_old_snapshot() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    for serializable in [false, true] {
        let result = fixture.tenancy.with_public(|conn| {
            let transaction = conn.build_transaction();
            let create = |conn: &mut _| fixture.tenancy.create_in(conn, new_client("acme"));
            match serializable {
                true => transaction.serializable().run(create),
                false => transaction.repeatable_read().run(create),
            }
        });
        assert!(matches!(result, Err(Error::OldSnapshot { .. })), "{result:?}");
        assert_eq!(fixture.everything(), before);
    }
}

/// The same application on new connections.
fn cases_of(fixture: &Fixture) -> Tenancy<Client> {
    let builder = Tenancy::builder().app::<customers::App>().app::<todo::App>();
    builder.connect(fixture.database.url()).unwrap()
}

#[test]
fn tenants_that_already_collide_can_still_be_changed() {
    let fixture = Fixture::new();
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('acme', ''), ('ACME', '')");
    let tenancy = &fixture.tenancy;
    for schema in ["acme", "ACME"] {
        let tenant = tenancy.find_by_schema(&name(schema)).unwrap().unwrap();
        let renamed = tenancy.update(&tenant, clients::name.eq("renamed")).unwrap();
        assert_eq!(
            (renamed.schema_name, renamed.name.as_str()),
            (name(schema), "renamed")
        );
    }
}

#[test]
fn a_schema_is_asked_for_by_its_exact_name_or_without_case() {
    let fixture = Fixture::new();
    fixture.tenant("case_test");
    let tenancy = &fixture.tenancy;
    assert!(tenancy.schema_exists(&name("case_test")).unwrap());
    assert!(!tenancy.schema_exists(&name("CASE_TEST")).unwrap());
    assert_eq!(
        tenancy.schema_like(&name("CASE_TEST")).unwrap(),
        Some(name("case_test"))
    );
    assert_eq!(tenancy.schema_like(&name("case_tes")).unwrap(), None);
    // LIKE's own characters mean themselves.
    assert_eq!(tenancy.schema_like(&name("case%")).unwrap(), None);
    assert_eq!(tenancy.find_by_schema(&name("CASE_TEST")).unwrap(), None);
    // Of several, the exact one.
    fixture.run("CREATE SCHEMA \"CASE_TEST\"; CREATE SCHEMA \"Case_Test\"");
    assert_eq!(
        tenancy.schema_like(&name("Case_Test")).unwrap(),
        Some(name("Case_Test"))
    );
}
