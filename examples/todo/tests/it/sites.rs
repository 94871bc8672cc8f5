//! The other sites: the blog, the admin page, and domains that customers bring.

use thirtyfour::prelude::*;

use crate::TestResult;
use crate::browser::Browser;
use crate::customers::{add_tasks, register, sign_up};
use crate::site::Site;

#[tokio::test]
async fn the_blog_is_a_site_of_its_own() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;
    browser.goto(site.url("localhost", "/")).await?;
    browser.click("nav a[href*='blog.']").await;
    browser.shows("h1", "What is new").await;
    let posts = browser.texts(".list a").await;
    assert_eq!(
        posts,
        ["This blog is a tenant too", "One schema for each customer"]
    );
    browser.shows(".list small", "20 January 2026").await;
    browser.click(".list a").await;
    browser.shows("article h1", "This blog is a tenant too").await;
    // It has neither the routes of customers nor those of the public site.
    for path in ["/login", "/admin", "/no-such-post"] {
        browser.goto(site.url("blog.localhost", path)).await?;
        browser.shows("h1", "Nothing here").await;
    }
    Ok(())
}

#[tokio::test]
async fn visitors_are_sent_to_the_primary_domain_with_path_and_query() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;
    sign_up(&browser, &site, "First", "first").await;
    sign_up(&browser, &site, "Second", "second").await;

    manage(&browser, &site, "first").await?;
    for (entered, message) in [
        ("not a host", "This is not the name of a host."),
        (
            "second.localhost",
            "Addresses directly below localhost are for those who sign up.",
        ),
    ] {
        browser.fill("#field-domain", entered).await;
        browser.click("form[action$='/domains'] button").await;
        browser.shows("#field-domain-error", message).await;
    }
    browser.fill("#field-domain", "Tasks.Example.test").await;
    browser.click("form[action$='/domains'] button").await;
    browser.element(".domains li:nth-child(2)").await;

    // It is there at once, and leads to the main address.
    browser
        .goto(site.url("tasks.example.test", "/login?from=mail"))
        .await?;
    assert_eq!(
        browser.current_url().await?.as_str(),
        site.url("first.localhost", "/login?from=mail")
    );

    // Now it is the main address, and the redirect goes the other way. A browser keeps a 301, so this is another path.
    manage(&browser, &site, "first").await?;
    browser.click("form[action$='/primary'] button").await;
    let main = browser.query(By::XPath(
        "//li[.//a[text()='tasks.example.test']]/span[@class='badge']",
    ));
    main.first().await?;
    browser
        .goto(site.url("first.localhost", "/register?from=mail"))
        .await?;
    assert_eq!(
        browser.current_url().await?.as_str(),
        site.url("tasks.example.test", "/register?from=mail")
    );
    register(&browser, "Ann").await;
    add_tasks(&browser, &["celebrate"]).await;

    // Nobody else gets it, and the public site leads to it.
    manage(&browser, &site, "second").await?;
    browser.fill("#field-domain", "tasks.example.test").await;
    browser.click("form[action$='/domains'] button").await;
    browser
        .shows("#field-domain-error", "This address is taken.")
        .await;
    browser.goto(site.url("localhost", "/")).await?;
    let address = site.host("tasks.example.test");
    browser.shows(".customers small", &address).await;
    Ok(())
}

#[tokio::test]
async fn the_admin_page_shows_states_and_changes_them() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;
    sign_up(&browser, &site, "First", "first").await;
    sign_up(&browser, &site, "Second", "second").await;

    manage(&browser, &site, "first").await?;
    let steps = [
        ("maintenance", "maintenance", "Back in a moment"),
        ("ready", "ready", "The list of First"),
        ("archive", "archived", "Nothing here"),
        ("restore", "ready", "The list of First"),
    ];
    for (button, state, heading) in steps {
        browser
            .click(&format!("button[name='to'][value='{button}']"))
            .await;
        browser.shows(".badge", state).await;
        // The site says so at once, and the other goes on.
        browser.goto(site.url("first.localhost", "/")).await?;
        browser.shows("h1", heading).await;
        browser.goto(site.url("second.localhost", "/")).await?;
        browser.shows("h1", "The list of Second").await;
        browser.goto(site.url("localhost", "/admin")).await?;
        browser.shows("tr[data-schema='first'] .badge", state).await;
        browser.click("tr[data-schema='first'] a").await;
    }

    browser.goto(site.url("localhost", "/admin")).await?;
    let well = "All is well. The application has version 20260102000000.";
    browser.shows("#well", well).await;
    let versions = browser.texts(".versions tbody tr").await;
    assert!(
        versions.iter().any(|row| row.contains("first, second")),
        "{versions:?}"
    );
    Ok(())
}

/// Goes to the page of a customer, by way of the admin page.
async fn manage(browser: &Browser, site: &Site, schema: &str) -> TestResult {
    browser.goto(site.admin_url()).await?;
    browser.click(&format!("tr[data-schema='{schema}'] a")).await;
    browser.element("form[action$='/domains']").await;
    Ok(())
}
