//! Requests without sockets: what the server's own work hides otherwise.

use super::apps::{Answers, Application};
use super::hosts::Hosts;
use super::{Contestant, Named};
use crate::Result;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderValue, Request, StatusCode};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::runtime::{self, Runtime};

struct Caller<S> {
    app: Application<S>,
    runtime: Runtime,
    hosts: Vec<HeaderValue>,
}

/// An application that is called.
pub(super) fn open<S: Answers>(app: Application<S>, hosts: &Hosts) -> Result<Named> {
    let header = |name: &String| HeaderValue::from_str(name);
    let hosts = hosts.names.iter().map(header).collect::<Result<_, _>>()?;
    let runtime = runtime::Builder::new_current_thread().build()?;
    Ok((app.name, Box::new(Caller { app, runtime, hosts })))
}

impl<S: Answers> Contestant for Caller<S> {
    fn take_turn(&mut self, tenants: &[usize]) -> Result<Duration> {
        let before = self.app.found();
        let calls = call(&mut self.app.service, &self.hosts, tenants);
        let took = self.runtime.block_on(calls)?;
        self.app.expect(before, tenants.len())?;
        Ok(took)
    }
}

async fn call(service: &mut impl Answers, hosts: &[HeaderValue], tenants: &[usize]) -> Result<Duration> {
    let start = Instant::now();
    for tenant in tenants {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(HOST, hosts[*tenant].clone());
        let answer = service.call(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("an answer is {}", answer.status()).into());
        }
        drop(black_box(answer));
    }
    Ok(start.elapsed())
}
