//! The rows of a run, by which it is resumed: what was asked for, and what became of each schema.

use super::Records;
use crate::directory::Notice;
use crate::migrate::SchemaReport;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use tenant_core::SchemaName;

/// How many finished runs are kept.
const RUNS_KEPT: i64 = 50;

/// The key of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunId(pub(crate) i64);

/// A run that was begun, or joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) id: RunId,
    /// It was unfinished: killed, stopped or failed, or another process is at it.
    pub(crate) is_resumed: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
    Stopped,
}

#[derive(QueryableByName)]
struct BegunRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    is_resumed: bool,
}

#[derive(QueryableByName)]
struct Target {
    #[diesel(sql_type = Text)]
    schema: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Array<Text>)]
    versions: Vec<String>,
}

/// What is kept of one schema of an unfinished run.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) is_done: bool,
    /// What was to be done, where doing it again would do more.
    pub(crate) versions: Vec<String>,
}

impl Records {
    /// Begins a run, or joins the unfinished one that was asked for in the same words. One that does more where it is done
    /// twice (`is_cumulative`) is joined only if it left something to do, and nothing else was begun since.
    pub(crate) fn begin_run(
        &self,
        pg: &mut PgConnection,
        what: &str,
        reason: Option<&str>,
        is_cumulative: bool,
    ) -> QueryResult<Begun> {
        let (runs, targets) = (self.table("runs"), self.table("run_targets"));
        if is_cumulative {
            diesel::sql_query(format!(
                "UPDATE {runs} AS r SET state = 'superseded', finished_at = pg_catalog.now() \
                 WHERE r.what = $1 AND r.state IN ('running', 'failed', 'stopped') \
                 AND (EXISTS (SELECT FROM {runs} AS later WHERE later.id > r.id) \
                 OR NOT EXISTS (SELECT FROM {targets} AS t WHERE t.run = r.id AND t.state <> 'done'))"
            ))
            .bind::<Text, _>(what)
            .execute(pg)?;
        }
        diesel::sql_query(format!(
            "DELETE FROM {runs} WHERE state IN ('done', 'superseded') \
             AND id < (SELECT pg_catalog.max(id) FROM {runs}) - {RUNS_KEPT}"
        ))
        .execute(pg)?;
        let row = diesel::sql_query(format!(
            "INSERT INTO {runs} AS r (what, state, reason) VALUES ($1, 'running', $2) \
             ON CONFLICT (what) WHERE state IN ('running', 'failed', 'stopped') DO UPDATE SET state = 'running', finished_at = NULL \
             RETURNING id, (xmax <> 0) AS is_resumed"
        ))
        .bind::<Text, _>(what)
        .bind::<Nullable<Text>, _>(reason)
        .get_result::<BegunRow>(pg)?;
        Ok(Begun {
            id: RunId(row.id),
            is_resumed: row.is_resumed,
        })
    }

    /// What is kept of the schemas of a run.
    pub(crate) fn targets(&self, pg: &mut PgConnection, run: RunId) -> QueryResult<Vec<(SchemaName, Kept)>> {
        let rows: Vec<Target> = diesel::sql_query(format!(
            "SELECT schema, state, versions FROM {} WHERE run = $1 ORDER BY schema",
            self.table("run_targets")
        ))
        .bind::<BigInt, _>(run.0)
        .load(pg)?;
        let rows = rows.into_iter().filter_map(|row| {
            let kept = Kept {
                is_done: row.state == "done",
                versions: row.versions,
            };
            // What is no name can be no schema of ours.
            Some((SchemaName::quoted_any(&row.schema).ok()?, kept))
        });
        Ok(rows.collect())
    }

    /// The schemas in which an unfinished run of this kind reverted a migration that it was to apply again, and the migration's
    /// version. None where another run was begun since, which does what it does.
    pub(crate) fn half_redone(
        &self,
        pg: &mut PgConnection,
        what: &str,
    ) -> QueryResult<Vec<(SchemaName, String)>> {
        let rows: Vec<Target> = diesel::sql_query(format!(
            "SELECT t.schema, t.state, t.versions FROM {targets} AS t JOIN {runs} AS r ON r.id = t.run \
             WHERE r.what = $1 AND r.state IN ('running', 'failed', 'stopped') AND t.state <> 'done' \
             AND NOT EXISTS (SELECT FROM {runs} AS later WHERE later.id > r.id) \
             AND t.applied[pg_catalog.cardinality(t.applied)] = 'revert ' || t.versions[1] ORDER BY t.schema",
            targets = self.table("run_targets"),
            runs = self.table("runs")
        ))
        .bind::<Text, _>(what)
        .load(pg)?;
        let rows = rows.into_iter().filter_map(|mut row| {
            let version = row.versions.pop()?;
            Some((SchemaName::quoted_any(&row.schema).ok()?, version))
        });
        Ok(rows.collect())
    }

