//! [`PoolerMode`]: whether another pooler stands between us and the server, and how that is found out.

use super::TenantPool;
use super::options::Options;
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

/// How sessions reach the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PoolerMode {
    /// Straight, or through a pooler in session mode: a connection is one session of the server until it is
    /// closed.
    #[default]
    Session,
    /// Through a pooler that gives the server's session to another client after each transaction (PgBouncer's
    /// `pool_mode = transaction`, Odyssey, RDS Proxy, Supavisor).
    ///
    /// Every scope is one transaction, whose path is set with `SET LOCAL` in the message that begins it, and
    /// what else a scope changed is taken back in the message that ends it. What needs a session of its own is
    /// [`Error::NeedsSession`](crate::Error::NeedsSession): guards (`get`, `get_public`), `migrate`. Do that on a
    /// `Tenancy` that is connected straight to the server. What `on_connect` sets is set in whichever session the pooler
    /// gives at that moment, and stays there for its other clients: set nothing there.
    Transaction,
}

/// What stands between us and the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// A pooler gives one session to several clients, and the application has not said so.
    pub(crate) is_shared: bool,
    /// A client finds the statements again that it prepared.
    pub(crate) carries_statements: bool,
}

impl Way {
    /// Finds out, on connections of its own.
    pub(crate) fn find(options: &Options) -> Result<Self, ConnectionError> {
        let is_session = options.mode == PoolerMode::Session;
        Ok(Self {
            is_shared: is_session && shares_sessions(&options.database_url)?,
            carries_statements: match options.prepared_statements {
                Some(chosen) => chosen,
                None => is_session || carries_prepared_statements(&options.database_url)?,
            },
        })
    }
}

impl TenantPool {
    /// Asks again, on two connections beside the pool, whether a pooler gives one session to several clients now: its
    /// configuration may have changed since the pool was made.
    pub(crate) fn finds_shared_sessions(&self) -> Result<bool, ConnectionError> {
        shares_sessions(&self.shelf().options.database_url)
    }
}

#[derive(QueryableByName)]
struct Backend {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Whether two clients are given the same session of the server while both are connected, or one client
/// several: then a pooler in transaction (or statement) mode stands in between.
///
/// The order finds it out whether the pooler hands out the session that came back last or takes turns. On a busy
/// pooler a question may come in between, but then sessions change all the more.
fn shares_sessions(database_url: &str) -> Result<bool, ConnectionError> {
    let mut clients = [
        PgConnection::establish(database_url)?,
        PgConnection::establish(database_url)?,
    ];
    let mut seen = [None, None];
    for client in [0, 1, 1, 0, 0, 1] {
        let asked = diesel::sql_query("SELECT pg_catalog.pg_backend_pid() AS pid");
        let Ok(Backend { pid }) = asked.get_result(&mut clients[client]) else {
            // Somebody ended the connection: nothing is proved.
            return Ok(false);
        };
        if seen[client].is_some_and(|before| before != pid) || seen[1 - client] == Some(pid) {
            return Ok(true);
        }
        seen[client] = Some(pid);
    }
    Ok(false)
}

/// Whether the pooler gives prepared statements names of its own, so that each client finds its own again on
/// whatever session it gets (PgBouncer does since 1.21). If the server knows the statement by Diesel's name, two
/// clients' would clash, or worse, one would run the other's.
fn carries_prepared_statements(database_url: &str) -> Result<bool, ConnectionError> {
    let mut client = PgConnection::establish(database_url)?;
    // In a transaction, so that both statements meet the same session.
    let carries = client.transaction(|client| {
        // Diesel prepares this one.
        let probe = diesel::select(1.into_sql::<Integer>());
        probe.get_result::<i32>(client)?;
        client.set_prepared_statement_cache_size(CacheSize::Disabled);
        let names = diesel::sql_query(
            "SELECT name FROM pg_catalog.pg_prepared_statements \
             WHERE name LIKE '\\_\\_diesel%' AND statement = 'SELECT $1'",
        )
        .load::<Statement>(client)?;
        for Statement { name } in &names {
            // Another client would find it otherwise.
            client.batch_execute(&format!("DEALLOCATE \"{}\"", name.replace('"', "\"\"")))?;
        }
        QueryResult::Ok(names.is_empty())
    });
    Ok(carries.unwrap_or(false))
}
