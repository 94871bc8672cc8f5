//! [`Control`]: the statements that begin and end transactions and savepoints.

/// A message that is one transaction control statement and nothing else. Diesel's transaction managers
/// send these, and so do people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Begin,
    Savepoint,
    Release,
    Commit,
    Rollback,
    RollbackTo,
}

impl Control {
    /// Reads a message. `None` where it is anything else, or more than one statement.
    pub(crate) fn read(sql: &str) -> Option<Self> {
        let sql = sql.trim().trim_end_matches(';');
        // Diesel's own are short; whatever holds quotes, comments or another statement is not read here.
        if sql.len() > 120
            || sql.contains(|c: char| matches!(c, ';' | '\'' | '"' | '$' | '/') || !c.is_ascii())
        {
            return None;
        }
        let lower = sql.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_ascii_whitespace().collect();
        if words
            .iter()
            .any(|word| matches!(*word, "chain" | "prepared") || word.contains("--"))
        {
            return None;
        }
        match words.as_slice() {
            ["begin", ..] | ["start", "transaction", ..] => Some(Self::Begin),
            ["savepoint", _] => Some(Self::Savepoint),
            ["release", _] | ["release", "savepoint", _] => Some(Self::Release),
            ["commit" | "end"] | ["commit" | "end", "work" | "transaction"] => Some(Self::Commit),
            ["rollback" | "abort"] | ["rollback" | "abort", "work" | "transaction"] => Some(Self::Rollback),
            ["rollback", "to", ..] | ["rollback", "work" | "transaction", "to", ..] => Some(Self::RollbackTo),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Control::{self, *};

    #[test]
    fn what_diesel_and_people_send_is_read() {
        for (sql, control) in [
            ("BEGIN", Begin),
            ("begin;", Begin),
            (
                "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
                Begin,
            ),
            ("START TRANSACTION READ ONLY", Begin),
            ("SAVEPOINT diesel_savepoint_1", Savepoint),
            ("RELEASE SAVEPOINT diesel_savepoint_1", Release),
            ("COMMIT", Commit),
            (" end work ;", Commit),
            ("ROLLBACK", Rollback),
            ("ABORT", Rollback),
            ("ROLLBACK TO SAVEPOINT diesel_savepoint_12", RollbackTo),
            ("rollback work to s", RollbackTo),
        ] {
            assert_eq!(Control::read(sql), Some(control), "{sql}");
        }
    }

    #[test]
    fn anything_else_is_not_taken_for_one() {
        for sql in [
            "",
            "BEGIN; SET search_path TO x",
            "COMMIT; BEGIN",
            "COMMIT AND CHAIN",
            "COMMIT PREPARED 'x'",
            "PREPARE TRANSACTION 'x'",
            "ROLLBACK -- no",
            "SELECT 1",
            "SAVEPOINT \"a b\"",
        ] {
            assert_eq!(Control::read(sql), None, "{sql}");
        }
    }
}
