//! Requests over sockets, on connections that stay open: each sends the next one when the answer has come. The server has one
//! thread and all clients together another, so that the time of a request is that of the server.

use super::apps::{Answers, Application, PAGE};
use super::hosts::Hosts;
use super::{Contestant, Named};
use crate::Result;
use axum::ServiceExt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};

struct Load<S> {
    app: Application<S>,
    clients: Runtime,
    connections: Vec<Connection>,
    /// A request for each host, as it is sent.
    requests: Arc<[Vec<u8>]>,
    _server: Runtime,
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// What all connections do together.
struct Plan {
    tenants: Vec<usize>,
    requests: Arc<[Vec<u8>]>,
    next: AtomicUsize,
}

/// A server of an application, and so many connections to it.
pub(super) fn open<S: Answers>(app: Application<S>, hosts: &Hosts, connections: usize) -> Result<Named> {
    let server = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_io()
        .build()?;
    let listener = server.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    let service = app.service.clone().into_make_service();
    server.spawn(async { axum::serve(listener, service).await });
    let clients = runtime::Builder::new_current_thread().enable_io().build()?;
    let connections = (0..connections).map(|_| clients.block_on(Connection::open(address)));
    let connections = connections.collect::<Result<_>>()?;
    let request = |host: &String| format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes();
    let load = Load {
        connections,
        clients,
        requests: hosts.names.iter().map(request).collect(),
        _server: server,
        app,
    };
    Ok((load.app.name, Box::new(load)))
}

impl<S> Contestant for Load<S> {
    fn take_turn(&mut self, tenants: &[usize]) -> Result<Duration> {
        let before = self.app.found();
        let plan = Arc::new(Plan {
            tenants: tenants.to_vec(),
            requests: Arc::clone(&self.requests),
            next: AtomicUsize::new(0),
        });
        let connections = std::mem::take(&mut self.connections);
        let took;
        (self.connections, took) = self.clients.block_on(plan.follow_on(connections))?;
        self.app.expect(before, tenants.len())?;
        Ok(took)
    }
}

impl Plan {
    /// Returns the connections, and how long it took.
    async fn follow_on(self: Arc<Self>, connections: Vec<Connection>) -> Result<(Vec<Connection>, Duration)> {
        let start = Instant::now();
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|connection| tokio::spawn(connection.follow(Arc::clone(&self))))
            .collect();
        let mut connections = Vec::with_capacity(tasks.len());
        for task in tasks {
            connections.push(task.await??);
        }
        Ok((connections, start.elapsed()))
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            answer: vec![0; 1024],
        })
    }

    /// Makes requests until there are no more.
    async fn follow(mut self, plan: Arc<Plan>) -> Result<Self> {
        while let Some(tenant) = plan.tenants.get(plan.next.fetch_add(1, Ordering::Relaxed)) {
            self.stream.write_all(&plan.requests[*tenant]).await?;
            let mut read = 0;
            while !self.answer[..read].ends_with(PAGE.as_bytes()) {
                match self.stream.read(&mut self.answer[read..]).await? {
                    0 => return Err("an answer without its end".into()),
                    more => read += more,
                }
            }
            if !self.answer.starts_with(b"HTTP/1.1 200 OK\r\n") {
                return Err("an answer that is not `200 OK`".into());
            }
        }
        Ok(self)
    }
}
