//! The handle that demos and tests hold: a server, of this process alone or shared.

use std::env;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};

use crate::account::Account;
use crate::cluster::{Cluster, Plan};
use crate::database::Database;
use crate::error::{Error, IoContext};
use crate::folders::Place;
use crate::processes::Processes;
use crate::programs::Programs;
use crate::server::Server;
use crate::shared;
use crate::watchdog::Line;

/// Names a server to be used by [`Postgres::shared`] as it is.
const URL_VARIABLE: &str = "TENANT_TESTING_URL";

/// A PostgreSQL server for as long as this, a clone of it or a [`Database`] of it is held.
///
/// Programs are found or fetched (see the [crate]'s documentation), and a cluster is copied from a template that is made
/// once. It listens on the loopback address only, and its superuser has a random password. It waits for no disk: what is
/// in it does not outlive a crash of the machine, nor is it meant to.
///
/// A server of its own is gone when its last handle is dropped, and its folder with it. If this process ends without
/// dropping it (killed, aborted, or since the handle is in a `static`), both are gone a moment later.
///
/// ```
/// use diesel::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let postgres = tenant_testing::Postgres::start()?;
/// let database = postgres.database()?;
/// let mut conn = PgConnection::establish(database.url())?;
/// diesel::sql_query("CREATE SCHEMA acme").execute(&mut conn)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    server: Server,
    major: u32,
    folder: Option<PathBuf>,
    admin: Mutex<Option<PgConnection>>,
    hold: Hold,
}

/// What keeps the server there.
enum Hold {
    /// It is ours. Taken when it is dropped.
    Own(Option<Processes>),
    /// We are one of its holders.
    Shared { _line: Line },
    /// Nothing: somebody else looks after it.
    Foreign,
}

/// Kept until this process ends, so that its tests need not join again and again.
static SHARED: Mutex<Option<Postgres>> = Mutex::new(None);

impl Postgres {
    /// Starts a server of its own, fetching PostgreSQL if there is none.
    ///
    /// If it has to fetch, it says so in a line on the standard error ([`Builder::notice`] takes the line elsewhere).
    ///
    /// # Errors
    ///
    /// [`Error::Fetch`] if there is no PostgreSQL and none could be fetched; otherwise what kept it from starting.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// A server with settings of one's own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The server that all processes of this user share which ask for it at the same time, started if there is none.
    ///
    /// It is for test suites: `cargo nextest` runs each test in a process of its own, and starting a server for each
    /// would take longer than the tests. Give each test a [`database`](Self::database) of its own. The server ends some
    /// seconds after the last of its processes. Different installations of PostgreSQL (`PG_BIN_DIR`) are not mixed.
    ///
    /// If `TENANT_TESTING_URL` is set to the URL of a superuser, that server is used as it is; databases of a test that
    /// is killed then stay there (their names begin with `test_`).
    ///
    /// ```
    /// # fn main() -> Result<(), tenant_testing::Error> {
    /// let one = tenant_testing::Postgres::shared()?;
    /// let other = tenant_testing::Postgres::shared()?;
    /// assert_eq!(one.url(), other.url());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); [`Error::Url`] if `TENANT_TESTING_URL` is not a URL.
    pub fn shared() -> Result<Self, Error> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(postgres) = &*shared {
            return Ok(postgres.clone());
        }
        let postgres = match env::var(URL_VARIABLE) {
            Ok(url) if !url.is_empty() => Self::at(&url)?,
            _ => Self::share()?,
        };
        Ok(shared.insert(postgres).clone())
    }

    fn share() -> Result<Self, Error> {
        let programs = Programs::find_or_fetch(&to_standard_error)?;
        let held = shared::hold(&programs, &Account::of_this_process()?)?;
        let hold = Hold::Shared { _line: held.line };
        Ok(Self::new(
            held.server,
            held.admin,
            programs.major(),
            Some(held.folder),
            hold,
        ))
    }

    fn at(url: &str) -> Result<Self, Error> {
        let server = Server::from_url(url).ok_or(Error::Url)?;
        let mut admin = server.connect_as_admin()?;
        let major = major_of(&mut admin)?;
        Ok(Self::new(server, admin, major, None, Hold::Foreign))
    }

    fn new(server: Server, admin: PgConnection, major: u32, folder: Option<PathBuf>, hold: Hold) -> Self {
        let admin = Mutex::new(Some(admin));
        Self(Arc::new(Inner {
            server,
            major,
            folder,
            admin,
            hold,
        }))
    }

    /// Makes an empty database, which is dropped with what is returned.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or cannot make it.
    pub fn database(&self) -> Result<Database, Error> {
        Database::create(self)
    }

    /// The URL of the superuser's database `postgres`, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.server.admin_url()
    }

    /// The URL of a database of that name, whether it is there or not. The name is put in as it is.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        self.0.server.url(database)
    }

    /// The major version of the server, such as 18.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.0.major
    }

    /// The folder of the server: its data in `data`, its log in `log`. `None` if it is one that was found running
    /// (`TENANT_TESTING_URL`).
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder.as_deref()
    }

    /// Runs `work` on the connection for work on the server as a whole; on a new one if that was lost.
    pub(crate) fn administer<T>(
        &self,
        work: impl Fn(&mut PgConnection) -> diesel::QueryResult<T>,
        attempted: impl Fn() -> String,
    ) -> Result<T, Error> {
        let failed = |source| Error::Sql {
            attempted: attempted(),
            source,
        };
        let mut admin: MutexGuard<'_, Option<PgConnection>> =
            self.0.admin.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = admin.as_mut() {
            match work(connection) {
                Err(error) if was_lost(&error) => {}
                result => return result.map_err(failed),
            }
        }
        *admin = None;
        let connection = admin.insert(self.0.server.connect_as_admin()?);
        work(connection).map_err(failed)
    }
}

