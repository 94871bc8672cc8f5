//! Schemas for all tenants that have none.

use crate::model::TenantModel;
use crate::tenancy::PAGE_SIZE;
use crate::{Error, Tenancy, TenantState};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use std::collections::{HashMap, HashSet};
use std::fmt;
use tenant_core::SchemaName;

/// What [`Tenancy::create_missing_schemas`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct MissingSchemas {
    /// The schemas that were created, in order.
    pub created: Vec<SchemaName>,
    /// How many tenants had theirs.
    pub existed: usize,
    /// Tenants without a schema that are archived, or are being dropped: they would be served again, and empty. Restore their
    /// data, or make a new schema with [`Tenancy::create_schema`].
    pub at_rest: Vec<(SchemaName, TenantState)>,
    /// The schemas that could not be created, and why. The shared schema is among them where the list of tenants
    /// could not be read to its end, and for each row that cannot be read.
    pub failed: Vec<(SchemaName, Error)>,
}

impl MissingSchemas {
    /// Whether a schema could not be created.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }
}

impl fmt::Display for MissingSchemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (created, failed) = (self.created.len(), self.failed.len());
        write!(f, "{created} created, {} existed, {failed} failed", self.existed)?;
        for (schema, error) in &self.failed {
            write!(f, "\n  `{schema}`: {error}")?;
        }
        for (schema, state) in &self.at_rest {
            write!(f, "\n  `{schema}` is {state}, and was passed over")?;
        }
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Existing {
    #[diesel(sql_type = Text)]
    name: String,
}

impl<T: TenantModel> Tenancy<T> {
    /// Creates and migrates the schema of every tenant that has none, one after the other, as
    /// [`Tenancy::create_schema`] does. One that fails does not keep the others from theirs. Archived tenants are passed over.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// tenancy.drop_schema(&acme)?;
    /// let report = tenancy.create_missing_schemas()?;
    /// assert_eq!(report.created, [acme.schema_name]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::PublicNotMigrated`] where the table of tenants is not there. Whatever else fails is in the report.
    pub fn create_missing_schemas(&self) -> Result<MissingSchemas, Error> {
        let mut report = MissingSchemas::default();
        let at_rest = self.at_rest()?;
        let mut tenants = self.tenants();
        loop {
            let mut page = Vec::new();
            let mut is_end = true;
            for tenant in tenants
                .by_ref()
                .take(usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX))
            {
                is_end = false;
                match tenant {
                    Ok(tenant) => page.push(tenant),
                    Err(error @ Error::PublicNotMigrated { .. }) => return Err(error),
                    Err(error) => report.failed.push((self.public_schema().clone(), error)),
                }
            }
            if is_end {
                return Ok(report);
            }
            self.create_missing_among(&page, &at_rest, &mut report)?;
        }
    }

    fn create_missing_among(
        &self,
        page: &[T],
        at_rest: &HashMap<SchemaName, TenantState>,
        report: &mut MissingSchemas,
    ) -> Result<(), Error> {
        let names: Vec<&str> = page.iter().map(|tenant| tenant.schema_name().as_str()).collect();
        let existing = self.pool().ask_catalog("look for schemas", |pg| {
            diesel::sql_query(
                "SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1)",
            )
            .bind::<Array<Text>, _>(&names)
            .load::<Existing>(pg)
        })?;
        let existing: HashSet<String> = existing.into_iter().map(|row| row.name).collect();
        for tenant in page {
            let schema = tenant.schema_name();
            if existing.contains(schema.as_str()) {
                report.existed += 1;
                continue;
            }
            if let Some(state @ (TenantState::Archived | TenantState::Dropping)) = at_rest.get(schema) {
                report.at_rest.push((schema.clone(), *state));
                continue;
            }
            match self.create_schema_if_missing(tenant) {
                Ok(true) => report.created.push(schema.clone()),
                Ok(false) => report.existed += 1,
                // Deleted meanwhile.
                Err(Error::TenantMissing { .. }) => {}
                Err(error) => report.failed.push((schema.clone(), error)),
            }
        }
        Ok(())
    }
}
