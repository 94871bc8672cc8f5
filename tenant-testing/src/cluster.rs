//! One running server: its folder, its port, its process.
//!
//! Promises that the folder and the server are gone once nobody holds the cluster's line, whatever happens to this
//! process from the first moment on: the watchdog is there before the first file.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use crate::account::Account;
use crate::error::{Error, IoContext};
use crate::folders::{self, Place};
use crate::programs::Programs;
use crate::random;
use crate::server::Server;
use crate::template::{SUPERUSER, Template};
use crate::watchdog::{self, Line};

/// A server has this long to get ready; it usually takes milliseconds, but a machine may be very busy.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Another process may take a free port before the server does, so more than one is tried.
const PORTS_TRIED: u32 = 20;

/// A cluster of tests is thrown away, so it waits for no disk; the rest is what a server has by default.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // Temporary folders can be too deep for the path of a socket.
    ("unix_socket_directories", ""),
    // In the cluster's folder, so that nothing is left when the server is killed; containers have little of the other kind.
    ("dynamic_shared_memory_type", "mmap"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    // The segments are small; without this there would be a checkpoint for each 64 MB.
    ("max_wal_size", "1GB"),
    // Tests of one run share a server, each with a pool of its own.
    ("max_connections", "300"),
];

/// What a cluster is started with.
#[derive(Debug)]
pub(crate) struct Plan<'p> {
    pub(crate) programs: &'p Programs,
    pub(crate) account: &'p Account,
    pub(crate) settings: &'p [(String, String)],
    pub(crate) grace: Duration,
}

/// A running cluster.
pub(crate) struct Cluster {
    pub(crate) folder: PathBuf,
    pub(crate) server: Server,
    /// For work on the server as a whole.
    pub(crate) admin: PgConnection,
    pub(crate) processes: Processes,
}

/// The processes of a cluster, and the line that keeps it.
#[derive(Debug)]
pub(crate) struct Processes {
    line: Line,
    watchdog: Child,
    postgres: Option<Child>,
}

impl Processes {
    /// Lets go of the cluster and waits until server and folder are gone.
    pub(crate) fn end(self) {
        let Self {
            line,
            mut watchdog,
            postgres,
        } = self;
        drop(line);
        if let Some(mut postgres) = postgres {
            // Nobody but its parent can take a dead process off the list.
            let _ = postgres.wait();
        }
        let _ = watchdog.wait();
    }

    /// What keeps the cluster, without the processes, which go on without us.
    pub(crate) fn into_line(self) -> Line {
        self.line
    }
}

impl Cluster {
    /// Starts a cluster whose line is `line`, with the other end `end`.
    pub(crate) fn start(plan: &Plan<'_>, place: Place, line: Line, end: Stdio) -> Result<Self, Error> {
        let Place { folder, mark } = place;
        let watchdog = watchdog::start(&folder, plan.grace, end, mark)?;
        let mut processes = Processes {
            line,
            watchdog,
            postgres: None,
        };
        match fill(plan, &folder, &mut processes) {
            Ok((server, admin)) => Ok(Self {
                folder,
                server,
                admin,
                processes,
            }),
            Err(error) => {
                if plan.grace.is_zero() {
                    processes.end();
                }
                Err(error)
            }
        }
    }
}

/// Copies the template, starts the server and gives it a password that only this process knows.
fn fill(plan: &Plan<'_>, folder: &Path, processes: &mut Processes) -> Result<(Server, PgConnection), Error> {
    folders::private_folder(folder, plan.account)?;
    let template = Template::of(plan.programs, plan.account)?;
    let data = folder.join("data");
    template.copy_to(&data, plan.account)?;
    let port = boot(plan, folder, &data, processes)?;
    let mut admin = Server::on_loopback(port, template.password()).connect(SUPERUSER)?;
    let password = random::password()?;
    // A random password needs no stretching, and every connection of every test pays for it.
    if plan.programs.major() >= 16 {
        execute(&mut admin, "SET scram_iterations = 1", "set scram_iterations")?;
    }
    execute(
        &mut admin,
        &format!("ALTER ROLE {SUPERUSER} PASSWORD '{password}'"),
        "set the password",
    )?;
    Ok((Server::on_loopback(port, &password), admin))
}

fn execute(admin: &mut PgConnection, sql: &str, attempted: &str) -> Result<(), Error> {
    admin.batch_execute(sql).map_err(|source| Error::Sql {
        attempted: attempted.to_owned(),
        source,
    })
}

/// Starts the server on a free port and waits until it accepts connections.
fn boot(plan: &Plan<'_>, folder: &Path, data: &Path, processes: &mut Processes) -> Result<u16, Error> {
    let failed = |reason: String, log: &str| Error::Start {
        version: plan.programs.version().to_owned(),
        reason,
        log: end_of(log).to_owned(),
    };
    let log_file = folder.join("log");
    let mut tell = |word| {
        processes
            .line
            .tell(word)
            .attempted("speak to the watchdog of", folder)
    };
    for _ in 0..PORTS_TRIED {
        let port = free_port().attempted("find a free port on", "127.0.0.1")?;
        tell("started")?;
        let mut postgres = spawn(plan, data, port, &log_file)?;
        let outcome = wait_until_ready(&mut postgres, data).attempted("watch the server in", data)?;
        let reason = match outcome {
            Outcome::Ready => {
                processes.postgres = Some(postgres);
                return Ok(port);
            }
            Outcome::Late => {
                processes.postgres = Some(postgres);
                format!("it was not ready within {} s", READY_WITHIN.as_secs())
            }
            Outcome::Ended(status) => {
                tell("stopped")?;
                format!("it ended with {status}")
            }
        };
        let log = fs::read(&log_file).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        if !log.contains("Address already in use") {
            return Err(failed(reason, &log));
        }
    }
    Err(failed(
        format!("{PORTS_TRIED} ports were taken, one after the other"),
        "",
    ))
}

fn spawn(plan: &Plan<'_>, data: &Path, port: u16, log: &Path) -> Result<Child, Error> {
    let output = File::create(log).attempted("make", log)?;
    let errors = output.try_clone().attempted("make", log)?;
    let mut command = plan.programs.command("postgres", plan.account);
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    let chosen = plan
        .settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in SETTINGS.iter().copied().chain(chosen) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command
        .stdout(output)
        .stderr(errors)
        .current_dir(data)
        // Ctrl-C in a terminal ends the tests; the watchdog ends the server.
        .process_group(0)
        .spawn()
        .attempted("run `postgres` of", plan.programs.bin_dir())
}

enum Outcome {
    Ready,
    Ended(ExitStatus),
    Late,
}

/// Looks at the file that the server writes about itself; asking it by connecting would take longer.
fn wait_until_ready(postgres: &mut Child, data: &Path) -> std::io::Result<Outcome> {
    let pid_file = data.join("postmaster.pid");
    let begin = Instant::now();
    while begin.elapsed() < READY_WITHIN {
        let status = fs::read_to_string(&pid_file).unwrap_or_default();
        if status.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
            return Ok(Outcome::Ready);
        }
        if let Some(status) = postgres.try_wait()? {
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
