//! [`TenantState`]: where a schema is in its life.

use std::fmt;
use std::str::FromStr;

/// Where a tenant is in its life. Only [`Ready`](Self::Ready) tenants are served; others are
/// [`Error::TenantUnavailable`](crate::Error::TenantUnavailable).
///
/// ```text
/// provisioning -> ready -> archived -> dropping
///                 ready <-> migrating, maintenance, failed
/// ```
///
/// A state is moved by an update that names the states it may come from, so of two processes that want the same, one
/// does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum TenantState {
    /// Its schema is being made, beforehand and under another name. One that is made in the transaction of a birth is seen by
    /// nobody until it is ready.
    Provisioning,
    /// It is served.
    Ready,
    /// It is taken out of service while its migrations run.
    Migrating,
    /// Somebody took it out of service.
    Maintenance,
    /// Its last migration failed.
    Failed,
    /// It is kept, and neither served nor migrated.
    Archived,
    /// Its schema is being dropped.
    Dropping,
}

impl TenantState {
    pub(crate) const ALL: [Self; 7] = [
        Self::Provisioning,
        Self::Ready,
        Self::Migrating,
        Self::Maintenance,
        Self::Failed,
        Self::Archived,
        Self::Dropping,
    ];

    /// As it is kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Ready => "ready",
            Self::Migrating => "migrating",
            Self::Maintenance => "maintenance",
            Self::Failed => "failed",
            Self::Archived => "archived",
            Self::Dropping => "dropping",
        }
    }
}

impl fmt::Display for TenantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was read is no state that this version of the library knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state of a tenant that this version of the library knows")]
pub struct UnknownState(String);

impl FromStr for TenantState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}
