//! The application by requests, and, with the feature `browser`, in a real browser. Each test has a server and a database
//! of its own.
//!
//! | module | tests |
//! |---|---|
//! | [`customers`] | two customers, made in the browser: their tasks, their logins |
//! | [`sign_up`] | the form, its messages, and the progress that it shows |
//! | [`sites`] | the blog, the admin page, the redirect to a primary domain |
//! | [`requests`] | what a browser would not send: copied cookies, forms of other sites, unknown hosts |
//! | [`program`] | the program itself: how it starts, and how it stops |
//! | [`pictures`] | the pictures of the README |
//!
//! | module | helps |
//! |---|---|
//! | [`site`] | the application on a port of its own |
//! | [`browser`] | a browser and its driver |
//! | [`client`] | requests without a browser |
#![expect(
    clippy::unwrap_used,
    reason = "what tests share fails like the tests themselves"
)]
#![cfg_attr(
    feature = "browser",
    expect(clippy::panic, reason = "what tests share fails like the tests themselves")
)]

#[cfg(feature = "browser")]
mod browser;
mod client;
#[cfg(feature = "browser")]
mod customers;
#[cfg(feature = "browser")]
mod pictures;
mod program;
mod requests;
#[cfg(feature = "browser")]
mod sign_up;
mod site;
#[cfg(feature = "browser")]
mod sites;

/// Tests end with the error that ended them.
type TestResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;
