//! Calls of functions that were spelled in ways that were not seen.

use crate::affinity::LONG;
use diesel::prelude::*;
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

mod functions {
    use diesel::sql_types::Text;
    diesel::define_sql_function! {
        #[sql_name = "ctx.set"]
        fn ctx_set(path: Text) -> Text;
    }
    diesel::define_sql_function! {
        #[sql_name = "my_pg_catalog.lower"]
        fn my_lower(path: Text) -> Text;
    }
}

fn with_functions() -> (Fixture, Vec<Client>) {
    let fixture = Fixture::of(
        1,
        application::<Client>().pool(|pool| pool.alive_bypass_window(LONG)),
    );
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["acme", "globex"]);
    for (schema, name) in [
        ("ctx", "set"),
        ("ctx", "go"),
        ("ctx", "lower"),
        ("my_pg_catalog", "lower"),
    ] {
        fixture.run(&format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE FUNCTION {schema}.{name}(path text) RETURNS text LANGUAGE sql AS \
             $$ SELECT set_config('search_path', path, false) $$"
        ));
    }
    (fixture, tenants)
}

/// Behind a period, PostgreSQL takes any word for a name.
#[test]
fn a_function_with_the_name_of_a_word_does_not_reach_the_next_borrower() {
    let mut leaked = Vec::new();
    for which in ["ctx.set", "my_pg_catalog.lower"] {
        let (fixture, tenants) = with_functions();
        let same = fixture.tenancy.with_tenant(&tenants[0], |conn| {
            match which {
                "ctx.set" => diesel::select(functions::ctx_set("globex")).get_result::<String>(conn)?,
                _ => diesel::select(functions::my_lower("globex")).get_result::<String>(conn)?,
            };
            titles(conn)
        });
        let next = fixture.tenancy.with_tenant(&tenants[0], titles);
        for (scope, read) in [("same", same.unwrap()), ("next", next.unwrap())] {
            if read != ["acme"] {
                leaked.push((which, scope, read));
            }
        }
    }
    assert!(leaked.is_empty(), "acme read: {leaked:?}");
}

/// Other ways to write a call.
#[test]
fn a_call_is_seen_behind_comments_and_spaces() {
    let mut leaked = Vec::new();
    for call in [
        "SELECT ctx.go/**/('globex')",
        "SELECT ctx.go -- lower\n('globex')",
        "SELECT ctx . lower('globex')",
        "SELECT ctx. lower('globex')",
        "SELECT ctx.set('globex')",
        "UPDATE tasks SET owner = ctx. lower('globex')",
    ] {
        let (fixture, tenants) = with_functions();
        let same = fixture.tenancy.with_tenant(&tenants[0], |conn| {
            diesel::sql_query(call).execute(conn)?;
            titles(conn)
        });
        let next = fixture.tenancy.with_tenant(&tenants[0], titles);
        for (scope, read) in [("same", same), ("next", next)] {
            if read.as_ref().is_ok_and(|read| *read != ["acme"]) {
                leaked.push((call, scope));
            }
        }
    }
    assert!(leaked.is_empty(), "acme read globex's rows: {leaked:?}");
}
