//! The server: the one that `DATABASE_URL` names, or one of our own that ends with the program.

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
pub(crate) fn find_or_start() -> Result<Server, Box<dyn std::error::Error>> {
    if let Ok(url) = std::env::var("DATABASE_URL") {
        println!("Using the server that DATABASE_URL names.");
        return Ok(Server::Given(url));
    }
    let postgres = Postgres::start()?;
    println!(
        "Started PostgreSQL {} for this program only (set DATABASE_URL to use another).",
        postgres.major()
    );
    Ok(Server::Own(postgres.database()?))
}
