//! Requests without sockets: what the server's own work hides otherwise.

use super::apps::Application;
use super::hosts::Hosts;
use super::{Contestant, Named};
use crate::Result;
use axum::Router;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderValue, Request, StatusCode};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::runtime::{self, Runtime};
use tower::Service;

struct Caller {
    app: Application,
    runtime: Runtime,
    hosts: Vec<HeaderValue>,
}

/// An application that is called.
pub(super) fn open(app: Application, hosts: &Hosts) -> Result<Named> {
    let header = |name: &String| HeaderValue::from_str(name);
    let hosts = hosts.names.iter().map(header).collect::<Result<_, _>>()?;
    let runtime = runtime::Builder::new_current_thread().build()?;
    Ok((app.name, Box::new(Caller { app, runtime, hosts })))
}

impl Contestant for Caller {
    fn take_turn(&mut self, tenants: &[usize]) -> Result<Duration> {
        let before = self.app.found();
        let calls = call(&mut self.app.router, &self.hosts, tenants);
        let took = self.runtime.block_on(calls)?;
        self.app.expect(before, tenants.len())?;
        Ok(took)
    }
}

async fn call(router: &mut Router, hosts: &[HeaderValue], tenants: &[usize]) -> Result<Duration> {
    let start = Instant::now();
    for tenant in tenants {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(HOST, hosts[*tenant].clone());
        let answer = router.call(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("an answer is {}", answer.status()).into());
        }
        drop(black_box(answer));
    }
    Ok(start.elapsed())
}
