//! What is known of the server's session behind a pooled connection: whether its `search_path` is the
//! one that the library set, whether a transaction is open, and what a borrower may have left in it.
//!
//! It promises to err on the safe side: it learns from the text that is sent to the server, and what it
//! cannot read there it takes for changed. What no client can see (a trigger that sets a role, a function on
//! the server that changes the path) it cannot see either.

mod calls;
mod control;
mod effects;
pub(crate) mod reset;

pub(crate) use control::Control;
pub(crate) use effects::Effects;

use std::any::TypeId;
use std::collections::HashMap;

/// What must happen to a session before its next borrower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Taint {
    /// Nothing but the path: only typed queries ran.
    #[default]
    Clean,
    /// Settings, role or temporary objects may differ: reset them, in the message that sets the path.
    Settings,
    /// As above, and prepared statements may have come or gone.
    Statements,
    /// Something may be held on the server even while the connection idles (a transaction, a lock, a
    /// channel), or nothing is known at all: close the connection when it comes back.
    Discard,
}

/// What could undo the path without a `SET`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum UndoneBy {
    /// It was set outside a transaction.
    #[default]
    Nothing,
    /// It was set inside a transaction: a rollback, also to a savepoint, takes it back.
    Rollback,
    /// It was set with `SET LOCAL`: any end of the transaction takes it back.
    End,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Session {
    path_is_known: bool,
    undone_by: UndoneBy,
    in_transaction: bool,
    /// Somebody had the bare connection, so that `in_transaction` may be wrong.
    opaque: bool,
    /// A copy may be going on, which must be ended before anything else is sent.
    in_copy: bool,
    /// A message of several statements may have begun a transaction.
    may_be_in_transaction: bool,
    taint: Taint,
    /// The effects of typed queries, whether they only read and whether they may make something, by their type: their text never changes.
    effects: HashMap<TypeId, (Effects, bool, bool)>,
    /// The same of the last other texts that Diesel made: a text is as long as it is to be read.
    effects_of_texts: HashMap<String, (Effects, bool, bool)>,
}

/// How many texts are remembered of a session, and how long one may be: what is the same each time is among them, and what is
/// another one each time does not fill the memory.
const TEXTS: usize = 32;
const LONGEST_TEXT: usize = 4096;

impl Session {
    pub(crate) fn path_is_known(&self) -> bool {
        self.path_is_known
    }

    pub(crate) fn taint(&self) -> Taint {
        self.taint
    }

    /// At least so much must happen before the next borrower.
    pub(crate) fn raise(&mut self, taint: Taint) {
        self.taint = self.taint.max(taint);
    }

    /// Whether the path is the one that was set, and nothing else of the session was touched.
    pub(crate) fn is_proved_clean(&self) -> bool {
        self.path_is_known
            && self.undone_by == UndoneBy::Nothing
            && self.taint == Taint::Clean
            && !(self.in_transaction || self.opaque || self.in_copy || self.may_be_in_transaction)
    }

    /// Whether the server is inside a transaction, as far as the text tells that was sent.
    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Whether that cannot be told from the text.
    pub(crate) fn may_be_in_transaction(&self) -> bool {
        self.opaque || self.may_be_in_transaction
    }

    /// The path was set for the session.
    pub(crate) fn path_was_set(&mut self) {
        self.path_is_known = true;
        self.undone_by = if self.in_transaction || self.may_be_in_transaction() {
            UndoneBy::Rollback
        } else {
            UndoneBy::Nothing
        };
    }

    /// A transaction was begun, and the path set for its time.
    pub(crate) fn path_was_set_locally(&mut self) {
        self.path_is_known = true;
        self.undone_by = UndoneBy::End;
        self.in_transaction = true;
    }

    pub(crate) fn forget_path(&mut self) {
        self.path_is_known = false;
    }

    /// A transaction was begun in a way that [`Control`] does not see.
    pub(crate) fn transaction_began(&mut self) {
        self.in_transaction = true;
    }

