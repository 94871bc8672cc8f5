//! The form to sign up: its messages, what it keeps, and the progress that it shows.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use thirtyfour::prelude::*;

use crate::TestResult;
use crate::browser::Browser;
use crate::customers::sign_up;
use crate::site::Site;

#[tokio::test]
async fn a_subdomain_that_cannot_be_had_is_refused_at_its_field_and_the_rest_is_kept() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;
    sign_up(&browser, &site, "First", "first").await;

    browser.goto(site.url("localhost", "/")).await?;
    for (entered, message) in [
        ("first", "This name is taken. Choose another."),
        ("FIRST", "This name is taken. Choose another."),
        ("blog", "This name is reserved. Choose another."),
        ("www", "This name is reserved. Choose another."),
        ("public", "This name is reserved. Choose another."),
        ("tenancy", "This name is reserved. Choose another."),
        ("a b", "Use only letters a to z, digits and hyphens."),
        ("<i>", "Use only letters a to z, digits and hyphens."),
        ("9lives", "Begin with a letter."),
        (
            "a-very-very-long-name-for-a-list",
            "This is too long: use at most 30 characters.",
        ),
    ] {
        browser.fill("#field-name", "Some & <Co>").await;
        browser.fill("#field-subdomain", entered).await;
        browser.click("input[name='plan'][value='2']").await;
        browser.click("form[action='/sign-up'] button").await;
        // The page that answers this one, not the last.
        let kept = format!("#field-subdomain[aria-invalid='true'][value='{entered}']");
        browser.element(&kept).await;
        browser.shows("#field-subdomain-error", message).await;
        let name = browser.element("#field-name:not([aria-invalid])").await;
        assert_eq!(name.value().await?.as_deref(), Some("Some & <Co>"));
        browser.element("input[name='plan'][value='2']:checked").await;
    }
    browser.fill("#field-name", "  ").await;
    browser.fill("#field-subdomain", "fine").await;
    browser.click("form[action='/sign-up'] button").await;
    browser.shows("#field-name-error", "Enter a name.").await;
    assert_eq!(
        browser.texts("#field-subdomain-error").await,
        Vec::<String>::new()
    );

    browser.goto(site.url("localhost", "/")).await?;
    assert_eq!(
        browser.texts(".customers a").await,
        ["First"],
        "nothing else was created"
    );
    Ok(())
}

#[tokio::test]
async fn the_progress_of_a_birth_is_shown_and_goes_on_by_itself() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;
    browser.goto(site.url("first.localhost", "/")).await?;
    browser.shows("h1", "Nothing here").await;

    // Somebody reads the domains and lets nobody write: the birth comes as far as its last step.
    let mut holder = site.connect();
    browser.goto(site.url("localhost", "/")).await?;
    browser.fill("#field-name", "First").await;
    browser.fill("#field-subdomain", "first").await;
    holder.batch_execute("BEGIN; LOCK TABLE public.domains IN SHARE MODE")?;
    browser.click("form[action='/sign-up'] button").await;
    browser
        .shows("[aria-current='step']", "Connecting the address\nMoment::Created")
        .await;
    browser.element(".steps li:nth-child(3).is-done").await;
    browser.element(".steps li:nth-child(4):not(.is-done)").await;
    assert!(browser.find_all(By::Css("a.button")).await?.is_empty());

    // In the meantime nobody else gets the name.
    let home = browser.new_tab().await?;
    let progress = browser.window().await?;
    browser.switch_to_window(home).await?;
    browser.goto(site.url("localhost", "/")).await?;
    browser.fill("#field-name", "Other").await;
    browser.fill("#field-subdomain", "first").await;
    browser.click("form[action='/sign-up'] button").await;
    browser
        .shows("#field-subdomain-error", "This name is taken. Choose another.")
        .await;
    browser.switch_to_window(progress).await?;

    holder.batch_execute("COMMIT")?;
    browser.click("a.button").await;
    browser.shows(".site", "First").await;
    drop(holder);
    Ok(())
}

#[tokio::test]
async fn a_birth_that_fails_says_so_and_leaves_nothing() -> TestResult {
    let site = Site::start();
    let browser = Browser::open().await;
    // A schema of this name that is nobody's.
    site.connect()
        .transaction(|conn| conn.batch_execute("CREATE SCHEMA first"))?;
    browser.goto(site.url("localhost", "/")).await?;
    browser.fill("#field-name", "First").await;
    browser.fill("#field-subdomain", "first").await;
    browser.click("form[action='/sign-up'] button").await;
    browser
        .shows(".error", "Somebody else was faster. Choose another name.")
        .await;
    browser.click("a.button").await;
    browser.shows("#customers ~ p", "Nobody yet. Be the first.").await;
    Ok(())
}
