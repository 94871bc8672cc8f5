//! What r2d2 promises still holds: size, time-outs, `min_idle`, lifetime, idle reaping, health, its hooks.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenant_diesel::r2d2::{Builder, HandleEvent, Pool, event};
use tenant_diesel::{Error, TenantManager};

fn tenancy(fixture: &Fixture, limits: Builder<TenantManager>) -> Tenancy<Client> {
    application::<Client>()
        .r2d2(limits)
        .pool(|pool| pool.alive_bypass_window(LONG))
        .connect(fixture.database.url())
        .unwrap()
}

/// How many sessions of this database there are, but for the one that asks and those that the fixture holds.
fn sessions(fixture: &Fixture) -> i64 {
    let of_fixture = i64::from(fixture.tenancy.pool().state().connections);
    let all = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    fixture.count(all) - of_fixture
}

#[test]
fn there_are_never_more_connections_than_max_size_whatever_comes_and_goes() {
    let fixture = affine(1);
    let names = names("t", 12);
    let tenants = fixture.tagged(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    let tenancy = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(3)
                .min_idle(Some(1))
                .connection_timeout(Duration::from_secs(60)),
        )
        // They come and go all the time.
        .pool(|pool| pool.tenants_per_connection(4))
        .connect(fixture.database.url())
        .unwrap();
    let most = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for chunk in tenants.chunks(2) {
            let (tenancy, most) = (&tenancy, &most);
            threads.spawn(move || {
                for tenant in chunk.iter().cycle().take(60) {
                    assert_eq!(
                        tenancy.with_tenant(tenant, titles).unwrap(),
                        [tenant.name.as_str()]
                    );
                    let open = tenancy.pool().state().connections as usize;
                    most.fetch_max(open, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(most.load(Ordering::SeqCst) <= 3);
    assert!(tenancy.pool().metrics().closed.recycled > 0);
    wait_until("what was closed is gone", || sessions(&fixture) <= 3);
}

#[test]
fn as_many_are_opened_at_the_start_as_min_idle_says() {
    let fixture = affine(1);
    // The start-up asks the database something: for the connection that is out meanwhile r2d2 opens another one, so
    // that as many are idle as it was told. How soon that one is there, nobody says.
    for (min_idle, connections) in [(None, 4..=4), (Some(2), 2..=3), (Some(0), 0..=1)] {
        let tenancy = tenancy(&fixture, Pool::builder().max_size(4).min_idle(min_idle));
        let opened = tenancy.pool().state().connections;
        assert!(connections.contains(&opened), "{min_idle:?}: {opened}");
    }
}

#[test]
fn the_connection_timeout_is_kept_and_the_error_tells_the_pool() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b"]);
    let patience = Duration::from_millis(150);
    let tenancy = tenancy(&fixture, Pool::builder().max_size(1).connection_timeout(patience));
    let held = tenancy.get(&tenants[0]).unwrap();
    let error = tenancy.get(&tenants[1]).unwrap_err();
    assert!(
        matches!(&error, Error::PoolTimeout { waited, connections: 1, idle: 0, .. } if *waited >= patience),
        "{error:?}"
    );
    assert_eq!(tenancy.pool().metrics().timeouts, 1);
    drop(held);
    drop(tenancy.get(&tenants[1]).unwrap());
}

#[test]
fn a_connection_older_than_max_lifetime_is_closed_when_it_comes_back() {
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let lifetime = Duration::from_millis(300);
    let tenancy = tenancy(&fixture, Pool::builder().max_size(1).max_lifetime(Some(lifetime)));
    let born = std::time::Instant::now();
    let mut pids = vec![served_by(&tenancy, &acme)];
    wait_until("it is replaced", || {
        pids.push(served_by(&tenancy, &acme));
        pids.last() != pids.first()
    });
    assert!(born.elapsed() >= lifetime / 2, "not before its time");
    assert!(tenancy.pool().metrics().closed.expired >= 1);
}

#[test]
fn idle_connections_are_reaped_down_to_min_idle_and_those_that_are_used_are_not() {
    // r2d2 looks every thirty seconds: this is the one test that has to wait for that.
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b", "c", "d"]);
    let limits = Pool::builder()
        .max_size(4)
        .min_idle(Some(1))
        .idle_timeout(Some(Duration::from_secs(20)));
    let tenancy = tenancy(&fixture, limits);
    served_at_once(&tenancy, &tenants);
    assert_eq!(sessions(&fixture), 4);
    let pid = served_by(&tenancy, &tenants[0]);
    // If it does not come about, the runner ends this test.
    let expired = || tenancy.pool().metrics().closed.expired;
    while expired() < 2 {
        // One tenant works all the time, and keeps its connection.
        assert_eq!(served_by(&tenancy, &tenants[0]), pid);
        std::thread::park_timeout(Duration::from_millis(200));
    }
    assert_eq!(served_by(&tenancy, &tenants[0]), pid);
    // The one that is in use, and one that is idle meanwhile: r2d2 opens that again as soon as none is.
    wait_until("the rest is gone", || sessions(&fixture) <= 2);
    assert!(tenancy.pool().state().connections <= 2);
}

#[test]
fn the_applications_event_handler_is_told_of_each_checkout_and_return() {
    #[derive(Debug, Default)]
    struct Seen {
        out: AtomicUsize,
        back: AtomicUsize,
        opened: AtomicUsize,
    }
    impl HandleEvent for Seen {
        fn handle_acquire(&self, _: event::AcquireEvent) {
            self.opened.fetch_add(1, Ordering::SeqCst);
        }
        fn handle_checkout(&self, _: event::CheckoutEvent) {
            self.out.fetch_add(1, Ordering::SeqCst);
        }
        fn handle_checkin(&self, _: event::CheckinEvent) {
            self.back.fetch_add(1, Ordering::SeqCst);
        }
    }
    #[derive(Debug)]
    struct Handler(Arc<Seen>);
    impl HandleEvent for Handler {
        fn handle_acquire(&self, event: event::AcquireEvent) {
            self.0.handle_acquire(event);
        }
        fn handle_checkout(&self, event: event::CheckoutEvent) {
            self.0.handle_checkout(event);
        }
        fn handle_checkin(&self, event: event::CheckinEvent) {
            self.0.handle_checkin(event);
        }
    }
    let fixture = affine(1);
    let acme = fixture.tagged(&["acme"]).remove(0);
    let seen = Arc::new(Seen::default());
    let tenancy = tenancy(
        &fixture,
        Pool::builder()
            .max_size(2)
            .event_handler(Box::new(Handler(Arc::clone(&seen)))),
    );
    let before = seen.out.load(Ordering::SeqCst);
    for _ in 0..5 {
        tenancy.with_tenant(&acme, titles).unwrap();
    }
    assert_eq!(seen.opened.load(Ordering::SeqCst), 2);
    assert_eq!(seen.out.load(Ordering::SeqCst) - before, 5);
    assert_eq!(seen.back.load(Ordering::SeqCst), seen.out.load(Ordering::SeqCst));
}

#[test]
fn dropping_the_pool_closes_every_connection() {
    let fixture = affine(1);
    let tenants = fixture.tagged(&["a", "b"]);
    let tenancy = tenancy(&fixture, Pool::builder().max_size(3));
    served_at_once(&tenancy, &tenants);
    drop(tenancy);
    wait_until("all sessions have ended", || sessions(&fixture) == 0);
}

#[test]
fn a_server_that_does_not_answer_is_an_error_after_the_connection_timeout_and_not_a_hang() {
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
    let patience = Duration::from_millis(300);
    for mode in [
        tenant_diesel::PoolerMode::Session,
        tenant_diesel::PoolerMode::Transaction,
    ] {
        let start = std::time::Instant::now();
        let error = application::<Client>()
            .r2d2(Pool::builder().max_size(2).connection_timeout(patience))
            .pool(|pool| pool.pooler_mode(mode))
            .connect(&url)
            .unwrap_err();
        assert!(matches!(error, Error::PoolStart { .. }), "{error:?}");
        assert!(start.elapsed() >= patience);
    }
}

#[test]
fn a_pool_that_the_server_has_no_room_for_is_an_error_with_the_servers_reason() {
    let fixture = affine(1);
    fixture.run("CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 3");
    let (before, after) = fixture.database.url().split_once("://").unwrap();
    let (_, host) = after.split_once('@').unwrap();
    let url = format!("{before}://few:few@{host}");
    let error = application::<Client>()
        .r2d2(
            Pool::builder()
                .max_size(6)
                .connection_timeout(Duration::from_secs(2)),
        )
        .connect(&url)
        .unwrap_err();
    assert!(
        chain(&error).contains("too many connections"),
        "{}",
        chain(&error)
    );
    wait_until("its connections are gone", || {
        fixture.count("SELECT count(*) FROM pg_stat_activity WHERE usename = 'few'") == 0
    });
    fixture.run("DROP ROLE few");
}
