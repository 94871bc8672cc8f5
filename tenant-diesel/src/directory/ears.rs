//! [`Ears`]: the directories of this process that serve one database, which are told at once what this process changes.

use super::Notice;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Somebody who is told.
pub(crate) trait Hears: Send + Sync {
    /// Takes what changed to heart: committed, or about to be.
    fn hear(&self, notices: &[Notice]);
}

/// See the module.
#[derive(Default)]
pub(crate) struct Ears(Mutex<Vec<Weak<dyn Hears>>>);

/// Those of a database, shared by all pools of this process that are connected by the same URL.
pub(crate) fn ears_of(database_url: &str) -> Arc<Ears> {
    static ALL: Mutex<BTreeMap<u64, Weak<Ears>>> = Mutex::new(BTreeMap::new());
    // The URL holds a password.
    let mut hasher = DefaultHasher::new();
    database_url.hash(&mut hasher);
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, ears| ears.strong_count() > 0);
    let known = all.get(&hasher.finish()).and_then(Weak::upgrade);
    known.unwrap_or_else(|| {
        let ears = Arc::<Ears>::default();
        all.insert(hasher.finish(), Arc::downgrade(&ears));
        ears
    })
}

impl Ears {
    /// From now on this one is told too, as long as somebody has it.
    pub(crate) fn add(&self, one: Weak<dyn Hears>) {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ears.retain(|one| one.strong_count() > 0);
        ears.push(one);
    }

    /// Tells all.
    pub(crate) fn tell(&self, notices: &[Notice]) {
        if notices.is_empty() {
            return;
        }
        let ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ears: Vec<_> = ears.iter().filter_map(Weak::upgrade).collect();
        // Not under the lock: one of them may be dropped here.
        for one in ears {
            one.hear(notices);
        }
    }
}

impl std::fmt::Debug for Ears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ears").finish_non_exhaustive()
    }
}
