//! On what it was measured.

use std::fs;
use std::process::Command;
use std::thread;

/// The machine and the programs, in a line.
pub(crate) fn describe(server_version: &str) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // Debian adds to the version whose package it is.
    let server_version = server_version.split(' ').next().unwrap_or_default();
    format!(
        "{} ({cores} {}), PostgreSQL {server_version} on the loopback address of the same machine, {}",
        processor(),
        if cores == 1 { "core" } else { "cores" },
        compiler(),
    )
}

fn processor() -> String {
    let model = |text: String| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(model)
        .or_else(|| output("sysctl", &["-n", "machdep.cpu.brand_string"]))
        .unwrap_or_else(|| format!("an unnamed {} processor", std::env::consts::ARCH))
}

/// The one in this folder, which built this.
fn compiler() -> String {
    let version = output("rustc", &["--version"]);
    let version = version.as_deref().and_then(|line| line.split(' ').nth(1));
    version.map_or_else(
        || "an unknown rustc".to_owned(),
        |version| format!("rustc {version}"),
    )
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
