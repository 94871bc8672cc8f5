//! Which connection a tenant gets, and what that costs: counted on the wire, seen by the server's process numbers.
//!
//! | module | tries |
//! |---|---|
//! | [`order`] | the order in which connections are chosen |
//! | [`liveness`] | connections that died, and schemas that went, while nothing was asked |
//! | [`memory`] | the number of tenants a connection |
//! | [`r2d2_limits`] | what r2d2 promises still holds |
//! | [`fairness`] | nobody starves |
//! | [`limits`] | what one tenant may use |
//! | [`switching`] | what happens to statements between two tenants, and custom types |
//! | [`unseen`] | triggers that change the session, and `verify_always` |
//! | [`numbers`] | the metrics |

mod fairness;
mod limits;
mod liveness;
mod memory;
mod numbers;
mod order;
mod r2d2_limits;
mod switching;
mod unseen;

use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::{Tenancy, TenancyBuilder, TenantPoolBuilder};
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// So long that a slow machine does not come into it.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// The application with so many connections, which are believed to live for long.
fn affine(connections: u32) -> Fixture {
    with(connections, |pool| pool)
}

/// The same, with other options of the pool on top.
pub(crate) fn with(
    connections: u32,
    options: impl FnOnce(TenantPoolBuilder) -> TenantPoolBuilder,
) -> Fixture {
    let builder: TenancyBuilder<Client> = application().pool(|pool| options(pool.alive_bypass_window(LONG)));
    let fixture = Fixture::of(connections, builder);
    fixture.tenancy.migrate().unwrap();
    fixture
}

/// Two tenants on one connection, whose pool has these options.
pub(crate) fn two(options: impl FnOnce(TenantPoolBuilder) -> TenantPoolBuilder) -> (Fixture, Vec<Client>) {
    let fixture = with(1, options);
    let tenants = fixture.tagged(&["acme", "globex"]);
    (fixture, tenants)
}

/// The same application in a pool of its own, where no connection has served anybody.
fn another(url: &str, connections: u32) -> Tenancy<Client> {
    application()
        .r2d2(r2d2::Pool::builder().max_size(connections))
        .pool(|pool| pool.alive_bypass_window(LONG))
        .connect(url)
        .unwrap()
}

/// The server's process that a tenant is served by.
pub(crate) fn served_by(tenancy: &Tenancy<Client>, tenant: &Client) -> i32 {
    backend(&mut tenancy.get(tenant).unwrap())
}

/// The processes that serve the tenants while all of them hold a connection at once.
fn served_at_once(tenancy: &Tenancy<Client>, tenants: &[Client]) -> Vec<i32> {
    let mut held: Vec<_> = tenants
        .iter()
        .map(|tenant| tenancy.get(tenant).unwrap())
        .collect();
    held.iter_mut().map(backend).collect()
}

/// Ends a session of the server, and waits until its process is gone, and with it its end of the connection.
pub(crate) fn kill(fixture: &Fixture, pid: i32) {
    fixture.run(&format!("SELECT pg_terminate_backend({pid})"));
    wait_until("the backend is gone", || !is_running(pid));
}

/// Whether a process runs. (The server's view of its sessions loses one before its process has ended.)
pub(crate) fn is_running(pid: i32) -> bool {
    let ps = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output();
    match (std::fs::read_to_string(format!("/proc/{pid}/stat")), ps) {
        (Ok(stat), _) => !stat.contains(") Z"),
        (Err(_), Ok(ps)) => ps.stdout.first().is_some_and(|state| *state != b'Z'),
        (Err(_), Err(_)) => false,
    }
}
