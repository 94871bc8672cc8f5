//! [`Words`]: reading a statement word by word.

use crate::sql_text::{Kind, Token};
use std::borrow::Cow;

/// A place in a statement, which moves over what it was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'t, 'a> {
    rest: &'t [Token<'a>],
}

/// A name of a table or the like, with the schema that qualifies it.
#[derive(Debug)]
pub(super) struct Qualified<'a> {
    pub(super) schema: Option<Cow<'a, str>>,
    pub(super) name: Cow<'a, str>,
    /// Where it starts.
    pub(super) offset: usize,
}

impl Qualified<'_> {
    /// As people write it.
    pub(super) fn written(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.to_string(),
        }
    }
}

impl<'t, 'a> Words<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>]) -> Self {
        Self { rest: tokens }
    }

    pub(super) fn peek(&self) -> Option<&'t Token<'a>> {
        self.rest.first()
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Moves over a keyword, if it is next.
    pub(super) fn eat(&mut self, keyword: &str) -> bool {
        self.eat_any(&[keyword])
    }

    /// Moves over one of these keywords, if one is next.
    pub(super) fn eat_any(&mut self, keywords: &[&str]) -> bool {
        let is = |token: &&Token<'_>| keywords.iter().any(|keyword| token.is(keyword));
        self.peek().filter(is).is_some() && self.next().is_some()
    }

    /// Moves over these keywords in this order, if all are next.
    pub(super) fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let mut ahead = *self;
        let all = keywords.iter().all(|keyword| ahead.eat(keyword));
        if all {
            *self = ahead;
        }
        all
    }

    /// Moves behind the first of these keywords that is not in parentheses.
    pub(super) fn skip_behind(&mut self, keywords: &[&str]) -> bool {
        let mut depth = 0_usize;
        while self.peek().is_some() {
            if depth == 0 && self.eat_any(keywords) {
                return true;
            }
            match self.next().map(|token| token.kind) {
                Some(Kind::Open) => depth += 1,
                Some(Kind::Close) => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        false
    }

    /// Moves over a name, qualified or not.
    pub(super) fn qualified(&mut self) -> Option<Qualified<'a>> {
        let offset = self.peek()?.offset;
        let first = self.peek()?.name()?;
        self.next();
        let mut ahead = *self;
        if !ahead.eat_kind(Kind::Dot) {
            return Some(Qualified {
                schema: None,
                name: first,
                offset,
            });
        }
        let name = ahead.next()?.name()?;
        *self = ahead;
        Some(Qualified {
            schema: Some(first),
            name,
            offset,
        })
    }

    pub(super) fn eat_kind(&mut self, kind: Kind) -> bool {
        self.peek().is_some_and(|token| token.kind == kind) && self.next().is_some()
    }
}
