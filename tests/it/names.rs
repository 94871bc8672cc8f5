//! Which names tenants can have, and that each is kept as it is: never folded, cut or read as something
//! else.

use diesel::prelude::*;
use std::sync::Barrier;
use tenant_diesel::{Error, SchemaName, SchemaNameError, Tenancy, TenantModel};
use tenant_tests::apps::customers::{self, Client, clients};
use tenant_tests::apps::todo;
use tenant_tests::models::RowFirst;
use tenant_tests::{Fixture, add_task, chain, name, new_client, setting, titles};

/// The longest name, made of one that differs from it in the last byte only.
fn long(last: char) -> String {
    format!("{}{last}", "x".repeat(62))
}

/// Names that a careless quoting would fold, cut, split or refuse.
fn odd_names() -> Vec<String> {
    let names = [
        "tenant2",
        "tenant_2",
        "Tenant1",
        "my-tenant",
        "select",
        "user",
        "default",
        "123",
        "1",
        "test-hyphen",
        "test@at",
        "`tick`ed`",
        "quo\"te",
        "\"",
        "\"\"",
        "it's",
        "'",
        "x','b",
        "a,b",
        "a, public",
        "a.b",
        "*",
        r"a\b'c",
        r"\",
        r"\'",
        r#"\""#,
        "$1",
        "$$",
        "%s",
        "%",
        "{}",
        ";",
        "--",
        "/* */",
        "a;DROP TABLE x",
        " ",
        " lead",
        "trail ",
        "a  b",
        "tab\tline\nend\r",
        "日本",
        "naïve",
        "nai\u{308}ve",
        "Ünïcödé",
        "🦀",
        "\u{200B}",
        "\u{202E}abc",
        "pgwa",
        "_pg_awa",
        "a_pg",
        "w_pg_a",
        "___",
        "public2",
        "publi",
        "user$",
    ];
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.extend([
        long('a'),
        long('b'),
        "é".repeat(31),
        format!("{}a", "é".repeat(31)),
        "日".repeat(21),
    ]);
    names
}

#[test]
fn odd_names_live_and_die_as_tenants_and_the_server_keeps_each_as_it_is() {
    let fixture = Fixture::new();
    let odd = odd_names();
    let mut tenants: Vec<Client> = Vec::new();
    for schema in &odd {
        let tenant = fixture
            .try_tenant(schema)
            .unwrap_or_else(|e| panic!("{schema:?}: {}", chain(&e)));
        assert_eq!(tenant.schema_name.as_str(), schema);
        add_task(&fixture.tenancy, &tenant, schema);
        tenants.push(tenant);
    }
    let mut expected: Vec<&str> = odd.iter().map(String::as_str).collect();
    expected.push("public");
    assert_eq!(fixture.schemas(), sorted(&expected));
    let report = fixture.tenancy.migrate().unwrap();
    assert_eq!((report.schemas.len(), report.applied()), (odd.len() + 1, 0));

    let tenancy = &fixture.tenancy;
    for tenant in &tenants {
        let schema = tenant.schema_name.as_str();
        assert_eq!(fixture.titles(tenant), [schema]);
        let in_transaction = tenancy.transaction(tenant, titles).unwrap();
        assert_eq!(in_transaction, [schema]);
        tenancy
            .with_tenant(&tenants[0], |conn| {
                conn.with_tenant(tenant, |conn| {
                    assert_eq!(titles(conn)?, [schema]);
                    assert_eq!(conn.current_schema()?.unwrap().as_str(), schema);
                    assert_eq!(
                        setting(conn, "search_path"),
                        format!("{}, pg_temp", tenant.schema_name.quoted())
                    );
                    Ok::<_, Error>(())
                })?;
                assert_eq!(titles(conn)?, [odd[0].as_str()]);
                Ok::<_, Error>(())
            })
            .unwrap();
        // The default of the column was evaluated by the server.
        let owners: Vec<String> = tenancy
            .with_tenant(tenant, |conn| {
                todo::tasks::table.select(todo::tasks::owner).load(conn)
            })
            .unwrap();
        assert_eq!(owners, [schema]);
        assert!(tenancy.schema_exists(&tenant.schema_name).unwrap());
        assert_eq!(
            tenancy.find_by_schema(&tenant.schema_name).unwrap().as_ref(),
            Some(tenant)
        );
        assert_eq!(
            fixture.tables(schema),
            ["__diesel_schema_migrations", "labels", "tasks"]
        );
    }
    assert_eq!(tenancy.tenants().count(), odd.len());

    for tenant in &tenants {
        tenancy.delete_with_schema(tenant).unwrap();
        assert!(!fixture.has_schema(tenant.schema_name.as_str()));
        assert!(matches!(
            tenancy.with_tenant(tenant, titles),
            Err(Error::SchemaMissing { schema }) if schema == tenant.schema_name
        ));
    }
    assert_eq!(fixture.schemas(), ["public"]);
    assert_eq!(tenancy.tenants().count(), 0);
}