    /// Everything was reset, or the session is new.
    pub(crate) fn is_clean_now(&mut self) {
        let effects = std::mem::take(&mut self.effects);
        *self = Self {
            effects,
            ..Self::default()
        };
    }

    /// What was sent since the session was clean can have left nothing in it, and the transaction that it was sent in has
    /// ended. The path is not known to be any.
    pub(crate) fn nothing_was_left(&mut self) {
        if !self.opaque {
            self.taint = Taint::Clean;
            self.may_be_in_transaction = false;
            self.in_copy = false;
        }
    }

    /// The next borrower must not have this session.
    pub(crate) fn discard(&mut self) {
        self.taint = Taint::Discard;
        self.path_is_known = false;
    }

    /// Something that lives in the client was changed for this scope only: the connection is closed at its
    /// end. The path is still what it was.
    pub(crate) fn retire(&mut self) {
        self.taint = Taint::Discard;
    }

    /// Whether a copy may be going on.
    pub(crate) fn may_be_in_copy(&self) -> bool {
        self.in_copy
    }

    /// A copy begins. Until it is known to have ended, the path counts as unknown, so that it is ended before
    /// the next statement. What was believed of the path goes to [`Self::copied`].
    pub(crate) fn will_copy(&mut self) -> bool {
        self.in_copy = true;
        std::mem::take(&mut self.path_is_known)
    }

    /// The copy ended, in whatever way.
    pub(crate) fn copied(&mut self, path_is_known: bool) {
        self.in_copy = false;
        self.path_is_known = path_is_known;
    }

    /// A copy that may have been going on was ended.
    pub(crate) fn copy_was_ended(&mut self) {
        self.in_copy = false;
    }

    /// Somebody takes the bare connection: nothing is known from now on.
    pub(crate) fn becomes_opaque(&mut self) {
        self.opaque = true;
        self.in_copy = true;
        self.discard();
    }

    /// Statements with these effects are about to be sent.
    pub(crate) fn will_send(&mut self, effects: Effects) {
        self.taint = self.taint.max(effects.taint);
        self.path_is_known &= !effects.may_change_path;
        self.may_be_in_transaction |= effects.may_begin;
        self.in_copy |= effects.may_copy;
    }

    /// The effects of a typed query, from memory or by `read`.
    pub(crate) fn effects_of(
        &mut self,
        query: TypeId,
        read: impl FnOnce() -> diesel::QueryResult<(Effects, bool, bool)>,
    ) -> diesel::QueryResult<(Effects, bool, bool)> {
        if let Some(effects) = self.effects.get(&query) {
            return Ok(*effects);
        }
        let effects = read()?;
        self.effects.insert(query, effects);
        Ok(effects)
    }

    /// The effects of a text that Diesel made of a query without a type of its own, from memory or by `read`.
    pub(crate) fn effects_of_text(
        &mut self,
        sql: String,
        read: impl FnOnce(&str) -> (Effects, bool, bool),
    ) -> (Effects, bool, bool) {
        if let Some(effects) = self.effects_of_texts.get(&sql) {
            return *effects;
        }
        let effects = read(&sql);
        if sql.len() <= LONGEST_TEXT {
            if self.effects_of_texts.len() >= TEXTS {
                self.effects_of_texts.clear();
            }
            self.effects_of_texts.insert(sql, effects);
        }
        effects
    }

    /// A transaction control statement is about to be sent: from now on, and until it is known to have
    /// succeeded, the worse of what can come of it is believed (also if sending it panics). What was believed
    /// before goes to [`Self::sent`].
    pub(crate) fn will_send_control(&mut self, control: Control) -> Before {
        let before = Before {
            path_is_known: self.path_is_known,
            in_transaction: self.in_transaction,
        };
        match control {
            Control::Begin => self.in_transaction = true,
            Control::Savepoint | Control::Release => {}
            Control::Commit | Control::Rollback | Control::RollbackTo => {
                self.path_is_known &= self.undone_by == UndoneBy::Nothing;
            }
        }
        before
    }

