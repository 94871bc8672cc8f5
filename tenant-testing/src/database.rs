//! A database of one test, dropped with it.

use std::fmt;
use std::thread;
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};

use crate::error::Error;
use crate::postgres::Postgres;
use crate::random;

/// The version from which a database can be made by copying files; the other way takes ten times as long.
const FILE_COPY_SINCE: u32 = 15;

/// An empty database, dropped when this is (whoever is still connected to it then is thrown out).
///
/// Its name is random, so tests need not agree on any. It keeps its server. Hold it as long as its connections are used:
/// `postgres.database()?.connect()?` drops it at the end of that line.
///
/// ```
/// use diesel::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let database = tenant_testing::Postgres::shared()?.database()?;
/// let mut conn = database.connect()?;
/// let two: i32 = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1 + 1")).get_result(&mut conn)?;
/// assert_eq!(two, 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "the database is dropped with this"]
pub struct Database {
    postgres: Postgres,
    name: String,
    url: String,
}

impl Database {
    pub(crate) fn create(postgres: &Postgres) -> Result<Self, Error> {
        let name = format!("test_{}", random::hex::<8>()?);
        let strategy = if postgres.major() >= FILE_COPY_SINCE {
            " STRATEGY file_copy"
        } else {
            ""
        };
        // A name of our own making: it needs no quotes.
        let sql = format!("CREATE DATABASE {name}{strategy}");
        postgres.administer(
            |admin| diesel::sql_query(&sql).execute(admin),
            || format!("make the database {name}"),
        )?;
        let url = postgres.url_of(&name);
        Ok(Self {
            postgres: postgres.clone(),
            name,
            url,
        })
    }

    /// The URL of the database, with user and password: `postgres://user:password@127.0.0.1:port/name`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is in.
    #[must_use]
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// A new connection to it, as the superuser.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if the server does not answer.
    pub fn connect(&self) -> Result<PgConnection, Error> {
        PgConnection::establish(&self.url).map_err(|source| Error::Connect {
            server: format!("the database {}", self.name),
            source,
        })
    }

    /// Ends the connections to it, also those that were just closed and still tidy up. (`FORCE` does so too, but when it
    /// finds one it looks again only after 100 ms.)
    fn throw_everybody_out(&self, admin: &mut PgConnection) -> diesel::QueryResult<()> {
        let sql = format!(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        for _ in 0..50 {
            if diesel::sql_query(&sql).execute(admin)? == 0 {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A server that does not answer any more has no database to drop either.
        let _ = self.postgres.administer(
            |admin| {
                self.throw_everybody_out(admin)?;
                diesel::sql_query(&sql).execute(admin)
            },
            String::new,
        );
    }
}

/// Without the password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("name", &self.name)
            .field("postgres", &self.postgres)
            .finish()
    }
}
