//! Somebody else changes tenants: what is remembered is forgotten.

use crate::app::*;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::Duration;

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let poll = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), poll)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// As another process would, beside the pool.
fn elsewhere(site: &Site, sql: &str) {
    PgConnection::establish(site.database.url())
        .unwrap()
        .batch_execute(sql)
        .unwrap();
}

#[tokio::test]
async fn a_tenant_that_is_archived_elsewhere_is_served_no_more() {
    let site = site();
    site.customer("acme");
    assert_eq!(site.get("acme.example.test", "/").await.status, 200);
    elsewhere(
        &site,
        "UPDATE tenancy.schemas SET state = 'archived' WHERE name = 'acme'",
    );
    until("404", async || {
        site.get("acme.example.test", "/").await.status == 404
    })
    .await;
    elsewhere(
        &site,
        "UPDATE tenancy.schemas SET state = 'maintenance' WHERE name = 'acme'",
    );
    until("503", async || {
        site.get("acme.example.test", "/").await.status == 503
    })
    .await;
    elsewhere(
        &site,
        "UPDATE tenancy.schemas SET state = 'ready' WHERE name = 'acme'",
    );
    until("200", async || {
        site.get("acme.example.test", "/").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_found_as_soon_as_it_is_there() {
    let site = site();
    assert_eq!(
        site.get("acme.example.test", "/").await.status,
        404,
        "that nobody is there is remembered"
    );
    site.customer("acme");
    assert_eq!(site.get("acme.example.test", "/").await.text, "acme: acme");
}
