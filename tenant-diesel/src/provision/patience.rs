//! [`LockWaits`]: how long the life cycle waits for locks that others hold, and make others wait.
//!
//! A foreign key from a tenant's table to a shared one is made under a lock that keeps writers away from the shared
//! table, and dropped under one that keeps readers away too. Whoever waits for such a lock stands in a queue, and
//! all who come later stand behind. So each wait is short, and is begun again after a pause in which the queue
//! moves on.

use super::isolation;
use crate::connection::PublicConnection;
use crate::retry::{Backoff, was_about_a_lock};
use crate::{Error, sql};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Oid, Text};
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

/// How long a birth, a new name or an end waits for a lock at a time, unless
/// [`TenancyBuilder::lock_timeout`](crate::TenancyBuilder::lock_timeout) says otherwise: others wait behind it as long
/// at most. Half a second, since a page that loads that much later is a slow page, not a broken one.
pub const DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// How long it goes on trying, unless [`TenancyBuilder::lock_patience`](crate::TenancyBuilder::lock_patience) says
/// otherwise: longer than most transactions last, and shorter than a proxy waits for an answer.
pub const DEFAULT_LIFE_CYCLE_LOCK_PATIENCE: Duration = Duration::from_secs(45);

/// The first and the longest pause between two attempts. Longer than a wait, so that those who stood behind it are
/// served before the next.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How long is waited for locks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockWaits {
    pub(crate) timeout: Duration,
    pub(crate) patience: Duration,
}

impl Default for LockWaits {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT,
            patience: DEFAULT_LIFE_CYCLE_LOCK_PATIENCE,
        }
    }
}

/// What is attempted, for an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempted<'a> {
    pub(super) action: &'static str,
    pub(super) schema: &'a SchemaName,
}

impl LockWaits {
    /// Runs a closure in a `READ COMMITTED` transaction (a savepoint of the open one) that waits for no lock for
    /// long, again and again while a lock is what it fails for.
    ///
    /// A failed attempt is rolled back, and gives back the locks that it took.
    pub(super) fn patiently<R>(
        &self,
        conn: &mut PublicConnection,
        what: Attempted<'_>,
        mut f: impl FnMut(&mut PublicConnection) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.repeat(
            conn,
            what,
            |conn| self.shortly(conn, what.schema, &mut f),
            |conn| conn.raw(),
        )
    }

    /// Runs a statement in a transaction of its own that waits for no lock for long, again and again likewise.
    pub(super) fn patiently_run(
        &self,
        pg: &mut PgConnection,
        what: Attempted<'_>,
        statement: &str,
    ) -> Result<(), Error> {
        // One message, which the server takes for one transaction.
        let message = format!("{}; {statement}", shortened(self.timeout));
        let run = |pg: &mut PgConnection| {
            pg.batch_execute(&message)
                .map_err(Error::attempt(what.action, what.schema))
        };
        self.repeat(pg, what, run, |pg| pg)
    }

    fn repeat<C, R>(
        &self,
        conn: &mut C,
        what: Attempted<'_>,
        mut attempt: impl FnMut(&mut C) -> Result<R, Error>,
        raw: impl FnOnce(&mut C) -> &mut PgConnection,
    ) -> Result<R, Error> {
        let start = Instant::now();
        let mut backoff = Backoff::new(PAUSES.0, PAUSES.1, self.patience);
        loop {
            let error = match attempt(conn) {
                Err(error) if was_about_a_lock(&error) => error,
                done => return done,
            };
            if !backoff.pause() {
                return Err(Error::LockNotFree {
                    action: what.action,
                    schema: what.schema.clone(),
                    waited: start.elapsed(),
                    attempts: backoff.attempts() + 1,
                    holders: holders(raw(conn), what.schema).unwrap_or_default(),
                    source: Box::new(error),
                });
            }
        }
    }

    fn shortly<R>(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        f: &mut impl FnMut(&mut PublicConnection) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let failed = || Error::attempt("limit the wait for locks", schema);
        isolation::read_committed(conn, |conn| {
            let before = diesel::sql_query(shortened(self.timeout));
            let before: Before = before.get_result(conn.raw()).map_err(failed())?;
            let value = f(conn)?;
            // The transaction may be the caller's, and go on.
            before.restore(conn.raw()).map_err(failed())?;
            Ok(value)
        })
    }
}

/// The settings as they were.
#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = Text)]
    lock_timeout: String,
    #[diesel(sql_type = Text)]
    lc_messages: String,
}

/// Limits the wait for locks until the transaction ends, and makes the server speak English where it may be asked to:
/// see [`crate::retry`].
fn shortened(timeout: Duration) -> String {
    // Zero would be no limit.
    let milliseconds = timeout.as_millis().clamp(1, i32::MAX as u128);
    format!(
        "SELECT s.*, pg_catalog.set_config('lock_timeout', '{milliseconds}', true), {} \
         FROM (SELECT pg_catalog.current_setting('lock_timeout') AS lock_timeout, \
         pg_catalog.current_setting('lc_messages') AS lc_messages OFFSET 0) AS s",
        if_superuser("pg_catalog.set_config('lc_messages', 'C', true)")
    )
}

fn if_superuser(expression: &str) -> String {
    format!(
        "CASE WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN {expression} END"
    )
}

impl Before {
    fn restore(&self, pg: &mut PgConnection) -> QueryResult<()> {
        let (lock_timeout, lc_messages) = (sql::literal(&self.lock_timeout), sql::literal(&self.lc_messages));
        let lc_messages = format!("pg_catalog.set_config('lc_messages', {lc_messages}, true)");
        pg.batch_execute(&format!(
            "SELECT pg_catalog.set_config('lock_timeout', {lock_timeout}, true), {}",
            if_superuser(&lc_messages)
        ))
    }
}

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Who holds locks on the tables of a schema, and on those of other schemas that these refer to: for an error, of
/// people who must find the session.
fn holders(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<Vec<String>> {
    let holders = diesel::sql_query(
        "SELECT DISTINCT pg_catalog.format('%s by process %s%s', l.relation::regclass, l.pid, \
         coalesce(' (' || a.state || ')', '')) AS text \
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid) \
         WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_catalog.pg_backend_pid() \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
         AND (l.relation = ANY ($1) OR l.relation IN (SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p') \
           AND relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $2))) ORDER BY 1 LIMIT 10",
    )
    .bind::<Array<Oid>, _>(referred_to(pg, schema)?)
    .bind::<Text, _>(schema.as_str())
    .load::<Holder>(pg)?;
    Ok(holders.into_iter().map(|holder| holder.text).collect())
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Oid)]
    oid: u32,
}

/// The tables that foreign keys of any tenant lead to: those of this schema are not there yet when a birth fails.
fn referred_to(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<Vec<u32>> {
    let tables = diesel::sql_query(
        "SELECT DISTINCT k.confrelid AS oid FROM pg_catalog.pg_constraint k \
         JOIN pg_catalog.pg_class r ON r.oid = k.conrelid JOIN pg_catalog.pg_class f ON f.oid = k.confrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace \
         WHERE k.contype = 'f' AND r.relnamespace <> f.relnamespace AND n.nspname <> $1",
    )
    .bind::<Text, _>(schema.as_str())
    .load::<Table>(pg)?;
    Ok(tables.into_iter().map(|table| table.oid).collect())
}
