//! `for_each`: something that is done in many tenants, with a report.

use crate::connection::TenantConnection;
use crate::error::ScopeError;
use crate::migrate::{MigrationTarget, Selection, Which, in_full};
use crate::model::TenantModel;
use crate::{Error, SchemaKind, Tenancy, TenantState};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

/// What was done in many tenants, in the order of their names. With the feature `serde` it can be serialised, where what the
/// closure returns can.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it holds the failures"]
pub struct ForEachReport<R, E> {
    /// One entry a tenant.
    pub tenants: Vec<ForEachEntry<R, E>>,
    /// Tenants that are archived, being made or being dropped. Nothing was done in them.
    pub at_rest: Vec<(SchemaName, TenantState)>,
    /// Rows of the table of tenants that cannot be read: [`Error::UnreadableTenant`]. Nothing was done for them.
    pub refused: Vec<Error>,
}

/// What was done in one tenant.
#[derive(Debug)]
#[non_exhaustive]
pub struct ForEachEntry<R, E> {
    /// The schema.
    pub schema: SchemaName,
    /// What the closure returned, or why it was not run.
    pub result: Result<R, E>,
    /// How long it took, waiting for a connection included.
    pub duration: Duration,
}

impl<R, E> Default for ForEachReport<R, E> {
    fn default() -> Self {
        Self {
            tenants: Vec::new(),
            at_rest: Vec::new(),
            refused: Vec::new(),
        }
    }
}

impl<R, E> ForEachReport<R, E> {
    /// The tenants that it failed for, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&SchemaName, &E)> {
        let failures = self.tenants.iter();
        failures.filter_map(|entry| Some((&entry.schema, entry.result.as_ref().err()?)))
    }

    /// Whether it failed for somebody, or a row could not be read.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.failures().next().is_some() || !self.refused.is_empty()
    }

    /// What the closure returned for each tenant.
    ///
    /// # Errors
    ///
    /// The whole report, where it failed for somebody, or a row could not be read.
    pub fn into_result(self) -> Result<Vec<(SchemaName, R)>, Self> {
        if self.has_failures() {
            return Err(self);
        }
        let entries = self.tenants.into_iter();
        Ok(entries
            .filter_map(|entry| Some((entry.schema, entry.result.ok()?)))
            .collect())
    }
}

impl<R, E: fmt::Display> fmt::Display for ForEachReport<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failures().count();
        write!(
            f,
            "done in {} tenants, failed in {failed}",
            self.tenants.len() - failed
        )?;
        for (schema, error) in self.failures() {
            write!(f, "\n  `{schema}`: {error}")?;
        }
        for error in &self.refused {
            write!(f, "\n  {}", in_full(error))?;
        }
        for (schema, state) in &self.at_rest {
            write!(f, "\n  `{schema}` is {state}, and was passed over")?;
        }
        Ok(())
    }
}

impl<R: fmt::Debug, E: std::error::Error> std::error::Error for ForEachReport<R, E> {}

#[cfg(feature = "serde")]
impl<R: serde::Serialize, E: fmt::Display> serde::Serialize for ForEachReport<R, E> {
    /// As its fields, with errors as texts.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("ForEachReport", 3)?;
        fields.serialize_field("tenants", &self.tenants)?;
        fields.serialize_field("at_rest", &self.at_rest)?;
        let refused: Vec<String> = self.refused.iter().map(in_full).collect();
        fields.serialize_field("refused", &refused)?;
        fields.end()
    }
}

#[cfg(feature = "serde")]
impl<R: serde::Serialize, E: fmt::Display> serde::Serialize for ForEachEntry<R, E> {
    /// As its fields, `value` and `error` for the result, with the error as a text and the duration in milliseconds.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("ForEachEntry", 4)?;
        fields.serialize_field("schema", &self.schema)?;
        fields.serialize_field("value", &self.result.as_ref().ok())?;
        fields.serialize_field("error", &self.result.as_ref().err().map(ToString::to_string))?;
        fields.serialize_field("milliseconds", &self.duration.as_millis())?;
        fields.end()
    }
}

