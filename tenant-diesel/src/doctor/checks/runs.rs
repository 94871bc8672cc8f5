//! Ledgers and runs of migrations.

use crate::doctor::ask::{Found, HELD_KEYS, Visit, Words, find};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::{Complaint, Concerned, Unseen};
use crate::doctor::facts::{Sight, array};
use crate::migrate::{ledger, lock, read_ledgers};
use crate::records::digest_of;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::collections::{HashMap, HashSet};
use tenant_core::SchemaName;

/// How many ledgers are read, of those that are not simply behind: this many at once, and so many times.
const LEDGERS: usize = 100;
const TIMES: usize = 5;

#[derive(QueryableByName)]
struct Candidate {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    is_readable: bool,
}

/// A ledger whose digest is that of the first versions, however many, holds no strange one. Only others are read.
pub(in crate::doctor) fn unknown_version(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let first = |scope: &str, versions: &[String]| {
        let scope = crate::sql::literal(scope);
        format!(
            "SELECT {scope}, {} FROM pg_catalog.unnest({}) AS u (version) UNION ALL SELECT {scope}, {}",
            digest_of("pg_catalog.string_agg(u.version, ',') OVER (ORDER BY u.version COLLATE \"C\")"),
            array(versions.iter().map(String::as_str)),
            digest_of("''")
        )
    };
    let mut known = vec![
        first("tenant", &v.facts.tenant_versions),
        first("shared", &v.facts.shared_versions),
    ];
    // No other scope starts like these.
    let own = v.facts.own_versions.iter();
    known.extend(own.map(|(name, versions)| first(&format!("static {name}"), versions)));
    let with_own = array(v.facts.own_versions.iter().map(|(name, _)| name.as_str()));
    let most = LEDGERS * TIMES;
    let mut candidates: Vec<Candidate> = diesel::sql_query(format!(
        "WITH known (scope, digest) AS ({}) SELECT w.name, w.kind, \
         pg_catalog.has_schema_privilege(w.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS is_readable \
         FROM (SELECT name, kind, oid FROM {} AS t UNION ALL SELECT n.nspname::text COLLATE \"C\", 'shared', n.oid \
         FROM pg_catalog.pg_namespace n WHERE n.nspname = {}) AS w \
         JOIN pg_catalog.pg_class c ON c.relnamespace = w.oid AND c.relname = '{}' \
         LEFT JOIN {} AS s ON s.name = w.name WHERE NOT EXISTS (SELECT FROM known k WHERE k.digest = s.digest \
         AND k.scope = CASE WHEN w.kind = 'shared' THEN 'shared' \
         WHEN w.kind = 'static' AND w.name = ANY ({with_own}) THEN 'static ' || w.name ELSE 'tenant' END) \
         ORDER BY w.name LIMIT {}",
        known.join(" UNION ALL "),
        v.facts.tenants(),
        crate::sql::literal(v.facts.registry.public().as_str()),
        ledger::TABLE,
        v.facts.kept(),
        most + 1
    ))
    .load(v.pg)?;
    let mut unseen = |reason: String| {
        v.unseen.push(Unseen {
            check: Check::UnknownVersion,
            reason,
        });
    };
    if candidates.len() > most {
        unseen(format!(
            "more than {most} ledgers are neither up to date nor simply behind: the others were not read"
        ));
        candidates.truncate(most);
    }
    let hidden = candidates
        .iter()
        .filter(|candidate| !candidate.is_readable)
        .count();
    if hidden > 0 {
        unseen(format!(
            "{hidden} ledgers may not be read by role `{}`",
            v.facts.role
        ));
    }
    let readable = candidates.into_iter().filter(|candidate| candidate.is_readable);
    let names: Vec<(SchemaName, String)> = readable
        .filter_map(|row| Some((SchemaName::quoted_any(&row.name).ok()?, row.kind)))
        .collect();
    let known = |versions: &[String]| versions.iter().cloned().collect::<HashSet<String>>();
    let (of_tenants, of_shared) = (known(&v.facts.tenant_versions), known(&v.facts.shared_versions));
    let own = v.facts.own_versions.iter();
    let of_statics: HashMap<&str, HashSet<String>> = own
        .map(|(name, versions)| (name.as_str(), known(versions)))
        .collect();
    let mut concerned = Vec::new();
    for chunk in names.chunks(LEDGERS) {
        let ledgers = read_ledgers(v.pg, chunk.iter().map(|(name, _)| name))?.versions;
        for (schema, kind) in chunk {
            let known = match kind.as_str() {
                "shared" => &of_shared,
                "static" => of_statics.get(schema.as_str()).unwrap_or(&of_tenants),
                _ => &of_tenants,
            };
            let applied = ledgers.get(schema.as_str()).into_iter().flatten();
            let mut strange: Vec<&str> = applied
                .filter(|version| !known.contains(*version))
                .map(String::as_str)
                .collect();
            strange.sort_unstable();
            if !strange.is_empty() {
                concerned.push(Concerned {
                    object: schema.to_string(),
                    schema: Some(schema.clone()),
                    detail: Some(strange.join(", ")),
                });
            }
        }
    }
    Ok(Found::of(concerned, false).complaint(
        Check::UnknownVersion,
        Words {
            one: "ledger has versions that no app of this application has for its schema",
            many: "ledgers have versions that no app of this application has for their schemas",
            advice: "a newer version of the application ran (deploy that), a migration was renamed or deleted (restore it, or \
                     correct the ledger and call `verify`), or a static tenant does not name an app any more (see `Tenancy`)",
            can_be_fixed: false,
        },
    ))
}