fn was_lost(error: &diesel::result::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error as Diesel};
    let Diesel::DatabaseError(kind, _) = error else {
        return false;
    };
    matches!(
        kind,
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand
    )
}

fn major_of(connection: &mut PgConnection) -> Result<u32, Error> {
    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        setting: String,
    }
    let query = "SELECT pg_catalog.current_setting('server_version_num') AS setting";
    let found: Setting = diesel::sql_query(query)
        .get_result(connection)
        .map_err(|source| Error::Sql {
            attempted: "ask the server for its version".to_owned(),
            source,
        })?;
    // Nothing else has ever been answered; an old version is the careful guess.
    Ok(found.setting.parse::<u32>().unwrap_or_default() / 10_000)
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Says good-bye, so that the server's log does not end in a complaint.
        *self.admin.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        if let Hold::Own(processes) = &mut self.hold
            && let Some(processes) = processes.take()
        {
            processes.end();
        }
    }
}

/// Without the password.
impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("server", &self.server)
            .field("major", &self.major)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// How a server of its own is started. Made by [`Postgres::builder`].
///
/// ```
/// # fn main() -> Result<(), tenant_testing::Error> {
/// let postgres = tenant_testing::Postgres::builder().setting("max_connections", "20").start()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `start`"]
pub struct Builder {
    settings: Vec<(String, String)>,
    fetch: bool,
    notice: Box<dyn Fn(&str)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            fetch: true,
            notice: Box::new(to_standard_error),
        }
    }
}

impl Builder {
    /// Gives a setting of `postgresql.conf` a value. The last one counts, and counts more than those of this crate.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Whether PostgreSQL is fetched if there is none. It is by default.
    pub fn fetch(mut self, fetch: bool) -> Self {
        self.fetch = fetch;
        self
    }

    /// Takes the line that is said before PostgreSQL is fetched. By default it goes to the standard error.
    pub fn notice(mut self, notice: impl Fn(&str) + 'static) -> Self {
        self.notice = Box::new(notice);
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] or [`Error::Fetch`] if there is no PostgreSQL; otherwise what kept it from starting.
    pub fn start(self) -> Result<Postgres, Error> {
        let programs = if self.fetch {
            Programs::find_or_fetch(&*self.notice)
        } else {
            Programs::find()
        }?;
        let account = Account::of_this_process()?;
        let plan = Plan {
            programs: &programs,
            account: &account,
            settings: &self.settings,
            grace: Duration::ZERO,
        };
        let place = Place::new("cluster", &account)?;
        let (line, end) = Line::private().attempted("make a pipe for", &place.folder)?;
        let Cluster {
            folder,
            server,
            admin,
            processes,
        } = Cluster::start(&plan, place, line, end)?;
        Ok(Postgres::new(
            server,
            admin,
            programs.major(),
            Some(folder),
            Hold::Own(Some(processes)),
        ))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("settings", &self.settings)
            .field("fetch", &self.fetch)
            .finish_non_exhaustive()
    }
}

/// Not by `eprintln!`: a test's output is caught, and whoever waits for a download should see why.
pub(crate) fn to_standard_error(line: &str) {
    let _ = writeln!(std::io::stderr(), "tenant-testing: {line}");
}
