//! Scopes that are one transaction, and what closures return.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tenant_diesel::{Error, Tenancy};
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

fn one() -> (Fixture, Client) {
    let fixture = Fixture::with_one_connection();
    let tenant = fixture.tenant("acme");
    (fixture, tenant)
}

#[test]
fn what_returns_ok_is_committed_and_what_fails_is_rolled_back() {
    let (fixture, acme) = one();
    fixture
        .tenancy
        .transaction(&acme, |conn| insert_task(conn, "kept"))
        .unwrap();
    let failed = fixture.tenancy.transaction(&acme, |conn| {
        insert_task(conn, "lost")?;
        QueryResult::<()>::Err(diesel::result::Error::NotFound)
    });
    assert!(matches!(
        failed,
        Err(Error::Query(diesel::result::Error::NotFound))
    ));
    assert_eq!(fixture.titles(&acme), ["kept"]);
}

#[test]
fn the_path_of_a_transaction_ends_with_it() {
    let (fixture, acme) = one();
    let globex = fixture.tenant("globex");
    fixture
        .tenancy
        .with_tenant(&globex, |conn| insert_task(conn, "globex"))
        .unwrap();
    // The connection was on `globex` before. After a commit in raw SQL the scope goes on, on `acme`.
    let result = fixture.tenancy.transaction(&acme, |conn| {
        assert_eq!(conn.current_schema()?.as_ref(), Some(&acme.schema_name));
        insert_task(conn, "acme")?;
        conn.batch_execute("COMMIT")?;
        assert_eq!(titles(conn)?, ["acme"]);
        QueryResult::Ok(())
    });
    assert!(result.is_err(), "there is no transaction left to commit");
    assert_eq!(fixture.titles(&acme), ["acme"]);
    assert_eq!(fixture.titles(&globex), ["globex"]);
}

#[test]
fn transactions_inside_are_savepoints() {
    let (fixture, acme) = one();
    fixture
        .tenancy
        .transaction(&acme, |conn| {
            insert_task(conn, "kept")?;
            let inner = conn.transaction(|conn| {
                insert_task(conn, "lost")?;
                QueryResult::<()>::Err(diesel::result::Error::RollbackTransaction)
            });
            assert!(inner.is_err());
            conn.transaction(|conn| insert_task(conn, "kept too"))
        })
        .unwrap();
    assert_eq!(fixture.titles(&acme), ["kept", "kept too"]);
}

#[test]
fn a_failure_that_was_ignored_is_an_error_at_the_end_and_nothing_is_kept() {
    let (fixture, acme) = one();
    let ignored = fixture.tenancy.transaction(&acme, |conn| {
        insert_task(conn, "lost")?;
        let _ignored = conn.batch_execute("SELECT nonsense");
        QueryResult::Ok(())
    });
    assert!(
        matches!(ignored, Err(Error::FailureIgnored { .. })),
        "{ignored:?}"
    );
    let ignored = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.transaction(|conn| {
            insert_task(conn, "lost")?;
            let _ignored = diesel::sql_query("SELECT nonsense").execute(conn);
            QueryResult::Ok(())
        })
    });
    assert!(
        matches!(ignored, Err(Error::FailureIgnored { .. })),
        "{ignored:?}"
    );
    let ignored = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.build_transaction().serializable().run(|conn| {
            insert_task(conn, "lost")?;
            let _ignored = diesel::sql_query("SELECT nonsense").load::<Nothing>(conn);
            QueryResult::Ok(())
        })
    });
    assert!(
        matches!(ignored, Err(Error::FailureIgnored { .. })),
        "{ignored:?}"
    );
    let ignored = fixture.tenancy.with_tenant(&acme, |conn| {
        conn.batch_execute("BEGIN")?;
        insert_task(conn, "lost")?;
        let _ignored = conn.batch_execute("SELECT nonsense");
        conn.batch_execute("COMMIT")
    });
    assert!(ignored.is_err(), "raw: {ignored:?}");
    assert_eq!(fixture.titles(&acme), Vec::<String>::new());
}

#[derive(QueryableByName)]
struct Nothing {}

#[test]
fn a_failure_while_rows_are_read_one_by_one_is_not_committed_over() {
    use diesel::pg::PgRowByRowLoadingMode;
    let (fixture, acme) = one();
    let ignored = fixture.tenancy.transaction(&acme, |conn| {
        insert_task(conn, "lost")?;
        let numbers =
            diesel::dsl::sql::<diesel::sql_types::Int4>("1 / (n - 3) FROM generate_series(1, 5) AS n");
        let rows = diesel::select(numbers).load_iter::<i32, PgRowByRowLoadingMode>(conn)?;
        let ok = rows.filter(Result::is_ok).count();
        assert!(ok < 5);
        QueryResult::Ok(())
    });
    assert!(ignored.is_err(), "{ignored:?}");
    assert_eq!(fixture.titles(&acme), Vec::<String>::new());
}

