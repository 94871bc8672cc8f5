//! What one borrower leaves must not reach the next. The pool has one connection, so that the next
//! borrower gets just what the last one had, on another thread; what it gets is read from the server.
//!
//! All of it is tried twice: with affinity, as `leaks`, and without, as `leaks_without_affinity`.

mod backends;
mod hidden;
mod objects;
mod panics;
mod settings;
// What was once not seen.
mod spellings;
mod transactions;

use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_diesel::TenantConnection;
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// The application with so many connections, with affinity or without.
fn application_with(connections: u32) -> Fixture {
    let affinity = !module_path!().contains("without_affinity");
    let fixture = Fixture::of(connections, application().pool(|pool| pool.affinity(affinity)));
    fixture.tenancy.migrate().unwrap();
    fixture
}

/// Two tenants with a tagged task each, and one connection for both.
fn two() -> (Fixture, Client, Client) {
    let fixture = application_with(1);
    let mut tenants = fixture.tagged(&["acme", "globex"]);
    let globex = tenants.pop().unwrap();
    let acme = tenants.pop().unwrap();
    (fixture, acme, globex)
}

/// Lets `dirty` loose in the scope of one tenant, then checks what the other gets.
fn dirtied_by(dirty: impl FnOnce(&mut TenantConnection)) {
    let (fixture, acme, globex) = two();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    dirty(&mut conn);
    drop(conn);
    assert_clean(&fixture, &acme, &globex);
}

/// Neither tenant sees anything of the other, or of what was done to the session: asked from another
/// thread, as the next request is.
fn assert_clean(fixture: &Fixture, acme: &Client, globex: &Client) {
    std::thread::scope(|threads| {
        let next = threads.spawn(|| assert_clean_here(fixture, acme, globex));
        next.join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn assert_clean_here(fixture: &Fixture, acme: &Client, globex: &Client) {
    for tenant in [globex, acme] {
        let own = tenant.schema_name.as_str();
        let mut conn = fixture.tenancy.get(tenant).unwrap();
        assert_eq!(setting(&mut conn, "search_path"), format!("\"{own}\", pg_temp"));
        assert_eq!(conn.current_schema().unwrap().unwrap(), tenant.schema_name);
        assert!(titles(&mut conn).unwrap().iter().all(|title| title == own));
        for truth in [
            "current_user = session_user",
            "current_setting('role') = 'none'",
            "current_setting('TimeZone') = 'UTC'",
            "current_setting('client_encoding') = 'UTF8'",
            "current_setting('statement_timeout') = '0'",
            "current_setting('standard_conforming_strings') = 'on'",
            "coalesce(current_setting('app.customer', true), '') = ''",
            "NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())",
            "NOT EXISTS (SELECT FROM pg_listening_channels())",
            "NOT EXISTS (SELECT FROM pg_cursors WHERE name NOT LIKE '<unnamed%' AND name <> '')",
            "NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name NOT LIKE '__diesel%')",
            "NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_my_temp_schema())",
        ] {
            assert!(ask_bool(&mut conn, truth), "{truth} for {own}");
        }
        // Inside a transaction the clock of `now()` stands still.
        let now = diesel::dsl::sql::<Text>("now()::text");
        let times: [String; 2] = [(); 2].map(|()| diesel::select(now.clone()).get_result(&mut conn).unwrap());
        assert_ne!(times[0], times[1], "a transaction is open for {own}");
        // Diesel's own statements still work: typed queries, cached and not.
        assert_eq!(insert_task(&mut conn, own).unwrap(), 1);
        assert_eq!(titles(&mut conn).unwrap().len(), titles(&mut conn).unwrap().len());
    }
}
