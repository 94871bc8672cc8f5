//! [`Routine`]: what is sent for every schema alike. A connection that serves hundreds of them prepares it once, because planning
//! it takes the server several times as long as doing it.
//!
//! A plan is of use only on the path that it was made on: each statement is sent where the path sees no table.

use crate::migrate::goal::Step;
use crate::migrate::ledger;
use crate::migrate::lock::KEY;
use crate::records::{Records, digest_of};
use crate::retry::ENGLISH;
use crate::{SchemaKind, sql};
use std::time::Duration;
use tenant_core::{SchemaName, SearchPath};

/// What the server says, in any language, where the lock of a schema is taken: it quotes what could not be read as
/// a number.
const LOCKED: &str = "tenant_diesel: somebody else migrates this schema";

/// The same where nothing is to be done in a schema, however it is.
const AT_REST: &str = "tenant_diesel: this schema is at rest";

/// The same where a ledger does not hold what is known of it.
const CHANGED: &str = "tenant_diesel: this ledger holds other versions";

/// A setting that is there as long as the transaction is: a file that ends it, and begins another one, takes it away.
const MARK: &str = "tenant_diesel.migration";

/// An error if it is gone.
pub(super) const IS_SAME: &str = "SELECT (CASE pg_catalog.current_setting('tenant_diesel.migration', true) WHEN 'here' \
     THEN '0' ELSE 'tenant_diesel: another transaction' END)::pg_catalog.int4";

const ENDED: &str = "tenant_diesel: another transaction";

/// What all names of prepared statements begin with: the server names one that it has forgotten, in any language.
const PREFIX: &str = "tenant_diesel_routine_";

/// Whether the statements are prepared on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Prepared {
    #[default]
    NotYet,
    Yes,
    /// A file may have had the server forget them. They are sent in full from then on: this connection does not last for long.
    NotAnyMore,
}

/// What is noted of a step.
#[derive(Debug)]
pub(super) struct Note<'n> {
    pub(super) schema: &'n SchemaName,
    pub(super) kind: SchemaKind,
    /// What the ledger holds then, in order.
    pub(super) versions: &'n [String],
    pub(super) step: Option<&'n Step>,
    /// Nothing is left to do in the schema.
    pub(super) is_last: bool,
    pub(super) run: Option<i64>,
    pub(super) attempts: u32,
    /// How long the schema took before this transaction.
    pub(super) before: Duration,
}

struct Statement {
    name: &'static str,
    types: &'static str,
    /// With `$1` and so on.
    text: String,
}

impl Statement {
    fn call(&self, is_prepared: bool, arguments: &[String]) -> String {
        match is_prepared {
            true => format!("EXECUTE {PREFIX}{}({})", self.name, arguments.join(", ")),
            false => in_full(&self.text, self.types, arguments),
        }
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Routine<'r> {
    pub(super) records: &'r Records,
    pub(super) is_prepared: bool,
}

impl Routine<'_> {
    /// The message that prepares it all.
    pub(super) fn prepare(self) -> String {
        let statements = [lock(), self.look_at(), self.note_step()];
        let statements = statements
            .map(|Statement { name, types, text }| format!("PREPARE {PREFIX}{name} ({types}) AS {text}"));
        statements.join("; ")
    }

    /// The lock, if nobody has it; an error where somebody has. Then as [`Self::look`].
    pub(super) fn lock(self, schema: &SchemaName) -> String {
        let lock = lock().call(self.is_prepared, &[sql::literal(&schema.folded())]);
        format!("{lock}; {}", self.look(schema))
    }

    /// An error where the schema is missing, and where nothing is to be done in it.
    pub(super) fn look(self, schema: &SchemaName) -> String {
        let names = [schema.as_str().to_owned(), schema.quoted()].map(|name| sql::literal(&name));
        self.look_at().call(self.is_prepared, &names)
    }

    /// Notes a step in the library's row of the schema and in that of the run.
    pub(super) fn note(self, note: &Note<'_>) -> String {
        let or_null = |text: Option<String>| text.unwrap_or_else(|| "NULL".to_owned());
        let steps: Vec<String> = note
            .step
            .iter()
            .map(|step| sql::literal(&step.to_string()))
            .collect();
        let arguments = [
            sql::literal(note.schema.as_str()),
            sql::literal(note.kind.as_str()),
            sql::literal(&note.schema.quoted()),
            sql::literal(&note.versions.join(",")),
            or_null(note.versions.last().map(|version| sql::literal(version))),
            note.is_last.to_string(),
            or_null(note.run.map(|run| run.to_string())),
            note.attempts.to_string(),
            format!("ARRAY[{}]::text[]", steps.join(", ")),
            note.before.as_millis().to_string(),
        ];
        let call = self.note_step().call(self.is_prepared, &arguments);
        match self.is_prepared {
            // Nothing needs the schema's path any more.
            true => format!("SET LOCAL search_path = ''; {call}"),
            false => call,
        }
    }

    fn look_at(self) -> Statement {
        Statement {
            name: "look",
            types: "text, text",
            text: format!(
                "SELECT $2::pg_catalog.regnamespace, {ENGLISH}, (SELECT (CASE WHEN state IN ('archived', 'dropping') \
                 THEN '{AT_REST}' ELSE '0' END)::pg_catalog.int4 FROM {} WHERE name = $1)",
                self.records.table("schemas")
            ),
        }
    }

