//! [`Position`]: a line and a column; [`statement_at`]: what the server means by the position of an error.

use super::split::{Statement, split};

/// A place in a file, as an editor counts: from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place behind a text that starts here.
    pub(crate) fn after(self, text: &str) -> Self {
        let last_line = text.rsplit('\n').next().unwrap_or(text);
        let columns = last_line.chars().count();
        match text.matches('\n').count() {
            0 => Self {
                column: self.column + columns,
                ..self
            },
            breaks => Self {
                line: self.line + breaks,
                column: columns + 1,
            },
        }
    }
}

/// A place that the server named, and the statement that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located<'a> {
    pub(crate) statement: Statement<'a>,
    pub(crate) position: Position,
}

/// The statement of a file that the server means by the position of an error: the character in the message that
/// was sent, from 1, where the message was the whole file. A place between two statements is the later one's; one
/// behind the last is that one's. `None` if the file has no statement.
pub(crate) fn statement_at(sql: &str, char_position: usize) -> Option<Located<'_>> {
    let nth = char_position.saturating_sub(1);
    let offset = sql
        .char_indices()
        .nth(nth)
        .map_or(sql.len(), |(offset, _)| offset);
    let statements = split(sql);
    let statement = statements.iter().find(|statement| offset < statement.end());
    Some(Located {
        statement: *statement.or(statements.last())?,
        position: Position::START.after(&sql[..offset]),
    })
}

impl Statement<'_> {
    /// The place in the file that the server means by the position of an error, where the message was this
    /// statement alone.
    pub(crate) fn position(&self, char_position: usize) -> Position {
        let nth = char_position.saturating_sub(1);
        let end = self
            .text
            .char_indices()
            .nth(nth)
            .map_or(self.text.len(), |(at, _)| at);
        let start = Position {
            line: self.line,
            column: self.column,
        };
        start.after(&self.text[..end])
    }
}
