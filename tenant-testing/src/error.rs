//! What can go wrong between asking for a PostgreSQL, or a pooler, and having one.
//!
//! Every message says what was attempted, and where a person can do something about it, what. Sources are kept.

use std::io;
use std::path::{Path, PathBuf};

/// How to install PostgreSQL, or to point at one.
pub(crate) const REMEDIES: &str = "do one of these:
  Debian, Ubuntu:  apt-get install postgresql
  Fedora:          dnf install postgresql-server
  macOS:           brew install postgresql@18
  installed, but in an unusual place:  set PG_BIN_DIR to the folder that holds `postgres` and `initdb`";

/// How to install PgBouncer, or to point at one.
pub(crate) const POOLER_REMEDIES: &str = "do one of these:
  Debian, Ubuntu:  apt-get install pgbouncer
  Fedora:          dnf install pgbouncer
  macOS:           brew install pgbouncer
  installed, but in an unusual place:  set PGBOUNCER to the path of the program";

/// Why there is no PostgreSQL, no database in it, or no pooler in front of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No PostgreSQL is installed, and none was to be fetched.
    #[error("no PostgreSQL (14 or newer) was found in {searched}; {REMEDIES}")]
    NotFound {
        /// The places that were looked at, in words.
        searched: String,
    },
    /// No PostgreSQL is installed, and none could be fetched.
    #[error("no PostgreSQL (14 or newer) could be fetched: {attempts}; {REMEDIES}")]
    Fetch {
        /// What was tried, and what came of each.
        attempts: String,
    },
    /// A folder that was named does not hold programs that run.
    #[error("no PostgreSQL can be run from {}: {reason}", .bin_dir.display())]
    Unusable {
        /// The folder.
        bin_dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder that was named holds a PostgreSQL that is too old.
    #[error("PostgreSQL {version} in {} is too old: 14 is the oldest supported", .bin_dir.display())]
    TooOld {
        /// The folder.
        bin_dir: PathBuf,
        /// The version of its `postgres`.
        version: String,
    },
    /// PostgreSQL refuses to run as root, and there is no other account for it.
    #[error(
        "PostgreSQL does not run as root, and neither `postgres` nor `nobody` is in /etc/passwd: add one of them, or run this as another user"
    )]
    NoAccount,
    /// A folder under a well-known name belongs to somebody else, or others can write to it.
    #[error(
        "{} is not a folder that belongs to this user alone: remove it, or set TMPDIR (TENANT_TESTING_CACHE for a cache) to another place",
        .path.display()
    )]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
    },
    /// None of the usual folders can hold a cluster that the server's account reaches.
    #[error(
        "found no temporary folder that the account `{account}` can reach: set TMPDIR to a folder that every user may pass through"
    )]
    NoTemporaryFolder {
        /// The account that the server would run as.
        account: String,
    },
    /// A file or a process could not be handled.
    #[error("could not {attempted} {}", .path.display())]
    Io {
        /// What was attempted.
        attempted: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("`initdb` of PostgreSQL {version} failed: {output}")]
    InitDb {
        /// The version of PostgreSQL.
        version: String,
        /// What it printed.
        output: String,
    },
    /// The server ended, or did not get ready, while it was being started.
    #[error("PostgreSQL {version} did not start ({reason}); its log says: {log}")]
    Start {
        /// The version of PostgreSQL.
        version: String,
        /// How that was noticed.
        reason: String,
        /// The end of the server's log.
        log: String,
    },
    /// A server did not accept our connection.
    #[error("could not connect to PostgreSQL at {server}")]
    Connect {
        /// Host and port, without the password.
        server: String,
        /// Why it failed.
        #[source]
        source: diesel::ConnectionError,
    },
    /// A statement failed.
    #[error("could not {attempted}")]
    Sql {
        /// What was attempted.
        attempted: String,
        /// Why it failed.
        #[source]
        source: diesel::result::Error,
    },
    /// No PgBouncer is installed, and none was or could be fetched.
    #[error("found no PgBouncer: {attempts}; {POOLER_REMEDIES}")]
    NoPgBouncer {
        /// Where it was looked for, or how it was to be fetched, and what came of it.
        attempts: String,
    },
    /// The program that was named does not run.
    #[error("no PgBouncer can be run from {}: {reason}", .path.display())]
    UnusablePgBouncer {
        /// The program.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The pooler ended, or did not get ready, while it was being started.
    #[error("PgBouncer {version} did not start ({reason}); its log says: {log}")]
    StartPgBouncer {
        /// The version of PgBouncer.
        version: String,
        /// How that was noticed.
        reason: String,
        /// The end of the pooler's log.
        log: String,
    },
    /// A pooler was to be put in front of something that is not the URL of a database.
    #[error(
        "the URL of the database behind the pooler must look like postgres://user:password@host:port/database"
    )]
    PoolerUrl,
    /// `TENANT_TESTING_URL` is not the URL of a server.
    #[error("TENANT_TESTING_URL must look like postgres://user:password@host:port/database")]
    Url,
    /// A [`Proxy`](crate::Proxy) was asked for before a URL that it cannot stand before.
    #[error("a proxy needs a URL with a host: postgres://user:password@host:port/database")]
    ProxiedUrl,
    /// A [`Proxy`](crate::Proxy) could not listen.
    #[error("could not listen on the loopback address")]
    Proxy {
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// Says what was attempted with which file when an [`io::Error`] comes up.
pub(crate) trait IoContext<T> {
    fn attempted(self, attempted: &'static str, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn attempted(self, attempted: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            attempted,
            path: path.as_ref().to_owned(),
            source,
        })
    }
}