/// A run that is `running` is left alone while somebody holds the lock of a schema that it is to migrate, and for a minute
/// after its last sign of life.
pub(in crate::doctor) fn unfinished_run(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    if v.facts.runs == Sight::Absent {
        return Ok(None);
    }
    let targets = v.facts.library_table("run_targets");
    // Of names that are not ASCII the server cannot tell the key: any lock counts as theirs.
    let key = lock::KEY.replace("$1", "pg_catalog.lower(t.schema COLLATE \"C\")");
    let found = find(
        v.pg,
        &format!(
            "SELECT NULL, 'run ' || r.id || ' (' || r.what || ')', \
             CASE r.state WHEN 'running' THEN 'killed' ELSE r.state END || coalesce(', ' || r.reason, '') || ', ' || \
             c.failed || ' failed, ' || c.pending || ' pending, ' || c.done || ' done', false \
             FROM {runs} AS r, LATERAL (SELECT pg_catalog.count(*) FILTER (WHERE t.state = 'failed') AS failed, \
             pg_catalog.count(*) FILTER (WHERE t.state = 'pending') AS pending, \
             pg_catalog.count(*) FILTER (WHERE t.state = 'done') AS done, \
             pg_catalog.max(t.finished_at) AS last FROM {targets} AS t WHERE t.run = r.id) AS c \
             WHERE r.state <> 'done' AND (r.state <> 'running' OR (\
             greatest(r.started_at, c.last) < pg_catalog.now() - interval '1 minute' \
             AND NOT EXISTS (SELECT FROM {targets} AS t WHERE t.run = r.id AND t.state <> 'done' AND ({key} IN {HELD_KEYS} \
             OR (pg_catalog.octet_length(t.schema) <> pg_catalog.char_length(t.schema) AND EXISTS {HELD_KEYS})))))",
            runs = v.facts.library_table("runs")
        ),
    )?;
    Ok(found.complaint(
        Check::UnfinishedRun,
        Words {
            one: "run of migrations was killed, was stopped or failed, and was not resumed",
            many: "runs of migrations were killed, were stopped or failed, and were not resumed",
            advice: "ask for the same run again: it goes on where it ended",
            can_be_fixed: false,
        },
    ))
}
