//! A server's process and the watchdog over it, from the first attempt to start it until both are gone.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, IoContext};
use crate::watchdog::Line;

/// A server has this long to get ready; it usually takes milliseconds, but a machine may be very busy.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Another process may take a free port before the server does, so more than one is tried.
const PORTS_TRIED: u32 = 20;

/// The processes of a server, and the line that keeps it.
#[derive(Debug)]
pub(crate) struct Processes {
    line: Line,
    watchdog: Child,
    server: Option<Child>,
}

/// How a server is started.
pub(crate) struct Boot<'b> {
    /// Runs it on a port.
    pub(crate) spawn: &'b dyn Fn(u16) -> Result<Child, Error>,
    /// Whether it accepts connections by now.
    pub(crate) is_ready: &'b dyn Fn() -> bool,
    /// Where it writes what it has to say.
    pub(crate) log: &'b Path,
    /// The error for a reason and the end of the log.
    pub(crate) failed: &'b dyn Fn(String, String) -> Error,
}

impl Processes {
    /// A watchdog that has nothing to end yet.
    pub(crate) fn new(line: Line, watchdog: Child) -> Self {
        Self {
            line,
            watchdog,
            server: None,
        }
    }

    /// Starts the server on a free port and waits until it accepts connections.
    pub(crate) fn boot(&mut self, boot: &Boot<'_>) -> Result<u16, Error> {
        for _ in 0..PORTS_TRIED {
            let port = free_port().attempted("find a free port on", "127.0.0.1")?;
            self.tell("started", boot.log)?;
            let mut server = (boot.spawn)(port)?;
            let outcome =
                wait_until(boot.is_ready, &mut server).attempted("watch the server of", boot.log)?;
            let reason = match outcome {
                Outcome::Ready => {
                    self.server = Some(server);
                    return Ok(port);
                }
                Outcome::Late => {
                    self.server = Some(server);
                    format!("it was not ready within {} s", READY_WITHIN.as_secs())
                }
                Outcome::Ended(status) => {
                    self.tell("stopped", boot.log)?;
                    format!("it ended with {status}")
                }
            };
            let log = fs::read(boot.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            if !log.contains("Address already in use") {
                return Err((boot.failed)(reason, end_of(&log).to_owned()));
            }
        }
        let reason = format!("{PORTS_TRIED} ports were taken, one after the other");
        Err((boot.failed)(reason, String::new()))
    }

    fn tell(&mut self, word: &str, of: &Path) -> Result<(), Error> {
        self.line.tell(word).attempted("speak to the watchdog of", of)
    }

    /// Lets go of the server and waits until it and its folder are gone.
    pub(crate) fn end(self) {
        let Self {
            line,
            mut watchdog,
            server,
        } = self;
        drop(line);
        if let Some(mut server) = server {
            // Nobody but its parent can take a dead process off the list.
            let _ = server.wait();
        }
        let _ = watchdog.wait();
    }

    /// What keeps the server, without the processes, which go on without us.
    pub(crate) fn into_line(self) -> Line {
        self.line
    }
}

enum Outcome {
    Ready,
    Ended(ExitStatus),
    Late,
}

fn wait_until(is_ready: &dyn Fn() -> bool, server: &mut Child) -> std::io::Result<Outcome> {
    let begin = Instant::now();
    while begin.elapsed() < READY_WITHIN {
        if is_ready() {
            return Ok(Outcome::Ready);
        }
        if let Some(status) = server.try_wait()? {
            return Ok(Outcome::Ended(status));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(Outcome::Late)
}

/// A port of the loopback address that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The last part of a log; what matters stands there.
fn end_of(log: &str) -> &str {
    let start = log.char_indices().rev().nth(2_000).map_or(0, |(at, _)| at);
    log[start..].trim()
}
