//! The pictures of the README, taken where `TODO_PICTURES=1` asks for it. The pages are visited in any case.

use std::env;
use std::fs;
use std::path::Path;

use crate::TestResult;
use crate::browser::Browser;
use crate::customers::{add_tasks, register, sign_up};
use crate::site::Site;

/// The most that a picture may weigh, in bytes.
const MOST_BYTES: usize = 150_000;

#[tokio::test]
async fn the_pages_of_the_readme_can_be_taken_pictures_of() -> TestResult {
    let site = if are_wanted() {
        Site::start_as_in_the_readme()
    } else {
        Site::start()
    };
    let browser = Browser::open().await;
    sign_up(&browser, &site, "Harbour Bakery", "harbour").await;
    sign_up(&browser, &site, "Lindgren & Daughters", "lindgren").await;

    browser.goto(site.url("localhost", "/")).await?;
    take(&browser, "public").await?;
    browser.fill("#field-name", "Another bakery").await;
    browser.fill("#field-subdomain", "harbour").await;
    browser.click("form[action='/sign-up'] button").await;
    browser.element("#field-subdomain-error").await;
    take(&browser, "taken").await?;
    browser.goto(site.url("localhost", "/sign-up/harbour")).await?;
    take(&browser, "progress").await?;

    browser.goto(site.url("harbour.localhost", "/")).await?;
    register(&browser, "Ann").await;
    add_tasks(
        &browser,
        &["Order flour", "Repair the oven door", "Ask Bob about Saturday"],
    )
    .await;
    browser.click(".tasks li:first-child .tick").await;
    browser.element(".tasks li.done").await;
    take(&browser, "harbour").await?;
    browser
        .goto(site.url("blog.localhost", "/one-schema-each"))
        .await?;
    take(&browser, "blog").await?;
    browser.goto(site.admin_url()).await?;
    browser.element(".customers").await;
    take(&browser, "admin").await?;
    browser.click("tr[data-schema='harbour'] a").await;
    browser.element(".domains").await;
    take(&browser, "customer").await?;

    let browser = Browser::open_in_the_dark().await;
    browser.goto(site.url("lindgren.localhost", "/")).await?;
    register(&browser, "Bo").await;
    add_tasks(&browser, &["Sharpen the saws", "Invoice for the boat house"]).await;
    take(&browser, "lindgren-dark").await?;
    Ok(())
}

fn are_wanted() -> bool {
    env::var("TODO_PICTURES").is_ok_and(|value| value == "1")
}

async fn take(browser: &Browser, name: &str) -> TestResult {
    let picture = browser.screenshot_as_png().await?;
    assert!(picture.len() < MOST_BYTES, "{name} has {} bytes", picture.len());
    if are_wanted() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{name}.png")), picture)?;
    }
    Ok(())
}
