//! `cargo xtask ci`: all that CI runs once its tools are installed. `.ci/run` installs them and calls this.

use crate::shell::{self, cargo};
use crate::{Result, bench, msrv, suite, tidy};

/// The newest version of PostgreSQL that is supported. Its run is by nextest, a process for each test.
const NEWEST: &str = "18";

pub(crate) fn run() -> Result {
    tidy::run()?;
    msrv::run()?;
    deny()?;
    // What README.md tells a newcomer to type, as it is written there: the PostgreSQL of this machine.
    shell::run(&mut cargo(["run", "-p", "quickstart"]))?;
    shell::run(&mut cargo(["test", "--workspace"]))?;
    // As a customer's browser sees it.
    shell::run(&mut cargo(["test", "-p", "todo", "--features", "browser"]))?;
    suite::run(&["--pg".to_owned(), NEWEST.to_owned()])?;
    // That it runs; its numbers are worth nothing on a machine that others use.
    bench::run(&["--quick", "--case", "1,8"].map(str::to_owned))
}

/// Licences, sources and versions of dependencies. Known vulnerabilities are left out: their list lies in a repository
/// that CI does not reach.
fn deny() -> Result {
    if !shell::succeeds(&mut cargo(["deny", "--version"])) {
        shell::say(
            "\ncargo-deny is not installed (cargo install cargo-deny --locked): deny.toml was not checked",
        );
        return Ok(());
    }
    shell::run(&mut cargo(["deny", "check", "bans", "licenses", "sources"]))
}
