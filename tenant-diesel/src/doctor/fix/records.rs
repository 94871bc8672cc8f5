//! What the library keeps of schemas is made true again, and readable.

use super::{ACTION, Outcome, is_still, under_lock};
use crate::doctor::ask;
use crate::doctor::check::Check;
use crate::doctor::checks::records::{forgotten_record_sql, stale_state_sql};
use crate::doctor::checks::roles::library_grants_sql;
use crate::doctor::diagnosis::Fixed;
use crate::doctor::facts::Facts;
use crate::migrate::read_ledgers;
use crate::model::TenantModel;
use crate::provision::names;
use crate::{Error, SchemaKind, Tenancy, TenantState};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_core::SchemaName;

/// What is kept of a schema whose migrations were not all applied when their process ended.
const INTERRUPTED: &str = "the process that was at it ended before it was done";

/// Removes what is kept of a schema that is not there and not wanted.
pub(super) fn remove_if_forgotten(
    pg: &mut PgConnection,
    facts: &Facts<'_>,
    schema: &SchemaName,
) -> QueryResult<Outcome> {
    if !is_still(pg, &forgotten_record_sql(facts), schema)? {
        return Ok(Outcome::Well);
    }
    remove(pg, facts, schema)?;
    Ok(Outcome::Mended(
        "what the library kept of it was removed".to_owned(),
    ))
}

pub(super) fn remove(pg: &mut PgConnection, facts: &Facts<'_>, schema: &SchemaName) -> QueryResult<()> {
    facts.pool.paths().records.remove(pg, schema)
}

impl<T: TenantModel> Tenancy<T> {
    /// Ends states that nobody else will end.
    pub(super) fn mend_states(&self) -> Result<Fixed, Error> {
        let mut fixed = Fixed::nothing(Check::StaleState);
        let mut without_schema = Vec::new();
        {
            let mut lease = self.pool().workbench()?;
            let pg = &mut lease.pg;
            let failed = || Error::attempt(ACTION, self.public_schema());
            let facts = self.facts(pg).map_err(failed())?;
            for schema in ask::names(pg, &stale_state_sql(&facts)).map_err(failed())? {
                let outcome = under_lock(pg, &schema, |pg| {
                    if !is_still(pg, &stale_state_sql(&facts), &schema)? {
                        return Ok(Outcome::Well);
                    }
                    if T::AUTO_CREATE_SCHEMA && is_only_a_row(pg, &facts, &schema)? {
                        without_schema.push(schema.clone());
                        return Ok(Outcome::Well);
                    }
                    next_state(pg, &facts, &schema)
                });
                fixed.note(&schema, self.or_left(outcome)?);
            }
        }
        // Without the connection above, and with the lock taken anew: this is a birth's second half.
        for schema in without_schema {
            let outcome = self.create_missing_schema(&schema)?;
            fixed.note(&schema, outcome);
        }
        Ok(fixed)
    }

    /// Gives the rights to read who is served, as the migrations of the library do.
    pub(super) fn mend_grants(&self) -> Result<Fixed, Error> {
        let mut fixed = Fixed::nothing(Check::LibraryGrants);
        let mut lease = self.pool().workbench()?;
        let pg = &mut lease.pg;
        let facts = self
            .facts(pg)
            .map_err(Error::attempt(ACTION, self.public_schema()))?;
        let library = facts.registry.library();
        let query = library_grants_sql(&facts);
        let outcome = under_lock(pg, library, |pg| {
            if ask::objects(pg, &query)?.is_empty() {
                return Ok(Outcome::Well);
            }
            pg.batch_execute(&format!(
                "GRANT USAGE ON SCHEMA {} TO PUBLIC; GRANT SELECT ON {} TO PUBLIC",
                library.quoted(),
                facts.library_table("schemas")
            ))?;
            // Who may not grant is warned by the server, and not refused.
            Ok(match ask::objects(pg, &query)?.as_slice() {
                [] => Outcome::Mended("every role may read which tenants are served".to_owned()),
                _ => Outcome::Left(format!(
                    "role `{}` may not grant it: do it as `{}`",
                    facts.role, facts.migrator
                )),
            })
        });
        fixed.note(library, self.or_left(outcome)?);
        Ok(fixed)
    }
}

/// Whether a schema that was being made has a row, and was not made.
fn is_only_a_row(pg: &mut PgConnection, facts: &Facts<'_>, schema: &SchemaName) -> QueryResult<bool> {
    let record = facts.pool.paths().records.read(pg, schema)?;
    let is_provisioning = record.is_some_and(|record| record.state == TenantState::Provisioning);
    Ok(is_provisioning && has_row(pg, facts, schema)? && !names::schema_exists(pg, schema)?)
}

fn has_row(pg: &mut PgConnection, facts: &Facts<'_>, schema: &SchemaName) -> QueryResult<bool> {
    let question = format!("SELECT 1 FROM {} AS r WHERE r.name = $1", facts.rows());
    Ok(diesel::sql_query(question)
        .bind::<Text, _>(schema.as_str())
        .execute(pg)?
        > 0)
}

/// Moves a schema whose lock is ours to the state that its ledger says.
fn next_state(pg: &mut PgConnection, facts: &Facts<'_>, schema: &SchemaName) -> QueryResult<Outcome> {
    let left = |why: &str| Ok(Outcome::Left(why.to_owned()));
    let records = &facts.pool.paths().records;
    let Some(record) = records.read(pg, schema)? else {
        return Ok(Outcome::Well);
    };
    if record.state == TenantState::Dropping {
        return left("it was being dropped: call delete again");
    }
    if !names::schema_exists(pg, schema)? {
        return left(
            "its schema does not exist: call `create_schema`, or `migrate` for one of the configuration",
        );
    }
    if record.kind == SchemaKind::Tenant && !has_row(pg, facts, schema)? {
        return left("its row is gone: insert it, or drop the schema by hand");
    }
    let versions = match record.kind {
        SchemaKind::Shared => &facts.shared_versions,
        _ => &facts.tenant_versions,
    };
    let ledgers = read_ledgers(pg, std::iter::once(schema))?.versions;
    if let Some(applied) = ledgers.get(schema.as_str())
        && versions.iter().all(|version| applied.contains(version))
    {
        records.note(pg, schema, record.kind)?;
        return Ok(Outcome::Mended(format!(
            "it was {}, all its migrations are in its ledger, and it is ready",
            record.state
        )));
    }
    diesel::sql_query(format!(
        "UPDATE {} SET state = 'failed', error = $1, changed_at = pg_catalog.clock_timestamp() WHERE name = $2",
        records.table("schemas")
    ))
    .bind::<Text, _>(INTERRUPTED)
    .bind::<Text, _>(schema.as_str())
    .execute(pg)?;
    let what = if ledgers.contains_key(schema.as_str()) {
        "not all its migrations are in its ledger"
    } else {
        "it has no ledger that can be read"
    };
    Ok(Outcome::Mended(format!(
        "it was {}, {what}, and it is failed now: call `migrate`",
        record.state
    )))
}
