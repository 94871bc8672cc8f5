//! What the server keeps prepared on a connection that served several tenants: a statement for each tenant and
//! query, which names its tenant in a comment and nowhere else; or, if the application wants that, one for each query,
//! used by one tenant after the other.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_diesel::{Error, PublicConnection, TenantConnection};
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
fn a_shared_query_is_prepared_once_and_not_once_for_each_tenant_and_names_none() {
    let fixture = Fixture::of(1, application().pool(|pool| pool.statement_per_tenant(false)));
    fixture.tenancy.migrate().unwrap();
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

#[test]
fn a_query_is_prepared_once_for_each_tenant_and_names_it_in_a_comment_at_its_end() {
    let fixture = Fixture::with_one_connection();
    let schemas = ["zanzibar", "Überall", "quo\"te'd*/"];
    let tenants = fixture.tagged(&schemas);
    let pid = backend(&mut fixture.tenancy.get_public().unwrap());
    for _ in 0..3 {
        for tenant in &tenants {
            queries(&fixture, tenant, &tenants[0]);
        }
    }
    let mut conn = fixture.tenancy.get_public().unwrap();
    let all = prepared(&mut conn);
    assert_eq!(backend(&mut conn), pid, "it is one connection all the time");
    let mut once = all.clone();
    once.dedup();
    assert_eq!(once, all, "a query was prepared twice");
    let mut reads: Vec<_> = all
        .iter()
        .filter(|sql| sql.starts_with("SELECT \"tasks\".\"title\" FROM \"tasks\" ORDER BY"))
        .map(|sql| sql.split_once(" /*").unwrap().1)
        .collect();
    reads.sort_unstable();
    assert_eq!(
        reads,
        [
            "tenant='%C3%9Cberall'*/",
            "tenant='quo%22te%27d%2A%2F'*/",
            "tenant='zanzibar'*/"
        ]
    );
    for sql in all.iter().filter(|sql| sql.contains("\"public\".")) {
        assert!(
            !sql.contains("/*"),
            "the shared schema's statements are nobody's: {sql}"
        );
    }
}

#[test]
fn the_servers_activity_names_the_tenant_of_typed_and_raw_statements() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let activity = |conn: &mut TenantConnection| {
        let own = format!(
            "SELECT query AS value FROM pg_stat_activity WHERE pid = {}",
            backend(conn)
        );
        fixture.texts(&own).remove(0)
    };
    fixture
        .tenancy
        .with_tenant(&acme, |conn| {
            titles(conn)?;
            assert!(activity(conn).ends_with("/*tenant='acme'*/"));
            diesel::sql_query("SELECT 1").execute(conn)?;
            assert!(activity(conn).ends_with("/*tenant='acme'*/"));
            conn.batch_execute("SELECT 1; SELECT 2")?;
            assert!(activity(conn).ends_with("/*tenant='acme'*/"));
            QueryResult::Ok(())
        })
        .unwrap();
}

#[test]
fn columns_that_differ_in_type_between_tenants_do_not_collide_on_one_connection() {
    let fixture = Fixture::with_one_connection();
    let tenants = fixture.tagged(&["old", "new"]);
    fixture.run("ALTER TABLE new.tasks ALTER title TYPE varchar(40)");
    for _ in 0..3 {
        for tenant in &tenants {
            assert_eq!(fixture.titles(tenant), [tenant.name.as_str()]);
            assert_eq!(
                fixture.tenancy.transaction(tenant, titles).unwrap(),
                [tenant.name.as_str()]
            );
        }
    }
}

#[test]
fn a_statement_whose_columns_changed_is_prepared_again_once_outside_a_transaction() {
    for per_tenant in [true, false] {
        let fixture = Fixture::of(
            1,
            application().pool(|pool| pool.statement_per_tenant(per_tenant)),
        );
        fixture.tenancy.migrate().unwrap();
        let acme = fixture.tagged(&["acme"]).remove(0);
        assert_eq!(fixture.titles(&acme), ["acme"]);
        fixture.run("ALTER TABLE acme.tasks ALTER title TYPE varchar(40)");
        let before = fixture.tenancy.pool().metrics().stale_plans;
        assert_eq!(fixture.titles(&acme), ["acme"]);
        assert_eq!(fixture.tenancy.pool().metrics().stale_plans, before + 1);
        assert_eq!(fixture.titles(&acme), ["acme"]);
        assert_eq!(fixture.tenancy.pool().metrics().stale_plans, before + 1);
    }
}

#[test]
fn a_statement_whose_columns_changed_fails_inside_a_transaction_and_says_to_run_it_again() {
    let fixture = Fixture::with_one_connection();
    let acme = fixture.tagged(&["acme"]).remove(0);
    for kind in ["varchar(40)", "text"] {
        assert_eq!(fixture.titles(&acme), ["acme"]);
        fixture.run(&format!("ALTER TABLE acme.tasks ALTER title TYPE {kind}"));
        let error = fixture.tenancy.transaction(&acme, titles).unwrap_err();
        assert!(
            matches!(&error, Error::StalePlan { schema, .. } if schema.as_str() == "acme"),
            "{error:?}"
        );
        assert!(error.to_string().contains("run the transaction again"), "{error}");
        assert_eq!(fixture.tenancy.transaction(&acme, titles).unwrap(), ["acme"]);
    }
    // The same in one scope, on one connection.
    fixture.run("ALTER TABLE acme.tasks ALTER title TYPE varchar(40)");
    let mut conn = fixture.tenancy.get(&acme).unwrap();
    assert!(conn.transaction(titles).is_err());
    assert_eq!(conn.transaction(titles).unwrap(), ["acme"]);
}
