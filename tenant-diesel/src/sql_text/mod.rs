//! SQL that people wrote, read as PostgreSQL reads it: words, quotes, comments, and where a statement ends.
//!
//! It promises to lose nothing and to fail on nothing: what the server would refuse is still split somewhere. It
//! does not know psql's own commands (`\connect`), nor `standard_conforming_strings = off`.
//!
//! | module | owns |
//! |---|---|
//! | [`token`] | the words of a text |
//! | [`split`] | the statements of a file |
//! | [`plain`] | whether a file can leave nothing behind |
//! | [`position`] | lines and columns, and where the server says that an error is |

mod plain;
mod position;
mod split;
mod token;

pub(crate) use plain::is_plain;
pub(crate) use position::Position;
pub(crate) use position::statement_at;
pub(crate) use split::{Statement, split};
pub(crate) use token::{Kind, Token, significant, tokens};

#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod tests;