#[test]
fn a_failure_that_was_rolled_back_to_a_savepoint_may_be_ignored() {
    let (fixture, acme) = one();
    fixture
        .tenancy
        .transaction(&acme, |conn| {
            insert_task(conn, "kept")?;
            let _ignored = conn.transaction(|conn| conn.batch_execute("SELECT nonsense"));
            insert_task(conn, "kept too")
        })
        .unwrap();
    assert_eq!(fixture.titles(&acme).len(), 2);
}

#[test]
fn outside_a_transaction_a_failure_may_be_ignored() {
    let (fixture, acme) = one();
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            let _ignored = conn.batch_execute("SELECT nonsense");
            insert_task(conn, "kept")
        })
        .unwrap();
    assert_eq!(fixture.titles(&acme), ["kept"]);
}

#[test]
fn a_transaction_on_a_missing_schema_runs_nothing() {
    let (fixture, acme) = one();
    fixture.run("DROP SCHEMA acme CASCADE; CREATE TABLE public.tasks (id bigint, title text)");
    let mut ran = false;
    let result = fixture.tenancy.transaction(&acme, |conn| {
        ran = true;
        titles(conn)
    });
    assert!(matches!(result, Err(Error::SchemaMissing { schema }) if schema == acme.schema_name));
    assert!(!ran);
    let result = fixture.tenancy.with_tenant(&acme, titles);
    assert!(matches!(result, Err(Error::SchemaMissing { schema }) if schema == acme.schema_name));
}

#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("not found")]
    NotFound,
    #[error(transparent)]
    Diesel(#[from] diesel::result::Error),
    #[error(transparent)]
    Tenancy(#[from] Error),
    #[error(transparent)]
    Number(#[from] std::num::ParseIntError),
}

#[test]
fn question_marks_work_on_diesels_errors_ours_and_those_of_the_application() {
    fn run(tenancy: &Tenancy<Client>, acme: &Client, other: &Client, text: &str) -> Result<i64, AppError> {
        tenancy.with_tenant(acme, |conn| {
            let ours = conn.with_tenant(other, titles)?;
            let diesels = titles(conn)?;
            let own: i64 = text.parse()?;
            if own == 0 {
                return Err(AppError::NotFound);
            }
            Ok(own + (ours.len() + diesels.len()) as i64)
        })
    }
    let (fixture, acme) = one();
    let other = fixture.tenant("globex");
    assert_eq!(run(&fixture.tenancy, &acme, &other, "2").unwrap(), 2);
    assert!(matches!(
        run(&fixture.tenancy, &acme, &other, "0"),
        Err(AppError::NotFound)
    ));
    assert!(matches!(
        run(&fixture.tenancy, &acme, &other, "x"),
        Err(AppError::Number(_))
    ));
    fixture.run("DROP TABLE acme.tasks CASCADE");
    assert!(matches!(
        run(&fixture.tenancy, &acme, &other, "2"),
        Err(AppError::Diesel(_))
    ));
    fixture.run("DROP SCHEMA globex CASCADE");
    let missing = run(&fixture.tenancy, &acme, &other, "2");
    assert!(
        matches!(missing, Err(AppError::Tenancy(Error::SchemaMissing { .. }))),
        "{missing:?}"
    );
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    let boxed = fixture
        .tenancy
        .with_tenant(&acme, |_| Err::<(), Boxed>("text".into()));
    assert_eq!(boxed.unwrap_err().to_string(), "text");
}

#[test]
fn an_error_of_ours_that_travelled_through_diesel_comes_out_as_it_was() {
    let (fixture, acme) = one();
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    conn.batch_execute("SET search_path TO x").unwrap();
    fixture.run("DROP SCHEMA acme CASCADE");
    let error = Error::from(titles(&mut conn).unwrap_err());
    assert!(matches!(error, Error::SchemaMissing { .. }), "{error:?}");
}

#[test]
fn a_serialization_failure_at_commit_comes_out_as_diesels() {
    use diesel::result::{DatabaseErrorKind, Error as DieselError};
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let run = |first: bool| {
        fixture.tenancy.with_tenant(&acme, |conn| {
            conn.build_transaction().serializable().run(|conn| {
                titles(conn)?;
                if first {
                    fixture.tenancy.with_tenant(&acme, |conn| {
                        conn.build_transaction().serializable().run(|conn| {
                            titles(conn)?;
                            insert_task(conn, "inner")
                        })
                    })?;
                }
                insert_task(conn, "outer")?;
                Ok::<_, Error>(())
            })
        })
    };
    let result = run(true);
    assert!(
        matches!(
            result,
            Err(Error::Query(DieselError::DatabaseError(
                DatabaseErrorKind::SerializationFailure,
                _
            )))
        ),
        "{result:?}"
    );
    assert_eq!(fixture.titles(&acme), ["inner"]);
}
