//! [`Allowance`]: how many questions that find nobody are asked: so many a second, and as many at once.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A bucket of tokens. One is taken when a question has found nobody, not before it is asked: else many hosts that are
/// asked for at once for the first time, as after a start, would be refused though each of them is somebody's. So it can
/// be overdrawn by as many questions as are under way; it must fill up again then.
#[derive(Debug)]
pub(super) struct Allowance {
    per_second: f64,
    most: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(per_second: u32) -> Self {
        let most = f64::from(per_second).max(1.0);
        Self {
            per_second: f64::from(per_second),
            most,
            state: Mutex::new(State {
                tokens: most,
                at: Instant::now(),
            }),
        }
    }

    /// Whether one more question may be asked.
    pub(super) fn allows_one(&self) -> bool {
        self.update(0.0) >= 1.0
    }

    /// One has found nobody.
    pub(super) fn spend(&self) {
        self.update(1.0);
    }

    /// What there is, after something was taken.
    fn update(&self, taken: f64) -> f64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let grown = now.saturating_duration_since(state.at).as_secs_f64() * self.per_second;
        state.tokens = (state.tokens + grown).min(self.most) - taken;
        state.at = now;
        state.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_gone_until_it_has_grown_again() {
        let never = Allowance::new(0);
        assert!(never.allows_one());
        never.spend();
        assert!(!never.allows_one());
        let many = Allowance::new(1_000_000);
        for _ in 0..1_000 {
            many.spend();
        }
        assert!(many.allows_one());
    }
}
