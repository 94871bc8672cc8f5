//! [`Standing`]: which tenants are not served, as this process knows it.
//!
//! A checkout must not cost a round trip to find that out. So the tenants that are not served (few, or many that are
//! archived) are read with the message that sets a path, at most once in the window; in between, they are known. A
//! change that this process makes is known at once.

use crate::records::{Record, Records};
use crate::{Error, SchemaKind, TenantState, sql};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Bound, RangeBounds};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

/// How long it is believed which tenants are served, unless it is said otherwise. A tenant that another process
/// archives is served no longer than this.
pub const DEFAULT_STATE_WINDOW: Duration = Duration::from_secs(1);

/// With more tenants than this that are not served, each is asked for by itself.
const MOST_KNOWN: usize = 5_000;

/// What the server quotes, in any language, where a path is asked for that is not to be had.
const UNAVAILABLE: &str = "tenant_diesel: this tenant is not served";

/// See the module.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) window: Duration,
    pub(crate) serves: Serves,
    /// The static tenants with apps of their own: their versions are not those that the application serves.
    pub(crate) have_own_versions: Vec<SchemaName>,
    known: RwLock<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    at: Instant,
    changes: u64,
    unavailable: HashMap<SchemaName, Why>,
}

/// Why a tenant is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Why {
    pub(crate) state: TenantState,
    pub(crate) version: Option<String>,
}

/// The versions that an application serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Serves {
    from: Option<String>,
    to: Option<String>,
    /// The start is not one of them.
    excludes_start: bool,
    /// The end is not one of them.
    excludes_end: bool,
}

impl Serves {
    pub(crate) fn new<V: AsRef<str>>(range: &impl RangeBounds<V>) -> Self {
        let text = |bound: Bound<&V>| match bound {
            Bound::Included(version) | Bound::Excluded(version) => Some(version.as_ref().to_owned()),
            Bound::Unbounded => None,
        };
        Self {
            from: text(range.start_bound()),
            to: text(range.end_bound()),
            excludes_start: matches!(range.start_bound(), Bound::Excluded(_)),
            excludes_end: matches!(range.end_bound(), Bound::Excluded(_)),
        }
    }

    /// The condition that a row of the library's says otherwise, if there is one.
    fn unless(&self) -> Option<String> {
        let from = self.from.as_ref().map(|from| {
            format!(
                "version {} {}",
                if self.excludes_start { "<=" } else { "<" },
                sql::literal(from)
            )
        });
        let above = if self.excludes_end { ">=" } else { ">" };
        let to = self
            .to
            .as_ref()
            .map(|to| format!("version {above} {}", sql::literal(to)));
        let bounds: Vec<String> = from.into_iter().chain(to).collect();
        (!bounds.is_empty()).then(|| format!("version IS NULL OR {}", bounds.join(" OR ")))
    }

    /// In the words of an error.
    fn text(&self) -> String {
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        let before = if self.excludes_end {
            "versions before"
        } else {
            "versions up to"
        };
        match (from, to) {
            (Some(from), Some(to)) if self.excludes_end => format!("versions from {from} to before {to}"),
            (Some(from), Some(to)) => format!("versions {from} to {to}"),
            (Some(from), None) => format!("versions from {from} on"),
            (None, Some(to)) => format!("{before} {to}"),
            (None, None) => "every version".to_owned(),
        }
    }

    /// Whether it is every version.
    pub(crate) fn is_unbounded(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    pub(crate) fn holds(&self, version: Option<&str>) -> bool {
        let Some(version) = version else {
            return self.from.is_none() && self.to.is_none();
        };
        let is_from = self.from.as_deref().is_none_or(|from| match self.excludes_start {
            true => from < version,
            false => from <= version,
        });
        let is_to = self.to.as_deref().is_none_or(|to| match self.excludes_end {
            true => version < to,
            false => version <= to,
        });
        is_from && is_to
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            window: DEFAULT_STATE_WINDOW,
            serves: Serves::default(),
            have_own_versions: Vec::new(),
            known: RwLock::new(None),
        }
    }
}

