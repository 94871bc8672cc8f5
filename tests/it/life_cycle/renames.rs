//! Another name: for the schema, its row, and what in it is bound to the name.

use diesel::prelude::*;
use tenant_diesel::{Error, MentionPlace};
use tenant_tests::{Fixture, add_task, name};

#[test]
fn a_tenant_is_renamed_with_its_row_its_schema_and_its_data() {
    for (old, new) in [
        ("test", "new_name"),
        ("1234_test", "4321_new_name"),
        ("acme", "O'Brien \"x\" ü"),
        ("acme", "ACME"),
    ] {
        let fixture = Fixture::new();
        let tenant = fixture.tagged(&[old]).remove(0);
        let renamed = fixture.tenancy.rename(&tenant, &name(new)).unwrap();
        assert!(renamed.mentions.is_empty());
        assert_eq!(renamed.tenant.schema_name.as_str(), new);
        assert!(!fixture.has_schema(old) && fixture.has_schema(new));
        assert_eq!(fixture.texts("SELECT schema_name FROM clients"), [new]);
        assert_eq!(
            fixture.texts("SELECT name || ' ' || state FROM tenancy.schemas WHERE kind = 'tenant'"),
            [format!("{new} ready")]
        );
        assert_eq!(fixture.titles(&renamed.tenant), [old]);
        add_task(&fixture.tenancy, &renamed.tenant, "more");
        let by_the_old_name = fixture.tenancy.get(&tenant);
        assert!(
            matches!(by_the_old_name, Err(Error::SchemaMissing { .. })),
            "{by_the_old_name:?}"
        );
        assert_eq!(fixture.tenancy.migrate().unwrap().applied(), 0);
        // The old name is free.
        if old.to_lowercase() != new.to_lowercase() {
            fixture.tenant(old);
        }
        fixture.tenancy.delete_with_schema(&renamed.tenant).unwrap();
    }
}

#[test]
fn a_name_that_is_taken_or_reserved_is_refused_and_nothing_changed() {
    let fixture = Fixture::with(|builder| builder.static_name(name("www")));
    let acme = fixture.tagged(&["acme", "globex"]).remove(0);
    fixture.run("CREATE SCHEMA stray");
    let before = fixture.everything();
    for taken in [
        "globex",
        "GLOBEX",
        "stray",
        "public",
        "www",
        "tenancy",
        "tenancy_spare_x",
        "acme",
    ] {
        let error = fixture.tenancy.rename(&acme, &name(taken));
        match (taken, error) {
            // To itself, it stays what it is.
            ("acme", Ok(renamed)) => assert_eq!(renamed.tenant, acme),
            (_, Err(error)) => assert!(error.is_taken(), "{taken}: {error:?}"),
            (_, Ok(_)) => panic!("{taken} was free"),
        }
        assert_eq!(fixture.everything(), before);
    }
    assert_eq!(fixture.titles(&acme), ["acme"]);
}

#[test]
fn paths_of_functions_are_rewritten_and_bodies_that_name_the_schema_are_listed() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.run(
        "CREATE FUNCTION acme.by_path() RETURNS bigint LANGUAGE sql SET search_path = acme, \"Odd, one\", pg_temp \
           AS 'SELECT count(*) FROM tasks'; \
         CREATE FUNCTION acme.by_name(acme.tasks) RETURNS bigint LANGUAGE plpgsql \
           AS 'BEGIN RETURN (SELECT count(*) FROM Acme.tasks); END'; \
         CREATE FUNCTION acme.by_none() RETURNS text LANGUAGE sql AS $$SELECT 'acmeish'$$; \
         CREATE FUNCTION public.elsewhere() RETURNS bigint LANGUAGE sql SET search_path = 'acme' \
           AS 'SELECT count(*) FROM tasks'; \
         CREATE VIEW acme.seen AS SELECT * FROM acme.tasks",
    );
    let renamed = fixture.tenancy.rename(&acme, &name("Acme Ltd")).unwrap();
    let mentions: Vec<_> = renamed
        .mentions
        .iter()
        .map(|mention| (mention.object.as_str(), mention.place))
        .collect();
    assert_eq!(
        mentions,
        [
            (
                "function \"Acme Ltd\".by_name(\"Acme Ltd\".tasks)",
                MentionPlace::Body
            ),
            ("function elsewhere()", MentionPlace::FunctionPath),
        ]
    );
    assert_eq!(
        fixture.texts("SELECT proconfig::text FROM pg_proc WHERE proname = 'by_path'"),
        [r#"{"search_path=\"Acme Ltd\", \"Odd, one\", pg_temp"}"#]
    );
    assert_eq!(fixture.count("\"Acme Ltd\".by_path()"), 1);
    assert_eq!(fixture.count("SELECT count(*) FROM \"Acme Ltd\".seen"), 1);
}

#[test]
fn a_tenant_that_is_not_there_or_is_being_dropped_keeps_its_name() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    fixture.run("UPDATE tenancy.schemas SET state = 'dropping' WHERE name = 'acme'");
    let before = fixture.everything();
    let refused = fixture.tenancy.rename(&acme, &name("new"));
    assert!(matches!(refused, Err(Error::WrongState { .. })), "{refused:?}");
    assert_eq!(fixture.everything(), before);
    fixture.run("DELETE FROM clients");
    let refused = fixture.tenancy.rename(&acme, &name("new"));
    assert!(matches!(refused, Err(Error::TenantMissing { .. })), "{refused:?}");
}

#[test]
fn a_renamed_tenant_is_served_at_once_on_connections_that_served_it_before() {
    let fixture = Fixture::with_one_connection();
    let mut acme = fixture.tagged(&["acme"]).remove(0);
    for new in ["b", "c", "acme", "d"] {
        acme = fixture.tenancy.rename(&acme, &name(new)).unwrap().tenant;
        let schema = fixture
            .tenancy
            .with_tenant(&acme, |conn| conn.current_schema())
            .unwrap();
        assert_eq!(schema, Some(name(new)));
        assert_eq!(fixture.titles(&acme), ["acme"]);
        let count = tenant_tests::apps::todo::tasks::table.count();
        let count = fixture
            .tenancy
            .with_tenant(&acme, |conn| count.get_result::<i64>(conn));
        assert_eq!(count.unwrap(), 1);
    }
}
