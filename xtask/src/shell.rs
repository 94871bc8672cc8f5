//! Running programs and talking to the person at the terminal.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// `cargo`, the one that runs us, in the root of the workspace.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Prints a command and runs it.
pub(crate) fn run(command: &mut Command) -> Result {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = [program].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let settings = command.get_envs().filter_map(|(name, value)| {
        Some(format!(
            "{}={} ",
            name.to_string_lossy(),
            value?.to_string_lossy()
        ))
    });
    let line = settings.collect::<String>() + &words.join(" ");
    say(&format!("\n$ {line}"));
    let status = command
        .status()
        .map_err(|error| format!("`{line}` cannot be run: {error}"))?;
    if !status.success() {
        return Err(format!("`{line}` failed: {status}").into());
    }
    Ok(())
}

/// Whether a command succeeds, silently.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&command.output()?.stdout).into_owned())
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "this is a program for people at a terminal")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Prints an error and its sources.
#[expect(clippy::print_stderr, reason = "this is a program for people at a terminal")]
pub(crate) fn complain(error: &dyn Error) {
    eprintln!("{error}");
    let mut source = error.source();
    while let Some(inner) = source {
        eprintln!("  because: {inner}");
        source = inner.source();
    }
}
