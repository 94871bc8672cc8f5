//! The handle that tests hold, and how it is started.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use super::config::{self, CONFIG_FILE, Config, PoolMode, USERS_FILE};
use super::discovery::Search;
use super::fetch;
use super::program::Program;
use super::target::{Target, encoded};
use crate::account::Account;
use crate::error::{Error, IoContext};
use crate::folders::{self, Place};
use crate::postgres::to_standard_error;
use crate::processes::{Boot, Processes};
use crate::random;
use crate::watchdog::{self, Line};

/// A PgBouncer in front of a database, for as long as this is held.
///
/// It is this machine's, or fetched: from what `PGBOUNCER` names (if it is set, nothing else will do), the `PATH`, the
/// usual folders, what was fetched before, and else Debian's or Ubuntu's package, which `apt-get` downloads into the
/// cache without root. A process of root runs it as the account that runs PostgreSQL.
///
/// It pools in *transaction* mode unless told otherwise, listens on the loopback address only, and has a password of its
/// own. What is not said with [`setting`](PgBouncerBuilder::setting) is as PgBouncer has it by default. It speaks no TLS.
///
/// It is gone when this is dropped, and its folder with it; if this process ends without dropping it (killed, aborted),
/// both are gone a moment later.
///
/// ```
/// use diesel::prelude::*;
/// use tenant_testing::{PgBouncer, Postgres};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let database = Postgres::shared()?.database()?;
/// let pooler = PgBouncer::before(database.url())?;
/// let mut conn = PgConnection::establish(pooler.url())?;
/// diesel::sql_query("SELECT 1").execute(&mut conn)?;
/// # Ok(())
/// # }
/// ```
#[must_use = "the pooler ends when this is dropped"]
pub struct PgBouncer {
    url: String,
    mode: PoolMode,
    version: String,
    folder: PathBuf,
    /// Taken when it is dropped.
    processes: Option<Processes>,
}

impl PgBouncer {
    /// Starts a pooler in transaction mode in front of the database of a URL,
    /// `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    ///
    /// As [`PgBouncerBuilder::before`].
    pub fn before(database_url: &str) -> Result<Self, Error> {
        Self::builder().before(database_url)
    }

    /// A pooler with settings of one's own.
    pub fn builder() -> PgBouncerBuilder {
        PgBouncerBuilder::default()
    }

    /// The URL of the database through the pooler, with the user of the database and the password of the pooler.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How it pools.
    #[must_use]
    pub fn pool_mode(&self) -> PoolMode {
        self.mode
    }

    /// The version of PgBouncer, such as `1.18.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder of the pooler: its configuration in `home`, its log in `log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Some(processes) = self.processes.take() {
            processes.end();
        }
    }
}

/// Without the password.
impl fmt::Debug for PgBouncer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBouncer")
            .field("mode", &self.mode)
            .field("version", &self.version)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// How a pooler is started. Made by [`PgBouncer::builder`].
///
/// ```
/// use tenant_testing::{PgBouncer, PoolMode, Postgres};
///
/// # fn main() -> Result<(), tenant_testing::Error> {
/// let database = Postgres::shared()?.database()?;
/// let pooler = PgBouncer::builder()
///     .pool_mode(PoolMode::Session)
///     .pool_size(1)
///     .setting("query_wait_timeout", "5")
///     .before(database.url())?;
/// assert_eq!(pooler.pool_mode(), PoolMode::Session);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `before`"]
pub struct PgBouncerBuilder {
    config: Config,
    fetch: bool,
    notice: Box<dyn Fn(&str)>,
}

impl Default for PgBouncerBuilder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            fetch: true,
            notice: Box::new(to_standard_error),
        }
    }
}

impl PgBouncerBuilder {
    /// For how long a client has a connection to the server. For a transaction by default (PgBouncer's own default is a
    /// session).
    pub fn pool_mode(mut self, mode: PoolMode) -> Self {
        self.config.mode = mode;
        self
    }

    /// How many connections to the server there are at most, for each database. With 1, clients get the same connection
    /// in turn.
    pub fn pool_size(mut self, size: u32) -> Self {
        self.config.size = Some(size);
        self
    }

