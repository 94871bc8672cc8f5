//! One cluster for all processes of a test run.
//!
//! `cargo nextest` runs every test in a process of its own, and a cluster for each would cost more than the tests. So the
//! first process starts a cluster whose line (see the watchdog) is a FIFO, and writes down where; the others open that
//! FIFO and are holders as good as the first. When the last holder is gone, and none came for [`GRACE`], the watchdog
//! marks the cluster as closing and ends it.
//!
//! Nothing here can go wrong in between: newcomers take turns by a lock, so there is one starter; and a newcomer opens
//! the FIFO first and looks for the mark afterwards, while the watchdog sets the mark first and looks for holders
//! afterwards, so that one of the two always sees the other. All that a killed process held, the kernel lets go of.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use diesel::pg::PgConnection;

use crate::account::Account;
use crate::cluster::{Cluster, Plan};
use crate::error::{Error, IoContext};
use crate::folders::{self, Place};
use crate::programs::Programs;
use crate::server::Server;
use crate::watchdog::Line;

/// How long a shared cluster waits for the next process after the last one ended.
const GRACE: Duration = Duration::from_secs(3);

/// To be changed when processes built from before and after a change would not understand each other here: each kind then
/// has a cluster of its own.
const PROTOCOL: u32 = 1;

/// A shared cluster that this process holds.
pub(crate) struct Held {
    pub(crate) server: Server,
    /// For work on the server as a whole.
    pub(crate) admin: PgConnection,
    pub(crate) folder: PathBuf,
    pub(crate) line: Line,
}

/// Joins the shared cluster of this user and installation of PostgreSQL, or starts it.
pub(crate) fn hold(programs: &Programs, account: &Account) -> Result<Held, Error> {
    let scratch = folders::scratch(account)?;
    let mut hasher = DefaultHasher::new();
    (PROTOCOL, programs.bin_dir(), programs.version()).hash(&mut hasher);
    let rendezvous = scratch.join(format!("shared-{:016x}", hasher.finish()));
    let _alone = folders::lock(&rendezvous.with_extension("lock"))?;
    let known = fs::read_to_string(&rendezvous).ok();
    if let Some(held) = known.and_then(|folder| join(Path::new(folder.trim()))) {
        return Ok(held);
    }
    start(programs, account, &rendezvous)
}

/// Becomes a holder of the cluster in `folder`, unless it is closing or gone.
fn join(folder: &Path) -> Option<Held> {
    let fifo = OpenOptions::new()
        .write(true)
        // Without a watchdog at the other end, opening fails instead of waiting for one.
        .custom_flags(nonblocking())
        .open(Place::line(folder))
        .ok()?;
    let mut line = Line::from_fifo(fifo);
    line.tell("").ok()?;
    if folder.join("closing").exists() {
        return None;
    }
    let url = fs::read_to_string(folder.join("url")).ok()?;
    let server = Server::from_url(&url)?;
    // Somebody may have stopped the server by hand.
    let admin = server.connect_as_admin().ok()?;
    Some(Held {
        server,
        admin,
        folder: folder.to_owned(),
        line,
    })
}

fn start(programs: &Programs, account: &Account, rendezvous: &Path) -> Result<Held, Error> {
    let place = Place::new("cluster", account)?;
    let (line, end) = line(&Place::line(&place.folder))?;
    let plan = Plan {
        programs,
        account,
        settings: &[],
        grace: GRACE,
    };
    let Cluster {
        folder,
        server,
        admin,
        processes,
    } = Cluster::start(&plan, place, line, end)?;
    folders::write_secret(&folder.join("url"), &server.admin_url())?;
    // Renamed, so that nobody reads half a path.
    let draft = folder.join("rendezvous");
    folders::write_secret(&draft, &folder.to_string_lossy())?;
    fs::rename(&draft, rendezvous).attempted("rename to", rendezvous)?;
    Ok(Held {
        server,
        admin,
        folder,
        line: processes.into_line(),
    })
}

/// Both ends of a line that other processes can join.
fn line(fifo: &Path) -> Result<(Line, Stdio), Error> {
    // Not every system can make a FIFO in a way that Rust's crates reach without `unsafe`.
    let made = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(fifo)
        .stdin(Stdio::null())
        .status();
    made.attempted("run `mkfifo` for", fifo)?;
    // Either end waits for the other to be opened, but for this one.
    let opener = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking())
        .open(fifo)
        .attempted("open", fifo)?;
    let line = OpenOptions::new()
        .write(true)
        .open(fifo)
        .attempted("open", fifo)?;
    let end = OpenOptions::new().read(true).open(fifo).attempted("open", fifo)?;
    drop(opener);
    Ok((Line::from_fifo(line), end.into()))
}

fn nonblocking() -> i32 {
    // The type of the flags differs between systems, their value fits everywhere.
    i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default()
}
