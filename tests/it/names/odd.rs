//! Every name that PostgreSQL can quote works from birth to death.

use super::*;
use diesel::prelude::*;
use tenant_diesel::{Error, SchemaName, SchemaNameError};
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::todo;
use tenant_tests::models::RowFirst;
use tenant_tests::{Fixture, add_task, chain, new_client, setting, titles};

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
    assert_eq!((report.up_to_date, report.applied()), (odd.len(), 0));

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
