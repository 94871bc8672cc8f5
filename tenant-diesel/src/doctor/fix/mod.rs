//! What is mended: only what loses no data, each schema under its lock, where it is looked at again.
//!
//! | module | owns |
//! |---|---|
//! | [`schemas`] | schemas that are missing, and spares that were forgotten |
//! | [`records`] | what the library keeps, and who may read it |

mod records;
mod schemas;

use super::ask;
use super::check::Check;
use super::diagnosis::{Complaint, Fixed, Treatment};
use super::facts::Facts;
use super::is_of_the_connection;
use crate::migrate::lock;
use crate::model::TenantModel;
use crate::{Error, Tenancy, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use tenant_core::SchemaName;

const ACTION: &str = "mend what the doctor named";

/// What became of one schema: what was done, or why nothing was.
#[derive(Debug)]
enum Outcome {
    Mended(String),
    Left(String),
    /// It was not wrong any more.
    Well,
}

/// How one schema is mended, in a transaction that has its lock.
type Mend = fn(&mut PgConnection, &Facts<'_>, &SchemaName) -> QueryResult<Outcome>;

impl<T: TenantModel> Tenancy<T> {
    /// Mends what a complaint is about: all of it, also what the complaint counts and does not list. Nothing that holds data is
    /// dropped or deleted.
    ///
    /// | check | what is done |
    /// |---|---|
    /// | [`RowWithoutSchema`](Check::RowWithoutSchema) | [`create_schema`](Self::create_schema), if the model says `auto_create_schema = true` |
    /// | [`ForgottenSpare`](Check::ForgottenSpare) | it is dropped, if no table but its ledger has rows |
    /// | [`ForgottenRecord`](Check::ForgottenRecord) | what the library keeps of the schema is removed |
    /// | [`StaleState`](Check::StaleState) | `ready` where the ledger is complete, else `failed`, so that [`migrate`](Self::migrate) takes it up; a missing schema that was being made is made; what was being dropped is left |
    /// | [`LibraryGrants`](Check::LibraryGrants) | the rights that `migrate` gives are given again |
    ///
    /// Each schema is looked at again under its lock, so that two processes may do this at once, and doing it twice does
    /// nothing more. What somebody is at is left alone.
    ///
    /// ```
    /// # include!("../../docs/setup.rs");
    /// use tenant_diesel::Check;
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// tenancy.drop_schema(&acme)?;                            // somebody was in the wrong window
    /// let diagnosis = tenancy.doctor()?;
    /// for complaint in diagnosis.fixable() {
    ///     println!("{}", tenancy.fix(complaint)?);
    /// }
    /// assert!(tenancy.schema_exists(&acme.schema_name)?);
    /// assert!(tenancy.doctor()?.complaint(Check::RowWithoutSchema).is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSafeFix`] for every other check; [`Error::PoolTimeout`], or a connection that was lost. Where one schema
    /// could not be mended, [`Fixed::left`] says why, and the others are.
    pub fn fix(&self, complaint: &Complaint) -> Result<Fixed, Error> {
        match complaint.check {
            Check::RowWithoutSchema if T::AUTO_CREATE_SCHEMA => self.make_missing_schemas(),
            Check::ForgottenSpare => {
                self.mend(complaint.check, ask_spares, schemas::drop_if_empty_and_forgotten)
            }
            Check::ForgottenRecord => self.mend(complaint.check, ask_records, records::remove_if_forgotten),
            Check::StaleState => self.mend_states(),
            Check::LibraryGrants => self.mend_grants(),
            check => Err(Error::NoSafeFix {
                check,
                advice: complaint.advice.clone(),
            }),
        }
    }

    /// Mends the schemas that a query names, one by one.
    fn mend(&self, check: Check, query: fn(&Facts<'_>) -> String, mend: Mend) -> Result<Fixed, Error> {
        let mut fixed = Fixed::nothing(check);
        let mut lease = self.pool().workbench()?;
        let pg = &mut lease.pg;
        let facts = self.facts(pg).map_err(self.failed())?;
        for schema in ask::names(pg, &query(&facts)).map_err(self.failed())? {
            let outcome = under_lock(pg, &schema, |pg| mend(pg, &facts, &schema));
            fixed.note(&schema, self.or_left(outcome)?);
        }
        Ok(fixed)
    }

    fn failed(&self) -> impl FnOnce(diesel::result::Error) -> Error + use<'_, T> {
        Error::attempt(ACTION, self.public_schema())
    }

    /// What the server refuses is left as it is; a lost connection ends everything.
    fn or_left(&self, outcome: QueryResult<Outcome>) -> Result<Outcome, Error> {
        match outcome {
            Err(error) if is_of_the_connection(&error) => Err(self.failed()(error)),
            Err(error) => Ok(Outcome::Left(error.to_string())),
            Ok(outcome) => Ok(outcome),
        }
    }
}

fn ask_spares(facts: &Facts<'_>) -> String {
    super::checks::rows::forgotten_spare_sql(facts)
}

fn ask_records(facts: &Facts<'_>) -> String {
    super::checks::records::forgotten_record_sql(facts)
}

/// In a transaction that has the lock of the schema alone, if nobody else has it.
fn under_lock(
    pg: &mut PgConnection,
    schema: &SchemaName,
    mend: impl FnOnce(&mut PgConnection) -> QueryResult<Outcome>,
) -> QueryResult<Outcome> {
    pg.transaction(|pg| {
        if lock::try_transaction_lock(pg, schema)? {
            mend(pg)
        } else {
            Ok(Outcome::Left("somebody is at it".to_owned()))
        }
    })
}

/// Whether a query still names the schema.
fn is_still(pg: &mut PgConnection, query: &str, schema: &SchemaName) -> QueryResult<bool> {
    let narrowed = format!(
        "SELECT * FROM ({query}) AS one (schema, object, detail, is_grave) WHERE one.schema = {}",
        sql::literal(schema.as_str())
    );
    Ok(!ask::objects(pg, &narrowed)?.is_empty())
}

impl Fixed {
    fn note(&mut self, object: &SchemaName, outcome: Outcome) {
        let list = match &outcome {
            Outcome::Mended(_) => &mut self.mended,
            Outcome::Left(_) => &mut self.left,
            Outcome::Well => return,
        };
        if let Outcome::Mended(what) | Outcome::Left(what) = outcome {
            list.push(Treatment {
                object: object.to_string(),
                what,
            });
        }
    }
}
