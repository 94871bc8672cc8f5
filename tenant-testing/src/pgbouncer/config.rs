//! The two files that PgBouncer reads.
//!
//! It listens on the loopback address only, and lets one user in, by a password of its own: who knows the pooler's need
//! not know the server's, and a server that asks for none can be behind it too. All that is not said here is as PgBouncer
//! has it by default: above all, `server_reset_query` runs in session mode only.

use std::fmt;

use super::target::Target;

/// For how long a client of PgBouncer has a connection to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoolMode {
    /// As long as the client is connected.
    Session,
    /// For a transaction. What a client sets for its session stays with the server's connection, whoever gets it next.
    #[default]
    Transaction,
    /// For a statement: there are no transactions.
    Statement,
}

impl PoolMode {
    /// The name that PgBouncer has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Statement => "statement",
        }
    }
}

impl fmt::Display for PoolMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a pooler is configured with, but for its port.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) mode: PoolMode,
    pub(super) size: Option<u32>,
    pub(super) settings: Vec<(String, String)>,
}

/// The files' names, in the folder that PgBouncer runs in.
pub(super) const CONFIG_FILE: &str = "pgbouncer.ini";
pub(super) const USERS_FILE: &str = "users";
pub(super) const PID_FILE: &str = "pid";

impl Config {
    /// `pgbouncer.ini`.
    pub(super) fn file(&self, target: &Target, port: u16) -> String {
        let mut database = vec![
            ("host", target.host.as_str()),
            ("port", &target.port),
            ("user", &target.user),
        ];
        if let Some(password) = &target.password {
            database.push(("password", password));
        }
        let database: Vec<_> = database
            .into_iter()
            .map(|(name, value)| format!("{name}='{}'", value.replace('\'', "''")))
            .collect();
        let port = port.to_string();
        let size = self.size.map(|size| size.to_string());
        let mut settings = vec![
            ("listen_addr", "127.0.0.1"),
            ("listen_port", &port),
            // Temporary folders can be too deep for the path of a socket.
            ("unix_socket_dir", ""),
            ("auth_type", "scram-sha-256"),
            ("auth_file", USERS_FILE),
            ("pidfile", PID_FILE),
            ("pool_mode", self.mode.as_str()),
        ];
        settings.extend(size.as_deref().map(|size| ("default_pool_size", size)));
        let chosen = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect::<Vec<_>>();
        // PgBouncer takes the last of several, but says so nowhere.
        settings.retain(|(name, _)| chosen.iter().all(|(chosen, _)| chosen != name));
        let lines: String = settings
            .into_iter()
            .chain(chosen)
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        // Every database of that server, each under its own name.
        format!("[databases]\n* = {}\n\n[pgbouncer]\n{lines}", database.join(" "))
    }
}

/// `auth_file`: one user with a password.
pub(super) fn users(user: &str, password: &str) -> String {
    let quoted = |text: &str| text.replace('"', "\"\"");
    format!("\"{}\" \"{}\"\n", quoted(user), quoted(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            user: "postgres".to_owned(),
            password: Some("it's".to_owned()),
            host: "127.0.0.1".to_owned(),
            port: "5433".to_owned(),
            database: "d".to_owned(),
        }
    }

    #[test]
    fn the_file_names_the_server_and_what_was_chosen() {
        let config = Config {
            size: Some(1),
            ..Config::default()
        };
        let file = config.file(&target(), 6432);
        assert!(
            file.contains("* = host='127.0.0.1' port='5433' user='postgres' password='it''s'\n"),
            "{file}"
        );
        for line in [
            "listen_port = 6432",
            "pool_mode = transaction",
            "default_pool_size = 1",
        ] {
            assert!(file.lines().any(|found| found == line), "{line} in {file}");
        }
        assert!(!file.contains("server_reset_query"), "{file}");
    }

    #[test]
    fn a_setting_of_ones_own_takes_the_place_of_ours() {
        let config = Config {
            settings: vec![("auth_type".to_owned(), "md5".to_owned())],
            ..Config::default()
        };
        let file = config.file(&target(), 6432);
        assert_eq!(file.matches("auth_type").count(), 1, "{file}");
        assert!(file.contains("auth_type = md5\n"), "{file}");
    }

    #[test]
    fn quotes_in_the_users_file_are_doubled() {
        assert_eq!(users("a\"b", "c"), "\"a\"\"b\" \"c\"\n");
    }
}
