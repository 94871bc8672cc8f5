//! What a review found: each test failed once.

use crate::app::*;
use axum::body::Body;
use axum::http::Request;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::r2d2::Pool;
use tenant_http::TenantRouter;
use tower::ServiceExt;

/// A pool of one connection, which a request holds until the lock is given back.
async fn exhausted(patience: Duration) -> (Site, PgConnection, tokio::task::JoinHandle<u16>) {
    let pool = Pool::builder().max_size(1).connection_timeout(patience);
    let site = Site::with(
        |builder| builder.r2d2(pool),
        |rules| rules.by_host(),
        |layer| layer,
    );
    site.customer("acme");
    assert_eq!(site.get("acme.example.test", "/").await.status, 200);
    let mut lock = PgConnection::establish(site.database.url()).unwrap();
    lock.batch_execute("SELECT pg_advisory_lock(4711)").unwrap();
    let held = tokio::spawn(status(&site, "acme.example.test", "/hold"));
    until("the connection is held", || waits(&mut lock)).await;
    (site, lock, held)
}

fn waits(conn: &mut PgConnection) -> bool {
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(
        "EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
         WHERE l.locktype = 'advisory' AND NOT l.granted)",
    ))
    .get_result(conn)
    .unwrap()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let poll = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), poll)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// The status of an answer, from a task of its own.
fn status(site: &Site, host: &str, path: &str) -> impl Future<Output = u16> + Send + 'static {
    let request = Request::builder().uri(path).header("host", host);
    let served = site.app.clone().oneshot(request.body(Body::empty()).unwrap());
    async move { served.await.unwrap().status().as_u16() }
}

/// Follows redirects, as a browser does, to an end.
async fn follow(site: &Site, at: &str, path: &str) {
    let (mut at, mut path) = (at.to_owned(), path.to_owned());
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = site.get(&at, &path).await;
        let Some(location) = answer.header("location") else {
            return;
        };
        seen.push(location.to_owned());
        let rest = location.strip_prefix("//").unwrap();
        let (next, after) = rest.split_once('/').unwrap();
        (at, path) = (next.to_owned(), format!("/{after}"));
    }
    panic!("it goes round: {seen:?}");
}

/// `Tenancy::with_schema` refuses the shared schema; a host must not be a way around the rules by which names are routed.
#[tokio::test]
async fn a_row_of_the_customers_that_has_the_schema_of_a_site_of_ones_own_is_not_served_at_its_host() {
    let site = site();
    let acme = site.customer("acme");
    for (id, schema) in [(100, "blog"), (101, "public"), (102, "tenancy")] {
        let sql = format!(
            "INSERT INTO clients (id, schema_name, name) OVERRIDING SYSTEM VALUE VALUES ({id}, '{schema}', '{schema}');
             INSERT INTO domains (domain, tenant_id, is_primary) VALUES ('{schema}.customer.test', {id}, true)"
        );
        let mut conn = PgConnection::establish(site.database.url()).unwrap();
        conn.batch_execute(&sql).unwrap();
        // Served by a handler of customers that needs no connection.
        let answer = site.get(&format!("{schema}.customer.test"), "/spawn").await;
        assert_eq!(answer.status, 404, "{schema}: {}", answer.text);
    }
    assert_eq!(
        site.get("acme.example.test", "/").await.text,
        format!("{0}: {0}", acme.name)
    );
}

/// Clients that go away must not leave more look-ups behind than there may be at once: they hold threads, and all of
/// them wait for a connection.
#[tokio::test]
async fn requests_that_are_given_up_do_not_add_up_to_more_look_ups_than_there_may_be_at_once() {
    let (site, mut lock, held) = exhausted(Duration::from_secs(5)).await;
    let before = site.directory.metrics().queries;
    for i in 0..40 {
        let asking = tokio::spawn(status(&site, &format!("nobody{i}.example.test"), "/"));
        // Until it has begun, or waits for its turn.
        tokio::time::timeout(Duration::from_millis(50), async {
            while site.directory.metrics().queries - before <= i {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .ok();
        asking.abort();
    }
    let at_once = site.directory.metrics().queries - before;
    lock.batch_execute("SELECT pg_advisory_unlock(4711)").unwrap();
    assert_eq!(held.await.unwrap(), 200);
    let most = u64::try_from(tenant_http::LOOKUPS_AT_ONCE).unwrap();
    assert!(at_once <= most, "{at_once} look-ups at once");
}

/// 48 unknown hosts, 8 at once: the last would ask when the pool's patience has ended six times.
#[tokio::test]
async fn who_waits_for_a_look_up_is_told_503_when_the_patience_of_the_pool_ends() {
    let (site, mut lock, held) = exhausted(Duration::from_millis(500)).await;
    let before = site.directory.metrics().queries;
    let all: Vec<_> = (0..48)
        .map(|i| tokio::spawn(status(&site, &format!("nobody{i}.example.test"), "/")))
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), 503);
    }
    let asked = site.directory.metrics().queries - before;
    lock.batch_execute("SELECT pg_advisory_unlock(4711)").unwrap();
    assert_eq!(held.await.unwrap(), 200);
    // Those of the first turn, and those whose own patience ended no sooner than that of these.
    let most = 2 * u64::try_from(tenant_http::LOOKUPS_AT_ONCE).unwrap();
    assert!(asked <= most, "{asked} look-ups");
}

