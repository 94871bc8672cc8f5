//! What was once not seen: odd spellings, events that are lost, copies that are left open.

use super::{application_with, two};
use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use tenant_diesel::Error;
use tenant_tests::apps::todo::tasks;
use tenant_tests::*;

#[test]
fn a_comment_does_not_hide_what_a_statement_is() {
    let (fixture, acme, globex) = two();
    for set in [
        "/* select */ SET search_path TO globex",
        "-- insert\nSET search_path TO globex",
        "/**/RESET ALL",
    ] {
        let read = fixture.tenancy.with_tenant(&acme, |conn| {
            conn.batch_execute(set)?;
            titles(conn)
        });
        assert_eq!(read.unwrap(), ["acme"], "{set}");
        let read = fixture.tenancy.with_tenant(&acme, |conn| {
            diesel::sql_query(set).execute(conn)?;
            titles(conn)
        });
        assert_eq!(read.unwrap(), ["acme"], "{set}");
    }
    for begin in ["/* insert */ BEGIN", "-- select\nBEGIN"] {
        let left = fixture
            .tenancy
            .with_tenant(&acme, |conn| diesel::sql_query(begin).execute(conn));
        assert!(
            matches!(left, Err(Error::TransactionLeftOpen { .. })),
            "{begin}: {left:?}"
        );
    }
    fixture.titles(&globex);
    let lost = fixture.tenancy.transaction(&acme, |conn| {
        diesel::sql_query("/* select */ ROLLBACK").execute(conn)?;
        insert_task(conn, "acme")
    });
    assert!(lost.is_err(), "the transaction is gone");
    assert_eq!(fixture.titles(&globex), ["globex"]);
}

/// Panics when a query of this text has been sent.
struct PanicAfter(&'static str);

impl Instrumentation for PanicAfter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery { query, .. } = event
            && query.to_string().starts_with(self.0)
        {
            resume_unwind(Box::new("on purpose"));
        }
    }
}

#[test]
fn an_instrumentation_that_panics_does_not_lose_the_end_of_a_transaction() {
    let (fixture, acme, globex) = two();
    fixture.titles(&globex);
    let result = fixture.tenancy.transaction(&acme, |conn| {
        conn.set_instrumentation(PanicAfter("ROLLBACK"));
        let panicked = catch_unwind(AssertUnwindSafe(|| conn.batch_execute("ROLLBACK")));
        assert!(panicked.is_err());
        assert_eq!(titles(conn)?, ["acme"]);
        insert_task(conn, "acme")
    });
    assert!(result.is_err(), "the transaction is gone");
    assert_eq!(fixture.titles(&globex), ["globex"]);
    let begun = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.set_instrumentation(PanicAfter("BEGIN"));
        let panicked = catch_unwind(AssertUnwindSafe(|| conn.batch_execute("BEGIN")));
        assert!(panicked.is_err());
        QueryResult::Ok(())
    });
    assert!(
        matches!(begun, Err(Error::TransactionLeftOpen { .. })),
        "{begun:?}"
    );
}

#[test]
fn a_commit_that_fails_takes_the_path_of_a_nested_scope_with_it() {
    let (fixture, acme, globex) = two();
    fixture.run("CREATE TABLE acme.once (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)");
    let _open = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.batch_execute("BEGIN")?;
        conn.batch_execute("INSERT INTO once VALUES (1); INSERT INTO once VALUES (1)")?;
        let inner = conn.with_tenant(&globex, |conn| {
            conn.batch_execute("COMMIT").unwrap_err();
            titles(conn)
        });
        assert_eq!(inner.unwrap(), ["globex"]);
        assert_eq!(titles(conn)?, ["acme"]);
        QueryResult::Ok(())
    });
}

#[test]
fn another_client_encoding_does_not_lead_to_a_tenant_of_another_name() {
    let fixture = application_with(1);
    let tenants = fixture.tagged(&["é", "Ã©"]);
    for tenant in &tenants {
        for set in ["SET client_encoding TO 'LATIN1'", "SET NAMES 'LATIN1'"] {
            let read = fixture.tenancy.with_tenant(tenant, |conn| {
                conn.batch_execute(set)?;
                conn.batch_execute("SET search_path TO nothing")?;
                diesel::select(diesel::dsl::sql::<diesel::sql_types::Int8>(
                    "octet_length(current_schema()::text)::bigint",
                ))
                .get_result::<i64>(conn)
            });
            assert_eq!(read.unwrap(), tenant.name.len() as i64, "{set}");
            assert_eq!(fixture.titles(tenant), [tenant.name.as_str()], "{set}");
            assert_eq!(
                fixture.tenancy.transaction(tenant, titles).unwrap(),
                [tenant.name.as_str()]
            );
        }
    }
}

