//! The application in a real browser, and by requests without one. Each test has a server and a database of its own.
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
    clippy::panic,
    reason = "what tests share fails like the tests themselves"
)]

mod browser;
mod client;
mod customers;
mod pictures;
mod program;
mod requests;
mod sign_up;
mod site;
mod sites;

/// Tests end with the error that ended them.
type TestResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;
