//! Scopes: which schema a query meets, nested to any depth, on many threads.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use tenant_diesel::{Error, PublicConnection, Tenancy, TenantConnection};
use tenant_tests::apps::customers::{self, Client, clients};
use tenant_tests::apps::todo;
use tenant_tests::*;

fn count(fixture: &Fixture, tenant: &Client) -> usize {
    fixture.titles(tenant).len()
}

#[test]
fn rows_go_to_the_tenant_of_the_scope_whatever_its_name() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.tenant("tenant`1"), fixture.tenant("Tenant_2"));
    fixture
        .tenancy
        .with_tenant(&one, |conn| {
            insert_task(conn, "a")?;
            insert_task(conn, "b")?;
            conn.with_tenant(&two, |conn| {
                for title in ["c", "d", "e"] {
                    insert_task(conn, title)?;
                }
                QueryResult::Ok(())
            })
            .unwrap();
            assert_eq!(titles(conn)?, ["a", "b"]);
            QueryResult::Ok(())
        })
        .unwrap();
    assert_eq!((count(&fixture, &one), count(&fixture, &two)), (2, 3));
}

#[test]
fn nested_scopes_unwind_step_by_step() {
    let fixture = Fixture::with_one_connection();
    let tenants = fixture.tagged(&["s1", "s2"]);
    let (s1, s2) = (&tenants[0], &tenants[1]);
    let here = |conn: &mut TenantConnection| conn.current_schema().unwrap().unwrap();
    fixture
        .tenancy
        .with_tenant(s1, |conn| {
            assert_eq!(here(conn), s1.schema_name);
            conn.with_tenant(s2, |conn| {
                assert_eq!(here(conn), s2.schema_name);
                conn.with_tenant(s1, |conn| {
                    assert_eq!(here(conn), s1.schema_name);
                    conn.with_public(|conn| {
                        assert_eq!(setting(conn, "search_path"), "\"public\", pg_temp");
                        conn.with_schema(&s2.schema_name, |conn| {
                            assert_eq!(titles(conn)?, ["s2"]);
                            QueryResult::Ok(())
                        })?;
                        assert_eq!(setting(conn, "search_path"), "\"public\", pg_temp");
                        Ok::<_, Error>(())
                    })?;
                    assert_eq!(here(conn), s1.schema_name);
                    Ok::<_, Error>(())
                })?;
                assert_eq!(here(conn), s2.schema_name);
                assert_eq!(conn.schema(), &s2.schema_name);
                Ok::<_, Error>(())
            })?;
            assert_eq!(here(conn), s1.schema_name);
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[test]
fn an_error_in_a_nested_scope_leaves_the_outer_one() {
    let fixture = Fixture::with_one_connection();
    let tenants = fixture.tagged(&["s1", "s2"]);
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    conn.with_tenant(&tenants[1], |conn| conn.batch_execute("SELECT nonsense"))
        .unwrap_err();
    assert_eq!(titles(&mut conn).unwrap(), ["s1"]);
    let missing = conn.with_schema(&name("nobody"), titles);
    assert!(matches!(missing, Err(Error::SchemaMissing { .. })));
    assert_eq!(titles(&mut conn).unwrap(), ["s1"]);
}

#[test]
fn in_public_only_public_tables_answer() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    let clients = fixture
        .tenancy
        .with_public(|conn| clients::table.count().get_result::<i64>(conn))
        .unwrap();
    assert_eq!(clients, 1);
    let tasks = fixture
        .tenancy
        .with_public(|conn: &mut PublicConnection| titles(conn));
    assert!(
        tasks
            .unwrap_err()
            .to_string()
            .contains("\"tasks\" does not exist")
    );
}

#[test]
fn a_missing_schema_never_falls_through_to_public() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    fixture.run("CREATE TABLE public.tasks AS SELECT 1::bigint AS id, 'public'::text AS title");
    assert_eq!(fixture.titles(&acme), Vec::<String>::new());
    fixture.run("DROP TABLE acme.tasks CASCADE");
    assert!(
        fixture.tenancy.with_tenant(&acme, titles).is_err(),
        "a missing table is an error"
    );
    let unqualified = fixture.tenancy.with_tenant(&acme, |conn| {
        diesel::sql_query("SELECT * FROM clients").execute(conn)
    });
    assert!(unqualified.is_err());
    fixture.run("DROP SCHEMA acme CASCADE");
    let result = fixture.tenancy.with_tenant(&acme, titles);
    assert!(matches!(result, Err(Error::SchemaMissing { .. })));
    assert!(matches!(
        fixture.tenancy.get(&acme),
        Err(Error::SchemaMissing { .. })
    ));
}

#[test]
fn a_tenant_dropped_while_a_connection_sits_on_it_is_an_error_at_once() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.run("CREATE TABLE public.tasks AS SELECT 1::bigint AS id, 'public'::text AS title");
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    assert_eq!(titles(&mut conn).unwrap(), ["acme"]);
    fixture.run("DROP SCHEMA acme CASCADE");
    assert!(titles(&mut conn).is_err());
    drop(conn);
    assert!(matches!(
        fixture.tenancy.get(&acme),
        Err(Error::SchemaMissing { .. })
    ));
    // A tenant of the same name that comes later is another: nothing of the old one is remembered.
    fixture.tenancy.create_schema(&acme).unwrap();
    assert_eq!(fixture.titles(&acme), Vec::<String>::new());
}

