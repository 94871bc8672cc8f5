//! Functions that change the session, called in ways that were not seen.

use crate::affinity::{two, with};
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_diesel::TenantPoolBuilder;
use tenant_tests::*;

/// A function that is called with a space before its parenthesis is a function all the same.
#[test]
fn a_quoted_function_with_a_space_is_seen() {
    let (fixture, tenants) = two(|pool| pool);
    fixture.run("CREATE FUNCTION public.go(text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', $1, false) $$");
    let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        diesel::sql_query("SELECT public.\"go\" ('globex')").execute(conn)?;
        titles(conn)
    });
    assert_eq!(read.unwrap(), ["acme"]);
}

/// What a deferred trigger does at the commit was not seen.
#[test]
fn with_verify_always_a_deferred_trigger_at_commit_is_not_believed() {
    let (fixture, tenants) = two(TenantPoolBuilder::verify_always);
    fixture.run(
        "CREATE FUNCTION public.unseen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('search_path', 'globex', false); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER unseen AFTER INSERT ON acme.tasks DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION public.unseen();",
    );
    for _ in 0..2 {
        let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
            conn.transaction(|conn| insert_task(conn, "x"))?;
            titles(conn)
        });
        assert!(read.unwrap().contains(&"acme".to_owned()));
        let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
        assert!(titles(&mut conn).unwrap().contains(&"acme".to_owned()));
        drop(conn);
        fixture
            .tenancy
            .transaction(&tenants[0], |conn| insert_task(conn, "y"))
            .unwrap();
        assert_eq!(fixture.titles(&tenants[1]), ["globex"]);
    }
}

diesel::define_sql_function! {
    /// The application's own, which has the name of a function of PostgreSQL's.
    fn log(message: Text) -> Text;
}

/// A function of the application with the name of a harmless one of PostgreSQL was believed to be that one.
#[test]
fn a_function_with_the_name_of_a_harmless_one_is_taken_back() {
    let (fixture, tenants) = two(|pool| pool);
    fixture.run(
        "CREATE FUNCTION acme.log(text) RETURNS text LANGUAGE sql AS \
         $$ SELECT set_config('search_path', 'globex', false) $$",
    );
    let within = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        diesel::select(log("x")).get_result::<String>(conn)?;
        titles(conn)
    });
    let next = fixture.tenancy.with_tenant(&tenants[0], titles);
    assert_eq!(next.unwrap(), ["acme"], "the next borrower");
    assert_eq!(within.unwrap(), ["acme"]);
}

/// Calls that are written in other ways, in a write, were not seen.
#[test]
fn a_function_that_a_write_calls_does_not_reach_the_next_borrower() {
    let mut leaked = Vec::new();
    for call in [
        "public.\"go\" (title)",
        "tasks.go",
        "(tasks).go",
        "public.go(title)",
    ] {
        let fixture = with(1, |pool| pool);
        let tenants = fixture.tagged(&["acme", "globex"]);
        fixture.run(
            "CREATE FUNCTION public.go(text) RETURNS text LANGUAGE sql AS \
             $$ SELECT set_config('search_path', 'globex', false) $$; \
             CREATE FUNCTION acme.go(acme.tasks) RETURNS text LANGUAGE sql AS \
             $$ SELECT set_config('search_path', 'globex', false) $$;",
        );
        fixture
            .tenancy
            .with_tenant(&tenants[0], |conn| {
                diesel::sql_query(format!("UPDATE tasks SET owner = {call}")).execute(conn)
            })
            .unwrap();
        let next = fixture.tenancy.with_tenant(&tenants[0], titles);
        if next.as_ref().is_ok_and(|next| *next != ["acme"]) {
            leaked.push(call);
        }
    }
    assert!(
        leaked.is_empty(),
        "the next borrower read another tenant's rows after {leaked:?}"
    );
}
