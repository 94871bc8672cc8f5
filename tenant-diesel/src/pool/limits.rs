//! [`TenantLimits`]: what one tenant may use.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tenant_core::SchemaName;

/// What one tenant may use of the server. Set in the message that sets the path, and taken back by the next
/// tenant's.
///
/// What is not limited here stays as it is on a new connection (`postgresql.conf`, `ALTER ROLE`, `on_connect`).
///
/// ```
/// # include!("../docs/setup.rs");
/// use std::time::Duration;
/// use tenant_diesel::{Error, TenantLimits};
///
/// # fn main() -> Result<()> {
/// # let (tenancy, database) = tenancy()?;
/// # let acme = tenancy.create(new_client("acme")?)?;
/// # let url = database.url();
/// let tenancy = Tenancy::<customers::Client>::builder()
///     .app::<customers::App>()
///     .app::<todo::App>()
///     .pool(|pool| pool.limits(|_schema| {
///         TenantLimits::none().statement_timeout(Duration::from_secs(5)).max_connections(1)
///     }))
///     .connect(url)?;
/// let held = tenancy.get(&acme)?;
/// assert!(matches!(tenancy.get(&acme), Err(Error::TenantLimit { max_connections: 1, .. })));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct TenantLimits {
    settings: [Option<u32>; SETTINGS.len()],
    max_connections: Option<NonZeroU32>,
}

/// The settings that a limit can be about, with their units, in the order of [`TenantLimits::settings`].
pub(crate) const SETTINGS: [(&str, &str); 4] = [
    ("statement_timeout", "ms"),
    ("lock_timeout", "ms"),
    ("idle_in_transaction_session_timeout", "ms"),
    ("work_mem", "kB"),
];

impl TenantLimits {
    /// No limits.
    pub const fn none() -> Self {
        Self {
            settings: [None; SETTINGS.len()],
            max_connections: None,
        }
    }

    /// How long a statement may take: PostgreSQL's `statement_timeout`. Milliseconds count; zero means
    /// for ever.
    pub fn statement_timeout(mut self, limit: Duration) -> Self {
        self.settings[0] = Some(milliseconds(limit));
        self
    }

    /// How long a statement may wait for a lock: PostgreSQL's `lock_timeout`. Zero means for ever.
    pub fn lock_timeout(mut self, limit: Duration) -> Self {
        self.settings[1] = Some(milliseconds(limit));
        self
    }

    /// How long a transaction may sit idle before the server ends the session: PostgreSQL's
    /// `idle_in_transaction_session_timeout`. Zero means for ever.
    pub fn idle_in_transaction_session_timeout(mut self, limit: Duration) -> Self {
        self.settings[2] = Some(milliseconds(limit));
        self
    }

    /// The memory of one sort or hash before it goes to disk, in kB: PostgreSQL's `work_mem`, which must
    /// be at least 64 and counts as that where it is less.
    pub fn work_mem_kb(mut self, limit: u32) -> Self {
        self.settings[3] = Some(limit.clamp(64, i32::MAX as u32));
        self
    }

    /// How many connections of this pool the tenant may hold or wait for at once. One more is
    /// [`Error::TenantLimit`](crate::Error::TenantLimit) at once, so that its requests do not queue up in front of
    /// other tenants'. Zero counts as one.
    pub fn max_connections(mut self, limit: u32) -> Self {
        self.max_connections = Some(NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN));
        self
    }

    pub(crate) fn connections(&self) -> Option<NonZeroU32> {
        self.max_connections
    }

    /// The value of each of [`SETTINGS`], as PostgreSQL reads it.
    pub(crate) fn values(&self) -> [Option<String>; SETTINGS.len()] {
        std::array::from_fn(|i| Some(format!("{}{}", self.settings[i]?, SETTINGS[i].1)))
    }
}

/// Rounded up, so that a limit below a millisecond does not become none. PostgreSQL's limits are 31 bits wide.
fn milliseconds(duration: Duration) -> u32 {
    let milliseconds = duration.as_nanos().div_ceil(1_000_000);
    u32::try_from(milliseconds).map_or(i32::MAX as u32, |value| value.min(i32::MAX as u32))
}

/// The application's limits, tenant by tenant.
#[derive(Clone)]
pub(crate) struct LimitsOf(pub(crate) Arc<dyn Fn(&SchemaName) -> TenantLimits + Send + Sync>);

impl fmt::Debug for LimitsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimitsOf")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_units_and_those_not_limited_are_none() {
        let limits = TenantLimits::none()
            .statement_timeout(Duration::from_secs(5))
            .work_mem_kb(4096);
        assert_eq!(
            limits.values(),
            [Some("5000ms".to_owned()), None, None, Some("4096kB".to_owned())]
        );
    }

    #[test]
    fn a_limit_below_a_millisecond_is_not_no_limit_and_a_huge_one_fits() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX as u32);
    }
}
