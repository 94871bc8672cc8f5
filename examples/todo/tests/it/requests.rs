//! What a browser would not send.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use reqwest::Method;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE};

use crate::TestResult;
use crate::client::Client;
use crate::site::Site;

#[tokio::test]
async fn a_copied_cookie_is_nobodys_at_another_customer() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    client.sign_up("First", "first").await;
    client.sign_up("Second", "second").await;
    let token = client.register("first.localhost", "Ann").await;
    assert!(
        client
            .get_as(&token, "first.localhost", "/")
            .await
            .text()
            .await?
            .contains("id=\"user\">Ann<")
    );

    let page = client
        .get_as(&token, "second.localhost", "/")
        .await
        .text()
        .await?;
    assert!(!page.contains("id=\"user\"") && !page.contains("Ann"), "{page}");
    let form = client.form("second.localhost", "/tasks", &[("title", "mine now")]);
    let answer = form.header(COOKIE, format!("session={token}")).send().await?;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[LOCATION]),
        (303, &"/login".parse()?)
    );
    assert_eq!(count(&mut site.connect(), "second.tasks")?, 0);
    Ok(())
}

#[tokio::test]
async fn a_session_is_kept_as_a_hash_and_ends() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    client.sign_up("First", "first").await;
    let fields = [("name", "Ann"), ("password", "correct horse")];
    let answer = client.post("first.localhost", "/register", &fields).await;
    let cookie = answer.headers()[SET_COOKIE].to_str()?.to_owned();
    let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    assert_eq!(attributes, ["HttpOnly", "SameSite=Lax", "Path=/"]);
    let token = cookie
        .strip_prefix("session=")
        .and_then(|rest| rest.split(';').next())
        .unwrap();

    let mut conn = site.connect();
    let text = "encode(token_hash, 'hex') || encode(token_hash, 'escape')";
    let kept = format!("first.sessions WHERE {text} NOT LIKE '%{token}%' AND octet_length(token_hash) = 32");
    assert_eq!(count(&mut conn, &kept)?, 1);
    assert_eq!(
        count(&mut conn, "first.users WHERE password_hash LIKE '$argon2id$%'")?,
        1
    );

    conn.batch_execute("UPDATE first.sessions SET expires_at = now()")?;
    let page = client.get_as(token, "first.localhost", "/").await.text().await?;
    assert!(!page.contains("Ann"), "{page}");
    client.post("first.localhost", "/login", &fields).await;
    assert_eq!(
        count(&mut conn, "first.sessions")?,
        1,
        "those that are over are cleared away"
    );
    Ok(())
}

#[tokio::test]
async fn a_form_that_another_site_posts_is_refused() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    client.sign_up("First", "first").await;
    let token = client.register("first.localhost", "Ann").await;
    let sibling = format!("http://{}", site.host("second.localhost"));
    for origin in [
        Some(sibling.as_str()),
        Some("http://evil.test"),
        Some("null"),
        None,
    ] {
        let mut request = client
            .request(Method::POST, "first.localhost", "/tasks")
            .form(&[("title", "planted")]);
        request = request.header(COOKIE, format!("session={token}"));
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        assert_eq!(request.send().await?.status(), 403, "{origin:?}");
    }
    let form = client.form("first.localhost", "/tasks", &[("title", "my own")]);
    assert_eq!(
        form.header(COOKIE, format!("session={token}"))
            .send()
            .await?
            .status(),
        303
    );
    assert_eq!(
        count(&mut site.connect(), "first.tasks WHERE title = 'my own'")?,
        1
    );
    assert_eq!(count(&mut site.connect(), "first.tasks")?, 1);
    Ok(())
}

