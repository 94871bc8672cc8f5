//! Diesel stays Diesel: every method of its connection traits works on our connections, and does what it
//! does on a `PgConnection`.
//!
//! | trait | methods, as of Diesel 2.3 |
//! |---|---|
//! | `SimpleConnection` | `batch_execute` |
//! | `Connection` | `establish`, `transaction`, `begin_test_transaction`, `test_transaction`, `execute_returning_count`, `transaction_state`, `instrumentation`, `set_instrumentation`, `set_prepared_statement_cache_size` |
//! | `LoadConnection` | `load`, in both modes |
//! | `R2D2Connection` | `ping`, `is_broken` |
//! | `MigrationConnection` | `setup` |
//! | `UpdateAndFetchResults` | `update_and_fetch` |
//! | `ExecuteCopyFromDsl` | `execute` |

use diesel::connection::{
    AnsiTransactionManager, CacheSize, DefaultLoadingMode, InstrumentationEvent, SimpleConnection,
    TransactionManager,
};
use diesel::migration::MigrationConnection;
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel_migrations::MigrationHarness;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenant_diesel::{EmbeddedApp, ScopedConnection, TenantConnection};
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::todo::{self, tasks};
use tenant_tests::*;

fn one() -> (Fixture, Client) {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tagged(&["acme"]).remove(0);
    (fixture, acme)
}

#[test]
fn every_method_of_connection_is_forwarded() {
    let (fixture, acme) = one();
    let established = TenantConnection::establish(fixture.database.url());
    assert!(
        established
            .err()
            .unwrap()
            .to_string()
            .contains("comes from a pool")
    );

    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.batch_execute("CREATE TABLE made (id int)").unwrap();
    assert!(fixture.tables("acme").contains(&"made".to_owned()));

    let updated = diesel::update(tasks::table)
        .set(tasks::title.eq("acme"))
        .execute(&mut conn)
        .unwrap();
    assert_eq!(updated, 1, "execute_returning_count");
    conn.transaction(|conn| insert_task(conn, "acme")).unwrap();
    let depth = |conn: &mut TenantConnection| {
        let status = AnsiTransactionManager::transaction_manager_status_mut(conn);
        status.transaction_depth().unwrap().map_or(0, u32::from)
    };
    conn.transaction(|conn| {
        assert_eq!(
            depth(conn),
            1,
            "transaction_state is that of the connection inside"
        );
        conn.transaction(|conn| {
            assert_eq!(depth(conn), 2);
            QueryResult::Ok(())
        })
    })
    .unwrap();
    assert_eq!(depth(&mut conn), 0);

    conn.test_transaction(|conn| {
        insert_task(conn, "gone")?;
        assert_eq!(titles(conn)?.len(), 3);
        QueryResult::Ok(())
    });
    assert_eq!(titles(&mut conn).unwrap().len(), 2);
    conn.begin_test_transaction().unwrap();
    insert_task(&mut conn, "gone").unwrap();
    assert_eq!(depth(&mut conn), 1);
    assert_eq!(
        fixture.count("SELECT count(*) FROM acme.tasks"),
        2,
        "open, and seen by nobody else"
    );
    drop(conn);
    assert_eq!(fixture.titles(&acme).len(), 2);
}

#[test]
fn instrumentation_and_the_statement_cache_are_those_of_the_connection_inside() {
    let (fixture, acme) = one();
    let events = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&events);
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    titles(&mut conn).unwrap();
    assert_eq!(
        events.load(Ordering::SeqCst),
        1,
        "one query, and no path set behind its back"
    );
    let query = diesel::debug_query::<diesel::pg::Pg, _>(&tasks::table);
    conn.instrumentation()
        .on_connection_event(InstrumentationEvent::start_query(&query));
    assert_eq!(events.load(Ordering::SeqCst), 2);

    let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%\"tasks\".\"title\"%'";
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    assert_eq!(
        diesel::sql_query(prepared)
            .get_result::<Count>(&mut conn)
            .unwrap()
            .count,
        1
    );
    drop(conn);
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    titles(&mut conn).unwrap();
    assert_eq!(
        diesel::sql_query(prepared)
            .get_result::<Count>(&mut conn)
            .unwrap()
            .count,
        0
    );
}

#[test]
fn both_loading_modes_are_forwarded() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    insert_task(&mut conn, "second").unwrap();
    let query = tasks::table.select(tasks::title).order(tasks::id);
    let all: QueryResult<Vec<String>> = query
        .load_iter::<String, DefaultLoadingMode>(&mut conn)
        .unwrap()
        .collect();
    let by_row: QueryResult<Vec<String>> = query
        .load_iter::<String, PgRowByRowLoadingMode>(&mut conn)
        .unwrap()
        .collect();
    assert_eq!(all.unwrap(), ["acme", "second"]);
    assert_eq!(by_row.unwrap(), ["acme", "second"]);
}

