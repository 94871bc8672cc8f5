//! From a host to a tenant: what is answered.

use crate::app::*;
use axum::body::Body;
use axum::http::Request;
use diesel::prelude::*;
use tenant_diesel::prelude::*;
use tenant_http::routing::{HeaderValue, Otherwise, RoutedRequest, Routing, Target};
use tenant_http::{Forwarding, TenantLayer};
use tower::ServiceExt;

#[tokio::test]
async fn each_host_is_answered_by_its_own() {
    let site = site();
    site.customer("acme");
    site.customer("globex");
    site.tenancy
        .with_schema(&schema("blog"), |conn: &mut TenantConnection| {
            diesel::insert_into(blog::posts::table)
                .values(blog::posts::title.eq("hello"))
                .execute(conn)
        })
        .unwrap();
    for _remembered in 0..2 {
        for (host, path, status, text) in [
            ("acme.example.test", "/", 200, "acme: acme"),
            ("ACME.example.test:3000", "/", 200, "acme: acme"),
            ("www.globex.example.test.", "/", 200, "globex: globex"),
            ("example.test", "/", 200, "public"),
            ("example.test", "/clients", 200, "acme,globex"),
            ("blog.example.test", "/", 200, "blog: hello"),
            ("nobody.example.test", "/", 404, "Not found.\n"),
            ("no host", "/", 400, "Bad request.\n"),
            ("", "/", 400, "Bad request.\n"),
            // Routes are of one kind of site.
            ("acme.example.test", "/clients", 404, ""),
            ("example.test", "/whole", 404, ""),
            ("example.test", "/tasks", 404, "Not found.\n"),
            ("blog.example.test", "/tasks", 404, "Not found.\n"),
            ("acme.example.test", "/public-only", 404, "Not found.\n"),
            ("example.test", "/optional", 200, "nobody"),
            ("blog.example.test", "/optional", 200, "nobody"),
            ("example.test", "/current", 200, "None"),
            // Beside the tenants.
            ("acme.example.test", "/healthz", 200, "well"),
            ("10.0.0.7:8080", "/healthz", 200, "well"),
        ] {
            let answer = site.get(host, path).await;
            assert_eq!(
                (answer.status, answer.text.as_str()),
                (status, text),
                "{host}{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_service_without_a_router_around_it_answers_the_same() {
    let site = site();
    let acme = site.customer("acme");
    site.domain(&acme, "shared.test/acme");
    let routing = Routing::builder(site.tenancy.registry())
        .public_at(host("example.test"))
        .by_host_and_folder();
    let layer = TenantLayer::new(&site.tenancy, site.directory.clone(), routing.build().unwrap());
    let service = routes().into_service(layer);
    for _remembered in 0..2 {
        for (host, path) in [
            ("acme.example.test", "/"),
            ("shared.test", "/acme/paths"),
            ("blog.example.test", "/optional"),
            ("example.test", "/current"),
            ("example.test", "/whole"),
            ("nobody.example.test", "/"),
            ("no host", "/"),
        ] {
            let request = Request::builder().uri(path).header("host", host);
            let request = request.body(Body::empty()).unwrap();
            let answer = Answer::read(service.clone().oneshot(request).await.unwrap()).await;
            let expected = site.get(host, path).await;
            assert_eq!(
                (answer.status, answer.text),
                (expected.status, expected.text),
                "{host}{path}"
            );
        }
    }
}

#[tokio::test]
async fn two_hosts_in_one_request_are_nobodys() {
    let site = site();
    site.customer("acme");
    site.customer("globex");
    let request = |uri: &str, hosts: &[&str]| {
        let request = Request::builder().uri(uri);
        let request = hosts
            .iter()
            .fold(request, |request, host| request.header("host", *host));
        request.body(Body::empty()).unwrap()
    };
    for (uri, hosts, status, text) in [
        ("http://acme.example.test/", &[][..], 200, "acme: acme"),
        (
            "http://acme.example.test/",
            &["ACME.example.test"],
            200,
            "acme: acme",
        ),
        (
            "http://acme.example.test/",
            &["globex.example.test"],
            400,
            "Bad request.\n",
        ),
        (
            "/",
            &["acme.example.test", "globex.example.test"],
            400,
            "Bad request.\n",
        ),
        (
            "/",
            &["acme.example.test", "acme.example.test"],
            400,
            "Bad request.\n",
        ),
        (
            "/",
            &["acme.example.test, globex.example.test"],
            400,
            "Bad request.\n",
        ),
        ("/", &[], 400, "Bad request.\n"),
    ] {
        let answer = site.send(request(uri, hosts)).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (status, text),
            "{uri} {hosts:?}"
        );
    }
}

#[tokio::test]
async fn a_proxy_is_believed_where_it_is_said_so() {
    let with = |forwarding| {
        let site = Site::with(|b| b, |rules| rules.by_host(), |layer| layer.trusting(forwarding));
        site.customer("acme");
        site.customer("globex");
        site
    };
    let request = |name: &str, value: &str| {
        Request::builder()
            .uri("/")
            .header("host", "acme.example.test")
            .header(name, value)
            .body(Body::empty())
            .unwrap()
    };
    let x = ("x-forwarded-host", "globex.example.test");
    let standard = ("forwarded", "for=192.0.2.1;host=\"globex.example.test:443\"");
    for (forwarding, by_x, by_standard) in [
        (Forwarding::Ignored, "acme: acme", "acme: acme"),
        (Forwarding::XForwardedHost, "globex: globex", "acme: acme"),
        (Forwarding::Forwarded, "acme: acme", "globex: globex"),
    ] {
        let site = with(forwarding);
        assert_eq!(site.send(request(x.0, x.1)).await.text, by_x, "{forwarding:?}");
        assert_eq!(
            site.send(request(standard.0, standard.1)).await.text,
            by_standard,
            "{forwarding:?}"
        );
    }
}

#[tokio::test]
async fn headers_and_claims_say_which_and_the_application_who_may() {
    let site = Site::with(
        |builder| builder,
        |rules| {
            rules
                .by_host()
                .by_header("x-tenant")
                .authorize(|target, request| match request.header("user") {
                    HeaderValue::One("admin") => true,
                    HeaderValue::One(user) => matches!(target, Target::Tenant(client) if client.name == user),
                    _ => request.header("x-tenant") == HeaderValue::Absent,
                })
        },
        |layer| layer,
    );
    site.customer("acme");
    site.customer("globex");
    let request = |headers: &[(&str, &str)]| {
        let request = Request::builder().uri("/").header("host", "acme.example.test");
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    };
    for (headers, status, text) in [
        (&[][..], 200, "acme: acme"),
        (&[("x-tenant", "globex")], 403, "Forbidden.\n"),
        (&[("x-tenant", "globex"), ("user", "acme")], 403, "Forbidden.\n"),
        (
            &[("x-tenant", "globex"), ("user", "globex")],
            200,
            "globex: globex",
        ),
        (&[("x-tenant", "news"), ("user", "admin")], 200, "blog: "),
        (&[("x-tenant", "public"), ("user", "admin")], 404, "Not found.\n"),
        (&[("x-tenant", "nobody"), ("user", "admin")], 404, "Not found.\n"),
        (
            &[("x-tenant", "acme"), ("x-tenant", "globex"), ("user", "admin")],
            400,
            "Bad request.\n",
        ),
    ] {
        let answer = site.send(request(headers)).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (status, text),
            "{headers:?}"
        );
    }
}

/// BEHAVIOURS 53, and the plain forms.
#[tokio::test]
async fn what_nobody_has_is_answered_as_the_application_says() {
    let page = axum::Router::new().fallback(|uri: axum::http::Uri| async move {
        (
            axum::http::StatusCode::NOT_FOUND,
            format!("nobody lives at {uri}"),
        )
    });
    let site = Site::with(|b| b, |rules| rules.by_host(), |layer| layer.when_not_found(page));
    let answer = site.get("nobody.example.test", "/x?y").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (404, "nobody lives at /x?y")
    );
    let answer = site.get("no host", "/x").await;
    assert_eq!((answer.status, answer.text.as_str()), (400, "Bad request.\n"));

    let public = |rules: Rules| rules.by_host().when_unknown(Otherwise::Public);
    let site = Site::with(|b| b, public, |layer| layer);
    assert_eq!(site.get("nobody.example.test", "/").await.text, "public");
}

#[tokio::test]
async fn errors_say_nothing_of_schemas() {
    let site = site();
    let acme = site.customer("acme");
    for (path, status, text) in [
        ("/missing-row", 404, "Not found.\n"),
        ("/failing", 500, "Something went wrong.\n"),
    ] {
        let answer = site.get("acme.example.test", path).await;
        assert_eq!((answer.status, answer.text.as_str()), (status, text), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    // Its schema is gone, behind the back of all.
    diesel::sql_query("DROP SCHEMA acme CASCADE")
        .execute(&mut PgConnection::establish(site.database.url()).unwrap())
        .unwrap();
    let answer = site.get("acme.example.test", "/").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (404, "Not found.\n"),
        "{acme:?}"
    );
}

#[tokio::test]
async fn without_the_layer_it_is_an_error_that_says_so() {
    use tower::ServiceExt;
    let app = axum::Router::new().route("/", axum::routing::get(|_: tenant_http::TenantDb| async {}));
    let request = Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status().as_u16(), 500);
    let bare = tenant_http::TenantRouter::new();
    let request = Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(bare.oneshot(request).await.unwrap().status().as_u16(), 500);
}
