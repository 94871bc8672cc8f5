//! Changes that no text of the query shows: made by functions on the server, by queries inside queries, and
//! by what Diesel runs on its own.

use super::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use tenant_tests::apps::todo::tasks;

diesel::define_sql_function! { fn set_config(name: Text, value: Text, is_local: Bool) -> Text; }
diesel::define_sql_function! {
    fn query_to_xml(query: Text, nulls: Bool, table_forest: Bool, targetns: Text) -> Text;
}
diesel::define_sql_function! {
    #[sql_name = "public.leaky"]
    fn leaky(statement: Text) -> Text;
}

/// A function in the shared schema that runs whatever it is given.
const LEAKY: &str = "CREATE FUNCTION public.leaky(statement text) RETURNS text LANGUAGE plpgsql AS $$ \
    BEGIN EXECUTE statement; RETURN statement; END $$";

#[test]
fn a_query_inside_a_typed_query_changes_nothing_for_later_statements() {
    for (setting, value) in [
        ("search_path", "globex"),
        ("app.customer", "acme"),
        ("statement_timeout", "3600000"),
        ("TimeZone", "Asia/Tokyo"),
    ] {
        dirtied_by(|conn| {
            let inner = format!("SELECT set_config('{setting}', '{value}', false)");
            diesel::select(query_to_xml(inner, true, true, ""))
                .execute(conn)
                .unwrap();
            assert_eq!(titles(conn).unwrap(), ["acme"], "{setting}");
        });
    }
}

/// What a function on the server may do, called by a typed query whose text does not show it.
fn function_dirties(statement: &str) {
    let (fixture, acme, globex) = two();
    fixture.run(LEAKY);
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    diesel::select(leaky(statement)).execute(&mut conn).unwrap();
    assert_eq!(titles(&mut conn).unwrap(), ["acme"], "{statement}");
    // Again, now that Diesel and the library know the query; and with rows that come back.
    diesel::select(leaky(statement)).execute(&mut conn).unwrap();
    drop(conn);
    assert_clean(&fixture, &acme, &globex);
    let ran = fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            diesel::select(leaky(statement)).get_result::<String>(conn)
        })
        .unwrap();
    assert_eq!(ran, statement);
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_path_that_a_function_on_the_server_sets_is_gone_before_the_next_statement() {
    function_dirties("SET search_path TO globex");
    function_dirties("SET SCHEMA 'globex'");
    function_dirties("RESET ALL");
}

#[test]
fn settings_that_a_function_on_the_server_sets_do_not_leak() {
    function_dirties("SET app.customer = 'acme'");
    function_dirties("SET statement_timeout = '1h'");
    function_dirties("SET TIME ZONE 'Asia/Tokyo'");
}

