//! `cargo xtask msrv`: the `rust-version` in Cargo.toml is a promise, so it is tried.

use std::fs;
use std::process::Command;

use crate::Result;
use crate::shell::{self, cargo};

pub(crate) fn run() -> Result {
    let manifest = fs::read_to_string(shell::root().join("Cargo.toml"))?;
    let promised = rust_version(&manifest).ok_or("Cargo.toml states no rust-version")?;
    let running = shell::output(Command::new("rustc").arg("--version").current_dir(shell::root()))?;
    let running = running.split_whitespace().nth(1).unwrap_or_default();
    if is_release_of(running, promised) {
        // The same compiler under another name would build everything once more.
        shell::say(&format!("rustc {running} is the promised {promised}"));
        return shell::run(&mut cargo(["check", "--workspace"]));
    }
    let toolchains = shell::output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    let installed = toolchains
        .lines()
        .find(|name| is_release_of(name.split('-').next().unwrap_or_default(), promised));
    let Some(toolchain) = installed.and_then(|line| line.split_whitespace().next()) else {
        return Err(format!(
            "Cargo.toml promises Rust {promised}, but this is rustc {running} and no toolchain of {promised} is \
             installed, so the promise was not checked (rustup toolchain install {promised} --profile minimal)"
        )
        .into());
    };
    // Not $CARGO: that is the program of one toolchain, and only rustup's own `cargo` understands `+`.
    let mut check = Command::new("cargo");
    check
        .arg(format!("+{toolchain}"))
        .args(["check", "--workspace", "--target-dir", "target/msrv"]);
    shell::run(check.env_remove("RUSTUP_TOOLCHAIN").current_dir(shell::root()))
}

fn rust_version(manifest: &str) -> Option<&str> {
    let line = manifest
        .lines()
        .find(|line| line.trim_start().starts_with("rust-version"))?;
    line.split('"').nth(1)
}

/// Whether `version` is `promised` or a patch release of it.
fn is_release_of(version: &str, promised: &str) -> bool {
    let patch = version.strip_prefix(promised);
    patch.is_some_and(|patch| patch.is_empty() || patch.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promise_is_read_from_the_manifest() {
        assert_eq!(
            rust_version("[workspace.package]\nrust-version = \"1.95\"\n"),
            Some("1.95")
        );
        assert_eq!(rust_version("[package]\n"), None);
    }

    #[test]
    fn patch_releases_keep_the_promise_and_other_versions_do_not() {
        assert!(is_release_of("1.95.0", "1.95"));
        assert!(is_release_of("1.95", "1.95"));
        assert!(!is_release_of("1.950.0", "1.95"));
        assert!(!is_release_of("1.96.0", "1.95"));
        assert!(!is_release_of("stable", "1.95"));
    }
}
