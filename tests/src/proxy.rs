//! [`Proxy`]: counts round trips on the wire between Diesel and PostgreSQL.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// A TCP proxy that counts how often the client spoke after the server had: the round trips, whatever
/// the number of messages or packets in each.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    round_trips: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy in front of a server on the loopback address.
    pub fn new(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let round_trips = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&round_trips);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)) else {
                    break;
                };
                serve(client, server, &counter);
            }
        });
        Self { port, round_trips }
    }

    /// A URL that goes through the proxy instead of straight to the server.
    pub fn url(&self, database_url: &str) -> String {
        let (before, after) = split_at_port(database_url);
        format!("{before}{}{after}", self.port)
    }

    /// The proxy for a URL, and the URL that goes through it.
    pub fn before(database_url: &str) -> (Self, String) {
        let (before, after) = split_at_port(database_url);
        let port = database_url[before.len()..database_url.len() - after.len()]
            .parse()
            .unwrap();
        let proxy = Self::new(port);
        let url = proxy.url(database_url);
        (proxy, url)
    }

    /// How many round trips `f` takes.
    pub fn count<R>(&self, f: impl FnOnce() -> R) -> (usize, R) {
        let before = self.round_trips.load(Ordering::SeqCst);
        let value = f();
        (self.round_trips.load(Ordering::SeqCst) - before, value)
    }
}

/// Splits `postgres://user:password@host:port/database` before and behind its port.
fn split_at_port(url: &str) -> (&str, &str) {
    let slash = url.rfind('/').unwrap();
    let colon = url[..slash].rfind(':').unwrap() + 1;
    (&url[..colon], &url[slash..])
}

fn serve(client: TcpStream, server: TcpStream, round_trips: &Arc<AtomicUsize>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let server_spoke = Arc::new(AtomicBool::new(true));
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (spoke, counter) = (Arc::clone(&server_spoke), Arc::clone(round_trips));
    thread::spawn(move || {
        copy(from_client, to_server, || {
            if spoke.swap(false, Ordering::SeqCst) {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    thread::spawn(move || copy(server, client, || server_spoke.store(true, Ordering::SeqCst)));
}

fn copy(mut from: TcpStream, mut to: TcpStream, on_data: impl Fn()) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        on_data();
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _closed = to.shutdown(Shutdown::Both);
}