/// How often this process changed the state of a tenant in one database: by whichever pool.
type Changes = Arc<AtomicU64>;

/// The counter of a database, shared by all pools of this process that are connected by the same URL.
pub(crate) fn changes_in(database_url: &str) -> Changes {
    static ALL: Mutex<BTreeMap<u64, Weak<AtomicU64>>> = Mutex::new(BTreeMap::new());
    // The URL holds a password.
    let mut hasher = DefaultHasher::new();
    database_url.hash(&mut hasher);
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, changes| changes.strong_count() > 0);
    let known = all.get(&hasher.finish()).and_then(Weak::upgrade);
    known.unwrap_or_else(|| {
        let changes = Changes::default();
        all.insert(hasher.finish(), Arc::downgrade(&changes));
        changes
    })
}

impl Standing {
    /// Whether a tenant is served, as far as it is known. None where it must be asked: when the window is over, and when
    /// this process has made more changes than when it was read.
    pub(crate) fn look(&self, schema: &SchemaName, changes: u64) -> Option<Result<(), Error>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known
            .as_ref()
            .filter(|known| known.at.elapsed() < self.window && known.changes == changes)?;
        Some(self.answer(known, schema))
    }

    fn answer(&self, known: &Known, schema: &SchemaName) -> Result<(), Error> {
        match known.unavailable.get(schema) {
            None => Ok(()),
            Some(why) => Err(self.error(schema, why.clone())),
        }
    }

    /// That it is not served.
    pub(crate) fn error(&self, schema: &SchemaName, why: Why) -> Error {
        let is_served_at = why.state != TenantState::Ready || self.serves.holds(why.version.as_deref());
        Error::TenantUnavailable {
            tenant: schema.clone(),
            needs: (!is_served_at).then(|| self.serves.text()),
            state: why.state,
            version: why.version,
        }
    }

    /// Whether a tenant is served that has this row.
    pub(crate) fn is_served(&self, schema: &SchemaName, record: &Record) -> bool {
        let is_tenant = match record.kind {
            SchemaKind::Tenant => true,
            SchemaKind::Static => !self.have_own_versions.contains(schema),
            _ => false,
        };
        record.state == TenantState::Ready && (!is_tenant || self.serves.holds(record.version.as_deref()))
    }

    /// An expression that gives the tenants that are not served, each with its state and version.
    pub(crate) fn list(&self, records: &Records) -> String {
        format!(
            "(SELECT pg_catalog.array_agg(state || ' ' || \
             pg_catalog.encode(pg_catalog.convert_to(coalesce(version, ''), 'UTF8'), 'hex') || ' ' || name) \
             FROM (SELECT state, version, name FROM {} WHERE {} LIMIT {}) AS unavailable)",
            records.table("schemas"),
            self.is_unavailable(),
            MOST_KNOWN + 1
        )
    }

    /// What that expression gave, and what it says of one tenant. None where it is not complete. `changes` is how many this
    /// process had made when it was asked.
    pub(crate) fn learn(
        &self,
        list: Option<Vec<String>>,
        changes: u64,
        schema: &SchemaName,
    ) -> Option<Result<(), Error>> {
        let list = list.unwrap_or_default();
        if list.len() > MOST_KNOWN {
            return None;
        }
        let unavailable = list.iter().filter_map(|text| {
            let mut parts = text.splitn(3, ' ');
            // A state that is not known is not served either.
            let state = parts.next()?.parse().unwrap_or(TenantState::Maintenance);
            // In hexadecimal digits, for a version can be any text.
            let version = sql::unhex(parts.next()?)?;
            let schema = SchemaName::quoted_any(parts.next()?).ok()?;
            let version = (!version.is_empty()).then_some(version);
            Some((schema, Why { state, version }))
        });
        let known = Known {
            at: Instant::now(),
            changes,
            unavailable: unavailable.collect(),
        };
        let answer = self.answer(&known, schema);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Some(answer)
    }

    /// An expression that is an error if the tenant is not served: see [`is_refusal`].
    pub(crate) fn guard(&self, records: &Records, schema: &SchemaName) -> String {
        format!(
            "(SELECT ('{UNAVAILABLE}' || state)::pg_catalog.int4 {})",
            self.unavailable_row(records, schema)
        )
    }

    /// A condition that is false if the tenant is not served.
    pub(crate) fn condition(&self, records: &Records, schema: &SchemaName) -> String {
        format!("NOT EXISTS (SELECT {})", self.unavailable_row(records, schema))
    }

    fn unavailable_row(&self, records: &Records, schema: &SchemaName) -> String {
        format!(
            "FROM {} WHERE name = {} AND ({})",
            records.table("schemas"),
            sql::literal(schema.as_str()),
            self.is_unavailable()
        )
    }

    fn is_unavailable(&self) -> String {
        match self.serves.unless() {
            None => "state <> 'ready'".to_owned(),
            Some(unless) => {
                let own = self.have_own_versions.iter();
                let own: Vec<String> = own.map(|name| sql::literal(name.as_str())).collect();
                format!(
                    "state <> 'ready' OR ((kind = 'tenant' OR (kind = 'static' AND name <> ALL (ARRAY[{}]::text[]))) \
                     AND ({unless}))",
                    own.join(", ")
                )
            }
        }
    }
}

