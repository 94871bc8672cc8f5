//! Web sockets: the upgrade is routed like any request, and the tenant goes along.

use crate::app::*;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use diesel::prelude::*;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use tenant_http::{Tenant, TenantContext, TenantDb, current_tenant};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Answers each message with all that says which tenant it is.
pub(crate) async fn socket(
    Tenant(client): Tenant<Client>,
    db: TenantDb,
    upgrade: WebSocketUpgrade,
) -> Response {
    // The socket is a task of its own, in which nobody is current unless it is said so.
    let context = TenantContext::current();
    upgrade.on_upgrade(move |socket| context.carry(serve(socket, client, db)))
}

async fn serve(mut socket: WebSocket, client: Arc<Client>, db: TenantDb) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let titles = db
            .run(|conn| todo::tasks::table.select(todo::tasks::title).load::<String>(conn))
            .await
            .unwrap();
        let current = current_tenant().unwrap();
        let answer = format!("{text} {} {} {current}", client.name, titles.join(","));
        if socket.send(Message::Text(answer.into())).await.is_err() {
            return;
        }
    }
}

/// BEHAVIOURS 69.
#[tokio::test]
async fn a_socket_serves_the_tenant_of_its_host_or_folder() {
    let site = site();
    let (acme, globex) = (site.customer("acme"), site.customer("globex"));
    site.domain(&acme, "shared.test/acme");
    site.domain(&globex, "shared.test/globex");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, site.app.clone()).into_future());
    for (host, path, name) in [
        ("acme.example.test", "/socket", "acme"),
        ("globex.example.test", "/socket", "globex"),
        ("shared.test", "/acme/socket", "acme"),
        ("shared.test", "/globex/socket", "globex"),
    ] {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        request.headers_mut().insert("host", host.parse().unwrap());
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        for _several in 0..2 {
            socket.send(tungstenite::Message::text("hello")).await.unwrap();
            let answer = socket.next().await.unwrap().unwrap().into_text().unwrap();
            assert_eq!(answer.as_str(), format!("hello {name} {name} {name}"));
        }
        socket.close(None).await.unwrap();
    }
    let mut request = format!("ws://{address}/socket").into_client_request().unwrap();
    request
        .headers_mut()
        .insert("host", "nobody.example.test".parse().unwrap());
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let refused = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap_err();
    assert!(matches!(refused, tungstenite::Error::Http(response) if response.status().as_u16() == 404));
    server.abort();
}
