//! [`staggered`]: how many tenants a connection serves before it is replaced.

use super::metrics::Counters;
use std::num::NonZeroU32;
use std::sync::atomic::Ordering;

/// How many tenants the next connection may serve: up to a quarter less than the limit, another number for each, so
/// that connections which were opened together are not all replaced at the same moment.
pub(super) fn staggered(limit: NonZeroU32, counters: &Counters) -> usize {
    // Odd, and about the golden ratio of the range: neighbours are far apart, and each value comes once in a round.
    const STEP: u64 = 0x9E37_79B9;
    let opened = counters.opened.load(Ordering::Relaxed);
    let spread = u64::from(limit.get() / 4);
    let less = ((opened.wrapping_mul(STEP) & 0xFFFF_FFFF) * (spread + 1)) >> 32;
    limit.get() as usize - usize::try_from(less).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::metrics::count;

    #[test]
    fn limits_differ_from_connection_to_connection_and_never_exceed_what_was_asked_for() {
        let counters = Counters::default();
        let limits = |limit: u32| -> Vec<usize> {
            counters.opened.store(0, Ordering::Relaxed);
            let limit = NonZeroU32::new(limit).unwrap();
            let next = || {
                let own = staggered(limit, &counters);
                count(&counters.opened);
                own
            };
            (0..8).map(|_| next()).collect()
        };
        let of_64 = limits(64);
        assert!(of_64.iter().all(|limit| (48..=64).contains(limit)), "{of_64:?}");
        let mut different = of_64.clone();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() >= 6, "{of_64:?}");
        assert_eq!(limits(3), [3; 8]);
        assert_eq!(limits(1), [1; 8]);
    }
}