/// Whether a message was refused by [`Standing::guard`].
pub(crate) fn is_refusal(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, information)
        if information.message().contains(UNAVAILABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_versions_reads_and_holds_as_it_is_written() {
        let closed = Serves::new(&("2"..="4"));
        assert_eq!(closed.text(), "versions 2 to 4");
        assert_eq!(
            closed.unless().unwrap(),
            "version IS NULL OR version < '2' OR version > '4'"
        );
        assert!(closed.holds(Some("4")) && !closed.holds(Some("5")) && !closed.holds(None));
        let half_open = Serves::new(&("2".."4"));
        assert!(half_open.holds(Some("3")) && !half_open.holds(Some("4")));
        assert!(half_open.unless().unwrap().ends_with("version >= '4'"));
        assert_eq!(Serves::new(&("2"..)).text(), "versions from 2 on");
        assert_eq!(Serves::new::<&str>(&..).unless(), None);
        assert!(Serves::default().holds(None));
    }

    #[test]
    fn pools_of_one_database_share_their_counter_and_others_do_not() {
        let (a, b) = (changes_in("postgres://h/a"), changes_in("postgres://h/b"));
        assert!(Arc::ptr_eq(&a, &changes_in("postgres://h/a")));
        assert!(!Arc::ptr_eq(&a, &b));
    }

    #[test]
    fn what_is_read_is_known_until_this_process_changes_something() {
        let standing = Standing {
            window: Duration::from_secs(3600),
            ..Standing::default()
        };
        let name = |name| SchemaName::quoted_any(name).unwrap();
        assert!(standing.look(&name("a"), 0).is_none());
        let list = vec!["archived 332033 a b".to_owned(), "maintenance  c".to_owned()];
        let answer = standing.learn(Some(list), 0, &name("x"));
        assert!(answer.unwrap().is_ok());
        assert!(standing.look(&name("x"), 0).unwrap().is_ok());
        assert!(matches!(
            standing.look(&name("a b"), 0),
            Some(Err(Error::TenantUnavailable { state: TenantState::Archived, version: Some(version), .. }))
                if version == "3 3"
        ));
        assert!(matches!(
            standing.look(&name("c"), 0),
            Some(Err(Error::TenantUnavailable { version: None, .. }))
        ));
        assert!(standing.look(&name("x"), 1).is_none());
    }
}