    /// The statement was sent, and succeeded or not.
    pub(crate) fn sent(&mut self, control: Control, before: Before, succeeded: bool) {
        match (control, succeeded) {
            (Control::Begin, false) => self.in_transaction = before.in_transaction,
            (Control::Commit, true) => {
                self.in_transaction = false;
                // A path that was set inside the transaction is now set for good; one set for its time is gone.
                self.path_is_known |= before.path_is_known && self.undone_by == UndoneBy::Rollback;
                self.undone_by = UndoneBy::Nothing;
            }
            (Control::Rollback, true) => self.in_transaction = false,
            _ => {}
        }
    }
}

/// What was believed before a transaction control statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    path_is_known: bool,
    in_transaction: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_a_transaction() -> Session {
        let mut session = Session::default();
        session.path_was_set();
        send(&mut session, Control::Begin, true);
        session
    }

    fn send(session: &mut Session, control: Control, succeeded: bool) {
        let before = session.will_send_control(control);
        session.sent(control, before, succeeded);
    }

    #[test]
    fn a_path_set_before_a_transaction_outlives_its_rollback() {
        let mut session = in_a_transaction();
        send(&mut session, Control::Rollback, true);
        assert!(session.path_is_known() && !session.in_transaction());
    }

    #[test]
    fn a_path_set_inside_a_transaction_is_forgotten_on_rollback_and_kept_on_commit() {
        for (end, known) in [
            (Control::Rollback, false),
            (Control::RollbackTo, false),
            (Control::Commit, true),
        ] {
            let mut session = in_a_transaction();
            session.path_was_set();
            send(&mut session, end, true);
            assert_eq!(session.path_is_known(), known, "{end:?}");
        }
    }

    #[test]
    fn a_local_path_is_forgotten_at_every_end() {
        for end in [Control::Rollback, Control::RollbackTo, Control::Commit] {
            let mut session = Session::default();
            session.path_was_set_locally();
            send(&mut session, end, true);
            assert!(!session.path_is_known(), "{end:?}");
        }
    }

    #[test]
    fn what_is_not_known_to_have_succeeded_is_believed_to_have_done_its_worst() {
        let mut session = in_a_transaction();
        session.path_was_set();
        session.will_send_control(Control::Rollback);
        assert!(!session.path_is_known() && session.in_transaction());
        let mut session = Session::default();
        session.will_send_control(Control::Begin);
        assert!(session.in_transaction());
        let mut session = in_a_transaction();
        session.path_was_set();
        send(&mut session, Control::Commit, false);
        assert!(!session.path_is_known() && session.in_transaction());
    }

    #[test]
    fn a_text_is_read_once_and_not_all_are_remembered() {
        let mut session = Session::default();
        let read = |text: &str| (Effects::of_query(text, true), true, false);
        let text = "SELECT set_config($1, $2, false)";
        let first = session.effects_of_text(text.to_owned(), read);
        let again = session.effects_of_text(text.to_owned(), |_| unreachable!("it was read"));
        assert!(first == again && first.0.may_change_path);
        session.effects_of_text(" ".repeat(LONGEST_TEXT + 1), read);
        assert_eq!(session.effects_of_texts.len(), 1);
        for i in 0..2 * TEXTS {
            session.effects_of_text(format!("SELECT {i}"), read);
            assert!(session.effects_of_texts.len() <= TEXTS);
        }
    }

    #[test]
    fn a_taint_never_grows_less() {
        let mut session = Session::default();
        session.will_send(Effects::of_raw_text("LISTEN jobs"));
        session.will_send(Effects::of_raw_text("SELECT 1"));
        assert_eq!(session.taint(), Taint::Discard);
    }
}