#[test]
fn odd_names_can_be_made_after_their_rows() {
    let fixture = Fixture::<RowFirst>::row_first();
    for schema in odd_names() {
        let tenant = fixture.tenancy.create(new_client(&schema)).unwrap();
        assert!(!fixture.has_schema(&schema));
        fixture.tenancy.create_schema(&tenant).unwrap();
        assert!(fixture.has_schema(&schema));
        assert!(fixture.tenancy.drop_schema(&tenant).unwrap());
        assert!(!fixture.has_schema(&schema));
    }
    assert_eq!(fixture.schemas(), ["public"]);
}

#[test]
fn plain_names_are_checked_strictly_and_others_need_to_be_asked_for() {
    let longest = "a".repeat(63);
    for plain in ["tenant1", "tenant_1", "Tenant1", "___", "a_a0", "_a0_", &longest] {
        assert_eq!(SchemaName::new(plain).unwrap().as_str(), plain);
    }
    for odd in ["my-tenant", " ", "^", ".", "&", "{", "(", "@", "!", "1a"] {
        assert!(
            matches!(SchemaName::new(odd), Err(SchemaNameError::NotPlain { .. })),
            "{odd:?}"
        );
        assert_eq!(
            SchemaName::quoted_any(odd).unwrap().quoted(),
            format!("\"{odd}\"")
        );
    }
    assert_eq!(SchemaName::new("www").unwrap().quoted(), "\"www\"");
}

#[test]
fn what_postgres_keeps_for_itself_or_would_cut_is_no_name() {
    let (too_long, long_in_bytes) = ("a".repeat(64), "é".repeat(32));
    for refused in [
        "",
        "a\0b",
        "pg_a",
        "pg_",
        "PG_a",
        "pG_tenant1",
        "pg_catalog",
        "pg_temp",
        "information_schema",
        "Information_Schema",
        "$user",
        &too_long,
        &long_in_bytes,
    ] {
        assert!(SchemaName::quoted_any(refused).is_err(), "{refused:?}");
        assert!(SchemaName::new(refused).is_err(), "{refused:?}");
    }
    // The server agrees: it would cut the long one, so that two names were one schema.
    let fixture = Fixture::new();
    fixture.run(&format!("CREATE SCHEMA \"{too_long}\""));
    assert_eq!(fixture.schemas(), [&too_long[..63], "public"]);
}

