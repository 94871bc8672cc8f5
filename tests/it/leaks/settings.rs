//! The path, roles and settings, changed by text that can be read.

use super::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

#[test]
fn the_path_of_one_borrower_is_not_seen_by_the_next() {
    dirtied_by(|conn| assert_eq!(titles(conn).unwrap(), ["acme"]));
}

#[test]
fn raw_changes_of_the_path_last_for_their_own_message_only() {
    for change in [
        "SET search_path TO globex",
        "SET SESSION \"search_path\" = 'globex'",
        "SET SCHEMA 'globex'",
        "SELECT set_config('search_path', 'globex', false)",
        "UPDATE pg_settings SET setting = 'globex' WHERE name = 'search_path'",
        "RESET ALL",
        "RESET search_path",
        "DISCARD ALL",
        "DO $$ BEGIN PERFORM set_config('search' || '_path', 'globex', false); END $$",
        "BEGIN; SET LOCAL search_path TO globex",
        "BEGIN; SET search_path TO globex; COMMIT",
    ] {
        dirtied_by(|conn| {
            conn.batch_execute(change).unwrap();
            assert_eq!(titles(conn).unwrap(), ["acme"], "{change}");
        });
    }
}

#[test]
fn a_path_changed_by_a_typed_query_or_by_sql_query_is_set_again() {
    diesel::define_sql_function! { fn set_config(name: Text, value: Text, is_local: Bool) -> Text; }
    dirtied_by(|conn| {
        diesel::select(set_config("search_path", "globex", false))
            .execute(conn)
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
        diesel::sql_query("SELECT set_config($1, 'globex', false)")
            .bind::<Text, _>("search_path")
            .execute(conn)
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
        diesel::sql_query("SET search_path TO globex")
            .execute(conn)
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
    });
}

#[test]
fn a_path_changed_through_the_bare_connection_is_set_again() {
    dirtied_by(|conn| {
        conn.as_pg()
            .unwrap()
            .batch_execute("SET search_path TO globex")
            .unwrap();
        assert_eq!(titles(conn).unwrap(), ["acme"]);
    });
}

#[test]
fn roles_and_settings_do_not_leak() {
    let (fixture, acme, globex) = two();
    let role = format!("r{}", std::process::id());
    fixture.run(&format!("CREATE ROLE {role}"));
    for dirty in [
        format!("SET ROLE {role}"),
        format!("SET SESSION AUTHORIZATION {role}"),
        "SET statement_timeout = '1h'".to_owned(),
        "SET app.customer = 'acme'".to_owned(),
        "SET TIME ZONE 'Asia/Tokyo'; SET client_encoding = 'LATIN1'".to_owned(),
        "SET standard_conforming_strings = off".to_owned(),
        "DISCARD ALL".to_owned(),
        "RESET ALL".to_owned(),
    ] {
        let mut conn = fixture.tenancy.get(&acme).unwrap();
        conn.batch_execute(&dirty).unwrap();
        drop(conn);
        assert_clean(&fixture, &acme, &globex);
    }
    fixture.run(&format!("DROP ROLE {role}"));
}

#[test]
fn an_instrumentation_of_one_scope_does_not_see_the_next() {
    use diesel::connection::{Instrumentation, InstrumentationEvent};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (fixture, acme, globex) = two();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let log = move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    };
    fn instrumentation(f: impl Fn(InstrumentationEvent<'_>) + Send + 'static) -> impl Instrumentation {
        f
    }
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            conn.set_instrumentation(instrumentation(log));
            titles(conn)
        })
        .unwrap();
    let in_scope = seen.load(Ordering::SeqCst);
    assert!(in_scope > 0);
    assert_clean(&fixture, &acme, &globex);
    assert_eq!(seen.load(Ordering::SeqCst), in_scope);
}

#[test]
fn a_connection_that_was_given_no_tenant_sees_no_table() {
    use diesel::r2d2::{ConnectionManager, Pool};
    use tenant_diesel::SearchPathCustomizer;
    let fixture = application_with(4);
    fixture.tenant("acme");
    fixture.run("CREATE TABLE public.tasks (id bigint, title text)");
    let pool = |customizer| {
        Pool::builder()
            .max_size(1)
            .connection_timeout(std::time::Duration::from_secs(2))
            .connection_customizer(Box::new(customizer))
            .build(ConnectionManager::<PgConnection>::new(fixture.database.url()))
    };
    let mut nothing = pool(SearchPathCustomizer::fail_closed()).unwrap().get().unwrap();
    assert!(
        titles(&mut nothing)
            .unwrap_err()
            .to_string()
            .contains("does not exist")
    );
    nothing.batch_execute("CREATE TABLE here (id int)").unwrap_err();
    assert_eq!(
        titles(
            &mut pool(SearchPathCustomizer::one_tenant(&name("acme"), &[]))
                .unwrap()
                .get()
                .unwrap()
        ),
        Ok(vec![])
    );
    let missing = pool(SearchPathCustomizer::one_tenant(&name("nobody"), &[])).unwrap_err();
    assert!(
        missing.to_string().contains("schema `nobody` does not exist"),
        "{missing}"
    );
}