#[test]
fn a_role_that_a_function_on_the_server_sets_does_not_leak() {
    let (fixture, acme, globex) = two();
    let role = format!("hidden{}", std::process::id());
    fixture.run(&format!(
        "{LEAKY}; CREATE ROLE {role}; GRANT ALL ON SCHEMA acme TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA acme TO {role}"
    ));
    let read = fixture.tenancy.with_tenant(&acme, |conn| {
        diesel::select(leaky(format!("SET ROLE {role}"))).execute(conn)?;
        titles(conn)
    });
    assert_eq!(read.unwrap(), ["acme"]);
    assert_clean(&fixture, &acme, &globex);
    fixture.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn what_a_function_on_the_server_leaves_in_the_session_does_not_leak() {
    function_dirties("CREATE TEMP TABLE IF NOT EXISTS tasks (id bigint, title text)");
    function_dirties("SELECT pg_advisory_lock(1)");
    function_dirties("LISTEN jobs");
}

#[test]
fn a_function_in_a_filter_or_a_returning_clause_is_seen_as_well() {
    for change in ["SET search_path TO globex", "SET app.customer = 'acme'"] {
        let (fixture, acme, globex) = two();
        fixture.run(LEAKY);
        fixture
            .tenancy
            .with_tenant(&acme, |conn| {
                tasks::table
                    .filter(leaky(change).eq(change))
                    .select(tasks::title)
                    .load::<String>(conn)?;
                assert_eq!(titles(conn)?, ["acme"]);
                diesel::insert_into(tasks::table)
                    .values(tasks::title.eq("acme"))
                    .returning(leaky(change))
                    .execute(conn)?;
                assert_eq!(titles(conn)?, ["acme", "acme"]);
                diesel::update(tasks::table)
                    .set(tasks::title.eq("acme"))
                    .filter(leaky(change).eq(change))
                    .execute(conn)?;
                assert_eq!(titles(conn)?, ["acme", "acme"]);
                diesel::delete(tasks::table.filter(leaky(change).eq("never"))).execute(conn)?;
                assert_eq!(titles(conn)?, ["acme", "acme"]);
                QueryResult::Ok(())
            })
            .unwrap();
        assert_clean(&fixture, &acme, &globex);
    }
}

/// What runs inside a statement that does not name it: the path of the next borrower is its own all the same.
fn next_has_its_own_path_after(wandering: &str, undone: &str) {
    let (fixture, acme, globex) = two();
    fixture.run(&format!(
        "CREATE FUNCTION public.wander() RETURNS text LANGUAGE sql VOLATILE AS \
         $$ SELECT set_config('search_path', 'globex', false) $$; {wandering}"
    ));
    let inserted = fixture
        .tenancy
        .with_tenant(&acme, |conn| insert_task(conn, "acme"));
    assert_eq!(inserted.unwrap(), 1);
    fixture.run(undone);
    assert_clean(&fixture, &acme, &globex);
}

#[test]
fn a_trigger_that_sets_the_path_does_not_set_that_of_the_next_borrower() {
    next_has_its_own_path_after(
        "CREATE FUNCTION public.on_insert() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN PERFORM public.wander(); RETURN NEW; END $$; \
         CREATE TRIGGER wanders BEFORE INSERT ON acme.tasks FOR EACH ROW EXECUTE FUNCTION public.on_insert()",
        "DROP TRIGGER wanders ON acme.tasks",
    );
}

#[test]
fn a_default_that_sets_the_path_does_not_set_that_of_the_next_borrower() {
    next_has_its_own_path_after(
        "ALTER TABLE acme.tasks ALTER owner SET DEFAULT public.wander()",
        "ALTER TABLE acme.tasks ALTER owner SET DEFAULT ''",
    );
}

/// A changeset whose value is an expression.
#[derive(Identifiable, Debug, Clone)]
#[diesel(table_name = tasks)]
struct Wandering {
    id: i64,
    name: &'static str,
    value: &'static str,
}

impl AsChangeset for &Wandering {
    type Target = tasks::table;
    type Changeset =
        <diesel::dsl::Eq<tasks::title, set_config<&'static str, &'static str, bool>> as AsChangeset>::Changeset;

    fn as_changeset(self) -> Self::Changeset {
        tasks::title
            .eq(set_config(self.name, self.value, false))
            .as_changeset()
    }
}

#[test]
fn save_changes_with_an_expression_that_changes_the_session_leaks_nothing() {
    for (name, value) in [("search_path", "globex"), ("app.customer", "acme")] {
        let (fixture, acme, globex) = two();
        fixture.run("INSERT INTO acme.tasks (title) VALUES ('acme')");
        fixture
            .tenancy
            .with_tenant(&acme, |conn| {
                let changes = Wandering { id: 2, name, value };
                let saved: (i64, String, String, Option<i32>) = changes.save_changes(conn)?;
                assert_eq!((saved.0, saved.1.as_str()), (2, value));
                assert_eq!(setting(conn, "search_path"), "\"acme\", pg_temp");
                diesel::update(tasks::table)
                    .set(tasks::title.eq("acme"))
                    .execute(conn)
            })
            .unwrap();
        assert_clean(&fixture, &acme, &globex);
    }
}

#[test]
fn a_procedure_or_a_do_block_leaks_nothing() {
    let (fixture, acme, globex) = two();
    fixture.run(
        "CREATE PROCEDURE public.wander() LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('search' || '_path', 'globex', false); \
         PERFORM set_config('app.customer', 'acme', false); END $$",
    );
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.batch_execute("CALL public.wander()").unwrap();
    assert_eq!(titles(&mut conn).unwrap(), ["acme"]);
    diesel::sql_query("CALL public.wander()")
        .execute(&mut conn)
        .unwrap();
    assert_eq!(titles(&mut conn).unwrap(), ["acme"]);
    drop(conn);
    assert_clean(&fixture, &acme, &globex);
}
