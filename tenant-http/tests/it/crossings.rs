//! Thousands of requests at once for twenty tenants, over real HTTP, with handlers that panic, time out, hold their
//! connection, and clients that go away. Each answer is tagged by everything that says which tenant it is, and checked.

use crate::app::*;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TENANTS: usize = 20;
const CLIENTS: usize = 64;
const REQUESTS: usize = 6_000;

#[derive(Default)]
struct Tally {
    sent: AtomicUsize,
    checked: AtomicUsize,
    given_up: AtomicUsize,
    broken: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_answer_ever_comes_from_another_tenant() {
    let site = Arc::new(site());
    let names: Vec<String> = (0..TENANTS).map(|i| format!("tenant{i}")).collect();
    for (i, name) in names.iter().enumerate() {
        let client = site.customer(name);
        if i % 2 == 0 {
            site.domain(&client, &format!("shared.test/{name}"));
        }
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, site.app.clone()).into_future());
    let (tally, names) = (Arc::new(Tally::default()), Arc::new(names));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|seed| {
            tokio::spawn(client(
                address,
                seed as u64,
                Arc::clone(&tally),
                Arc::clone(&names),
            ))
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let (checked, given_up, broken) = (
        tally.checked.load(Ordering::Relaxed),
        tally.given_up.load(Ordering::Relaxed),
        tally.broken.load(Ordering::Relaxed),
    );
    assert!(checked > REQUESTS / 2, "{checked} answers were checked");
    assert!(
        given_up > 50 && broken > 50,
        "{given_up} given up, {broken} panicked"
    );
    // Nothing was lost: all connections are free again, and each tenant still meets its own.
    for name in names.iter() {
        let answer = site.get(&format!("{name}.example.test"), "/whole").await;
        assert_eq!(answer.text, [name.as_str(); 8].join(" "));
    }
    let idle = async {
        while {
            let state = site.tenancy.pool().state();
            state.idle_connections != state.connections
        } {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), idle)
        .await
        .expect("a connection is lost");
    server.abort();
}

async fn client(address: SocketAddr, seed: u64, tally: Arc<Tally>, names: Arc<Vec<String>>) {
    let http: HttpClient<HttpConnector, Body> = HttpClient::builder(TokioExecutor::new()).build_http();
    let mut random = fastrand::Rng::with_seed(seed);
    while tally.sent.fetch_add(1, Ordering::Relaxed) < REQUESTS {
        let at = random.usize(0..names.len());
        let name = names[at].as_str();
        let (host, folder) = if at.is_multiple_of(2) && random.bool() {
            ("shared.test".to_owned(), format!("/{name}"))
        } else {
            (format!("{name}.example.test"), String::new())
        };
        let get = |path: &str| {
            let uri = format!("http://{address}{folder}{path}");
            http.request(
                Request::builder()
                    .uri(uri)
                    .header("host", &host)
                    .body(Body::empty())
                    .unwrap(),
            )
        };
        let (path, expected) = match random.u8(0..100) {
            0..60 => ("/whole", [name; 8].join(" ")),
            60..75 => ("/", format!("{name}: {name}")),
            75..80 => ("/spawn", format!("None Some({name:?})")),
            80..85 => ("/slow", format!("{name} took too long")),
            85..90 => ("/slow-connection", name.to_owned()),
            path @ 90..96 => {
                // The task of the connection dies, and the connection with it.
                let path = if path % 2 == 0 { "/panic" } else { "/panic-in-db" };
                assert!(get(path).await.is_err(), "{path}");
                tally.broken.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            _ => {
                give_up(address, &host, &format!("{folder}/slow-connection")).await;
                tally.given_up.fetch_add(1, Ordering::Relaxed);
                continue;
            }
        };
        // A connection that is kept alive may be closed by a panic of another request's that was pipelined to it never,
        // for each client waits for its answer; so this is an answer.
        let response = get(path).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            (status, &bytes[..]),
            (200, expected.as_bytes()),
            "{host}{folder}{path}"
        );
        tally.checked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a request, and goes away before, or just after, the answer begins.
async fn give_up(address: SocketAddr, host: &str, path: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let _begun = tokio::time::timeout(std::time::Duration::from_millis(3), stream.read_u8()).await;
}
