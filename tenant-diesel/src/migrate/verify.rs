//! `verify`: the ledgers, compared with what the library keeps of them.

use super::goal::MigrationTarget;
use super::selection::Selection;
use super::survey::Which;
use crate::model::TenantModel;
use crate::{Error, SchemaKind, Tenancy};
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text};
use std::collections::HashMap;
use std::fmt;
use tenant_core::SchemaName;

/// What [`Tenancy::verify`] found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VerifyReport {
    /// How many schemas were looked at.
    pub checked: usize,
    /// Those that were changed behind the library's back, and are noted as they are now.
    pub mended: Vec<Mended>,
    /// Tenants without a schema.
    pub missing: Vec<SchemaName>,
}

/// A schema that was not as the library had noted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Mended {
    /// The schema.
    pub schema: SchemaName,
    /// The last version that was noted. None where nothing was.
    pub noted: Option<String>,
    /// The last version in its ledger. None where it is empty, or missing.
    pub found: Option<String>,
}

impl VerifyReport {
    /// Whether everything was as it was noted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.mended.is_empty() && self.missing.is_empty()
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} schemas checked, {} mended",
            self.checked,
            self.mended.len()
        )?;
        for Mended { schema, noted, found } in &self.mended {
            let or_none = |version: &Option<String>| version.clone().unwrap_or_else(|| "nothing".to_owned());
            write!(
                f,
                "\n  `{schema}`: {} was noted, {} is in its ledger",
                or_none(noted),
                or_none(found)
            )?;
        }
        for schema in &self.missing {
            write!(f, "\n  `{schema}` has no schema")?;
        }
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Noted {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    digest: String,
    #[diesel(sql_type = Nullable<Text>)]
    version: Option<String>,
}

type AllNoted = HashMap<String, (String, Option<String>)>;

impl<T: TenantModel> Tenancy<T> {
    /// Reads the ledger of every schema, and notes what it holds where the library had noted something else: after
    /// `diesel migration run` by hand, a restored dump, a dropped schema. What it mends, it names. Nothing is migrated.
    ///
    /// A restored or dropped schema is noticed at every start-up; a ledger that was changed in place only here, for
    /// start-up does not read ledgers.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, database) = tenancy()?;
    /// tenancy.create(new_client("acme")?)?;
    /// assert!(tenancy.verify()?.is_clean());
    /// // Somebody else's hands:
    /// # let by_hand = |sql: &str| diesel::sql_query(sql.to_owned()).execute(&mut PgConnection::establish(database.url()).unwrap());
    /// by_hand("DROP TABLE acme.tasks")?;
    /// by_hand("DELETE FROM acme.__diesel_schema_migrations")?;
    /// assert_eq!(tenancy.verify()?.mended[0].schema.as_str(), "acme");
    /// assert_eq!(tenancy.migrate()?.applied(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::PoolTimeout`], the failure of a question.
    pub fn verify(&self) -> Result<VerifyReport, Error> {
        self.verify_selected(&Selection::all())
    }

    pub(crate) fn verify_selected(&self, selection: &Selection) -> Result<VerifyReport, Error> {
        self.pool()
            .ask_catalog("prepare what the library keeps", |pg| self.records().ensure(pg))?;
        let survey = self.survey(selection, &MigrationTarget::Latest, Which::All)?;
        let behind = survey
            .behind
            .into_iter()
            .map(|behind| (behind.schema, behind.kind));
        let mut behind: Vec<(SchemaName, SchemaKind)> = behind.collect();
        let well = survey.to_note;
        if selection.includes(self.public_schema(), SchemaKind::Shared) {
            behind.push((self.public_schema().clone(), SchemaKind::Shared));
        }

        let mut report = VerifyReport {
            checked: well.len() + behind.len(),
            missing: survey.missing.into_iter().map(|(name, _)| name).collect(),
            ..VerifyReport::default()
        };

        let all = well.iter().chain(&behind);
        let mut names: Vec<SchemaName> = all.map(|(name, _)| name.clone()).collect();
        names.sort();

        let before = self.noted(&names)?;

        let mut with_ledger = self.note_ledgers(&well, true)?;
        with_ledger.extend(self.note_ledgers(&behind, false)?);
        self.forget_ledgers(names.iter().filter(|name| !with_ledger.contains(name)))?;
        let after = self.noted(&names)?;
        for schema in names {
            let (noted, found) = (before.get(schema.as_str()), after.get(schema.as_str()));
            if noted.map(|(digest, _)| digest) != found.map(|(digest, _)| digest) {
                let version =
                    |noted: Option<&(String, Option<String>)>| noted.and_then(|(_, version)| version.clone());
                report.mended.push(Mended {
                    noted: version(noted),
                    found: version(found),
                    schema,
                });
            }
        }
        Ok(report)
    }

    /// Notes that these schemas have no ledger, unless somebody is at them.
    fn forget_ledgers<'n>(&self, schemas: impl Iterator<Item = &'n SchemaName>) -> Result<(), Error> {
        let schemas: Vec<&SchemaName> = schemas.collect();
        if schemas.is_empty() {
            return Ok(());
        }
        self.pool().ask_catalog("note that ledgers are gone", |pg| {
            self.records().forget_ledgers(pg, &schemas)
        })
    }

    /// What is noted of these schemas: digest and last version.
    fn noted(&self, schemas: &[SchemaName]) -> Result<AllNoted, Error> {
        let names: Vec<&str> = schemas.iter().map(SchemaName::as_str).collect();
        let rows = self.pool().ask_catalog("read what is noted of schemas", |pg| {
            diesel::sql_query(format!(
                "SELECT name, digest, version FROM {} WHERE name = ANY ($1)",
                self.records().table("schemas")
            ))
            .bind::<Array<Text>, _>(names.clone())
            .load::<Noted>(pg)
        })?;
        Ok(rows
            .into_iter()
            .map(|row| (row.name, (row.digest, row.version)))
            .collect())
    }

    /// Notes what the ledger of one schema holds, where the library's tables are there.
    pub(crate) fn note_if_kept(&self, schema: &SchemaName, kind: SchemaKind) -> Result<(), Error> {
        if self.records().are_ready() {
            self.note_ledgers(&[(schema.clone(), kind)], true)?;
        }
        Ok(())
    }
}
