//! [`split`]: the statements of a file.

use super::position::Position;
use super::token::{Kind, Token, tokens};

/// One statement of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    /// From its first word to its last: without comments around it, and without the semicolon.
    pub(crate) text: &'a str,
    /// Where it starts in the file, in bytes.
    pub(crate) offset: usize,
    /// The line it starts on, from 1.
    pub(crate) line: usize,
    /// The character of the line that it starts with, from 1.
    pub(crate) column: usize,
}

impl Statement<'_> {
    /// Where it ends in the file, in bytes.
    pub(crate) fn end(&self) -> usize {
        self.offset + self.text.len()
    }
}

/// The statements of a file, in order. Between them are spaces, comments and semicolons, and nothing else.
///
/// A semicolon ends a statement as it does for psql: not in quotes, comments or parentheses (`CREATE RULE .. DO
/// (a; b)`), and not in the body of a function between `BEGIN ATOMIC` and its `END`.
pub(crate) fn split(sql: &str) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut open: Option<Open> = None;
    let mut here = Position::START;
    let mut seen = 0;
    for token in tokens(sql) {
        if !token.is_significant() {
            continue;
        }
        if token.kind == Kind::Semicolon && open.as_ref().is_none_or(|open| open.depth.is_top()) {
            statements.extend(open.take().map(|open| open.statement(sql)));
            continue;
        }
        let open = open.get_or_insert_with(|| {
            here = here.after(&sql[seen..token.offset]);
            seen = token.offset;
            Open::at(token.offset, here)
        });
        open.end = token.end();
        open.depth.read(&token);
    }
    statements.extend(open.map(|open| open.statement(sql)));
    statements
}

/// A statement whose end is not reached yet.
struct Open {
    offset: usize,
    start: Position,
    end: usize,
    depth: Depth,
}

impl Open {
    fn at(offset: usize, start: Position) -> Self {
        Self {
            offset,
            start,
            end: offset,
            depth: Depth::default(),
        }
    }

    fn statement(self, sql: &str) -> Statement<'_> {
        Statement {
            text: &sql[self.offset..self.end],
            offset: self.offset,
            line: self.start.line,
            column: self.start.column,
        }
    }
}

/// What is open at a place of a statement.
#[derive(Default)]
struct Depth {
    parentheses: usize,
    /// `BEGIN ATOMIC`, and each `CASE` in it.
    blocks: usize,
    /// How far the statement is known to create a routine.
    head: Head,
    last: Last,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Head {
    #[default]
    Start,
    /// `CREATE`, maybe with `OR REPLACE`
    Create,
    /// `CREATE FUNCTION` or `CREATE PROCEDURE`
    Routine,
    Other,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Last {
    Begin,
    /// A dot or `AS`: a keyword behind it is a name.
    NameFollows,
    #[default]
    Other,
}

impl Depth {
    fn is_top(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn read(&mut self, token: &Token<'_>) {
        self.head = match self.head {
            Head::Start if token.is("create") => Head::Create,
            Head::Create if token.is("or") || token.is("replace") => Head::Create,
            Head::Create if token.is("function") || token.is("procedure") => Head::Routine,
            Head::Routine => Head::Routine,
            _ => Head::Other,
        };
        match token.kind {
            Kind::Open => self.parentheses += 1,
            Kind::Close => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        let opens = self.last == Last::Begin && token.is("atomic");
        if self.head == Head::Routine && self.last != Last::NameFollows {
            if opens || self.blocks > 0 && token.is("case") {
                self.blocks += 1;
            } else if token.is("end") {
                self.blocks = self.blocks.saturating_sub(1);
            }
        }
        self.last = if token.is("begin") {
            Last::Begin
        } else if token.kind == Kind::Dot || token.is("as") {
            Last::NameFollows
        } else {
            Last::Other
        };
    }
}
