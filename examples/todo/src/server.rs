//! The database: in the server that `DATABASE_URL` names, or in one of our own that ends with the program.

use tenant_testing::{Database, Postgres};

/// A server with a database to work in.
pub(crate) enum Server {
    Given(String),
    Own(Database),
}

impl Server {
    /// Where to connect.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Given(url) => url,
            Self::Own(database) => database.url(),
        }
    }
}

/// Takes the server that `DATABASE_URL` names, else starts one.
pub(crate) fn find_or_start() -> Result<Server, tenant_testing::Error> {
    if let Ok(url) = std::env::var("DATABASE_URL") {
        return Ok(Server::Given(url));
    }
    let postgres = Postgres::start()?;
    tracing::info!(
        "started PostgreSQL {} for this program only (set DATABASE_URL to use another)",
        postgres.major()
    );
    Ok(Server::Own(postgres.database()?))
}
