//! [`OwnLock`]: the locks of the life cycle that this thread holds while it runs the handlers of an application.
//!
//! A handler that calls the tenancy does so on another connection. Where that call wants a lock that the act around the
//! handler holds, it would wait for its own caller: for ever, and no server sees it. So it is refused.

use crate::Error;
use crate::records::Records;
use std::cell::RefCell;
use std::marker::PhantomData;
use tenant_core::SchemaName;

/// What is locked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Locked<'a> {
    /// All births.
    Births,
    /// One schema.
    Schema(&'a SchemaName),
}

/// The database, and the schema without case; none where it is births.
type Key = (usize, Option<String>);

thread_local! {
    static HELD: RefCell<Vec<Key>> = const { RefCell::new(Vec::new()) };
}

/// Says for its time that this thread holds a lock. It stays on its thread, and goes in the order in which others came.
#[derive(Debug)]
#[must_use = "the lock is held as long as this is"]
pub(crate) struct OwnLock(PhantomData<*const ()>);

impl Drop for OwnLock {
    fn drop(&mut self) {
        // A thread that ends has nothing to be told.
        let _ended = HELD.try_with(|held| held.borrow_mut().pop());
    }
}

impl OwnLock {
    pub(crate) fn hold(records: &Records, lock: Locked<'_>) -> Self {
        HELD.with(|held| held.borrow_mut().push(key(records, lock)));
        Self(PhantomData)
    }

    /// Whether this thread holds it.
    pub(crate) fn is_held(records: &Records, lock: Locked<'_>) -> bool {
        HELD.with(|held| {
            let held = held.borrow();
            !held.is_empty() && held.contains(&key(records, lock))
        })
    }

    /// Refuses what would wait for it. `schema` is for the error.
    pub(crate) fn refuse(
        records: &Records,
        lock: Locked<'_>,
        action: &'static str,
        schema: &SchemaName,
    ) -> Result<(), Error> {
        match Self::is_held(records, lock) {
            true => Err(Error::WaitsForItself {
                action,
                schema: schema.clone(),
            }),
            false => Ok(()),
        }
    }
}

fn key(records: &Records, lock: Locked<'_>) -> Key {
    let schema = match lock {
        Locked::Births => None,
        Locked::Schema(schema) => Some(schema.folded()),
    };
    // All pools of a process on one database share them.
    (std::ptr::from_ref(records.ears()).addr(), schema)
}
