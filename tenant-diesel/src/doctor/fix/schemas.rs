//! Schemas that are missing are made; spares that nobody waits for are dropped, if nothing is in them.

use super::{Outcome, is_still};
use crate::doctor::check::Check;
use crate::doctor::checks::rows::forgotten_spare_sql;
use crate::doctor::diagnosis::Fixed;
use crate::doctor::facts::{Facts, Sight};
use crate::migrate::{in_full, ledger};
use crate::model::TenantModel;
use crate::{Error, Tenancy, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_core::SchemaName;

impl<T: TenantModel> Tenancy<T> {
    /// Makes the schemas of rows that have none.
    pub(super) fn make_missing_schemas(&self) -> Result<Fixed, Error> {
        let report = self.create_missing_schemas()?;
        let mut fixed = Fixed::nothing(Check::RowWithoutSchema);
        for schema in report.created {
            fixed.note(&schema, was_made());
        }
        for (schema, state) in report.at_rest {
            fixed.note(
                &schema,
                Outcome::Left(format!("it is {state}, and would be served again")),
            );
        }
        for (schema, error) in report.failed {
            fixed.note(&schema, Outcome::Left(in_full(&error)));
        }
        Ok(fixed)
    }

    /// Makes one, which looks under the lock whether the row is there and the schema is not.
    pub(super) fn create_missing_schema(&self, schema: &SchemaName) -> Result<Outcome, Error> {
        let made = self
            .find_by_schema(schema)
            .and_then(|tenant| tenant.map_or(Ok(false), |tenant| self.create_schema_if_missing(&tenant)));
        match made {
            Ok(true) => Ok(was_made()),
            Ok(false) | Err(Error::TenantMissing { .. }) => Ok(Outcome::Well),
            Err(error @ (Error::PoolTimeout { .. } | Error::PoolStart { .. })) => Err(error),
            Err(error) => Ok(Outcome::Left(in_full(&error))),
        }
    }
}

fn was_made() -> Outcome {
    Outcome::Mended("its schema was made and migrated".to_owned())
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Drops a spare, unless a table in it has rows, whoever put them there. Its ledger has.
pub(super) fn drop_if_empty_and_forgotten(
    pg: &mut PgConnection,
    facts: &Facts<'_>,
    schema: &SchemaName,
) -> QueryResult<Outcome> {
    if !is_still(pg, &forgotten_spare_sql(facts), schema)? {
        return Ok(Outcome::Well);
    }
    let tables: Vec<Table> = diesel::sql_query(
        "SELECT c.relname::text AS name FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relname <> $2 AND c.relkind IN ('r', 'p', 'm', 'f') ORDER BY 1",
    )
    .bind::<Text, _>(schema.as_str())
    .bind::<Text, _>(ledger::TABLE)
    .load(pg)?;
    for Table { name } in tables {
        let one = format!(
            "SELECT 1 FROM {}.{} LIMIT 1",
            schema.quoted(),
            sql::identifier(&name)
        );
        if diesel::sql_query(one).execute(pg)? > 0 {
            return Ok(Outcome::Left(format!(
                "table `{name}` has rows: drop the schema by hand, if nobody needs them"
            )));
        }
    }
    diesel::sql_query(format!("DROP SCHEMA {} CASCADE", schema.quoted())).execute(pg)?;
    if facts.kept == Sight::Readable {
        super::records::remove(pg, facts, schema)?;
    }
    Ok(Outcome::Mended("it was empty, and was dropped".to_owned()))
}