/// Two ask for one host while the pool is exhausted: one asks, the other waits for that one's failure.
#[tokio::test]
async fn who_waits_for_the_look_up_of_another_gets_503_as_that_one_does() {
    let (site, mut lock, held) = exhausted(Duration::from_millis(500)).await;
    let both: Vec<_> = (0..4)
        .map(|_| tokio::spawn(status(&site, "nobody.example.test", "/")))
        .collect();
    let mut statuses = Vec::new();
    for one in both {
        statuses.push(one.await.unwrap());
    }
    lock.batch_execute("SELECT pg_advisory_unlock(4711)").unwrap();
    assert_eq!(held.await.unwrap(), 200);
    assert_eq!(statuses, [503; 4]);
}

/// As a layer that was put around an application twice: the folder is gone when the inner one looks.
#[tokio::test]
async fn the_customer_of_an_outer_layer_is_not_that_of_an_inner_one() {
    let site = Site::with(
        |builder| builder,
        |rules| {
            rules
                .by_host_and_folder()
                .public_where_nobody_else_is_at(host("shared.test"))
        },
        |layer| layer,
    );
    let acme = site.without_domain("acme");
    site.domain(&acme, "shared.test/acme");
    let layer = || {
        let routing = tenant_http::routing::Routing::builder(site.tenancy.registry())
            .by_host_and_folder()
            .public_where_nobody_else_is_at(host("shared.test"));
        tenant_http::TenantLayer::new(&site.tenancy, site.directory.clone(), routing.build().unwrap())
    };
    let public = axum::Router::new().route(
        "/",
        axum::routing::get(
            |tenant: Option<tenant_http::Tenant<Client>>, routed: tenant_http::Routed| async move {
                format!(
                    "{:?} {:?}",
                    tenant.map(|tenant| tenant.name.clone()),
                    routed.tenant()
                )
            },
        ),
    );
    let inner = TenantRouter::new().public(public).layer(layer());
    let app = tower::Layer::layer(&layer(), inner);
    let request = Request::builder().uri("/acme").header("host", "shared.test");
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap()
        .to_bytes();
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), "None None");
}

/// A row with `www.` is never found, by the documentation. A redirect to it must not go round for ever.
#[tokio::test]
async fn a_primary_domain_with_www_is_not_redirected_to_for_ever() {
    let site = Site::with(|builder| builder, |rules| rules.by_host(), |layer| layer);
    let acme = site.without_domain("acme");
    let www = NewDomain {
        domain: tenant_diesel::DomainName::parse_keeping_www("www.acme.test").unwrap(),
        folder: "".parse().unwrap(),
        tenant_id: acme.id,
        is_primary: true,
        redirect_to_primary: false,
    };
    let _: ClientDomain = site.tenancy.add_domain(&acme, www).unwrap();
    site.redirecting(&acme, "acme.test");
    follow(&site, "acme.test", "/").await;
}

/// The primary domain has a folder, and routing looks at hosts only.
#[tokio::test]
async fn a_primary_domain_in_a_folder_is_not_redirected_to_for_ever_where_folders_are_not_routed() {
    let site = Site::with(|builder| builder, |rules| rules.by_host(), |layer| layer);
    let acme = site.without_domain("acme");
    site.domain(&acme, "acme.test/app");
    site.redirecting(&acme, "acme.test");
    follow(&site, "acme.test", "/x").await;
}

/// "301 to the primary domain, keeping path and query."
#[tokio::test]
async fn a_redirect_to_the_primary_domain_keeps_the_path_as_it_came() {
    let site = site();
    let acme = site.customer("acme");
    site.redirecting(&acme, "old.test");
    site.redirecting(&acme, "shared.test/old");
    for (at, path, kept) in [
        (
            "old.test",
            "/fetch/https://a.test//b?x=//y",
            "/fetch/https://a.test//b?x=//y",
        ),
        ("old.test", "//a", "//a"),
        ("shared.test", "/old//a", "//a"),
        ("shared.test", "/old", "/"),
    ] {
        let answer = site.get(at, path).await;
        assert_eq!(
            answer.header("location"),
            Some(&*format!("//acme.example.test{kept}")),
            "{at} {path}"
        );
    }
}

