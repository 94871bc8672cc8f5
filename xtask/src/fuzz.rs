//! `cargo xtask fuzz`: what comes from outside, at random, for a minute each. Not a part of CI: it needs a nightly compiler.

use crate::Result;
use crate::shell;
use std::process::Command;

const TARGETS: [&str; 3] = ["hostname", "routing", "cache_key"];

/// Long enough to find again everything that was found so far.
const SECONDS: &str = "60";

pub(crate) fn run(arguments: &[String]) -> Result {
    let seconds = match arguments {
        [] => SECONDS,
        [flag, seconds] if flag == "--seconds" && seconds.parse::<u32>().is_ok() => seconds,
        _ => return Err("usage: cargo xtask fuzz [--seconds 60]".into()),
    };
    // Not $CARGO: only rustup's own `cargo` understands `+`.
    let fuzz = || {
        let mut cargo = Command::new("cargo");
        cargo.args(["+nightly", "fuzz"]).env_remove("RUSTUP_TOOLCHAIN");
        cargo.current_dir(shell::root());
        cargo
    };
    if !shell::succeeds(fuzz().arg("--version")) {
        return Err(
            "the fuzzer is not there: rustup toolchain install nightly --profile minimal, and cargo install \
                    cargo-fuzz --locked"
                .into(),
        );
    }
    for target in TARGETS {
        // Compiled code that is not Rust is not looked into, and there is none.
        shell::run(
            fuzz()
                .args(["run", "--sanitizer", "none", target, "--"])
                .args([&format!("-max_total_time={seconds}"), "-max_len=400"]),
        )?;
    }
    Ok(())
}
