//! The address of a server: what URLs for its databases are made from.

use std::fmt;
use std::net::SocketAddr;

use diesel::Connection;
use diesel::pg::PgConnection;

use crate::error::Error;
use crate::template::SUPERUSER;

/// A server and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Scheme, user and password.
    credentials: String,
    /// Host and port.
    address: String,
    /// The database for work on the server as a whole.
    database: String,
    /// `?` and what follows it.
    parameters: String,
}

impl Server {
    /// A server of our own.
    pub(crate) fn on_loopback(port: u16, password: &str) -> Self {
        Self {
            credentials: format!("postgres://{SUPERUSER}:{password}@"),
            address: format!("127.0.0.1:{port}"),
            database: SUPERUSER.to_owned(),
            parameters: String::new(),
        }
    }

    /// The server that a URL leads to.
    pub(crate) fn from_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return None;
        }
        let (rest, parameters) = match rest.split_once('?') {
            Some((rest, parameters)) => (rest, format!("?{parameters}")),
            None => (rest, String::new()),
        };
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        // A password may hold an at sign, a host cannot.
        let at = authority.rfind('@').map_or(0, |at| at + 1);
        let (user, address) = authority.split_at(at);
        Some(Self {
            credentials: format!("{scheme}://{user}"),
            address: address.to_owned(),
            database: if database.is_empty() {
                SUPERUSER.to_owned()
            } else {
                database.to_owned()
            },
            parameters,
        })
    }

    /// Host and port, as a TCP connection takes them. `None` for a server on a Unix socket.
    pub(crate) fn tcp_address(&self) -> Option<String> {
        const PORT: u16 = 5432;
        let host_end = self.address.rfind(']').map_or(0, |bracket| bracket + 1);
        match self.address.as_str() {
            address if address.is_empty() || address.starts_with(['/', ':', '%']) => None,
            address if address[host_end..].contains(':') => Some(address.to_owned()),
            address => Some(format!("{address}:{PORT}")),
        }
    }

    /// The same databases at another address.
    pub(crate) fn at(self, address: SocketAddr) -> Self {
        Self {
            address: address.to_string(),
            ..self
        }
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        let Self {
            credentials,
            address,
            parameters,
            ..
        } = self;
        format!("{credentials}{address}/{database}{parameters}")
    }

    /// The URL for work on the server as a whole.
    pub(crate) fn admin_url(&self) -> String {
        self.url(&self.database)
    }

    /// A connection to one of its databases.
    pub(crate) fn connect(&self, database: &str) -> Result<PgConnection, Error> {
        PgConnection::establish(&self.url(database)).map_err(|source| Error::Connect {
            server: self.address.clone(),
            source,
        })
    }

    /// A connection for work on the server as a whole.
    pub(crate) fn connect_as_admin(&self) -> Result<PgConnection, Error> {
        self.connect(&self.database)
    }
}

/// Without the password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.address).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(of: &str) -> String {
        Server::from_url(of).unwrap().url("d")
    }

    #[test]
    fn another_database_of_the_same_server_keeps_all_else() {
        assert_eq!(url("postgres://u:p@h:5432/postgres"), "postgres://u:p@h:5432/d");
        assert_eq!(url("postgresql://h"), "postgresql://h/d");
        assert_eq!(
            url("postgres://u:p%40@h/x?sslmode=disable"),
            "postgres://u:p%40@h/d?sslmode=disable"
        );
        assert_eq!(
            url("postgres:///x?host=/run/postgresql"),
            "postgres:///d?host=/run/postgresql"
        );
        assert_eq!(
            url("postgres://u@%2Ftmp:5433?a=b/c\n"),
            "postgres://u@%2Ftmp:5433/d?a=b/c"
        );
    }

    #[test]
    fn the_database_of_the_url_is_the_one_to_work_from() {
        assert_eq!(
            Server::from_url("postgres://h/main").unwrap().admin_url(),
            "postgres://h/main"
        );
        assert_eq!(
            Server::from_url("postgres://h").unwrap().admin_url(),
            "postgres://h/postgres"
        );
    }

    #[test]
    fn a_server_on_a_socket_has_no_tcp_address() {
        let address = |of: &str| Server::from_url(of).unwrap().tcp_address();
        assert_eq!(address("postgres://u:p@h:5433/d").as_deref(), Some("h:5433"));
        assert_eq!(address("postgres://h/d").as_deref(), Some("h:5432"));
        assert_eq!(address("postgres://[::1]/d").as_deref(), Some("[::1]:5432"));
        assert_eq!(address("postgres:///d?host=/run/postgresql"), None);
        assert_eq!(address("postgres://u@%2Ftmp:5433/d"), None);
    }

    #[test]
    fn the_same_database_at_another_address_keeps_all_else() {
        let proxied = Server::from_url("postgres://u:p@h:5432/d?a=b").unwrap();
        let proxied = proxied.at(([127, 0, 0, 1], 1).into());
        assert_eq!(proxied.admin_url(), "postgres://u:p@127.0.0.1:1/d?a=b");
    }

    #[test]
    fn what_is_not_a_url_of_postgresql_is_refused() {
        for text in ["", "localhost", "mysql://h/d", "host=localhost dbname=x"] {
            assert_eq!(Server::from_url(text), None, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let printed = format!("{:?}", Server::from_url("postgres://u:secret@h/x"));
        assert_eq!(printed, r#"Some(Server("h"))"#);
    }
}
