//! The tutorial application of this workspace: a public site, and a to-do list for each customer on its own subdomain.
//!
//! It is a library, so that the tests can start it; `main.rs` is the program. `README.md` says how to run it, and what
//! to look at.

mod admin;
mod app;
mod apps;
mod births;
mod blog;
mod config;
mod customer;
mod failure;
mod headers;
mod here;
mod names;
mod origin;
mod pages;
mod passwords;
mod public;
mod sessions;
mod token;

pub use app::App;
pub use config::Config;
