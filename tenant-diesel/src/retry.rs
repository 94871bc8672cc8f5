//! What is worth another attempt, and how long to pause before it.
//!
//! Diesel keeps the SQLSTATE of most failures to itself, so a time-out of a lock and a deadlock are known by
//! PostgreSQL's English words. Who looks for them lets a server of another language speak English, where the role may ask
//! for that (`lc_messages`); where it may not, the plain error comes out, and nothing is tried again.

use crate::Error;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Lets the server speak English until the session ends, if the role may ask for it.
pub(crate) const SPEAK_ENGLISH_FROM_NOW_ON: &str = "SELECT pg_catalog.set_config('lc_messages', 'C', false) \
     WHERE (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)";

/// An expression that has the server speak English until the transaction ends, so that what failed can be recognised, if
/// the role may ask for that. Others hear what it is configured to speak.
pub(crate) const ENGLISH: &str = "(CASE WHEN pg_catalog.current_setting('is_superuser') = 'on' \
     THEN pg_catalog.set_config('lc_messages', 'C', true) END)";

const LOCK_TIMEOUT: &str = "canceling statement due to lock timeout";
const DEADLOCK: &str = "deadlock detected";

/// How a statement with `NOWAIT` begins to say that it did not get a lock: on a relation, or on a row in one.
const NOT_FREE: &str = "could not obtain lock on r";

/// Whether the same again may succeed: a lock that was not to be had in time, a deadlock, a transaction that could
/// not be serialized, a connection that was closed.
pub(crate) fn is_worth_retrying(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(
            DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ClosedConnection,
            _,
        ) => true,
        other => is_about_a_lock(other),
    }
}

/// Whether a lock was not to be had: in time, or at all.
pub(crate) fn is_about_a_lock(error: &DieselError) -> bool {
    // The whole message: a user's words may be quoted in another.
    matches!(error, DieselError::DatabaseError(_, information)
        if matches!(information.message(), LOCK_TIMEOUT | DEADLOCK) || information.message().starts_with(NOT_FREE))
}

/// Whether the server has no room for more locks: its hint names the setting in every language.
pub(crate) fn is_out_of_lock_memory(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, information)
        if information.hint().is_some_and(|hint| hint.contains("max_locks_per_transaction")))
}

/// The same of an error of ours: that of a statement, or of a migration.
pub(crate) fn was_about_a_lock(error: &Error) -> bool {
    was(error, is_about_a_lock)
}

/// The same as [`is_out_of_lock_memory`] of an error of ours.
pub(crate) fn was_out_of_lock_memory(error: &Error) -> bool {
    was(error, is_out_of_lock_memory)
}

/// The same as [`is_worth_retrying`] of an error of ours.
pub(crate) fn was_worth_retrying(error: &Error) -> bool {
    was(error, is_worth_retrying)
}

fn was(error: &Error, is: impl Fn(&DieselError) -> bool) -> bool {
    match error {
        Error::Attempt { source, .. } | Error::Query(source) => is(source),
        Error::Migration { .. } => {
            crate::migrate::failure_in(error).is_some_and(|failure| is(&failure.source))
        }
        _ => false,
    }
}

/// Pauses that grow, and differ from one process to another, until patience ends.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: Duration,
    longest: Duration,
    deadline: Instant,
    random: RandomState,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration, patience: Duration) -> Self {
        Self {
            pause: first,
            longest,
            // So much patience that it cannot be told is without end: as good as a century.
            deadline: Instant::now()
                .checked_add(patience)
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(100 * 365 * 24 * 3600)),
            random: RandomState::new(),
            attempts: 0,
        }
    }

    /// How many pauses there were.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Pauses before the next attempt. False where patience has ended, without a pause.
    pub(crate) fn pause(&mut self) -> bool {
        let pause = self.next_pause();
        if let Some(pause) = pause {
            std::thread::sleep(pause);
        }
        pause.is_some()
    }

    /// How long to pause before the next attempt. None where patience has ended.
    pub(crate) fn next_pause(&mut self) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        self.attempts += 1;
        // Between half and the whole of it, so that those who met once do not meet again.
        let jitter = self.random.hash_one(self.attempts) % 512;
        let half = self.pause / 2;
        let pause = half + half * u32::try_from(jitter).unwrap_or(0) / 512;
        self.pause = (self.pause * 2).min(self.longest);
        Some(pause.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::result::DatabaseErrorInformation;

    struct Words(&'static str, Option<&'static str>);

    impl DatabaseErrorInformation for Words {
        fn message(&self) -> &str {
            self.0
        }
        fn details(&self) -> Option<&str> {
            None
        }
        fn hint(&self) -> Option<&str> {
            self.1
        }
        fn table_name(&self) -> Option<&str> {
            None
        }
        fn column_name(&self) -> Option<&str> {
            None
        }
        fn constraint_name(&self) -> Option<&str> {
            None
        }
        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    fn error(kind: DatabaseErrorKind, message: &'static str, hint: Option<&'static str>) -> DieselError {
        DieselError::DatabaseError(kind, Box::new(Words(message, hint)))
    }

    #[test]
    fn locks_deadlocks_serialization_and_lost_connections_are_worth_another_attempt() {
        for message in [LOCK_TIMEOUT, DEADLOCK] {
            assert!(is_worth_retrying(&error(
                DatabaseErrorKind::Unknown,
                message,
                None
            )));
        }
        for kind in [
            DatabaseErrorKind::SerializationFailure,
            DatabaseErrorKind::ClosedConnection,
        ] {
            assert!(is_worth_retrying(&error(kind, "whatever", None)));
            assert!(!is_about_a_lock(&error(kind, "whatever", None)));
        }
        let quoted = "duplicate key: (deadlock detected)";
        assert!(!is_worth_retrying(&error(
            DatabaseErrorKind::UniqueViolation,
            quoted,
            None
        )));
        assert!(!is_worth_retrying(&DieselError::NotFound));
    }

    #[test]
    fn a_full_table_of_locks_is_known_by_its_hint() {
        let hint = "Sie müssen möglicherweise max_locks_per_transaction erhöhen.";
        assert!(is_out_of_lock_memory(&error(
            DatabaseErrorKind::Unknown,
            "Shared Memory aufgebraucht",
            Some(hint)
        )));
        assert!(!is_out_of_lock_memory(&error(
            DatabaseErrorKind::Unknown,
            "out of memory",
            None
        )));
    }

    #[test]
    fn patience_ends() {
        let mut backoff = Backoff::new(Duration::from_nanos(1), Duration::from_nanos(4), Duration::ZERO);
        assert!(!backoff.pause());
        let mut backoff = Backoff::new(
            Duration::from_nanos(1),
            Duration::from_nanos(4),
            Duration::from_secs(60),
        );
        assert!(backoff.pause() && backoff.pause());
        assert_eq!(backoff.attempts(), 2);
    }
}