/// The same where the scope that met the failure had asked for the schema itself, and not believed in it.
#[test]
fn a_schema_that_goes_while_its_scope_is_open_is_missed_by_the_next_scope() {
    let fixture = Fixture::with_one_connection();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    fixture.run("DROP SCHEMA acme CASCADE");
    assert!(titles(&mut conn).is_err());
    drop(conn);
    assert!(matches!(
        fixture.tenancy.get(&tenants[0]),
        Err(Error::SchemaMissing { .. })
    ));
}

#[test]
fn the_shared_schema_and_extensions_are_never_a_tenants() {
    let fixture = Fixture::new();
    for reserved in ["public", "PUBLIC", "tenancy"] {
        let result = fixture.tenancy.with_schema(&name(reserved), titles);
        assert!(matches!(result, Err(Error::ReservedName { .. })), "{reserved}");
    }
}

#[test]
fn fifteen_threads_that_nest_two_scopes_each_see_their_own() {
    let fixture = Fixture::new();
    let names = names("thread", 16);
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let tenants = fixture.tagged(&names);
    let barrier = Barrier::new(15);
    std::thread::scope(|threads| {
        for i in 0..15 {
            let (tenancy, barrier, own, other) =
                (fixture.tenancy.clone(), &barrier, &tenants[i], &tenants[i + 1]);
            threads.spawn(move || {
                barrier.wait();
                for _ in 0..20 {
                    tenancy
                        .with_tenant(own, |conn| {
                            assert_eq!(titles(conn)?, [own.name.as_str()]);
                            let inner = conn.with_tenant(other, titles)?;
                            assert_eq!(inner, [other.name.as_str()]);
                            assert_eq!(titles(conn)?, [own.name.as_str()]);
                            Ok::<_, Error>(())
                        })
                        .unwrap();
                }
            });
        }
    });
}

#[test]
fn a_function_can_be_run_in_a_scope() {
    fn first(conn: &mut TenantConnection) -> QueryResult<Option<String>> {
        Ok(titles(conn)?.into_iter().next())
    }
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    let read = tenants
        .iter()
        .map(|tenant| fixture.tenancy.with_tenant(tenant, first).unwrap().unwrap());
    assert_eq!(read.collect::<Vec<_>>(), ["acme", "globex"]);
}

#[test]
fn an_open_cursor_reads_its_own_tenant_in_both_loading_modes() {
    use diesel::pg::PgRowByRowLoadingMode;
    use tenant_tests::apps::todo::tasks;
    let fixture = Fixture::new();
    for tenant in fixture.tagged(&["acme", "globex"]) {
        let mut conn = fixture.tenancy.get(&tenant).unwrap();
        let query = tasks::table.select(tasks::title);
        let rows = query
            .load_iter::<String, PgRowByRowLoadingMode>(&mut conn)
            .unwrap();
        assert_eq!(
            rows.map(Result::unwrap).collect::<Vec<_>>(),
            [tenant.name.as_str()]
        );
        let rows = query
            .load_iter::<String, diesel::connection::DefaultLoadingMode>(&mut conn)
            .unwrap();
        assert_eq!(
            rows.map(Result::unwrap).collect::<Vec<_>>(),
            [tenant.name.as_str()]
        );
    }
}

