//! Who is behind: one question to the library's own table, and the ledgers of those that it names.
//!
//! | module | owns |
//! |---|---|
//! | [`question`] | the question |
//! | [`lists`] | the versions that the application has for each schema |
//! | [`kept`] | what the library keeps, asked and noted beside a run |

mod kept;
mod lists;
mod question;

use super::goal::{Goal, MigrationTarget, Step};
use super::ledgers::{Ledgers, read_ledgers, with_ledgers};
use super::selection::Selection;
use crate::model::TenantModel;
use crate::records::digest_of;
use crate::{Error, SchemaKind, Tenancy, TenantState, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use lists::Lists;
use question::{Question, Row, known};
use std::collections::{BTreeSet, HashMap};
use tenant_core::{AppScope, SchemaName, ScopedTable};

/// How many ledgers are read at once: each takes a lock until the statement ends, and the server has room for some
/// thousands.
const LEDGERS: usize = 100;

/// What the application has, and where it is.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) behind: Vec<Behind>,
    pub(crate) up_to_date: usize,
    pub(crate) missing: Vec<(SchemaName, SchemaKind)>,
    pub(crate) at_rest: Vec<(SchemaName, TenantState)>,
    /// Rows of the table of tenants that hold no name, or one that no tenant can have.
    pub(crate) refused: Vec<(SchemaName, Error)>,
    /// The table of the tenant model is not there yet.
    pub(crate) has_no_table: bool,
    /// Versions in ledgers that the application does not have.
    pub(crate) unknown: Vec<(SchemaName, Vec<String>)>,
    /// Those whose ledger is as it should be, and whose row at the library is not.
    pub(crate) to_note: Vec<(SchemaName, SchemaKind)>,
}

impl Survey {
    /// In this schema a migration was reverted that is to be applied again, whatever its ledger says alone.
    pub(crate) fn redo_rest(&mut self, schema: &SchemaName, version: String) {
        let steps = vec![Step::Apply(version.clone())];
        let goal = Goal::Redo(version);
        if let Some(behind) = self.behind.iter_mut().find(|behind| behind.schema == *schema) {
            (behind.goal, behind.steps) = (goal, steps);
        } else if let Some(at) = self.to_note.iter().position(|(name, _)| name == schema) {
            // Nothing is left in its ledger that could be redone.
            let (schema, kind) = self.to_note.remove(at);
            self.up_to_date = self.up_to_date.saturating_sub(1);
            self.behind.push(Behind {
                schema,
                kind,
                goal,
                steps,
                has_ledger: true,
                prefix: None,
                unknown: Vec::new(),
                oid: None,
            });
        }
    }
}

/// A schema that something is to be done in.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    pub(crate) schema: SchemaName,
    pub(crate) kind: SchemaKind,
    pub(crate) goal: Goal,
    pub(crate) steps: Vec<Step>,
    pub(crate) has_ledger: bool,
    /// How many of the application's migrations the ledger holds, if they are the first of them and it holds no others.
    pub(crate) prefix: Option<usize>,
    /// Versions in the ledger that the application does not have.
    pub(crate) unknown: Vec<String>,
    /// The server's number of the schema, by which it is found under another name.
    pub(crate) oid: Option<u32>,
}

/// Which schemas of a selection are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those whose row at the library does not say that they are up to date.
    NotCurrent,
    /// The same for a run, which reads each ledger under its lock: what the row says that a ledger holds is believed until then.
    NotCurrentForRun,
    All,
}

impl<T: TenantModel> Tenancy<T> {
    /// Asks who is behind, and reads the ledgers of those who are. Nothing pending: one question.
    pub(crate) fn survey(
        &self,
        selection: &Selection,
        target: &MigrationTarget,
        which: Which,
    ) -> Result<Survey, Error> {
        let failed = "ask which schemas are behind";
        self.pool()
            .ask_catalog(failed, |pg| self.survey_on(pg, selection, target, which))?
    }