/// All hosts below a wildcard are one tenant's, and anybody can think of more of them.
#[tokio::test]
async fn hosts_below_a_wildcard_neither_drive_others_out_nor_reach_the_database_without_end() {
    let site = site();
    let wild = site.without_domain("wild");
    site.domain(&wild, "*.wild.test");
    let globex: Vec<_> = (0..5).map(|i| format!("globex{i}.test")).collect();
    let customer = site.without_domain("globex");
    for at in &globex {
        site.domain(&customer, at);
    }
    let directory = site.tenancy.directory::<ClientDomain>();
    let directory = directory.capacity(100).unknown_per_second(20).build().unwrap();
    use tenant_diesel::{Directory, Folder};
    let find = |at: &str| directory.by_domain(&host(at), &Folder::NONE);
    // A notification on the way would make it forget.
    until("it listens", || directory.metrics().is_listening).await;
    for at in &globex {
        find(at).unwrap().unwrap();
    }
    let before = directory.metrics().queries;
    for i in 0..1_000 {
        // What is answered is one thing, what it costs another.
        let _asked = find(&format!("x{i}.wild.test"));
    }
    let asked = directory.metrics().queries - before;
    let known = globex
        .iter()
        .filter(|at| directory.cached().by_domain(&host(at), &Folder::NONE).is_ok())
        .count();
    assert!(asked < 500, "{asked} questions of 1000");
    assert_eq!(known, globex.len(), "those of others are still known");
}

/// What is listed is what it was called.
#[tokio::test]
async fn files_that_are_listed_can_be_read_and_removed() {
    use tenant_http::storage::TenantStorage;
    let storage = TenantStorage::new(std::sync::Arc::new(object_store::memory::InMemory::new()));
    let acme = storage.of(&schema("acme")).unwrap();
    let mut names = ["plain.txt", "a b.txt", "100%.txt", "what?.txt", "ü#.txt"];
    names.sort_unstable();
    for name in names {
        acme.put(name, name.to_owned()).await.unwrap();
    }
    let listed = acme.list().await.unwrap();
    for name in &listed {
        assert!(acme.get(name).await.is_ok(), "{name} of {listed:?}");
    }
    assert_eq!(listed, names);
}

/// By hand, somebody wrote one in upper case, which the library never finds; it comes first by its name.
#[tokio::test]
async fn the_primary_flag_goes_to_a_domain_that_can_be_found_when_the_primary_one_is_removed() {
    let site = site();
    let acme = site.without_domain("acme");
    let first = site.domain(&acme, "first.test");
    site.domain(&acme, "second.test");
    let sql = format!(
        "INSERT INTO domains (domain, tenant_id) VALUES ('ACME.test', {})",
        acme.id
    );
    PgConnection::establish(site.database.url())
        .unwrap()
        .batch_execute(&sql)
        .unwrap();
    let promoted = site.tenancy.remove_domain(&first).unwrap();
    assert_eq!(
        promoted.map(|domain| domain.domain.to_string()).as_deref(),
        Some("second.test")
    );
}

/// The body of an answer is made after the handler has returned: rows that are streamed, events.
#[tokio::test]
async fn the_body_of_an_answer_is_made_for_the_tenant_too() {
    let site = site();
    site.customer("acme");
    let routes = axum::Router::new().route(
        "/",
        axum::routing::get(|| async {
            let body = futures_util::stream::once(async {
                Ok::<_, std::convert::Infallible>(format!(
                    "{:?}",
                    tenant_http::current_tenant().map(|tenant| tenant.to_string())
                ))
            });
            Body::from_stream(body)
        }),
    );
    let routing = tenant_http::routing::Routing::builder(site.tenancy.registry()).by_host();
    let layer =
        tenant_http::TenantLayer::new(&site.tenancy, site.directory.clone(), routing.build().unwrap());
    let app = TenantRouter::new().tenant(routes).layer(layer);
    let request = Request::builder().uri("/").header("host", "acme.example.test");
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    assert_eq!(&bytes.to_bytes()[..], b"Some(\"acme\")");
}

