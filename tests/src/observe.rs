//! How tests wait for the server, and what they compare.

use crate::Fixture;
use std::error::Error;
use std::time::{Duration, Instant};
use tenant_diesel::TenantModel;

/// How long a test waits for something that must come.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until something is so, and fails if it does not come about.
///
/// # Panics
///
/// After half a minute.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An error with all its sources, as a log would hold it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl<T: TenantModel> Fixture<T> {
    /// Everything that a call could have changed, as the server has it: schemas, relations, rows of
    /// `public.clients`, rows of all ledgers, and locks that outlive a statement.
    pub fn everything(&self) -> Vec<String> {
        let versions = "SELECT nspname || query_to_xml(format('SELECT version FROM %I.__diesel_schema_migrations \
             ORDER BY 1', nspname), true, true, '') FROM pg_namespace n WHERE EXISTS (SELECT FROM pg_class \
             WHERE relnamespace = n.oid AND relname = '__diesel_schema_migrations')";
        // Not there before the first migration.
        let kept = "SELECT 'kept ' || query_to_xml('SELECT name, kind, state, version FROM tenancy.schemas \
             ORDER BY 1', true, true, '') WHERE to_regclass('tenancy.schemas') IS NOT NULL";
        let mut all = self.texts(&format!(
            "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' \
             UNION ALL SELECT 'relation ' || oid::regclass FROM pg_class \
               WHERE relnamespace::regnamespace::text !~ '^pg_' AND relkind IN ('r', 'i', 'S', 'v') \
             UNION ALL SELECT 'client ' || c::text FROM public.clients c \
             UNION ALL SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             UNION ALL {kept} UNION ALL {versions}"
        ));
        all.sort();
        all
    }

    /// The schemas that are not PostgreSQL's own, sorted by bytes.
    pub fn schemas(&self) -> Vec<String> {
        self.texts(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'tenancy') \
             ORDER BY nspname::text COLLATE \"C\"",
        )
    }

    /// The versions in the ledger of a schema, in order; none where it has no ledger.
    pub fn versions(&self, schema: &str) -> Vec<String> {
        if !self
            .tables(schema)
            .iter()
            .any(|table| table == "__diesel_schema_migrations")
        {
            return Vec::new();
        }
        let quoted = schema.replace('"', "\"\"");
        self.texts(&format!(
            "SELECT version FROM \"{quoted}\".__diesel_schema_migrations ORDER BY version"
        ))
    }

    /// How many sessions of this database wait for a lock.
    pub fn waiting(&self) -> i64 {
        self.count(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock'",
        )
    }

    /// How many advisory locks sessions of this database hold or want.
    pub fn advisory_locks(&self) -> i64 {
        self.count(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
    }
}
