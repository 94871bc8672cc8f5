//! [`Births`]: which customers are being created, and how far each is, as the library's events tell it.
//!
//! Steps are kept in this process only. Of a customer that is complete nothing is kept here: the database knows it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tenant_diesel::{Event, Moment, SchemaName};

/// How many are remembered. What failed is forgotten first.
const MOST: usize = 1000;

/// How far a birth is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// It waits for its turn.
    Waiting,
    /// Its row is written: the name is the customer's.
    Named,
    /// Its tables are being made.
    Building,
    /// They are made, and the address is being entered.
    Built,
}

/// What became of a birth so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Birth {
    /// It is at this step.
    At(Step),
    /// Somebody else took the name meanwhile.
    Taken,
    /// It failed. The log says why.
    Failed,
}

/// The births of this process.
#[derive(Debug, Default)]
pub(crate) struct Births(Mutex<HashMap<SchemaName, Birth>>);

impl Births {
    /// Notes a new birth. False where one of this name is on its way.
    pub(crate) fn begin(&self, schema: &SchemaName) -> bool {
        let mut births = self.births();
        if let Some(Birth::At(_)) = births.get(schema) {
            return false;
        }
        if births.len() >= MOST {
            births.retain(|_, birth| matches!(birth, Birth::At(_)));
        }
        births.insert(schema.clone(), Birth::At(Step::Waiting));
        true
    }

    /// What is known of a birth.
    pub(crate) fn of(&self, schema: &SchemaName) -> Option<Birth> {
        self.births().get(schema).copied()
    }

    /// Goes on with what the library tells.
    pub(crate) fn hear(&self, event: &Event<'_>) {
        let step = match event.moment() {
            Moment::Creating => Step::Named,
            Moment::MigratingSchema | Moment::ApplyingMigration | Moment::AppliedMigration => Step::Building,
            Moment::Created => Step::Built,
            _ => return,
        };
        // Schemas are migrated at other times too: those are no births.
        if let Some(birth @ Birth::At(_)) = self.births().get_mut(event.schema()) {
            *birth = Birth::At(step);
        }
    }

    /// Notes the end of a birth. None: all is well.
    pub(crate) fn end(&self, schema: &SchemaName, failure: Option<Birth>) {
        let mut births = self.births();
        match failure {
            None => births.remove(schema),
            Some(failure) => births.insert(schema.clone(), failure),
        };
    }

    fn births(&self) -> MutexGuard<'_, HashMap<SchemaName, Birth>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_born_once_at_a_time() {
        let (births, acme) = (Births::default(), SchemaName::new("acme").unwrap());
        assert!(births.begin(&acme));
        assert!(!births.begin(&acme));
        births.end(&acme, Some(Birth::Failed));
        assert_eq!(births.of(&acme), Some(Birth::Failed));
        assert!(births.begin(&acme));
        births.end(&acme, None);
        assert_eq!(births.of(&acme), None);
    }
}
