//! What the library keeps of schemas, asked and noted beside a run.

use super::LEDGERS;
use super::question::{AT_REST, AtRest};
use crate::migrate::ledgers::{LEDGER_TIMEOUT, LEDGERS_TIMEOUT, with_ledgers, within};
use crate::migrate::lock;
use crate::model::TenantModel;
use crate::records::digest_of;
use crate::retry::was_about_a_lock;
use crate::{Error, SchemaKind, Tenancy, TenantState};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::HashMap;
use tenant_core::{AppScope, SchemaName};

impl<T: TenantModel> Tenancy<T> {
    /// The library's table of schemas, or an empty one where it is not there yet.
    pub(crate) fn kept(&self, pg: &mut PgConnection) -> QueryResult<String> {
        Ok(match self.records().look(pg)? {
            true => self.records().table("schemas"),
            false => "(SELECT NULL::text AS name, NULL::text AS state, NULL::oid AS schema_oid, NULL::text AS digest, \
                      NULL::text AS error, NULL::integer AS attempts, NULL::text AS version WHERE false)"
                .to_owned(),
        })
    }

    /// Tenants that are neither served nor migrated, and their states.
    pub(crate) fn at_rest(&self) -> Result<HashMap<SchemaName, TenantState>, Error> {
        self.pool().ask_catalog("read which tenants are at rest", |pg| {
            let kept = self.kept(pg)?;
            let rows = format!("SELECT s.name, s.state, true AS exists FROM {kept} AS s WHERE {AT_REST}");
            let rows: Vec<AtRest> = diesel::sql_query(rows).load(pg)?;
            Ok(rows.into_iter().filter_map(AtRest::read).collect())
        })
    }

    /// Whether the library's row of the shared schema says that it is up to date.
    pub(crate) fn is_shared_current(&self, pg: &mut PgConnection) -> QueryResult<bool> {
        let kept = self.kept(pg)?;
        let digest = digest_of("$1");
        let found = diesel::sql_query(format!(
            "SELECT 1 FROM {kept} AS s JOIN pg_catalog.pg_namespace n ON n.nspname = s.name \
             WHERE s.name = $2 AND s.digest = {digest} AND s.schema_oid = n.oid AND s.state = 'ready'"
        ))
        .bind::<Text, _>(self.apps().versions(AppScope::Shared).join(","))
        .bind::<Text, _>(self.public_schema().as_str())
        .execute(pg)?;
        Ok(found == 1)
    }

    /// Notes what the ledgers of these schemas hold. Those that somebody is at, or has locked, are left to them. Returns those
    /// that were noted. `are_well` says that nothing is to be done in them, so that what had failed is ready again.
    pub(crate) fn note_ledgers(
        &self,
        schemas: &[(SchemaName, SchemaKind)],
        are_well: bool,
    ) -> Result<Vec<SchemaName>, Error> {
        let mut noted = Vec::new();
        for chunk in schemas.chunks(LEDGERS) {
            match self.note_at_once(chunk, are_well, LEDGERS_TIMEOUT) {
                Err(error) if was_about_a_lock(&error) => {
                    for one in chunk {
                        match self.note_at_once(std::slice::from_ref(one), are_well, LEDGER_TIMEOUT) {
                            Err(error) if was_about_a_lock(&error) => {}
                            result => noted.extend(result?),
                        }
                    }
                }
                result => noted.extend(result?),
            }
        }
        Ok(noted)
    }

    fn note_at_once(
        &self,
        schemas: &[(SchemaName, SchemaKind)],
        are_well: bool,
        limit: &str,
    ) -> Result<Vec<SchemaName>, Error> {
        self.pool().ask_catalog("note what ledgers hold", |pg| {
            within(pg, limit, |pg| {
                let mut message = String::new();
                let mut names = Vec::new();
                let free = lock::try_transaction_locks_shared(pg, schemas.iter().map(|(name, _)| name))?;
                let ledgers = with_ledgers(pg, schemas.iter().map(|(name, _)| name))?;
                for (schema, kind) in schemas {
                    if free.contains(schema.as_str()) && ledgers.contains(schema.as_str()) {
                        message += &self.records().note_ledger(schema, *kind, are_well);
                        message += ";\n";
                        names.push(schema.clone());
                    }
                }
                pg.batch_execute(&message)?;
                Ok(names)
            })
        })
    }
}
