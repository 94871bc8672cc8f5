//! [`Proxy`]: counts at the wire what a piece of code costs, whatever libraries it goes through.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::error::Error;
use crate::server::Server;
use crate::wire::Frontend;

/// A TCP proxy in front of a server that counts round trips and statements. The counts do not depend on the machine, so
/// they can be asserted in tests.
///
/// ```
/// use diesel::prelude::*;
/// use tenant_testing::{Postgres, Proxy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let database = Postgres::shared()?.database()?;
/// let (proxy, url) = Proxy::before(database.url())?;
/// let mut conn = PgConnection::establish(&url)?;
/// let (cost, rows) = proxy.count_all(|| diesel::sql_query("SELECT 1").execute(&mut conn));
/// assert_eq!(rows?, 1);
/// assert_eq!((cost.round_trips, cost.statements), (1, 1));
/// # Ok(()) }
/// ```
///
/// It counts over all connections that were opened through its URL. What is encrypted is passed on, and its round trips
/// counted, but not its statements.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    counters: Arc<Counters>,
}

/// What something cost, as [`Proxy::count_all`] saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// How often the client spoke after the server had, whatever the number of messages or packets in each.
    pub round_trips: usize,
    /// How often the server was told to run something: messages `Query` (which may hold several statements of SQL, and
    /// counts as one) and `Execute`. To prepare a statement is not to run it.
    pub statements: usize,
}

#[derive(Debug, Default)]
struct Counters {
    round_trips: AtomicUsize,
    statements: AtomicUsize,
}

impl Proxy {
    /// A proxy in front of the server of a URL, and the URL that goes through it. It listens on the loopback address, as
    /// long as the process lives.
    ///
    /// # Errors
    ///
    /// [`Error::ProxiedUrl`] where the URL does not name a host; [`Error::Proxy`] if there is no port to listen on.
    pub fn before(database_url: &str) -> Result<(Self, String), Error> {
        let server = Server::from_url(database_url).ok_or(Error::ProxiedUrl)?;
        let behind = server.tcp_address().ok_or(Error::ProxiedUrl)?;
        let listen = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen().map_err(|source| Error::Proxy { source })?;
        let counters = Arc::new(Counters::default());
        let proxy = Self {
            url: server.at(address).admin_url(),
            counters: Arc::clone(&counters),
        };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A client that finds no server sees its connection closed, as it would without the proxy.
                let _ = TcpStream::connect(&behind).and_then(|server| serve(client, server, &counters));
            }
        });
        let url = proxy.url.clone();
        Ok((proxy, url))
    }

    /// The URL that goes through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many round trips `f` takes, and what it returns.
    pub fn count<R>(&self, f: impl FnOnce() -> R) -> (usize, R) {
        let (cost, value) = self.count_all(f);
        (cost.round_trips, value)
    }

    /// How many round trips and statements `f` takes, and what it returns.
    pub fn count_all<R>(&self, f: impl FnOnce() -> R) -> (Cost, R) {
        let (round_trips, statements) = self.counters.read();
        let value = f();
        // What was answered was counted before, so nothing of `f` is missing.
        let (round_trips_now, statements_now) = self.counters.read();
        let cost = Cost {
            round_trips: round_trips_now - round_trips,
            statements: statements_now - statements,
        };
        (cost, value)
    }
}

impl Counters {
    fn read(&self) -> (usize, usize) {
        (
            self.round_trips.load(Ordering::SeqCst),
            self.statements.load(Ordering::SeqCst),
        )
    }
}

fn serve(client: TcpStream, server: TcpStream, counters: &Arc<Counters>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let server_spoke = Arc::new(AtomicBool::new(true));
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let (spoke, counters) = (Arc::clone(&server_spoke), Arc::clone(counters));
    thread::spawn(move || {
        let mut frontend = Frontend::default();
        copy(from_client, to_server, |bytes| {
            let seen = frontend.read(bytes);
            counters.statements.fetch_add(seen.statements, Ordering::SeqCst);
            if seen.speech && spoke.swap(false, Ordering::SeqCst) {
                counters.round_trips.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    thread::spawn(move || copy(server, client, |_| server_spoke.store(true, Ordering::SeqCst)));
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, mut on_data: impl FnMut(&[u8])) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        on_data(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _closed = to.shutdown(Shutdown::Both);
}