/// A query whose text differs from value to value, and says so.
#[derive(QueryId)]
struct Raw(String);

impl QueryFragment<Pg> for Raw {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(&self.0);
        Ok(())
    }
}

impl RunQueryDsl<tenant_diesel::TenantConnection> for Raw {}

#[test]
fn a_query_whose_text_changes_is_read_each_time() {
    let (fixture, acme, _) = two();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    Raw("DELETE FROM labels".to_owned()).execute(&mut conn).unwrap();
    Raw("SET search_path TO globex".to_owned())
        .execute(&mut conn)
        .unwrap();
    assert_eq!(titles(&mut conn).unwrap(), ["acme"]);
}

#[test]
fn a_transaction_left_open_inside_a_transaction_is_told() {
    let (fixture, acme, _) = two();
    let result = fixture.tenancy.transaction(&acme, |conn| {
        insert_task(conn, "lost")?;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            conn.transaction(|_| -> QueryResult<()> { resume_unwind(Box::new("on purpose")) })
        }));
        assert!(panicked.is_err());
        QueryResult::Ok(())
    });
    assert!(
        matches!(result, Err(Error::TransactionLeftOpen { .. })),
        "{result:?}"
    );
    assert_eq!(fixture.titles(&acme), ["acme"]);
}

#[test]
fn a_failed_copy_that_was_ignored_is_not_committed_over() {
    let (fixture, acme, _) = two();
    let copy = |conn: &mut tenant_diesel::TenantConnection, panics: bool| {
        diesel::copy_from(tasks::table)
            .from_raw_data((tasks::title, tasks::owner), move |copy| {
                std::io::Write::write_all(copy, b"too\tmany\tcolumns\n").unwrap();
                if panics {
                    resume_unwind(Box::new("on purpose"));
                }
                QueryResult::Ok(())
            })
            .execute(conn)
    };
    for panics in [false, true] {
        let result = fixture.tenancy.transaction(&acme, |conn| {
            insert_task(conn, "lost")?;
            let ignored = catch_unwind(AssertUnwindSafe(|| copy(conn, panics)));
            assert!(!matches!(ignored, Ok(Ok(_))));
            QueryResult::Ok(())
        });
        assert!(result.is_err(), "panics: {panics}");
        assert_eq!(fixture.titles(&acme), ["acme"], "panics: {panics}");
    }
}

#[test]
fn a_copy_left_open_is_ended_before_the_next_statement() {
    let (fixture, acme, globex) = two();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    drop(
        diesel::copy_to(tasks::table)
            .load_raw(conn.as_pg().unwrap())
            .unwrap(),
    );
    let _ended = titles(&mut conn);
    assert_eq!(titles(&mut conn).unwrap(), ["acme"]);
    drop(conn);
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    let _refused = conn.batch_execute("COPY tasks (title) FROM STDIN");
    let _ended = conn.with_tenant(&globex, titles);
    let _ended = titles(&mut conn);
    assert_eq!(titles(&mut conn).unwrap(), ["acme"]);
    drop(conn);
    assert_eq!(fixture.titles(&globex), ["globex"]);
}

#[test]
fn a_prepared_transaction_does_not_uncover_the_path_of_the_last_borrower() {
    use tenant_tests::apps::customers::{self, Client};
    use tenant_tests::apps::todo;
    // A server of its own: by default none can be prepared.
    let postgres = tenant_testing::Postgres::builder()
        .setting("max_prepared_transactions", "2")
        .start()
        .unwrap();
    let database = postgres.database().unwrap();
    let tenancy = tenant_diesel::Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .connect(database.url())
        .unwrap();
    tenancy.migrate().unwrap();
    let [acme, globex] = ["acme", "globex"].map(|name| tenancy.create(new_client(name)).unwrap());
    add_task(&tenancy, &globex, "globex");
    let result = tenancy.transaction(&acme, |conn| {
        insert_task(conn, "acme")?;
        conn.batch_execute("PREPARE TRANSACTION 'mine'")?;
        assert_eq!(
            titles(conn)?,
            Vec::<String>::new(),
            "prepared, and not yet committed"
        );
        insert_task(conn, "after")
    });
    assert!(result.is_err(), "there is no transaction left to commit");
    assert_eq!(tenancy.with_tenant(&globex, titles).unwrap(), ["globex"]);
    tenancy
        .get_public()
        .unwrap()
        .batch_execute("COMMIT PREPARED 'mine'")
        .unwrap();
    assert_eq!(tenancy.with_tenant(&acme, titles).unwrap(), ["acme", "after"]);
}
