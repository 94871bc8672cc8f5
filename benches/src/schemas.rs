//! [`Schemas`]: what the tenants of a database have, and how a thousand of them are made in no time: all of one schema in one
//! message, on several connections. They are not born, for births are measured elsewhere.

use crate::Result;
use crate::apps::customers::Client;
use crate::apps::{self, LEDGER, shop, workload};
use diesel::connection::SimpleConnection;
use diesel::migration::CREATE_MIGRATIONS_TABLE;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::thread;
use tenant_diesel::EmbeddedApp;

/// How many connections make the tenants.
const MAKERS: usize = 2;

/// A backend keeps what it knows of each table, so each makes but some tenants.
const TABLES_A_CONNECTION: usize = 500;

/// What a schema has: the tables, and the ledger that their migrations would have left, had Diesel run them.
#[derive(Clone, Debug)]
pub(crate) struct Schemas {
    migrations: String,
    versions: Vec<&'static str>,
    tables: usize,
}

impl Schemas {
    /// The shop, with rows in each table.
    pub(crate) fn shop() -> Self {
        Self {
            migrations: apps::UP.join(";"),
            versions: versions::<shop::App>(),
            tables: apps::TABLES,
        }
    }

    /// The same with empty tables, where it is about these alone: less than half the work.
    pub(crate) fn shop_without_rows() -> Self {
        let shop = Self::shop();
        let is_of_tables = |line: &&str| !line.starts_with("INSERT");
        let migrations: Vec<_> = shop.migrations.lines().filter(is_of_tables).collect();
        Self {
            migrations: migrations.join("\n"),
            ..shop
        }
    }

    /// The ledger of the shop and nothing else, where nobody looks at anything else.
    pub(crate) fn ledger_of_shop() -> Self {
        Self {
            migrations: "SELECT 1".to_owned(),
            tables: 1,
            ..Self::shop()
        }
    }

    /// The workload without its last migration.
    pub(crate) fn workload_before_last() -> Self {
        let files = workload::App::FILES;
        let files = &files[..files.len().saturating_sub(1)];
        let migrations: Vec<_> = files.iter().map(|file| file.up).collect();
        Self {
            migrations: migrations.join(";"),
            versions: files.iter().map(|file| file.version).collect(),
            tables: 10,
        }
    }

    /// Makes these tenants.
    pub(crate) fn make(&self, url: &str, tenants: &[Client]) -> Result {
        let share = tenants.len().div_ceil(MAKERS).max(1);
        thread::scope(|scope| {
            let makers: Vec<_> = tenants
                .chunks(share)
                .map(|tenants| scope.spawn(|| self.make_some(url, tenants)))
                .collect();
            makers
                .into_iter()
                .try_for_each(|maker| maker.join().map_err(|_| "a maker of tenants panicked")?)
        })
    }

    fn make_some(&self, url: &str, tenants: &[Client]) -> Result {
        let (migrations, ledger) = (&self.migrations, self.ledger());
        for tenants in tenants.chunks((TABLES_A_CONNECTION / self.tables).max(1)) {
            let mut conn = PgConnection::establish(url)?;
            for Client {
                id,
                schema_name,
                name,
            } in tenants
            {
                // Constraints at once: what rows were written to cannot be altered while a check of them is to come.
                conn.batch_execute(&format!(
                    "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; \
                     INSERT INTO public.clients (id, schema_name, name) VALUES ({id}, '{schema_name}', '{name}'); \
                     CREATE SCHEMA {schema_name}; SET LOCAL search_path TO {schema_name}; \
                     {migrations}; {ledger}; COMMIT"
                ))?;
            }
        }
        Ok(())
    }

    fn ledger(&self) -> String {
        let rows: Vec<_> = self
            .versions
            .iter()
            .map(|version| format!("('{version}')"))
            .collect();
        let rows = rows.join(", ");
        format!("{CREATE_MIGRATIONS_TABLE}; INSERT INTO {LEDGER} (version) VALUES {rows}")
    }
}

fn versions<A: EmbeddedApp>() -> Vec<&'static str> {
    A::FILES.iter().map(|file| file.version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::fifty;

    fn tables<A: EmbeddedApp>() -> usize {
        let files = A::FILES.iter();
        files.map(|file| file.up.matches("CREATE TABLE").count()).sum()
    }

    #[test]
    fn fifty_is_five_times_the_workload_in_as_many_migrations() {
        assert_eq!((tables::<workload::App>(), tables::<fifty::App>()), (10, 50));
        assert_eq!(versions::<workload::App>(), versions::<fifty::App>());
        let statements = |up: &str| up.matches(";\n").count();
        for (one, five) in workload::App::FILES.iter().zip(fifty::App::FILES) {
            assert_eq!(5 * statements(one.up), statements(five.up), "{}", one.name);
        }
    }

    #[test]
    fn the_migration_that_is_measured_is_not_made_before() {
        let schemas = Schemas::workload_before_last();
        assert_eq!(schemas.versions.len(), 8);
        assert!(!schemas.migrations.contains("weight") && !schemas.ledger().contains("20240109"));
    }

    #[test]
    fn tables_can_be_made_empty() {
        let empty = Schemas::shop_without_rows().migrations;
        assert!(!empty.contains("INSERT") && empty.contains("CREATE TABLE"));
    }
}
