//! One running server: its folder, its port, its process.
//!
//! Promises that the folder and the server are gone once nobody holds the cluster's line, whatever happens to this
//! process from the first moment on: the watchdog is there before the first file.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use crate::account::Account;
use crate::error::{Error, IoContext};
use crate::folders::{self, Place};
use crate::processes::{Boot, Processes};
use crate::programs::Programs;
use crate::random;
use crate::server::Server;
use crate::template::{SUPERUSER, Template};
use crate::watchdog::{self, Line};

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

impl Cluster {
    /// Starts a cluster whose line is `line`, with the other end `end`.
    pub(crate) fn start(plan: &Plan<'_>, place: Place, line: Line, end: Stdio) -> Result<Self, Error> {
        let Place { folder, mark } = place;
        let watchdog = watchdog::start(&watchdog::POSTGRES, &folder, plan.grace, end, mark)?;
        let mut processes = Processes::new(line, watchdog);
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
    let log = folder.join("log");
    processes.boot(&Boot {
        spawn: &|port| spawn(plan, data, port, &log),
        // The file that the server writes about itself; asking it by connecting would take longer.
        is_ready: &|| {
            let status = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            status.lines().nth(7).is_some_and(|state| state.trim() == "ready")
        },
        log: &log,
        failed: &|reason, log| Error::Start {
            version: plan.programs.version().to_owned(),
            reason,
            log,
        },
    })
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
