//! Connections: exhausted, held, panicking, given up.

use crate::app::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::r2d2::Pool;

/// A lock that `/hold` waits for.
fn lock(site: &Site) -> PgConnection {
    let mut conn = PgConnection::establish(site.database.url()).unwrap();
    conn.batch_execute("SELECT pg_advisory_lock(4711)").unwrap();
    conn
}

fn waiting(site: &Site) -> i64 {
    let mut conn = PgConnection::establish(site.database.url()).unwrap();
    diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
        "(SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
          WHERE l.locktype = 'advisory' AND NOT l.granted)",
    ))
    .get_result(&mut conn)
    .unwrap()
}

async fn until(site: &Site, held: i64) {
    let poll = async {
        while waiting(site) != held {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), poll)
        .await
        .expect("nothing happens any more");
}

#[tokio::test]
async fn an_exhausted_pool_is_503_and_the_runtime_goes_on() {
    let pool = Pool::builder()
        .max_size(2)
        .connection_timeout(Duration::from_millis(500));
    let site = Site::with(
        |builder| builder.r2d2(pool),
        |rules| rules.by_host(),
        |layer| layer,
    );
    site.customer("acme");
    site.customer("globex");
    for host in ["acme.example.test", "globex.example.test"] {
        assert_eq!(site.get(host, "/").await.status, 200, "both are known");
    }
    let mut lock = lock(&site);
    let hold = || {
        let (app, request) = (site.app.clone(), axum::http::Request::builder().uri("/hold"));
        let request = request
            .header("host", "acme.example.test")
            .body(axum::body::Body::empty())
            .unwrap();
        tokio::spawn(async move {
            tower::ServiceExt::oneshot(app, request)
                .await
                .unwrap()
                .status()
                .as_u16()
        })
    };
    let held = [hold(), hold()];
    until(&site, 2).await;
    let refused = site.get("globex.example.test", "/").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.text, "Not available now. Please try again later.\n");
    // Nobody waits who needs no connection: this test has one thread.
    assert_eq!(site.get("example.test", "/current").await.status, 200);
    lock.batch_execute("SELECT pg_advisory_unlock(4711)").unwrap();
    for held in held {
        assert_eq!(held.await.unwrap(), 200);
    }
    assert_eq!(site.get("globex.example.test", "/").await.text, "globex: globex");
}

/// The client goes away while its statement runs: the statement ends, and its connection comes back.
#[tokio::test]
async fn a_client_that_goes_away_leaks_no_connection() {
    let site = site();
    site.customer("acme");
    let mut lock = lock(&site);
    for _more_than_the_pool_has in 0..3 {
        let held: Vec<_> = (0..4)
            .map(|_| {
                let (app, request) = (site.app.clone(), axum::http::Request::builder().uri("/hold"));
                let request = request
                    .header("host", "acme.example.test")
                    .body(axum::body::Body::empty())
                    .unwrap();
                tokio::spawn(tower::ServiceExt::oneshot(app, request))
            })
            .collect();
        until(&site, 4).await;
        for request in held {
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
        }
        lock.batch_execute("SELECT pg_advisory_unlock(4711)").unwrap();
        until(&site, 0).await;
        assert_eq!(site.get("acme.example.test", "/").await.text, "acme: acme");
        lock.batch_execute("SELECT pg_advisory_lock(4711)").unwrap();
    }
}

#[tokio::test]
async fn a_panic_stays_in_its_request() {
    let site = site();
    site.customer("acme");
    for path in ["/panic", "/panic-in-db"] {
        for _more_than_the_pool_has in 0..6 {
            let request = axum::http::Request::builder()
                .uri(path)
                .header("host", "acme.example.test");
            let request = request.body(axum::body::Body::empty()).unwrap();
            let served = tokio::spawn(tower::ServiceExt::oneshot(site.app.clone(), request));
            let panicked = served.await.unwrap_err().into_panic();
            assert!(panicked.downcast_ref::<&str>().unwrap().ends_with("on purpose"));
            assert_eq!(tenant_http::current_tenant(), None);
        }
        assert_eq!(
            site.get("acme.example.test", "/whole").await.text,
            ["acme"; 8].join(" ")
        );
    }
}

#[tokio::test]
async fn a_tenant_in_maintenance_is_503_and_an_archived_one_404() {
    let site = site();
    let acme = site.customer("acme");
    assert_eq!(site.get("acme.example.test", "/").await.status, 200);
    site.tenancy.begin_maintenance(&acme).unwrap();
    for path in ["/", "/spawn"] {
        let answer = site.get("acme.example.test", path).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("30")),
            "{path}"
        );
    }
    site.tenancy.end_maintenance(&acme).unwrap();
    assert_eq!(site.get("acme.example.test", "/").await.status, 200);
    site.tenancy.archive(&acme).unwrap();
    for path in ["/", "/spawn"] {
        assert_eq!(site.get("acme.example.test", path).await.status, 404, "{path}");
    }
    site.tenancy.restore(&acme).unwrap();
    assert_eq!(site.get("acme.example.test", "/").await.status, 200);
    site.tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(site.get("acme.example.test", "/").await.status, 404);
}

/// A transaction of a handler is rolled back where it fails.
#[tokio::test]
async fn a_transaction_that_fails_leaves_nothing() {
    let site = site();
    let acme = site.customer("acme");
    let app = tenant_http::TenantRouter::new().tenant(axum::Router::new().route(
        "/",
        axum::routing::get(|db: tenant_http::TenantDb| async move {
            db.transaction(|conn| {
                diesel::insert_into(todo::tasks::table)
                    .values(todo::tasks::title.eq("never"))
                    .execute(conn)?;
                Err::<(), _>(diesel::result::Error::NotFound)
            })
            .await
            .map_err(tenant_http::Error::from)
        }),
    ));
    let routing = tenant_http::routing::Routing::builder(site.tenancy.registry())
        .by_host()
        .build()
        .unwrap();
    let layer = tenant_http::TenantLayer::new(&site.tenancy, site.directory.clone(), routing);
    let request = axum::http::Request::builder()
        .uri("/")
        .header("host", "acme.example.test");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(app.layer(layer), request)
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 404);
    let count = site
        .tenancy
        .with_tenant(&acme, |conn| todo::tasks::table.count().get_result::<i64>(conn));
    assert_eq!(count.unwrap(), 1);
}
