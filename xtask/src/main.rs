//! `cargo xtask`: the one entry point for developers and CI.
//!
//! Each command prints the commands that it runs, so that they can be repeated by hand.

use std::env;
use std::process::ExitCode;

mod bench;
mod ci;
mod db;
mod fuzz;
mod msrv;
mod shell;
mod suite;
mod tidy;

/// What went wrong, for a person.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: cargo xtask <command>

  test [--pg 14,18] [arguments of nextest]
           all tests and doctests, against the PostgreSQL of this machine (fetched if there is none),
           or against each of these major versions, which are fetched
  bench [--quick] [--case 1,2] [--json FILE] [--svg FILE] [--write]
           what the library costs, beside the same work by hand: benches/README.md
  fuzz [--seconds 60]
           host names, routing and keys of caches, at random; needs a nightly compiler and cargo-fuzz
  tidy     formatting, clippy and rustdoc, no warning allowed
  msrv     checks that the code compiles with the `rust-version` in Cargo.toml
  db       starts a PostgreSQL, prints its URL, and ends it at Ctrl-C or at the end of the input
  ci       all that CI runs";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = match (command.as_deref(), rest.as_slice()) {
        (Some("test"), rest) => suite::run(rest),
        (Some("bench"), rest) => bench::run(rest),
        (Some("fuzz"), rest) => fuzz::run(rest),
        (Some("tidy"), []) => tidy::run(),
        (Some("msrv"), []) => msrv::run(),
        (Some("db"), []) => db::run(),
        (Some("ci"), []) => ci::run(),
        (Some("help" | "-h" | "--help"), _) => {
            shell::say(USAGE);
            Ok(())
        }
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::complain(&*error);
            ExitCode::FAILURE
        }
    }
}
