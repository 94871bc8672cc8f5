//! [`Client`]: requests without a browser, so that a test can send what no browser would.

use reqwest::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response};

use crate::site::{PASSWORD, Site};

/// Speaks to a [`Site`], by whatever host. It follows no redirects and keeps no cookies.
pub(crate) struct Client<'s> {
    site: &'s Site,
    http: reqwest::Client,
}

impl<'s> Client<'s> {
    pub(crate) fn new(site: &'s Site) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { site, http }
    }

    /// A request to a path at a host. The address is this machine's, whatever the host is called.
    pub(crate) fn request(&self, method: Method, host: &str, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.site.address);
        self.http.request(method, url).header(HOST, self.site.host(host))
    }

    pub(crate) async fn get(&self, host: &str, path: &str) -> Response {
        self.request(Method::GET, host, path).send().await.unwrap()
    }

    /// With the session of this token.
    pub(crate) async fn get_as(&self, token: &str, host: &str, path: &str) -> Response {
        let request = self.request(Method::GET, host, path);
        request
            .header(COOKIE, format!("session={token}"))
            .send()
            .await
            .unwrap()
    }

    /// A form, as a page of that host posts it.
    pub(crate) fn form(&self, host: &str, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let origin = format!("http://{}", self.site.host(host));
        self.request(Method::POST, host, path)
            .header(ORIGIN, origin)
            .form(fields)
    }

    pub(crate) async fn post(&self, host: &str, path: &str, fields: &[(&str, &str)]) -> Response {
        self.form(host, path, fields).send().await.unwrap()
    }

    /// Signs a customer up, and waits until it is there.
    pub(crate) async fn sign_up(&self, name: &str, subdomain: &str) {
        let fields = [("name", name), ("subdomain", subdomain), ("plan", "1")];
        let answer = self.post("localhost", "/sign-up", &fields).await;
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        let progress = format!("/sign-up/{subdomain}");
        assert_eq!(answer.headers()[LOCATION], progress.as_str());
        loop {
            let page = self.get("localhost", &progress).await;
            assert_eq!(page.status(), 200);
            let page = page.text().await.unwrap();
            assert!(!page.contains("class=\"error\""), "{page}");
            if page.contains(&format!("Open {subdomain}.localhost")) {
                break;
            }
        }
    }

    /// Registers somebody at a customer's, and gives back the token of the session.
    pub(crate) async fn register(&self, host: &str, name: &str) -> String {
        let fields = [("name", name), ("password", "correct horse")];
        let answer = self.post(host, "/register", &fields).await;
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        let token = cookie
            .strip_prefix("session=")
            .and_then(|rest| rest.split(';').next());
        token.unwrap().to_owned()
    }

    /// Presses a button of the admin page of the only customer, or of the one with this number.
    pub(crate) async fn administer(&self, id: i32, what: &str, fields: &[(&str, &str)]) -> Response {
        let path = format!("/admin/customers/{id}/{what}");
        let form = self.form("localhost", &path, fields);
        form.basic_auth("admin", Some(PASSWORD)).send().await.unwrap()
    }
}
