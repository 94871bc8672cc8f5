//! What the library keeps of schemas: states that somebody was to end, and rows of schemas that are gone.

use crate::doctor::ask::{Found, Visit, Words, find, find_unattended};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::Complaint;
use crate::doctor::facts::{Facts, array};
use diesel::prelude::*;
use tenant_core::SchemaName;

/// A condition: a schema of the name of the record `s` exists.
const HAS_SCHEMA: &str =
    "EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname::text COLLATE \"C\" = s.name)";

/// A condition: a row names the schema of the record `s`.
fn has_row(facts: &Facts<'_>) -> String {
    format!("EXISTS (SELECT FROM {} AS r WHERE r.name = s.name)", facts.rows())
}

/// A condition: the configuration names the schema of the record `s`.
fn is_configured(facts: &Facts<'_>) -> String {
    let registry = facts.registry;
    let names = registry.static_names().iter().chain(registry.reference());
    let names = names.chain([registry.public()]).map(SchemaName::as_str);
    format!("s.name = ANY ({})", array(names))
}

/// The query for it, which `fix` asks too.
pub(in crate::doctor) fn forgotten_record_sql(facts: &Facts<'_>) -> String {
    format!(
        "SELECT s.name, s.name, s.kind || ', ' || s.state, false FROM {} AS s \
         WHERE NOT {HAS_SCHEMA} AND NOT {} AND NOT {}",
        facts.kept(),
        has_row(facts),
        is_configured(facts)
    )
}

pub(in crate::doctor) fn forgotten_record(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = Found::of(find_unattended(v.pg, &forgotten_record_sql(v.facts))?, false);
    Ok(found.complaint(
        Check::ForgottenRecord,
        Words {
            one: "schema is kept by the library, and has neither a row nor a schema: it was dropped by hand",
            many: "schemas are kept by the library, and have neither rows nor schemas: they were dropped by hand",
            advice: "remove what the library keeps of it; or restore it, if it should be there",
            can_be_fixed: true,
        },
    ))
}

pub(in crate::doctor) fn unknown_to_configuration(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT s.name, s.name, s.kind, false FROM {kept} AS s WHERE s.kind IN ('static', 'reference', 'shared') \
             AND {HAS_SCHEMA} AND NOT {row} AND NOT {configured}",
            kept = v.facts.kept(),
            row = has_row(v.facts),
            configured = is_configured(v.facts)
        ),
    )?;
    Ok(found.complaint(
        Check::UnknownToConfiguration,
        Words {
            one: "schema came from the configuration, which does not name it any more: nobody migrates it",
            many: "schemas came from the configuration, which does not name them any more: nobody migrates them",
            advice: "name it again, or drop the schema by hand; data may be in it",
            can_be_fixed: false,
        },
    ))
}

pub(in crate::doctor) fn failed_tenant(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT s.name, s.name, s.attempts || CASE s.attempts WHEN 1 THEN ' attempt' ELSE ' attempts' END \
             || coalesce(': ' || pg_catalog.left(pg_catalog.split_part(s.error, E'\\n', 1), 300), ''), true \
             FROM {} AS s WHERE s.state = 'failed' AND ({HAS_SCHEMA} OR {} OR {})",
            v.facts.kept(),
            has_row(v.facts),
            is_configured(v.facts)
        ),
    )?;
    Ok(found.complaint(
        Check::FailedTenant,
        Words {
            one: "schema is not served, because its last migration failed",
            many: "schemas are not served, because their last migration failed",
            advice: "mend what the error names, and call `migrate`",
            can_be_fixed: false,
        },
    ))
}

/// The query for it, which `fix` asks too. Spares and forgotten records are checks of their own.
pub(in crate::doctor) fn stale_state_sql(facts: &Facts<'_>) -> String {
    format!(
        "SELECT s.name, s.name, s.state, true FROM {} AS s \
         WHERE s.state IN ('provisioning', 'migrating', 'dropping') AND s.kind <> 'spare' AND ({HAS_SCHEMA} OR {} OR {})",
        facts.kept(),
        has_row(facts),
        is_configured(facts)
    )
}

pub(in crate::doctor) fn stale_state(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = Found::of(find_unattended(v.pg, &stale_state_sql(v.facts))?, true);
    let can_be_fixed = found
        .concerned
        .iter()
        .any(|concerned| concerned.detail.as_deref() != Some("dropping"));
    Ok(found.complaint(
        Check::StaleState,
        Words {
            one: "schema is not served, because of a state that somebody was to end who is gone",
            many: "schemas are not served, because of a state that somebody was to end who is gone",
            advice: "`migrating` and `provisioning`: call `migrate` after the fix; `dropping`: call delete again",
            can_be_fixed,
        },
    ))
}
