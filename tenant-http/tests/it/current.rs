//! Spans, the current tenant, spawned tasks.

use crate::app::*;
use std::io;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn a_spawned_task_works_for_a_tenant_only_if_it_is_told_to() {
    let site = site();
    site.customer("acme");
    assert_eq!(
        site.get("acme.example.test", "/spawn").await.text,
        "None Some(\"acme\")"
    );
    assert_eq!(tenant_http::current_tenant(), None);
}

/// Requests of several tenants whose polls alternate on one thread.
#[tokio::test]
async fn interleaved_requests_each_have_their_own() {
    let site = site();
    for name in ["acme", "globex", "initech"] {
        site.customer(name);
    }
    let requests = (0..30).map(|i| {
        let name = ["acme", "globex", "initech"][i % 3];
        let site = &site;
        async move {
            (
                name,
                site.get(&format!("{name}.example.test"), "/whole").await.text,
            )
        }
    });
    for (name, text) in futures_util::future::join_all(requests).await {
        assert_eq!(text, [name; 8].join(" "));
    }
}

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// BEHAVIOURS 137: in the handler, in its closure on another thread, and in what it carries to another task.
#[tokio::test]
async fn each_line_of_the_log_has_the_tenant_and_the_host() {
    use axum::routing::get;
    let site = site();
    site.customer("acme");
    let routes = axum::Router::new().route(
        "/",
        get(|db: tenant_http::TenantDb| async move {
            tracing::info!("in the handler");
            db.run(|_| {
                tracing::info!("in the closure");
                diesel::QueryResult::Ok(())
            })
            .await?;
            let carried = tokio::spawn(tenant_http::carry(async { tracing::info!("in a task") }));
            let _done = carried.await;
            Err::<(), _>(tenant_http::Error::from(
                diesel::result::Error::RollbackTransaction,
            ))
        }),
    );
    let routing = tenant_http::routing::Routing::builder(site.tenancy.registry())
        .public_at(host("example.test"))
        .by_host()
        .build()
        .unwrap();
    let layer = tenant_http::TenantLayer::new(&site.tenancy, site.directory.clone(), routing);
    let app = tenant_http::TenantRouter::new().tenant(routes).layer(layer);
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // Also for the threads of the runtime: this is the only test of the process that has a subscriber.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let request = axum::http::Request::builder()
        .uri("/")
        .header("host", "ACME.example.test:80");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(app, request).await.unwrap();
    assert_eq!(response.status().as_u16(), 500);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for line in [
        "in the handler",
        "in the closure",
        "in a task",
        "a request was not served",
    ] {
        let line = text
            .lines()
            .find(|found| found.contains(line))
            .unwrap_or_else(|| panic!("{line}: {text}"));
        assert!(
            line.contains("request{tenant=acme host=acme.example.test}"),
            "{line}"
        );
    }
}