/// Whoever nests the application has `OriginalUri` from there.
#[tokio::test]
async fn the_original_uri_of_a_nested_application_is_all_of_it() {
    let site = site();
    let acme = site.without_domain("acme");
    site.domain(&acme, "shared.test/acme");
    let app = axum::Router::new().nest_service("/app", site.app.clone());
    let request = Request::builder()
        .uri("/app/acme/paths")
        .header("host", "shared.test");
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    let text = String::from_utf8(bytes.to_bytes().to_vec()).unwrap();
    assert!(text.starts_with("/paths /app/acme/paths "), "{text}");
}

/// HTTP/2 has paths in a field of their own, which the `http` crate does not ask to start with a slash. Behind a host, what
/// follows would be more of the host.
#[tokio::test]
async fn a_path_without_a_slash_does_not_lead_a_redirect_to_another_host() {
    let site = site();
    let acme = site.customer("acme");
    site.redirecting(&acme, "old.test");
    for path in [".evil.test/", "@evil.test/", "*"] {
        let Ok(path) = axum::http::uri::PathAndQuery::try_from(path) else {
            continue;
        };
        let uri = axum::http::Uri::builder()
            .scheme("http")
            .authority("old.test")
            .path_and_query(path.clone());
        let Ok(uri) = uri.build() else { continue };
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let answer = site.send(request).await;
        let location = answer.header("location").unwrap_or("//acme.example.test/");
        assert!(location.starts_with("//acme.example.test/"), "{path}: {location}");
    }
}

/// "Every request has a `tracing` span with `tenant` and `host`": also those that nobody serves, where it is looked for most.
#[tokio::test]
async fn lines_of_the_log_of_a_request_that_nobody_serves_have_its_host() {
    let lines = crate::current::Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _only_on_this_thread = tracing::subscriber::set_default(subscriber);
    let site = Site::with(
        |builder| builder,
        |rules| rules.by_host(),
        |layer| {
            layer.when_not_found(axum::Router::new().fallback(|| async {
                tracing::info!("nobody lives here");
                axum::http::StatusCode::NOT_FOUND
            }))
        },
    );
    let acme = site.customer("acme");
    site.tenancy.begin_maintenance(&acme).unwrap();
    assert_eq!(site.get("Nobody.test:80", "/").await.status, 404);
    assert_eq!(site.get("acme.example.test", "/").await.status, 503);
    // The directory cannot ask.
    PgConnection::establish(site.database.url())
        .unwrap()
        .batch_execute("ALTER TABLE domains RENAME TO others")
        .unwrap();
    assert_eq!(site.get("failing.test", "/").await.status, 500);
    let text = lines.text();
    for (line, host) in [
        ("nobody lives here", "nobody.test"),
        ("Unavailable", "acme.example.test"),
        ("public.domains", "failing.test"),
    ] {
        let found = text
            .lines()
            .any(|found| found.contains(line) && found.contains(&format!("host={host}")));
        assert!(found, "{line}: {text}");
    }
}

/// The documentation: "503: the database cannot be reached". A look-up whose connection breaks is the library's own statement.
#[test]
fn a_connection_that_breaks_under_the_librarys_own_statement_is_503_too() {
    use diesel::result::{DatabaseErrorKind, Error as Query};
    let broken = tenant_diesel::Error::Attempt {
        action: "look for the tenant of a host",
        schema: schema("public"),
        source: Query::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new("gone".to_owned())),
    };
    assert_eq!(tenant_http::Error::Database(broken).status().as_u16(), 503);
}

/// Browsers keep a 301 for ever unless they are told otherwise; and the primary domain may become another, and back.
#[tokio::test]
async fn a_redirect_to_the_primary_domain_is_not_kept_for_ever() {
    let site = site();
    let acme = site.customer("acme");
    let old = site.redirecting(&acme, "old.test");
    let answer = site.get("old.test", "/").await;
    assert_eq!(answer.status, 301);
    let kept = answer.header("cache-control").unwrap_or("for ever");
    assert_ne!(kept, "for ever");
    // Now back, which a browser that kept it would never see: it would go round.
    site.tenancy.make_primary(&old).unwrap();
    assert_eq!(site.get("old.test", "/").await.status, 200);
}

/// Names of files come from paths of URLs: somebody who thinks of long ones must not fill the memory with them.
#[test]
fn names_that_no_file_can_have_are_not_remembered() {
    let root = tempfile::tempdir().unwrap();
    let files = tenant_http::files::TenantFiles::new(root.path().join("tenants"), root.path().join("shared"));
    let acme = schema("acme");
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let before = resident();
    let long = "a".repeat(8_000);
    for i in 0..20_000 {
        assert_eq!(files.find(&acme, &format!("{long}{i}")), Ok(None));
    }
    let grown = resident().saturating_sub(before) / 1_000_000;
    assert!(grown < 50, "{grown} MB");
}