#[test]
fn with_public_behind_the_tenants_the_path_follows_each_scope_and_comes_back() {
    let builder = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .public_behind_tenants_where_missing_tables_fall_through();
    let fixture = Fixture::of(1, builder);
    fixture.tenancy.migrate().unwrap();
    let tenants = fixture.tagged(&["www", "blog"]);
    // The server says of a local path what it was given without the quotes.
    let path = |conn: &mut TenantConnection| setting(conn, "search_path").replace('"', "");
    let follows = |conn: &mut TenantConnection| {
        assert_eq!(path(conn), "www, public, pg_temp");
        // `public` is searched, behind the tenant's own schema.
        diesel::sql_query("SELECT FROM clients").execute(conn)?;
        conn.with_public(|conn| {
            assert_eq!(setting(conn, "search_path"), "\"public\", pg_temp");
            assert!(titles(conn).is_err(), "a tenant's table in public");
            Ok::<_, Error>(())
        })?;
        assert_eq!(path(conn), "www, public, pg_temp");
        assert_eq!(titles(conn)?, ["www"]);
        conn.with_tenant(&tenants[1], |conn| {
            assert_eq!(path(conn), "blog, public, pg_temp");
            assert_eq!(titles(conn)?, ["blog"]);
            Ok::<_, Error>(())
        })?;
        assert_eq!(path(conn), "www, public, pg_temp");
        Ok::<_, Error>(())
    };
    fixture.tenancy.with_tenant(&tenants[0], follows).unwrap();
    let in_transaction = fixture.tenancy.transaction(&tenants[0], |conn| {
        assert_eq!(path(conn), "www, public, pg_temp");
        conn.with_public(|conn| {
            assert_eq!(setting(conn, "search_path"), "\"public\", pg_temp");
            Ok::<_, Error>(())
        })?;
        assert_eq!(path(conn), "www, public, pg_temp");
        Ok::<_, Error>(titles(conn)?)
    });
    assert_eq!(in_transaction.unwrap(), ["www"]);
    fixture
        .tenancy
        .with_public(|conn| {
            assert_eq!(setting(conn, "search_path"), "\"public\", pg_temp");
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[test]
fn the_schema_of_a_connection_follows_its_scopes_and_is_restored() {
    let fixture = Fixture::with_one_connection();
    let tenants = fixture.tagged(&["s1", "s2"]);
    let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
    assert_eq!(conn.schema(), &name("s1"));
    let inner = conn.with_tenant(&tenants[1], |conn| {
        assert_eq!(conn.schema(), &name("s2"));
        let public = conn.with_public(|conn| {
            assert_eq!(conn.schema(), &name("public"));
            Ok::<_, Error>(conn.schema().clone())
        })?;
        assert_eq!(conn.schema(), &name("s2"));
        Ok::<_, Error>(public)
    });
    assert_eq!(inner.unwrap(), name("public"));
    assert_eq!(conn.schema(), &name("s1"));
    // After an error, a schema that is missing, a panic, and inside a transaction.
    conn.with_tenant(&tenants[1], |conn| conn.batch_execute("SELECT nonsense"))
        .unwrap_err();
    assert_eq!(conn.schema(), &name("s1"));
    conn.with_schema(&name("nobody"), titles).unwrap_err();
    assert_eq!(conn.schema(), &name("s1"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        conn.with_tenant(&tenants[1], |conn| -> QueryResult<()> {
            assert_eq!(conn.schema(), &name("s2"));
            std::panic::resume_unwind(Box::new("on purpose"))
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(conn.schema(), &name("s1"));
    conn.transaction(|conn| {
        conn.with_tenant(&tenants[1], |conn| {
            assert_eq!(conn.schema(), &name("s2"));
            titles(conn)
        })?;
        assert_eq!(conn.schema(), &name("s1"));
        Ok::<_, Error>(())
    })
    .unwrap();
    // What is said is what the server does.
    assert_eq!(conn.current_schema().unwrap().as_ref(), Some(conn.schema()));
    assert_eq!(titles(&mut conn).unwrap(), ["s1"]);
    drop(conn);
    let mut public = fixture.tenancy.get_public().unwrap();
    assert_eq!(public.schema(), &name("public"));
    public.with_tenant(&tenants[1], titles).unwrap();
    assert_eq!(public.schema(), &name("public"));
}
