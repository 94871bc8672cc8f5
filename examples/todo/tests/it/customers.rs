//! Two customers, made in the browser: neither sees the other's tasks, and a login at one is none at the other.

use thirtyfour::Cookie;
use thirtyfour::prelude::*;

use crate::TestResult;
use crate::browser::Browser;
use crate::site::Site;

/// Signs a customer up by the form, and follows the link to the new site.
pub(crate) async fn sign_up(browser: &Browser, site: &Site, name: &str, subdomain: &str) {
    browser.goto(site.url("localhost", "/")).await.unwrap();
    browser.fill("#field-name", name).await;
    browser.fill("#field-subdomain", subdomain).await;
    browser.click("form[action='/sign-up'] button").await;
    // The progress page asks again by itself until it has this link.
    let link = format!("Open {}", site.host(&format!("{subdomain}.localhost")));
    browser.shows("a.button", &link).await;
    assert_eq!(browser.texts(".steps .is-done").await.len(), 5);
    browser.click("a.button").await;
    browser.shows(".site", name).await;
    let url = browser.current_url().await.unwrap();
    assert_eq!(url.as_str(), site.url(&format!("{subdomain}.localhost"), "/"));
}

/// Registers somebody at the customer's whose page is shown.
pub(crate) async fn register(browser: &Browser, name: &str) {
    browser.click("a[href='/register']").await;
    browser.fill("#field-name", name).await;
    browser.fill("#field-password", "correct horse").await;
    browser.click("form[action='/register'] button").await;
    browser.shows("#user", name).await;
}

/// Adds tasks to the list that is shown.
pub(crate) async fn add_tasks(browser: &Browser, titles: &[&str]) {
    for (i, title) in titles.iter().enumerate() {
        browser.fill("form.add input", title).await;
        browser.click("form.add button").await;
        browser.element(&format!(".tasks li:nth-child({})", i + 1)).await;
    }
    assert_eq!(tasks(browser).await, titles);
}

/// The list that is shown.
async fn tasks(browser: &Browser) -> Vec<String> {
    browser.texts(".tasks .grow > span").await
}

#[tokio::test]
async fn two_customers_are_made_in_the_browser_and_neither_sees_the_tasks_of_the_other() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;

    sign_up(&browser, &site, "First Ltd", "first").await;
    register(&browser, "Ann").await;
    add_tasks(&browser, &["call Bob", "<b>order</b> paint"]).await;
    sign_up(&browser, &site, "Second & Sons", "second").await;
    register(&browser, "Ann").await;
    add_tasks(&browser, &["feed the cat"]).await;

    // Back at the first, nothing of the second's is there; its plan is, which is in the shared table.
    browser.goto(site.url("first.localhost", "/")).await?;
    assert_eq!(tasks(&browser).await, ["call Bob", "<b>order</b> paint"]);
    browser.shows("#plan", "Solo, free: 2 of 5 tasks.").await;

    // Both have a task with the number 1: each button means that of its own site.
    browser.click(".tasks li:first-child .tick").await;
    browser.element(".tasks li.done").await;
    assert_eq!(tasks(&browser).await, ["<b>order</b> paint", "call Bob"]);
    browser.click(".tasks li.done button.quiet").await;
    browser.query(By::Css(".tasks li.done")).wait_until_gone().await?;
    assert_eq!(tasks(&browser).await, ["<b>order</b> paint"]);
    browser.goto(site.url("second.localhost", "/")).await?;
    assert_eq!(tasks(&browser).await, ["feed the cat"]);
    assert!(browser.find_all(By::Css(".tasks li.done")).await?.is_empty());

    // The public site lists both.
    browser.goto(site.url("localhost", "/")).await?;
    assert_eq!(
        browser.texts(".customers a").await,
        ["First Ltd", "Second & Sons"]
    );
    Ok(())
}

#[tokio::test]
async fn a_login_at_one_customer_is_none_at_another_also_with_the_cookie_copied() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;
    sign_up(&browser, &site, "First", "first").await;
    sign_up(&browser, &site, "Second", "second").await;

    browser.goto(site.url("first.localhost", "/")).await?;
    register(&browser, "Ann").await;
    let cookie = browser.get_named_cookie("session").await?;
    assert_eq!(cookie.http_only, Some(true));
    assert_eq!(
        cookie.domain.as_deref(),
        Some("first.localhost"),
        "for this host only"
    );

    // The browser does not send it to the second.
    browser.goto(site.url("second.localhost", "/")).await?;
    assert_eq!(browser.texts("#user").await, Vec::<String>::new());
    browser.element("a[href='/login']").await;

    // Now it does, and it is nobody's there.
    browser
        .add_cookie(Cookie::new("session", cookie.value.clone()))
        .await?;
    browser.goto(site.url("second.localhost", "/")).await?;
    assert_eq!(browser.get_named_cookie("session").await?.value, cookie.value);
    assert_eq!(browser.texts("#user").await, Vec::<String>::new());
    browser.element("a[href='/login']").await;

    // Nor are name and password.
    browser.click("a[href='/login']").await;
    browser.fill("#field-name", "Ann").await;
    browser.fill("#field-password", "correct horse").await;
    browser.click("form[action='/login'] button").await;
    browser
        .shows("#field-password-error", "Name and password do not fit.")
        .await;

    // At the first it still is one, until the log-out.
    browser.goto(site.url("first.localhost", "/")).await?;
    browser.shows("#user", "Ann").await;
    browser.click("form[action='/logout'] button").await;
    browser.click("a[href='/login']").await;
    browser.fill("#field-name", "ann").await;
    browser.fill("#field-password", "correct horse").await;
    browser.click("form[action='/login'] button").await;
    browser.shows("#user", "Ann").await;
    Ok(())
}