    fn note_step(self) -> Statement {
        let now = "pg_catalog.clock_timestamp()";
        let (schemas, targets) = (self.records.table("schemas"), self.records.table("run_targets"));
        let digest = digest_of("$4");
        Statement {
            name: "note",
            types: "text, text, text, text, text, boolean, bigint, integer, text[], bigint",
            text: format!(
                "WITH noted AS (INSERT INTO {schemas} AS s (name, kind, state, schema_oid, digest, version, migrated_at) \
                 VALUES ($1, $2, 'ready', ($3::pg_catalog.regnamespace)::oid, {digest}, $5, {now}) \
                 ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, schema_oid = excluded.schema_oid, \
                 digest = excluded.digest, version = excluded.version, migrated_at = excluded.migrated_at, \
                 changed_at = excluded.migrated_at, error = CASE WHEN $6 THEN NULL ELSE s.error END, \
                 attempts = CASE WHEN $6 THEN 0 ELSE s.attempts END, \
                 state = CASE WHEN $6 AND s.state IN ('failed', 'migrating', 'provisioning') THEN 'ready' \
                 ELSE s.state END) \
                 UPDATE {targets} SET attempts = $8, applied = applied || $9, \
                 state = CASE WHEN $6 THEN 'done' ELSE state END, error = CASE WHEN $6 THEN NULL ELSE error END, \
                 finished_at = CASE WHEN $6 THEN {now} ELSE finished_at END, \
                 milliseconds = CASE WHEN $6 THEN \
                 (extract(epoch FROM {now} - pg_catalog.now()) * 1000)::bigint + $10 ELSE milliseconds END \
                 WHERE run = $7 AND schema = $1"
            ),
        }
    }
}

fn lock() -> Statement {
    Statement {
        name: "lock",
        types: "text",
        text: format!(
            "SELECT (CASE WHEN pg_catalog.pg_try_advisory_xact_lock({KEY}) THEN '0' ELSE '{LOCKED}' END)::pg_catalog.int4"
        ),
    }
}

/// The path and the limits, for the time of the transaction. `SET` costs the server a tenth of what `set_config` does.
pub(super) fn enter(path: &SearchPath, limits: [Option<Duration>; 2]) -> String {
    let schemas = path.schemas().iter().map(|schema| sql::constant(schema.as_str()));
    let path: Vec<String> = schemas.chain(["pg_temp".to_owned()]).collect();
    let mut message = format!(
        "SET LOCAL search_path TO {}; SET LOCAL {MARK} TO 'here'",
        path.join(", ")
    );
    for (name, limit) in ["lock_timeout", "statement_timeout"].iter().zip(limits) {
        if let Some(limit) = limit {
            // Zero would be no limit at all, and more than this is refused.
            let milliseconds = limit.as_millis().clamp(1, i32::MAX as u128);
            message += &format!("; SET LOCAL {name} TO {milliseconds}");
        }
    }
    message
}

/// An error where the ledger does not hold just these versions.
pub(super) fn expect(schema: &SchemaName, versions: impl Iterator<Item = String>) -> String {
    let versions: Vec<String> = versions.map(|version| sql::literal(&version)).collect();
    format!(
        "SELECT (CASE WHEN pg_catalog.count(*) = {} AND coalesce(pg_catalog.bool_and(version::text = ANY (ARRAY[{}]::text[])), true) \
         THEN '0' ELSE '{CHANGED}' END)::pg_catalog.int4 FROM {}",
        versions.len(),
        versions.join(", "),
        ledger::table(schema)
    )
}

/// A statement with its arguments in their places, each of its type.
fn in_full(text: &str, types: &str, arguments: &[String]) -> String {
    let types: Vec<&str> = types.split(", ").collect();
    let mut parts = text.split('$');
    let mut full = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let at = number.parse::<usize>().unwrap_or(0).wrapping_sub(1);
        if let (Some(argument), Some(r#type)) = (arguments.get(at), types.get(at)) {
            full += &format!("({argument})::{type}");
        }
        full += rest;
    }
    full
}

pub(super) fn is_locked(error: &diesel::result::Error) -> bool {
    says(error, LOCKED)
}

pub(super) fn is_at_rest(error: &diesel::result::Error) -> bool {
    says(error, AT_REST)
}

pub(super) fn has_ended(error: &diesel::result::Error) -> bool {
    says(error, ENDED)
}

/// Whether the server does not know a statement any more that was prepared.
pub(super) fn is_forgotten(error: &diesel::result::Error) -> bool {
    says(error, PREFIX)
}

fn says(error: &diesel::result::Error, text: &str) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, information) if information.message().contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_where_they_belong_whatever_they_are() {
        let arguments: Vec<String> = (1..=10).map(|i| format!("'${i}'")).collect();
        let types = "text, ".repeat(9) + "bigint";
        assert_eq!(
            in_full("SELECT $10, $1::int, '$'", &types, &arguments),
            "SELECT ('$10')::bigint, ('$1')::text::int, ''"
        );
        assert_eq!(in_full("SELECT 1", "text", &[]), "SELECT 1");
    }
}
