//! [`Token`]: a word, a quoted name, a string or a sign of an SQL text, with its place in it.

use squawk_lexer::{LiteralKind, TokenKind};
use std::borrow::Cow;

/// What a piece of SQL text is, as far as somebody who does not parse it cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    /// `-- ..` or `/* .. */`
    Comment,
    /// A keyword or a name without quotes.
    Word,
    /// `"name"`
    QuotedName,
    /// `'text'`: what is between the quotes is the text, but for doubled quotes.
    String,
    /// `E'text'`, `U&'text'`, `U&"name"`, `B'1'`, `X'1'`: what is between the quotes means something else.
    Encoded,
    /// `$$text$$`, `$tag$text$tag$`
    Dollar,
    Semicolon,
    Open,
    Close,
    Dot,
    Comma,
    /// Numbers, operators, parameters.
    Other,
}

/// A piece of an SQL text. All pieces together are the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// In bytes, from the start of what was read.
    pub(crate) offset: usize,
}

impl<'a> Token<'a> {
    pub(crate) fn end(&self) -> usize {
        self.offset + self.text.len()
    }

    /// Whether it is part of a statement, and not between its words.
    pub(crate) fn is_significant(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }

    /// Whether it is this keyword. A quoted name never is.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// The name that it is: folded without quotes, as written in them.
    pub(crate) fn name(&self) -> Option<Cow<'a, str>> {
        match self.kind {
            Kind::Word if self.text.bytes().any(|b| b.is_ascii_uppercase()) => {
                Some(self.text.to_ascii_lowercase().into())
            }
            Kind::Word => Some(self.text.into()),
            Kind::QuotedName => self.inside("\"").map(|(name, _)| undoubled(name, "\"\"", "\"")),
            _ => None,
        }
    }

    /// The text of a string, where it is what is written.
    pub(crate) fn string(&self) -> Option<Cow<'a, str>> {
        match self.kind {
            // Without a backslash it is what it would be without the letter.
            Kind::Encoded => {
                let quoted = self.text.strip_prefix(['e', 'E'])?;
                let text = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
                (!text.contains('\\')).then(|| undoubled(text, "''", "'"))
            }
            Kind::String => self.inside("'").map(|(text, _)| undoubled(text, "''", "'")),
            Kind::Dollar => self.verbatim().map(|(text, _)| text.into()),
            _ => None,
        }
    }

    /// The text of a string in which each byte stands for itself, and where it starts: the body of a function.
    pub(crate) fn verbatim(&self) -> Option<(&'a str, usize)> {
        match self.kind {
            Kind::String => self.inside("'").filter(|(text, _)| !text.contains('\'')),
            Kind::Dollar => {
                let tag = self.text.get(1..)?.find('$')? + 2;
                self.inside(self.text.get(..tag)?)
            }
            _ => None,
        }
    }

    fn inside(&self, quote: &str) -> Option<(&'a str, usize)> {
        let inside = self.text.strip_prefix(quote)?.strip_suffix(quote)?;
        Some((inside, self.offset + quote.len()))
    }
}

fn undoubled<'a>(text: &'a str, doubled: &str, single: &str) -> Cow<'a, str> {
    if text.contains(doubled) {
        text.replace(doubled, single).into()
    } else {
        text.into()
    }
}

/// All pieces of a text, in order and without gaps.
pub(crate) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut offset = 0;
    // The lexer is started again behind a string that it cannot know to be a continued one.
    'lexer: while offset < sql.len() {
        for token in squawk_lexer::tokenize(&sql[offset..]) {
            let mut end = offset + token.len as usize;
            let kind = kind(token.kind);
            let is_continued = kind == Kind::String && continues_escapes(&tokens);
            if is_continued {
                end = offset + end_of_escapes(&sql[offset..]);
            }
            tokens.push(Token {
                kind: if is_continued { Kind::Encoded } else { kind },
                text: &sql[offset..end],
                offset,
            });
            offset = end;
            if is_continued {
                continue 'lexer;
            }
        }
    }
    tokens
}

/// The pieces of a text that are neither space nor comment.
pub(crate) fn significant(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = tokens(sql);
    tokens.retain(Token::is_significant);
    tokens
}

fn kind(kind: TokenKind) -> Kind {
    match kind {
        TokenKind::Whitespace => Kind::Space,
        TokenKind::LineComment | TokenKind::BlockComment { .. } => Kind::Comment,
        TokenKind::Ident => Kind::Word,
        TokenKind::QuotedIdent { uescape: false, .. } => Kind::QuotedName,
        TokenKind::QuotedIdent { uescape: true, .. } => Kind::Encoded,
        TokenKind::Semi => Kind::Semicolon,
        TokenKind::OpenParen => Kind::Open,
        TokenKind::CloseParen => Kind::Close,
        TokenKind::Dot => Kind::Dot,
        TokenKind::Comma => Kind::Comma,
        TokenKind::Literal { kind } => match kind {
            LiteralKind::Str { .. } | LiteralKind::NationalStr { .. } => Kind::String,
            LiteralKind::DollarQuotedString { .. } => Kind::Dollar,
            LiteralKind::EscStr { .. }
            | LiteralKind::UnicodeEscStr { .. }
            | LiteralKind::ByteStr { .. }
            | LiteralKind::BitStr { .. } => Kind::Encoded,
            LiteralKind::Int { .. } | LiteralKind::Numeric { .. } => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// Whether a string here goes on where an `E'..'` on a line before stopped, with its escapes:
/// `E'it''s' \n 'o\'clock'` is one string. Only space and line comments may be between.
fn continues_escapes(before: &[Token<'_>]) -> bool {
    let between = |token: &&Token<'_>| {
        token.kind == Kind::Space || token.kind == Kind::Comment && token.text.starts_with("--")
    };
    let gap = before.iter().rev().take_while(between);
    let breaks = gap.clone().any(|token| token.text.contains(['\n', '\r']));
    let Some(string) = before.iter().rev().nth(gap.count()) else {
        return false;
    };
    // A continuation starts with its quote, as only strings do.
    let escapes = string.kind == Kind::Encoded && string.text.starts_with(['e', 'E', '\'']);
    breaks && escapes
}

/// The length of the string at the start of a text, in which a backslash takes the character behind it.
fn end_of_escapes(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1).peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'\'' if bytes.next_if(|(_, next)| *next == b'\'').is_none() => return at + 1,
            _ => {}
        }
    }
    text.len()
}
