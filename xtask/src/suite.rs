//! `cargo xtask test`: all tests and doctests, against one or several versions of PostgreSQL.

use std::env;
use std::path::PathBuf;

use tenant_testing::Programs;

use crate::Result;
use crate::shell::{self, cargo};

/// `arguments` begin with `--pg` and major versions, perhaps; the rest is for nextest.
pub(crate) fn run(arguments: &[String]) -> Result {
    let (majors, rest) = match arguments {
        [flag, majors, rest @ ..] if flag == "--pg" => (parse(majors)?, rest),
        [flag, rest @ ..] if flag.starts_with("--pg=") => (parse(&flag["--pg=".len()..])?, rest),
        [flag] if flag == "--pg" => return Err("--pg needs major versions, such as 14,18".into()),
        rest => (Vec::new(), rest),
    };
    if majors.is_empty() {
        return against(&Programs::find_or_fetch(&shell::say)?, rest);
    }
    // All are fetched first: a version that does not exist should not be noticed after minutes of tests.
    let folder = target().join("pg");
    let found: std::result::Result<Vec<_>, _> = majors
        .iter()
        .map(|major| Programs::fetch_into(&folder, *major, &shell::say))
        .collect();
    found?.iter().try_for_each(|programs| against(programs, rest))
}

fn parse(majors: &str) -> Result<Vec<u32>> {
    let parse = |major: &str| {
        major
            .trim()
            .parse()
            .map_err(|_| format!("{major:?} is not a major version; write --pg 14,18").into())
    };
    majors.split(',').map(parse).collect()
}

fn against(programs: &Programs, arguments: &[String]) -> Result {
    shell::say(&format!(
        "\ntesting against PostgreSQL {} in {}",
        programs.version(),
        programs.bin_dir().display()
    ));
    let with_programs = |mut command: std::process::Command| {
        command.env("PG_BIN_DIR", programs.bin_dir());
        command
    };
    if shell::succeeds(&mut cargo(["nextest", "--version"])) {
        let profile = if env::var_os("CI").is_some() {
            "ci"
        } else {
            "default"
        };
        let mut tests = with_programs(cargo(["nextest", "run", "--workspace", "--profile", profile]));
        shell::run(tests.args(arguments))?;
        // nextest does not run doctests.
        return if arguments.is_empty() {
            shell::run(&mut with_programs(cargo(["test", "--workspace", "--doc"])))
        } else {
            Ok(())
        };
    }
    shell::say("cargo-nextest is not installed (cargo install cargo-nextest --locked): using cargo test");
    shell::run(with_programs(cargo(["test", "--workspace"])).args(arguments))
}

/// The folder that cargo builds in, which git ignores.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| shell::root().join("target"), |dir| shell::root().join(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_versions_are_separated_by_commas() {
        assert_eq!(parse("14,18").unwrap(), [14, 18]);
        assert_eq!(parse("16").unwrap(), [16]);
        assert!(parse("14;18").unwrap_err().to_string().contains("--pg 14,18"));
    }
}
