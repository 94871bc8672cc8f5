//! `cargo xtask tidy`: what a reviewer should not have to say.

use crate::Result;
use crate::shell::{self, cargo};

pub(crate) fn run() -> Result {
    shell::run(&mut cargo(["fmt", "--all", "--check"]))?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];
    shell::run(&mut cargo(clippy))?;
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}