impl<T: TenantModel> Tenancy<T> {
    /// Runs a closure in each tenant of a selection, at most so many at once, each in a scope of its own: for management
    /// commands and for reports over all customers. A failure is an entry of the report, and the others go on.
    ///
    /// Tenants are read page by page, and no connection is held between two tenants. More threads than the pool has
    /// connections are not started. A panic of the closure goes on to the caller when those that are under way have ended;
    /// no other tenant is begun. Of the selection, only tenants of the model are meant; for static tenants and the
    /// reference schema too, see [`Tenancy::for_each_schema`].
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # tenancy.create(new_client("acme")?)?;
    /// # tenancy.create(new_client("globex")?)?;
    /// use tenant_diesel::Selection;
    ///
    /// let open = todo::tasks::table.filter(todo::tasks::done.eq(false));
    /// let report = tenancy.for_each(Selection::tenants(), 4, |client, conn| {
    ///     let count = open.count().get_result::<i64>(conn)?;
    ///     Ok::<_, tenant_diesel::Error>((client.name.clone(), count))
    /// })?;
    /// for (schema, (name, count)) in report.into_result()? {
    ///     println!("{schema}: {name} has {count} open tasks");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the tenants cannot be listed: [`Error::PublicNotMigrated`], [`Error::UnknownSchemas`],
    /// [`Error::PoolTimeout`]. What fails for one tenant is in the report.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as every call that takes a selection"
    )]
    pub fn for_each<R, E>(
        &self,
        selection: Selection,
        parallelism: usize,
        f: impl Fn(&T, &mut TenantConnection) -> Result<R, E> + Sync,
    ) -> Result<ForEachReport<R, E::Returned>, Error>
    where
        R: Send,
        E: ScopeError,
        E::Returned: Send,
        T: Sync,
    {
        self.refuse_unknown(&selection)?;
        let tenants = self.selected(&selection);
        self.run_each(tenants, parallelism, T::schema_name, f)
    }

    /// The same for every schema of a selection but the shared one, by its name.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::for_each`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as every call that takes a selection"
    )]
    pub fn for_each_schema<R, E>(
        &self,
        selection: Selection,
        parallelism: usize,
        f: impl Fn(&SchemaName, &mut TenantConnection) -> Result<R, E> + Sync,
    ) -> Result<ForEachReport<R, E::Returned>, Error>
    where
        R: Send,
        E: ScopeError,
        E::Returned: Send,
    {
        self.refuse_unknown(&selection)?;
        let registry = self.registry();
        let own = (registry
            .reference()
            .into_iter()
            .map(|name| (name, SchemaKind::Reference)))
        .chain(
            registry
                .static_tenants()
                .iter()
                .map(|tenant| (tenant.name(), SchemaKind::Static)),
        );
        let own = own
            .filter(|(name, kind)| selection.includes(name, *kind))
            .map(|(name, _)| Ok(name.clone()));
        let tenants = self.selected(&selection);
        let names = tenants.map(|tenant| tenant.map(|tenant| tenant.schema_name().clone()));
        self.run_each(own.chain(names), parallelism, |name| name, f)
    }

    /// The tenants of a selection. What cannot be read is none of those that are named.
    fn selected(&self, selection: &Selection) -> impl Iterator<Item = Result<T, Error>> {
        let tenants = selection.may_include(SchemaKind::Tenant).then(|| self.tenants());
        tenants.into_iter().flatten().filter(|tenant| match tenant {
            Ok(tenant) => selection.includes(tenant.schema_name(), SchemaKind::Tenant),
            Err(Error::UnreadableTenant { .. }) => selection.named().is_none(),
            Err(_) => true,
        })
    }

    fn refuse_unknown(&self, selection: &Selection) -> Result<(), Error> {
        match selection.named() {
            Some(_) => self
                .survey(selection, &MigrationTarget::Latest, Which::NotCurrent)
                .map(drop),
            None => Ok(()),
        }
    }

    fn run_each<I, R, E>(
        &self,
        items: impl Iterator<Item = Result<I, Error>> + Send,
        parallelism: usize,
        schema_of: impl Fn(&I) -> &SchemaName + Sync,
        f: impl Fn(&I, &mut TenantConnection) -> Result<R, E> + Sync,
    ) -> Result<ForEachReport<R, E::Returned>, Error>
    where
        I: Send,
        R: Send,
        E: ScopeError,
        E::Returned: Send,
    {
        let threads = parallelism.clamp(1, self.pool().max_size() as usize);
        // Whoever is free takes the next: the list is read while others work.
        let items = Mutex::new(items.fuse());
        let report: Mutex<ForEachReport<R, E::Returned>> = Mutex::new(ForEachReport::default());
        let unreadable = Mutex::new(None);
        let at_rest = self.at_rest()?;
        let has_panicked = AtomicBool::new(false);
        let work = || {
            let _noted = NotePanic(&has_panicked);
            while !has_panicked.load(Ordering::Relaxed) {
                let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                let item = match next {
                    None => return,
                    Some(Ok(item)) => item,
                    Some(Err(error @ Error::UnreadableTenant { .. })) => {
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        report.refused.push(error);
                        continue;
                    }
                    Some(Err(error)) => {
                        *unreadable.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        return;
                    }
                };
                let (schema, start) = (schema_of(&item).clone(), Instant::now());
                let state = at_rest.get(&schema).copied();
                let result = match state {
                    None => Some(self.with_schema(&schema, |conn| f(&item, conn))),
                    Some(_) => None,
                };
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                let report: &mut ForEachReport<R, E::Returned> = &mut report;
                report.at_rest.extend(state.map(|state| (schema.clone(), state)));
                report.tenants.extend(result.map(|result| ForEachEntry {
                    schema,
                    result,
                    duration: start.elapsed(),
                }));
            }
        };
        thread::scope(|scope| {
            // A thread that cannot be had is one less.
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
            let others: Vec<_> = (1..threads).filter_map(spawn).collect();
            work();
            for other in others {
                if let Err(panic) = other.join() {
                    // With its own words, as if it had come about here.
                    std::panic::resume_unwind(panic);
                }
            }
        });
        if let Some(error) = unreadable.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.tenants.sort_by(|a, b| a.schema.cmp(&b.schema));
        report.at_rest.sort();
        Ok(report)
    }
}

/// Says that the closure panicked, so that nobody begins another tenant.
struct NotePanic<'a>(&'a AtomicBool);

impl Drop for NotePanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn machines_read_values_and_errors() {
        let entry = |schema: &str, result| ForEachEntry {
            schema: SchemaName::new(schema).unwrap(),
            result,
            duration: Duration::from_millis(3),
        };
        let report: ForEachReport<u32, String> = ForEachReport {
            tenants: vec![entry("acme", Ok(7)), entry("globex", Err("no".to_owned()))],
            at_rest: vec![(SchemaName::new("initech").unwrap(), TenantState::Archived)],
            refused: Vec::new(),
        };
        let expected = serde_json::json!({
            "tenants": [
                {"schema": "acme", "value": 7, "error": null, "milliseconds": 3},
                {"schema": "globex", "value": null, "error": "no", "milliseconds": 3},
            ],
            "at_rest": [["initech", "archived"]],
            "refused": [],
        });
        assert_eq!(serde_json::to_value(&report).ok(), Some(expected));
    }
}