    fn survey_on(
        &self,
        pg: &mut PgConnection,
        selection: &Selection,
        target: &MigrationTarget,
        which: Which,
    ) -> QueryResult<Result<Survey, Error>> {
        let has_table = self.has_model_table(pg)?;
        let question = Question {
            wanted: self.wanted(selection, has_table),
            kept: self.kept(pg)?,
            versions: self.apps().versions(AppScope::Tenant).join(","),
            which,
        };
        let mut survey = Survey {
            has_no_table: !has_table,
            ..Survey::default()
        };
        if let Some(names) = selection.named() {
            let known = known(pg, &question.wanted, names.union(selection.excepted()))?;
            let is_unknown =
                |name: &&SchemaName| !known.contains(name.as_str()) && *name != self.public_schema();
            let unknown: Vec<_> = names.iter().filter(is_unknown).cloned().collect();
            if !unknown.is_empty() {
                return Ok(Err(Error::UnknownSchemas { names: unknown }));
            }
        }
        let summary = question.summary(pg)?;
        survey.up_to_date = usize::try_from(summary.current).unwrap_or(0);
        if summary.at_rest > 0 {
            question.at_rest(pg, &mut survey)?;
        }
        if summary.others == 0 && which != Which::All {
            return Ok(Ok(survey));
        }
        if which == Which::All {
            survey.up_to_date = 0;
        }
        let mut lists = Lists::new(self.apps());
        if which == Which::NotCurrentForRun {
            lists.of_tenants.digest(pg)?;
        }
        let mut after = String::new();
        loop {
            let page = question.page(pg, &after)?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.name);
            self.read_page(pg, page, target, &lists, &mut survey)?;
        }
        Ok(Ok(survey))
    }

    /// Those of these names that are no schemas of a selection. None where nothing is known of tenants yet.
    pub(crate) fn not_selected(
        &self,
        selection: &Selection,
        names: &BTreeSet<SchemaName>,
    ) -> Result<Vec<SchemaName>, Error> {
        let known = self.pool().ask_catalog("look for schemas by their names", |pg| {
            if !self.has_model_table(pg)? {
                return Ok(None);
            }
            known(pg, &self.wanted(selection, true), names.iter()).map(Some)
        })?;
        let Some(known) = known else { return Ok(Vec::new()) };
        let names = names.iter().filter(|name| !known.contains(name.as_str()));
        Ok(names.cloned().collect())
    }

    fn read_page(
        &self,
        pg: &mut PgConnection,
        page: Vec<Row>,
        target: &MigrationTarget,
        lists: &Lists<'_>,
        survey: &mut Survey,
    ) -> QueryResult<()> {
        let mut names = Vec::new();
        for row in page {
            match SchemaName::quoted_any(&row.name) {
                Err(error) => {
                    let public = self.public_schema();
                    let failed = Error::attempt("read the name of a tenant's schema", public);
                    let source = diesel::result::Error::DeserializationError(Box::new(error));
                    survey.refused.push((public.clone(), failed(source)));
                }
                Ok(name) => {
                    let kind = SchemaKind::read(&row.kind).unwrap_or(SchemaKind::Tenant);
                    let may_be = match kind {
                        SchemaKind::Tenant => lists.not_static(&name),
                        _ => Ok(()),
                    };
                    let may_be = may_be.and(self.pool().paths().tenant_migrations(&name));
                    if let Err(error) = may_be {
                        survey.refused.push((name, error));
                        continue;
                    }
                    match row.oid.is_some() || kind != SchemaKind::Tenant {
                        true => names.push((name, kind, row)),
                        false => survey.missing.push((name, kind)),
                    }
                }
            }
        }
        for chunk in names.chunks(LEDGERS) {
            let ledgers = ledgers_of(pg, chunk, lists)?;
            for (schema, kind, row) in chunk {
                let versions = lists.of(schema, *kind);
                if target.version().is_some_and(|version| !versions.has(version)) {
                    // A version of others.
                    continue;
                }
                let is_locked = ledgers.locked.contains(schema.as_str());
                if is_locked && target.is_cumulative() {
                    // What would be undone is not known.
                    let action = "read the ledger, which somebody has locked,";
                    let failed = Error::attempt(action, schema)(diesel::result::Error::NotFound);
                    survey.refused.push((schema.clone(), failed));
                    continue;
                }
                let ledger = ledgers.versions.get(schema.as_str());
                let has_ledger = ledger.is_some() || is_locked;
                let applied = ledger.cloned().unwrap_or_default();
                let goal = Goal::new(target, &versions.all, &applied);
                let steps = goal.steps(&applied);
                let mut unknown: Vec<_> = applied
                    .iter()
                    .filter(|version| !versions.has(version))
                    .cloned()
                    .collect();
                unknown.sort_unstable();
                if !unknown.is_empty() {
                    survey.unknown.push((schema.clone(), unknown.clone()));
                }
                if steps.is_empty() && has_ledger {
                    survey.up_to_date += 1;
                    survey.to_note.push((schema.clone(), *kind));
                    continue;
                }
                survey.behind.push(Behind {
                    schema: schema.clone(),
                    kind: *kind,
                    goal,
                    steps,
                    has_ledger,
                    prefix: versions.prefix(&applied),
                    unknown,
                    oid: row.oid,
                });
            }
        }
        Ok(())
    }

    /// The schemas of a selection, as a relation with a name, a kind, and, where a schema has a list of migrations of its own,
    /// the digest of a ledger that holds them all.
    pub(crate) fn wanted(&self, selection: &Selection, has_table: bool) -> String {
        let mut parts = vec![
            "SELECT NULL::text AS name, NULL::text AS kind, NULL::text AS digest WHERE false".to_owned(),
        ];
        if has_table && selection.may_include(SchemaKind::Tenant) {
            let table = sql::table(<T::Table as ScopedTable>::TABLE, self.public_schema());
            let column = sql::identifier(T::SCHEMA_COLUMN);
            parts.push(format!("SELECT {column}::text, 'tenant', NULL FROM {table}"));
        }
        if selection.may_include(SchemaKind::Static) {
            let own: HashMap<&SchemaName, Vec<String>> = self.apps().own().collect();
            let statics = self.registry().static_tenants().iter();
            parts.extend(statics.map(|tenant| {
                let digest = own.get(tenant.name()).map_or_else(
                    || "NULL".to_owned(),
                    |versions| digest_of(&sql::literal(&versions.join(","))),
                );
                let name = sql::literal(tenant.name().as_str());
                format!("SELECT {name}, 'static', {digest}")
            }));
        }
        if selection.may_include(SchemaKind::Reference)
            && let Some(name) = self.registry().reference()
        {
            parts.push(format!(
                "SELECT {}, 'reference', NULL",
                sql::literal(name.as_str())
            ));
        }
        let list = |names: &mut dyn Iterator<Item = &SchemaName>| {
            let names: Vec<String> = names.map(|name| sql::literal(name.as_str())).collect();
            format!("ARRAY[{}]::text[]", names.join(", "))
        };
        let mut conditions = vec!["true".to_owned()];
        if let Some(names) = selection.named() {
            conditions.push(format!("name = ANY ({})", list(&mut names.iter())));
        }
        if !selection.excepted().is_empty() {
            conditions.push(format!(
                "name <> ALL ({})",
                list(&mut selection.excepted().iter())
            ));
        }
        format!(
            "(SELECT name COLLATE \"C\" AS name, kind, digest FROM ({}) AS a WHERE {})",
            parts.join(" UNION ALL "),
            conditions.join(" AND ")
        )
    }
}

/// What the ledgers of these schemas hold: read, or as it was noted where that is to be believed.
fn ledgers_of(
    pg: &mut PgConnection,
    schemas: &[(SchemaName, SchemaKind, Row)],
    lists: &Lists<'_>,
) -> QueryResult<Ledgers> {
    let (noted, others): (Vec<_>, Vec<_>) = schemas
        .iter()
        .map(|(name, kind, row)| (name, lists.of(name, *kind).of_digest(row.digest.as_deref())))
        .partition(|(_, noted)| noted.is_some());
    let mut ledgers = read_ledgers(pg, others.iter().map(|(name, _)| *name))?;
    let are_there = with_ledgers(pg, noted.iter().map(|(name, _)| *name))?;
    let noted = noted
        .into_iter()
        .filter(|(name, _)| are_there.contains(name.as_str()));
    let noted = noted.filter_map(|(name, noted)| Some((name.as_str().to_owned(), noted?)));
    ledgers.versions.extend(noted);
    Ok(ledgers)
}
