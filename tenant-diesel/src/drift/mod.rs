//! Drift: tenants to which the same migrations were applied, and which are not alike all the same, because somebody changed one
//! by hand, or a migration did not do everywhere what it did elsewhere.
//!
//! | module | owns |
//! |---|---|
//! | [`catalog`] | what the server is asked: fingerprints of many schemas by one query, the objects of one |
//! | [`reader`] | any number of schemas, some of which may vanish meanwhile |
//! | [`groups`] | who is alike, and who differs in what |
//! | [`fingerprint`], [`report`], [`display`] | what people get |

mod catalog;
mod display;
mod fingerprint;
mod groups;
mod reader;
mod report;

pub use fingerprint::Fingerprint;
#[doc(hidden)]
pub use reader::fingerprints_by;
pub use report::{DriftGroup, DriftReport, ObjectDifference, UnreadSchema, VersionDrift};

use crate::model::TenantModel;
use crate::{Error, Tenancy};
use catalog::{Fingerprinted, fingerprints, objects};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use groups::Groups;
use tenant_core::SchemaName;

/// How many schemas one connection reads before it is closed: a backend keeps what it learnt of each table, 100 kB for a tenant
/// of twenty.
const SCHEMAS_PER_CONNECTION: usize = 500;

/// How many schemas of a group are tried as its example, where they vanish meanwhile.
const EXAMPLES: usize = 3;

const ACTION: &str = "compare the schemas of tenants";

impl<T: TenantModel> Tenancy<T> {
    /// Compares the structure of all tenants: each with those to which the same migrations were applied. What most of them have is
    /// what the others should have. Nothing is changed.
    ///
    /// Compared are tables, columns, defaults, constraints, indexes, triggers, rules, policies, views, sequences, functions,
    /// aggregates, types, domains, extended statistics, and of rarer kinds that they are there. Not compared are rows, where
    /// sequences stand, the order of columns, in which order things were created, owners, grants, comments, storage parameters of
    /// tables, members of extensions, and the ledger. The name of a tenant's own schema is no difference wherever it stands for
    /// the schema; in the text of a function it is one where no object of the schema follows it.
    ///
    /// The server computes a fingerprint for each schema, 50 schemas by one query, however many tables they have, and only these
    /// travel; then the objects of one schema for each group that differs. Memory grows by the names of the tenants. While a query
    /// runs, tables that views read and the ledgers of its schemas cannot be dropped or altered. 2,000 tenants of 20 tables take ten
    /// seconds on one connection of a machine with two cores, where one query per tenant takes 29 (`benches/README.md`, case 9).
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// for name in ["acme", "globex", "initech"] {
    ///     tenancy.create(new_client(name)?)?;
    /// }
    /// let globex = tenancy.find_by_schema(&"globex".parse()?)?.ok_or("globex is gone")?;
    /// tenancy.with_tenant(&globex, |conn| {                   // somebody was in a hurry
    ///     diesel::sql_query("CREATE INDEX tasks_done ON tasks (done)").execute(conn)
    /// })?;
    /// let report = tenancy.drift()?;
    /// assert!(report.has_drift());
    /// assert!(report.to_string().starts_with(
    ///     "1 of 3 tenants at 20260101000000 differs from acme: globex\n  index tasks_done: not expected"
    /// ));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::PublicNotMigrated`], [`Error::PoolTimeout`], or a connection that was lost. A schema that does not exist or
    /// cannot be read is in the report.
    pub fn drift(&self) -> Result<DriftReport, Error> {
        self.compare(self.names_of_tenants(), None)
    }

    /// The same with a schema that the others of its version should be like, such as the one that new tenants are copied
    /// from. It need not be a tenant's.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// tenancy.create(new_client("acme")?)?;
    /// tenancy.create(new_client("globex")?)?;
    /// assert!(!tenancy.drift_from(&"globex".parse()?)?.has_drift());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tenancy::drift`]; and [`Error::SchemaMissing`] where the given schema does not exist.
    pub fn drift_from(&self, reference: &SchemaName) -> Result<DriftReport, Error> {
        self.compare(self.names_of_tenants(), Some(reference))
    }

    /// The same among the given schemas, which need not be tenants'.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// let globex = tenancy.create(new_client("globex")?)?;
    /// let report = tenancy.drift_among([acme.schema_name, globex.schema_name, "typo".parse()?])?;
    /// assert_eq!((report.schemas(), report.has_drift()), (2, false));
    /// assert_eq!(report.missing, ["typo".parse()?]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tenancy::drift`], but for the table of tenants, which is not read.
    pub fn drift_among(&self, schemas: impl IntoIterator<Item = SchemaName>) -> Result<DriftReport, Error> {
        self.compare(schemas.into_iter().map(Ok), None)
    }

    fn compare(
        &self,
        schemas: impl Iterator<Item = Result<SchemaName, Error>>,
        reference: Option<&SchemaName>,
    ) -> Result<DriftReport, Error> {
        let reference = reference.map(|schema| self.reference(schema)).transpose()?;
        let (mut schemas, mut groups) = (schemas, Groups::default());
        loop {
            // No connection is held while more names are fetched: there may be only one.
            let some: Vec<SchemaName> = schemas
                .by_ref()
                .take(SCHEMAS_PER_CONNECTION)
                .collect::<Result<_, _>>()?;
            if some.is_empty() {
                break;
            }
            groups.add(
                self.pool()
                    .ask_catalog_and_close(ACTION, |pg| reader::read(pg, &some))?,
            );
        }
        let mut report = groups.into_report(reference.as_ref());
        if report.has_drift() {
            self.pool()
                .ask_catalog_and_close(ACTION, |pg| explain(pg, &mut report))?;
        }
        Ok(report)
    }

    fn reference(&self, schema: &SchemaName) -> Result<Fingerprinted, Error> {
        let read = self
            .pool()
            .ask_catalog(ACTION, |pg| fingerprints(pg, std::slice::from_ref(schema)))?;
        match read.into_iter().next() {
            Some(read) if read.fingerprint.is_some() => Ok(read),
            Some(_) => Err(Error::Attempt {
                action: ACTION,
                schema: schema.clone(),
                source: diesel::result::Error::QueryBuilderError(reader::NO_RIGHT.into()),
            }),
            None => Err(Error::SchemaMissing {
                schema: schema.clone(),
            }),
        }
    }
}

/// Finds out in what the groups differ. What vanishes meanwhile is passed over.
fn explain(pg: &mut PgConnection, report: &mut DriftReport) -> QueryResult<()> {
    for version in &mut report.versions {
        if version.drifted.is_empty() {
            continue;
        }
        let Some(expected) = reader::unless_it_vanished(objects(pg, &version.example))? else {
            continue;
        };
        for group in &mut version.drifted {
            for schema in group.schemas.iter().take(EXAMPLES) {
                if let Some(found) = reader::unless_it_vanished(objects(pg, schema))? {
                    group.differences = groups::differences(expected.clone(), found);
                    break;
                }
            }
        }
    }
    Ok(())
}