    /// Notes what is to be done, before any of it is. What is there stays as it is, but for failures, which are to be
    /// done again. In the order of names, so that two who do this at once do not wait for each other in a circle.
    pub(crate) fn add_targets(
        &self,
        pg: &mut PgConnection,
        run: RunId,
        targets: &[(&SchemaName, Vec<String>)],
    ) -> QueryResult<()> {
        let table = self.table("run_targets");
        for chunk in targets.chunks(1000) {
            let names: Vec<&str> = chunk.iter().map(|(name, _)| name.as_str()).collect();
            let versions: Vec<String> = chunk.iter().map(|(_, versions)| versions.join(",")).collect();
            diesel::sql_query(format!(
                "INSERT INTO {table} AS t (run, schema, state, versions) \
                 SELECT $1, name, 'pending', pg_catalog.string_to_array(versions, ',') \
                 FROM ROWS FROM (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[])) AS u (name, versions) \
                 ORDER BY name ON CONFLICT (run, schema) DO UPDATE SET state = 'pending' WHERE t.state <> 'done'"
            ))
            .bind::<BigInt, _>(run.0)
            .bind::<Array<Text>, _>(names)
            .bind::<Array<Text>, _>(versions)
            .execute(pg)?;
        }
        Ok(())
    }

    /// A schema of a run has another name.
    pub(crate) fn rename_target(
        &self,
        pg: &mut PgConnection,
        run: RunId,
        old: &SchemaName,
        new: &SchemaName,
    ) -> QueryResult<()> {
        diesel::sql_query(format!(
            "UPDATE {targets} SET schema = $1 WHERE run = $2 AND schema = $3 \
             AND NOT EXISTS (SELECT FROM {targets} AS t WHERE t.run = $2 AND t.schema = $1)",
            targets = self.table("run_targets")
        ))
        .bind::<Text, _>(new.as_str())
        .bind::<BigInt, _>(run.0)
        .bind::<Text, _>(old.as_str())
        .execute(pg)?;
        Ok(())
    }

    /// A schema has another name, which unfinished runs are to find it by: a resumed one would else do again what is done.
    /// What they noted of an older schema of that name is about that.
    pub(crate) fn rename_targets(
        &self,
        pg: &mut PgConnection,
        old: &SchemaName,
        new: &SchemaName,
    ) -> QueryResult<()> {
        let (runs, targets) = (self.table("runs"), self.table("run_targets"));
        let unfinished =
            format!("run IN (SELECT id FROM {runs} WHERE state IN ('running', 'failed', 'stopped'))");
        diesel::sql_query(format!(
            "DELETE FROM {targets} WHERE schema = $1 AND {unfinished}"
        ))
        .bind::<Text, _>(new.as_str())
        .execute(pg)?;
        diesel::sql_query(format!(
            "UPDATE {targets} SET schema = $1 WHERE schema = $2 AND {unfinished}"
        ))
        .bind::<Text, _>(new.as_str())
        .bind::<Text, _>(old.as_str())
        .execute(pg)?;
        Ok(())
    }

    /// Notes that a schema failed.
    pub(crate) fn target_failed(
        &self,
        pg: &mut PgConnection,
        run: RunId,
        report: &SchemaReport,
        error: &str,
    ) -> QueryResult<()> {
        diesel::sql_query(format!(
            "UPDATE {} SET state = 'failed', error = $1, attempts = {}, milliseconds = {}, \
             finished_at = pg_catalog.clock_timestamp() WHERE run = $2 AND schema = $3",
            self.table("run_targets"),
            report.attempts,
            report.duration.as_millis()
        ))
        .bind::<Text, _>(error)
        .bind::<BigInt, _>(run.0)
        .bind::<Text, _>(report.schema.as_str())
        .execute(pg)?;
        Ok(())
    }

    /// Whether a schema is done, for what can be done twice.
    pub(crate) fn is_target_done(
        &self,
        pg: &mut PgConnection,
        run: RunId,
        schema: &SchemaName,
    ) -> QueryResult<bool> {
        let found = diesel::sql_query(format!(
            "SELECT 1 FROM {} WHERE run = $1 AND schema = $2 AND state = 'done'",
            self.table("run_targets")
        ))
        .bind::<BigInt, _>(run.0)
        .bind::<Text, _>(schema.as_str())
        .execute(pg)?;
        Ok(found == 1)
    }

    /// Nothing is left to do of what was asked for: an unfinished run of it, whose process was killed after its last
    /// schema, is done.
    pub(crate) fn end_unfinished(&self, pg: &mut PgConnection, what: &str) -> QueryResult<()> {
        diesel::sql_query(format!(
            "UPDATE {} SET state = 'done', finished_at = pg_catalog.now() \
             WHERE what = $1 AND state IN ('running', 'failed', 'stopped')",
            self.table("runs")
        ))
        .bind::<Text, _>(what)
        .execute(pg)?;
        Ok(())
    }

    /// Ends a run.
    pub(crate) fn end_run(
        &self,
        pg: &mut PgConnection,
        run: RunId,
        end: End,
        reason: Option<&str>,
    ) -> QueryResult<()> {
        let state = match end {
            End::Done => "done",
            End::Failed => "failed",
            End::Stopped => "stopped",
        };
        diesel::sql_query(format!(
            "UPDATE {} SET state = $1, reason = coalesce($2, reason), finished_at = pg_catalog.now() WHERE id = $3",
            self.table("runs")
        ))
        .bind::<Text, _>(state)
        .bind::<Nullable<Text>, _>(reason)
        .bind::<BigInt, _>(run.0)
        .execute(pg)?;
        // Once for all schemas: to tell of each would cost a run over thousands of them dearly, for who notifies waits for
        // whoever does too until that one's transaction is written.
        let notices = [Notice::Versions];
        self.tell(&notices);
        self.notify(pg, &notices)
    }
}