#[tokio::test]
async fn who_is_not_served_gets_a_plain_page() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    client.sign_up("First", "first").await;
    client.sign_up("Second", "second").await;
    let plain = async |host: &str, path: &str, status: u16| {
        let answer = client.get(host, path).await;
        assert_eq!(answer.status(), status, "{host}");
        let retry_after = answer.headers().get(RETRY_AFTER).cloned();
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        let page = answer.text().await.unwrap();
        for word in ["schema", "tenant", "first", "First", "diesel"] {
            assert!(!page.contains(word), "{word} in {page}");
        }
        retry_after
    };
    plain("nobody.localhost", "/", 404).await;
    plain("example.test", "/", 404).await;
    plain("first.localhost", "/no-such-page", 404).await;
    plain("a..b", "/", 400).await;

    // The numbers of the customers are those in which they came.
    assert_eq!(
        client
            .administer(1, "state", &[("to", "maintenance")])
            .await
            .status(),
        303
    );
    assert!(
        plain("first.localhost", "/", 503).await.is_some(),
        "says when to try again"
    );
    assert_eq!(client.get("first.localhost", "/style.css").await.status(), 200);
    assert_eq!(
        client.administer(1, "state", &[("to", "archive")]).await.status(),
        303
    );
    plain("first.localhost", "/", 404).await;
    assert_eq!(
        client.administer(1, "state", &[("to", "archive")]).await.status(),
        422,
        "it is archived already"
    );
    assert_eq!(
        client.administer(1, "state", &[("to", "restore")]).await.status(),
        303
    );
    assert_eq!(client.get("first.localhost", "/").await.status(), 200);
    assert_eq!(client.get("second.localhost", "/").await.status(), 200);
    Ok(())
}

#[tokio::test]
async fn the_admin_page_wants_the_password() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    client.sign_up("First", "first").await;
    for path in ["/admin", "/admin/customers/1"] {
        let answer = client.get("localhost", path).await;
        assert_eq!(answer.status(), 401);
        assert!(
            answer.headers()["www-authenticate"]
                .to_str()?
                .starts_with("Basic ")
        );
        let guess = client
            .request(Method::GET, "localhost", path)
            .basic_auth("admin", Some("guess"));
        assert_eq!(guess.send().await?.status(), 401);
    }
    let archive = client
        .post("localhost", "/admin/customers/1/state", &[("to", "archive")])
        .await;
    assert_eq!(archive.status(), 401);
    assert_eq!(client.get("first.localhost", "/").await.status(), 200);
    // Customers have no such page at all.
    assert_eq!(client.get("first.localhost", "/admin").await.status(), 404);
    Ok(())
}

#[tokio::test]
async fn whether_the_application_lives_is_answered_at_every_host() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    for host in ["localhost", "nobody.localhost", "10.0.0.1"] {
        let answer = client.get(host, "/healthz").await;
        assert_eq!(answer.status(), 200, "{host}");
        assert_eq!(answer.text().await?, "ok\n");
    }
    Ok(())
}

#[tokio::test]
async fn what_people_enter_is_text_on_every_page() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    let script = "<script>alert(1)</script>\"'&";
    client.sign_up(script, "first").await;
    let token = client.register("first.localhost", script).await;
    let form = client.form("first.localhost", "/tasks", &[("title", script)]);
    assert_eq!(
        form.header(COOKIE, format!("session={token}"))
            .send()
            .await?
            .status(),
        303
    );
    for page in [
        client.get("localhost", "/").await,
        client.get_as(&token, "first.localhost", "/").await,
        client.administer(1, "domains", &[("domain", script)]).await,
        client
            .post(
                "localhost",
                "/sign-up",
                &[("name", script), ("subdomain", script)],
            )
            .await,
    ] {
        let policy = page.headers()["content-security-policy"].to_str()?.to_owned();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        let page = page.text().await?;
        assert!(
            page.contains("&lt;script&gt;") && !page.contains("<script"),
            "{page}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_plan_has_an_end() -> TestResult {
    let site = Site::start();
    let client = Client::new(&site);
    client.sign_up("First", "first").await;
    let token = client.register("first.localhost", "Ann").await;
    let mut answers = Vec::new();
    for title in ["1", "2", "3", "4", "5", "6", "  "] {
        let form = client.form("first.localhost", "/tasks", &[("title", title)]);
        let answer = form.header(COOKIE, format!("session={token}")).send().await?;
        answers.push(answer.status().as_u16());
    }
    assert_eq!(answers, [303, 303, 303, 303, 303, 422, 422]);
    assert_eq!(count(&mut site.connect(), "first.tasks")?, 5);
    Ok(())
}

/// How many rows there are, as the server sees it.
fn count(conn: &mut PgConnection, from: &str) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let counted: Count =
        diesel::sql_query(format!("SELECT count(*) AS count FROM {from}")).get_result(conn)?;
    Ok(counted.count)
}
