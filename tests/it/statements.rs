//! What the server keeps prepared on a connection that served several tenants: one statement for each query,
//! and in none of them a tenant's name. A statement that was prepared for one tenant is used for the next.

use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_diesel::{Error, PublicConnection};
use tenant_tests::apps::customers::{Client, clients};
use tenant_tests::apps::todo::{labels, tasks};
use tenant_tests::*;

/// The texts that the server has prepared on a connection.
fn prepared(conn: &mut PublicConnection) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Prepared {
        #[diesel(sql_type = Text)]
        statement: String,
    }
    diesel::sql_query("SELECT statement FROM pg_prepared_statements ORDER BY 1")
        .load::<Prepared>(conn)
        .unwrap()
        .into_iter()
        .map(|row| row.statement)
        .collect()
}

/// Queries of several kinds, each the same for all tenants.
fn queries(fixture: &Fixture, tenant: &Client, other: &Client) {
    let own = tenant.schema_name.as_str();
    let tenancy = &fixture.tenancy;
    tenancy
        .with_tenant(tenant, |conn| {
            assert!(titles(conn)?.iter().all(|title| title == own));
            insert_task(conn, own)?;
            tasks::table
                .inner_join(labels::table)
                .filter(tasks::title.eq(own))
                .select((tasks::title, labels::text))
                .load::<(String, String)>(conn)?;
            let nested = conn.with_tenant(other, titles)?;
            assert!(nested.iter().all(|title| title == other.schema_name.as_str()));
            conn.with_public(|conn| clients::table.count().get_result::<i64>(conn))?;
            Ok::<_, Error>(())
        })
        .unwrap();
    let in_transaction = tenancy.transaction(tenant, titles).unwrap();
    assert!(in_transaction.iter().all(|title| title == own));
    assert_eq!(
        tenancy.find_by_schema(&tenant.schema_name).unwrap().as_ref(),
        Some(tenant)
    );
}

#[test]
fn a_query_is_prepared_once_and_not_once_for_each_tenant_and_names_none() {
    let fixture = Fixture::with_one_connection();
    let schemas = ["zanzibar", "Überall", "quo\"te'd"];
    let tenants = fixture.tagged(&schemas);
    // Whatever was prepared before, by births too.
    queries(&fixture, &tenants[0], &tenants[1]);
    let mut conn = fixture.tenancy.get_public().unwrap();
    let (after_one, pid) = (prepared(&mut conn), backend(&mut conn));
    drop(conn);
    for _ in 0..3 {
        for tenant in &tenants {
            queries(&fixture, tenant, &tenants[0]);
        }
    }
    let mut conn = fixture.tenancy.get_public().unwrap();
    let after_all = prepared(&mut conn);
    assert_eq!(backend(&mut conn), pid, "it is one connection all the time");
    let reads = after_all
        .iter()
        .filter(|sql| sql.starts_with("SELECT \"tasks\".\"title\" FROM \"tasks\" ORDER BY"));
    assert_eq!(reads.count(), 1, "{after_all:#?}");
    let mut once = after_all.clone();
    once.dedup();
    assert_eq!(once, after_all, "a query was prepared twice");
    for sql in &after_all {
        for schema in ["zanzibar", "berall", "quo"] {
            assert!(!sql.contains(schema), "{sql}");
        }
    }
    let more: Vec<_> = after_all.iter().filter(|sql| !after_one.contains(sql)).collect();
    assert!(more.iter().all(|sql| sql.contains("pg_backend_pid")), "{more:#?}");
}