    /// Gives a setting of the section `[pgbouncer]` a value. The last one counts, and counts more than those of this
    /// crate.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.settings.push((name.into(), value.into()));
        self
    }

    /// Whether PgBouncer is fetched if there is none. It is by default.
    pub fn fetch(mut self, fetch: bool) -> Self {
        self.fetch = fetch;
        self
    }

    /// Takes the line that is said before PgBouncer is fetched. By default it goes to the standard error.
    pub fn notice(mut self, notice: impl Fn(&str) + 'static) -> Self {
        self.notice = Box::new(notice);
        self
    }

    /// Starts the pooler in front of the database of a URL, `postgres://user:password@host:port/database`. Parameters
    /// after a question mark are left out.
    ///
    /// Whether the server is there, and takes this user, is seen by the first who connects.
    ///
    /// # Errors
    ///
    /// [`Error::PoolerUrl`] if the URL is another; [`Error::NoPgBouncer`] if there is no PgBouncer and none could be
    /// fetched; [`Error::UnusablePgBouncer`] if what `PGBOUNCER` names does not run; otherwise what kept it from starting.
    pub fn before(self, database_url: &str) -> Result<PgBouncer, Error> {
        let target = Target::from_url(database_url)?;
        let account = Account::of_this_process()?;
        let program = self.program(&account)?;
        let plan = Plan {
            program: &program,
            account: &account,
            config: &self.config,
            target: &target,
        };
        let Place { folder, mark } = Place::new("pooler", &account)?;
        let (line, end) = Line::private().attempted("make a pipe for", &folder)?;
        let watchdog = watchdog::start(&watchdog::PGBOUNCER, &folder, Duration::ZERO, end, mark)?;
        let mut processes = Processes::new(line, watchdog);
        let url = match plan.start(&folder, &mut processes) {
            Ok(url) => url,
            Err(error) => {
                processes.end();
                return Err(error);
            }
        };
        Ok(PgBouncer {
            url,
            mode: self.config.mode,
            version: program.version().to_owned(),
            folder,
            processes: Some(processes),
        })
    }

    fn program(&self, account: &Account) -> Result<Program, Error> {
        let cache = fetch::cache(account)?;
        match Search::of_this_machine(fetch::unpacked_in(&cache)).run(account) {
            Err(Error::NoPgBouncer { .. }) if self.fetch => {
                fetch::fetch(&fetch::Clients::default(), &cache, account, &*self.notice)
            }
            found => found,
        }
    }
}

impl fmt::Debug for PgBouncerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBouncerBuilder")
            .field("config", &self.config)
            .field("fetch", &self.fetch)
            .finish_non_exhaustive()
    }
}

/// What a pooler is started with.
struct Plan<'p> {
    program: &'p Program,
    account: &'p Account,
    config: &'p Config,
    target: &'p Target,
}

impl Plan<'_> {
    /// Starts it in `folder`; the URL that leads through it.
    fn start(&self, folder: &Path, processes: &mut Processes) -> Result<String, Error> {
        folders::private_folder(folder, self.account)?;
        // It writes down its process as the account it runs as, so that needs a folder of its own.
        let home = folder.join("home");
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&home)
            .attempted("make the folder", &home)?;
        self.account.own(&home)?;
        let password = random::password()?;
        self.write(
            &home.join(USERS_FILE),
            &config::users(&self.target.user, &password),
        )?;
        let log = folder.join("log");
        let port = processes.boot(&Boot {
            spawn: &|port| self.spawn(&home, &log, port),
            // What it says when it listens. Another process may listen at that port, so connecting would prove less.
            is_ready: &|| fs::read_to_string(&log).is_ok_and(|log| log.contains("process up:")),
            log: &log,
            failed: &|reason, log| Error::StartPgBouncer {
                version: self.program.version().to_owned(),
                reason,
                log,
            },
        })?;
        let (user, database) = (encoded(&self.target.user), encoded(&self.target.database));
        Ok(format!(
            "postgres://{user}:{password}@127.0.0.1:{port}/{database}"
        ))
    }

    fn spawn(&self, home: &Path, log: &Path, port: u16) -> Result<Child, Error> {
        let config = home.join(CONFIG_FILE);
        // An attempt at another port may have left one.
        let _ = fs::remove_file(&config);
        self.write(&config, &self.config.file(self.target, port))?;
        let output = File::create(log).attempted("make", log)?;
        let errors = output.try_clone().attempted("make", log)?;
        self.program
            .command(self.account)
            .arg(CONFIG_FILE)
            .env("LC_ALL", "C")
            .stdout(output)
            .stderr(errors)
            .current_dir(home)
            // Ctrl-C in a terminal ends the tests; the watchdog ends the pooler.
            .process_group(0)
            .spawn()
            .attempted("run", self.program.path())
    }

    /// A file that only the account of the pooler reads.
    fn write(&self, path: &Path, text: &str) -> Result<(), Error> {
        folders::write_secret(path, text)?;
        self.account.own(path)
    }
}