#[test]
fn two_long_names_that_differ_in_the_last_byte_are_two_tenants() {
    let fixture = Fixture::new();
    let (a, b) = (long('a'), long('b'));
    let tenants = fixture.tagged(&[&a, &b]);
    assert_eq!(fixture.titles(&tenants[0]), [a.as_str()]);
    assert_eq!(fixture.titles(&tenants[1]), [b.as_str()]);
    fixture.tenancy.delete_with_schema(&tenants[0]).unwrap();
    assert!(!fixture.has_schema(&a) && fixture.has_schema(&b));
    assert_eq!(fixture.titles(&tenants[1]), [b.as_str()]);
}

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

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    names.sort();
    names
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
fn reserved_names_are_refused_in_any_case_and_nothing_changes() {
    let builder = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .extension_schema(name("extensions"))
        .static_name(name("www"))
        .static_name(name("Блог"));
    let fixture = Fixture::of(2, builder);
    fixture.run("CREATE SCHEMA extensions");
    fixture.tenancy.migrate().unwrap();
    let before = fixture.everything();
    for (reserved, by) in [
        ("public", "the shared schema"),
        ("PUBLIC", "the shared schema"),
        ("Public", "the shared schema"),
        ("extensions", "extensions"),
        ("ExTensions", "extensions"),
        ("www", "a static name"),
        ("WWW", "a static name"),
        ("блог", "a static name"),
        ("БЛОГ", "a static name"),
        ("tenancy", "the library itself"),
        ("Tenancy", "the library itself"),
    ] {
        let error = fixture.try_tenant(reserved).unwrap_err();
        assert!(
            matches!(&error, Error::ReservedName { schema, .. } if schema.as_str() == reserved),
            "{reserved}: {error:?}"
        );
        assert!(error.to_string().contains(by), "{error}");
        assert_eq!(fixture.everything(), before, "{reserved}");
    }
    for free in ["www2", "ww", "publicity", "tenancy1", "default", "sample"] {
        fixture.tenant(free);
    }
}

#[test]
fn a_row_that_names_the_shared_schema_cannot_be_used_to_reach_or_drop_it() {
    let builder = || {
        Tenancy::builder()
            .app::<customers::App>()
            .app::<todo::App>()
            .extension_schema(name("ext"))
    };
    let fixture = Fixture::<Client>::of(2, builder().static_name(name("www")));
    fixture.run("CREATE SCHEMA ext; CREATE SCHEMA www; CREATE TABLE www.kept ()");
    let tenancy = &fixture.tenancy;
    tenancy.migrate().unwrap();
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('public', ''), ('ext', ''), ('tenancy', ''), ('www', '')");
    let before = fixture.everything();
    for schema in ["public", "ext", "tenancy", "www"] {
        let row = tenancy.find_by_schema(&name(schema)).unwrap().unwrap();
        for result in [
            tenancy.delete_with_schema(&row),
            tenancy.drop_schema(&row).map(drop),
            tenancy.create_schema(&row),
            tenancy.create_schema_if_missing(&row).map(drop),
        ] {
            assert!(
                matches!(result, Err(Error::ReservedName { .. })),
                "{schema}: {result:?}"
            );
        }
        assert_eq!(fixture.everything(), before);
        if schema != "www" {
            for result in [
                tenancy.with_tenant(&row, |_| Ok::<_, Error>(())),
                tenancy.transaction(&row, |_| Ok::<_, Error>(())),
                tenancy.get(&row).map(drop),
                tenancy.with_public(|conn| conn.with_tenant(&row, |_| Ok::<_, Error>(()))),
                tenancy.with_schema(&row.schema_name, |_| Ok::<_, Error>(())),
            ] {
                assert!(
                    matches!(result, Err(Error::ReservedName { .. })),
                    "{schema}: {result:?}"
                );
            }
            let Err(Error::Migrate(report)) = tenancy.migrate_tenant(&row) else {
                panic!("{schema}")
            };
            assert!(matches!(
                report.schemas[0].error,
                Some(Error::ReservedName { .. })
            ));
        }
        // The row itself can go.
        tenancy.delete(&row).unwrap();
        assert!(fixture.has_schema(schema) || schema == "tenancy");
        fixture.run(&format!(
            "INSERT INTO clients (id, schema_name, name) VALUES ({}, '{schema}', '')",
            row.id
        ));
    }
    assert!(fixture.has_schema("www"));
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

#[test]
fn a_row_whose_name_is_no_schema_name_is_an_error_that_names_it() {
    let fixture = Fixture::new();
    fixture.run("INSERT INTO clients (schema_name, name) VALUES ('pg_bad', '')");
    let error = fixture.tenancy.tenants().next().unwrap().unwrap_err();
    assert!(
        chain(&error).contains("\"pg_bad\" belongs to PostgreSQL"),
        "{}",
        chain(&error)
    );
    let mut tenants = fixture.tenancy.tenants();
    assert!(tenants.next().unwrap().is_err() && tenants.next().is_none());
}
