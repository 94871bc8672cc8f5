//! Redirects, folders, links.

use crate::app::*;
use axum::body::Body;
use axum::http::Request;

/// BEHAVIOURS 55, 57, 66.
#[tokio::test]
async fn a_folder_is_taken_from_the_path_and_put_back_into_links() {
    let site = site();
    let (acme, globex) = (site.without_domain("acme"), site.without_domain("globex"));
    site.domain(&acme, "shared.test/acme");
    site.domain(&globex, "shared.test/globex");
    site.domain(&globex, "globex.test");
    for (host, path, expected) in [
        (
            "shared.test",
            "/acme/paths",
            "/paths /acme/paths /acme/profile/ //shared.test/acme/profile/",
        ),
        (
            "shared.test",
            "/globex/paths?a=%20b",
            "/paths?a=%20b /globex/paths?a=%20b /globex/profile/ //shared.test/globex/profile/",
        ),
        (
            "globex.test",
            "/paths",
            "/paths /paths /profile/ //globex.test/profile/",
        ),
    ] {
        for _remembered in 0..2 {
            let answer = site.get(host, path).await;
            assert_eq!(
                (answer.status, answer.text.as_str()),
                (200, expected),
                "{host}{path}"
            );
        }
    }
    assert_eq!(site.get("shared.test", "/acme").await.text, "acme: acme");
    assert_eq!(site.get("shared.test", "/globex/").await.text, "globex: globex");
    assert_eq!(site.get("shared.test", "/").await.status, 404);
    assert_eq!(site.get("shared.test", "/ACME/").await.status, 404);
}

#[tokio::test]
async fn an_old_domain_sends_to_the_primary_one_for_good() {
    let site = site();
    let acme = site.customer("acme");
    site.redirecting(&acme, "old.test");
    site.redirecting(&acme, "shared.test/acme");
    for (method, host, path, status, location) in [
        (
            "GET",
            "old.test",
            "/a/b?c=d&e=%20",
            301,
            "//acme.example.test/a/b?c=d&e=%20",
        ),
        ("HEAD", "OLD.test:3000", "/", 301, "//acme.example.test:3000/"),
        ("POST", "old.test", "/a", 308, "//acme.example.test/a"),
        ("GET", "shared.test", "/acme/x", 301, "//acme.example.test/x"),
        (
            "GET",
            "old.test",
            "//evil.test/",
            301,
            "//acme.example.test//evil.test/",
        ),
    ] {
        let request = Request::builder().method(method).uri(path).header("host", host);
        let answer = site.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (status, Some(location)),
            "{host}{path}"
        );
    }
    // Who becomes primary sends nobody away.
    let domains = site.tenancy.domains_of::<ClientDomain>(&acme).unwrap();
    let old = domains
        .iter()
        .find(|domain| domain.domain.as_str() == "old.test")
        .unwrap();
    site.tenancy.make_primary(old).unwrap();
    assert_eq!(site.get("old.test", "/").await.text, "acme: acme");
    assert_eq!(
        site.get("acme.example.test", "/").await.text,
        "acme: acme",
        "it does not ask to redirect"
    );
    assert_eq!(
        site.get("shared.test", "/acme/x").await.header("location"),
        Some("//old.test/x")
    );
}

#[tokio::test]
async fn folders_under_a_prefix() {
    use tenant_http::routing::Otherwise;
    let rules = |rules: Rules| rules.by_folder_under("clients").when_unnamed(Otherwise::Public);
    let site = Site::with(|b| b, rules, |layer| layer);
    site.without_domain("acme");
    for (path, status, text) in [
        ("/clients/acme", 200, "acme: acme"),
        (
            "/clients/acme/paths",
            200,
            "/paths /clients/acme/paths /clients/acme/profile/ //any.test/clients/acme/profile/",
        ),
        ("/clients/news", 200, "blog: "),
        ("/clients/nobody", 404, "Not found.\n"),
        ("/clients/public/", 404, "Not found.\n"),
        ("/", 200, "public"),
    ] {
        let answer = site.get("any.test", path).await;
        assert_eq!((answer.status, answer.text.as_str()), (status, text), "{path}");
    }
}