#[test]
fn ping_and_is_broken_are_forwarded() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.ping().unwrap();
    assert!(!conn.is_broken());
    AnsiTransactionManager::begin_transaction(&mut conn).unwrap();
    assert!(conn.is_broken(), "the default of the trait says false");
    AnsiTransactionManager::rollback_transaction(&mut conn).unwrap();
    assert!(!conn.is_broken());
    let pid = backend(&mut conn);
    fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
    assert!(conn.ping().is_err());
}

#[test]
fn the_migration_traits_work_on_the_schema_of_the_connection() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.batch_execute("DROP TABLE __diesel_schema_migrations")
        .unwrap();
    conn.setup().unwrap();
    assert!(
        fixture
            .tables("acme")
            .contains(&"__diesel_schema_migrations".to_owned())
    );
    conn.batch_execute("DROP TABLE labels, tasks").unwrap();
    let run = conn.run_pending_migrations(todo::App::MIGRATIONS).unwrap().len();
    assert_eq!(run, 2);
    assert!(!conn.has_pending_migration(todo::App::MIGRATIONS).unwrap());
    conn.revert_last_migration(todo::App::MIGRATIONS).unwrap();
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations", "tasks"]);
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "plans"]
    );
}

#[derive(Queryable, Selectable, Identifiable, AsChangeset, Debug, PartialEq)]
#[diesel(table_name = tasks)]
struct Task {
    id: i64,
    title: String,
}

#[test]
fn returning_and_save_changes_work() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let mut task: Task = diesel::insert_into(tasks::table)
        .values(tasks::title.eq("old"))
        .returning(Task::as_returning())
        .get_result(&mut conn)
        .unwrap();
    task.title = "new".to_owned();
    diesel::update(&task).set(&task).execute(&mut conn).unwrap();
    #[derive(Queryable, Identifiable, AsChangeset, Debug)]
    #[diesel(table_name = tasks)]
    struct Whole {
        id: i64,
        title: String,
        owner: String,
        plan_id: Option<i32>,
    }
    let whole = Whole {
        id: task.id,
        title: "newer".to_owned(),
        owner: "me".to_owned(),
        plan_id: None,
    };
    let saved: Whole = whole.save_changes(&mut conn).unwrap();
    assert_eq!(
        (saved.title.as_str(), saved.owner.as_str(), saved.plan_id),
        ("newer", "me", None)
    );
    assert_eq!(
        fixture.texts("SELECT title FROM acme.tasks ORDER BY id"),
        ["acme", "newer"]
    );
}

#[test]
fn copy_works_in_both_directions() {
    use diesel::pg::CopyFormat;
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let rows: Vec<_> = ["one", "two"]
        .iter()
        .map(|title| (tasks::title.eq(*title), tasks::owner.eq("me")))
        .collect();
    assert_eq!(
        diesel::copy_from(tasks::table)
            .from_insertable(rows)
            .execute(&mut conn)
            .unwrap(),
        2
    );
    let copied = diesel::copy_from(tasks::table)
        .from_raw_data((tasks::title, tasks::owner), |copy| {
            writeln!(copy, "three,me").unwrap();
            QueryResult::Ok(())
        })
        .with_format(CopyFormat::Csv)
        .execute(&mut conn)
        .unwrap();
    assert_eq!(copied, 1);
    let rows = diesel::copy_to(tasks::table)
        .load::<Task, _>(conn.as_pg().unwrap())
        .unwrap();
    let out: Vec<String> = rows.map(|row| row.unwrap().title).collect();
    assert_eq!(out, ["acme", "one", "two", "three"]);
    assert_eq!(fixture.count("SELECT count(*) FROM acme.tasks"), 4);
}

#[test]
fn functions_that_are_generic_over_connections_take_ours() {
    fn generic<C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>>(conn: &mut C) -> usize {
        titles(conn).unwrap().len()
    }
    fn boxable(conn: &mut dyn diesel::connection::BoxableConnection<diesel::pg::Pg>) {
        conn.batch_execute("SELECT 1").unwrap();
    }
    fn both<S: tenant_diesel::Scope>(conn: &mut ScopedConnection<S>) -> String {
        conn.schema().to_string()
    }
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    assert_eq!(generic(&mut conn), 1);
    boxable(&mut conn);
    assert_eq!(both(&mut conn), "acme");
    drop(conn);
    assert_eq!(both(&mut fixture.tenancy.get_public().unwrap()), "public");
}

#[test]
fn transactions_with_options_work() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let result = conn
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(|conn| insert_task(conn, "no"));
    assert!(result.unwrap_err().to_string().contains("read-only"));
    conn.build_transaction()
        .serializable()
        .run(|conn| insert_task(conn, "yes"))
        .unwrap();
    assert_eq!(titles(&mut conn).unwrap(), ["acme", "yes"]);
}
