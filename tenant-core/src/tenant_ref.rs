//! [`TenantRef`]: a tenant as it travels to a job, and [`current`], the one that this thread works for.

use crate::SchemaName;
use std::fmt;

/// A tenant, for a queue of jobs or a log: what is needed to find it again, and to notice that it is another one.
///
/// A name can be given again after a tenant is deleted or renamed; so the primary key goes along, and a job for the old
/// tenant does not run on the data of the new one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TenantRef {
    /// The tenant's schema.
    pub schema: SchemaName,
    /// The primary key of its row, as `Debug` prints it. `None` for a static tenant, which has no row.
    pub key: Option<String>,
}

impl TenantRef {
    /// A static tenant.
    #[must_use]
    pub fn to_static(schema: SchemaName) -> Self {
        Self { schema, key: None }
    }

    /// A tenant of this key.
    #[must_use]
    pub fn new(schema: SchemaName, key: &impl fmt::Debug) -> Self {
        Self {
            schema,
            key: Some(format!("{key:?}")),
        }
    }
}

impl fmt::Display for TenantRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schema.fmt(f)
    }
}

/// The tenant that this thread works for now, for code that has neither a request nor a connection at hand: logs,
/// metrics, keys of caches. **Queries do not ask it**: a connection has its tenant.
pub mod current {
    use super::TenantRef;
    use std::cell::RefCell;
    use std::marker::PhantomData;
    use std::sync::Arc;

    thread_local! {
        static CURRENT: RefCell<Option<Arc<TenantRef>>> = const { RefCell::new(None) };
    }

    /// The tenant that this thread works for, if any. Threads and tasks that are spawned start with none.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tenant_core::{SchemaName, TenantRef, current};
    ///
    /// let blog = Arc::new(TenantRef::to_static(SchemaName::new("blog")?));
    /// {
    ///     let _entered = current::enter(Some(Arc::clone(&blog)));
    ///     assert_eq!(current::tenant(), Some(blog));
    ///     assert_eq!(std::thread::spawn(current::tenant).join().unwrap(), None);
    /// }
    /// assert_eq!(current::tenant(), None);
    /// # Ok::<(), tenant_core::SchemaNameError>(())
    /// ```
    #[must_use]
    pub fn tenant() -> Option<Arc<TenantRef>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// Makes a tenant, or none, the current one until the guard is dropped; then what was before is again.
    pub fn enter(tenant: Option<Arc<TenantRef>>) -> Entered {
        Entered {
            before: CURRENT.with(|current| current.replace(tenant)),
            stays: PhantomData,
        }
    }

    /// See [`enter`]. Stays on its thread.
    #[derive(Debug)]
    #[must_use = "dropped at once, it changes nothing"]
    pub struct Entered {
        before: Option<Arc<TenantRef>>,
        stays: PhantomData<*const ()>,
    }

    impl Drop for Entered {
        fn drop(&mut self) {
            let before = self.before.take();
            // Fails while the thread ends, when there is nothing left to restore.
            let _ended = CURRENT.try_with(|current| current.replace(before));
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn a_reference_comes_out_of_a_queue_as_it_went_in() {
        let name = SchemaName::quoted_any("Ac me's").unwrap();
        for tenant in [
            TenantRef::to_static(name.clone()),
            TenantRef::new(name.clone(), &7),
            TenantRef::new(name, &("north", "it's \"7\"")),
        ] {
            let text = serde_json::to_string(&tenant).unwrap();
            assert_eq!(
                serde_json::from_str::<TenantRef>(&text).unwrap(),
                tenant,
                "{text}"
            );
        }
        let text = r#"{"schema":"acme","key":null}"#;
        assert!(serde_json::from_str::<TenantRef>(text).unwrap().key.is_none());
        assert!(serde_json::from_str::<TenantRef>(r#"{"schema":"","key":null}"#).is_err());
    }
}
