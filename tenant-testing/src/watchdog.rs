//! The process that ends a server when nobody needs it any more, however those who did have ended.
//!
//! A guard in this process would not run after SIGKILL or `abort`, nor for a `static`; a signal on the death of the
//! parent (as Linux has it) comes when the *thread* ends that started the server, which for a test is too early. So a
//! shell of its own process group waits at the end of a pipe or FIFO whose other end the kernel closes with this process.
//! Rust opens both so that programs started from here do not inherit them.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::error::{Error, IoContext};

const SCRIPT: &str = include_str!("watchdog.sh");

/// What a watchdog ends, and how.
#[derive(Debug)]
pub(crate) struct Ward {
    /// In the folder that the watchdog looks after: the file with the process.
    pid_file: &'static str,
    /// What ends that process at once.
    signal: &'static str,
}

/// PostgreSQL has processes of its own to end, so it is asked.
pub(crate) const POSTGRES: Ward = Ward {
    pid_file: "data/postmaster.pid",
    signal: "QUIT",
};

/// A pooler has nothing to put away, and which signal asks it to end at once differs between its versions.
pub(crate) const PGBOUNCER: Ward = Ward {
    pid_file: "home/pid",
    signal: "KILL",
};

/// The end of a server's line that keeps it alive.
#[derive(Debug)]
pub(crate) struct Line(File);

impl Line {
    /// Both ends of a line that only this process will hold.
    pub(crate) fn private() -> io::Result<(Self, Stdio)> {
        let (end, line) = io::pipe()?;
        Ok((Self(OwnedFd::from(line).into()), end.into()))
    }

    /// A line from a FIFO.
    pub(crate) fn from_fifo(fifo: File) -> Self {
        Self(fifo)
    }

    /// Tells the watchdog something.
    pub(crate) fn tell(&mut self, word: &str) -> io::Result<()> {
        // In one piece, since others may write to the same FIFO.
        self.0.write_all(format!("{word}\n").as_bytes())
    }
}

/// Starts the watchdog over a server's folder. `end` is the end of its line; `mark` is a locked file, which stays locked
/// as long as the watchdog or this process is there.
pub(crate) fn start(
    ward: &Ward,
    folder: &Path,
    grace: Duration,
    end: Stdio,
    mark: File,
) -> Result<Child, Error> {
    let shell = Path::new("/bin/sh");
    let mut command = Command::new(shell);
    command
        .arg("-c")
        .arg(SCRIPT)
        .arg("tenant-testing-watchdog")
        .arg(folder)
        .arg(grace.as_secs().to_string())
        .args([ward.pid_file, ward.signal])
        .stdin(end)
        .stdout(mark)
        .stderr(Stdio::null())
        .current_dir("/")
        // Ctrl-C in a terminal must end the tests, not the one who cleans up after them.
        .process_group(0);
    if std::env::var_os("PATH").is_none_or(|path| path.is_empty()) {
        // It needs `rm` and `sleep`.
        command.env("PATH", "/usr/bin:/bin");
    }
    command.spawn().attempted("run", shell)
}
