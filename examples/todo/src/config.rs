//! [`Config`]: what differs between installations, read from the environment.

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use tenant_diesel::Hostname;

use crate::token;

/// Where the application listens if nobody says otherwise.
const DEFAULT_PORT: u16 = 3000;
/// How many connections to the database there may be.
const DEFAULT_CONNECTIONS: u32 = 10;

/// What differs between installations.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub address: SocketAddr,
    /// The host of the public site. Customers are below it.
    pub base: Hostname,
    /// The password of the admin page.
    pub admin_password: String,
    /// How many connections to the database there may be.
    pub connections: u32,
    /// Whether browsers come by HTTPS, through a proxy: cookies are then never sent without it.
    pub https: bool,
}

impl Config {
    /// `localhost`, on this address.
    ///
    /// # Errors
    ///
    /// None: the host is a fine one.
    pub fn local(address: SocketAddr, admin_password: String) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self {
            address,
            base: Hostname::parse("localhost")?,
            admin_password,
            connections: DEFAULT_CONNECTIONS,
            https: false,
        })
    }

    /// Reads `TODO_ADDR` or `PORT`, `TODO_HOST`, `TODO_HTTPS` and `ADMIN_PASSWORD`. Where there is no password, one is
    /// drawn, and the second value is true: it must be shown, or nobody will know it.
    ///
    /// # Errors
    ///
    /// A variable cannot be understood.
    pub fn from_environment() -> Result<(Self, bool), Box<dyn Error + Send + Sync>> {
        let address = match (variable("TODO_ADDR"), variable("PORT")) {
            (Some(address), _) => read("TODO_ADDR", &address)?,
            (None, Some(port)) => SocketAddr::from(([127, 0, 0, 1], read("PORT", &port)?)),
            (None, None) => SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
        };
        let given = variable("ADMIN_PASSWORD");
        let is_drawn = given.is_none();
        let password = match given {
            Some(password) => password,
            None => token::random()?,
        };
        let mut config = Self::local(address, password)?;
        if let Some(host) = variable("TODO_HOST") {
            config.base = read("TODO_HOST", &host)?;
        }
        config.https = variable("TODO_HTTPS").is_some_and(|value| value == "1");
        Ok((config, is_drawn))
    }
}

/// Without the password.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address)
            .field("base", &self.base)
            .field("https", &self.https)
            .finish_non_exhaustive()
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn read<T>(name: &str, value: &str) -> Result<T, String>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    value
        .parse()
        .map_err(|error| format!("{name} is {value:?}, which cannot be read: {error}"))
}
