//! A start-up in a process of its own: so its memory can be seen, and no start-up finds what the one before it has left. What it found
//! out, the process prints.

use super::{Kind, VARIANTS};
use crate::turns::{self, Ready, Took};
use crate::{Result, say};
use serde::{Deserialize, Serialize};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug, Serialize, Deserialize)]
struct Found {
    nanos: u64,
    bytes: Option<u64>,
}

/// A process of this program that will start.
pub(super) fn prepare<'a>(kind: &Kind, url: &str) -> Result<Ready<'a>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--alone", kind.name, url]).stderr(Stdio::inherit());
    Ok(Box::new(move || {
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("the process of a start-up ended with {}", output.status).into());
        }
        let found: Found = serde_json::from_slice(&output.stdout)?;
        Ok(Took {
            time: Some(Duration::from_nanos(found.nanos)),
            bytes: found.bytes,
        })
    }))
}

/// Is that process.
pub(crate) fn run(variant: &str, url: &str) -> Result {
    let kind = VARIANTS.iter().find(|kind| kind.name == variant);
    let mut application = (kind.ok_or("there is no such variant")?.open)(url)?;
    let before = forget_peak().and_then(|()| memory("VmRSS:"));
    let start = Instant::now();
    let applied = application.start()?;
    let nanos = u64::try_from(start.elapsed().as_nanos())?;
    let peak = memory("VmHWM:");
    turns::expect("migrations applied by a start-up", applied, 0)?;
    let bytes = peak.zip(before).map(|(peak, before)| peak.saturating_sub(before));
    say(&serde_json::to_string(&Found { nanos, bytes })?);
    Ok(())
}

/// From here on, Linux notes anew how much memory the process had at most.
fn forget_peak() -> Option<()> {
    fs::write("/proc/self/clear_refs", "5").ok()
}

/// What Linux says of this process, in bytes: also what libpq took, which is not Rust's.
fn memory(what: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
