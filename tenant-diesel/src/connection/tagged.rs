//! [`Tag`]: the comment that names the tenant at the end of its statements, and [`Tagged`]: a query with it.
//!
//! Diesel keys its cache of prepared statements by a query's type where it can. A tagged query has no such key, so
//! that it is cached by its text: one statement for each tenant and query. The name is in a comment, never in
//! anything that PostgreSQL reads as SQL.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use std::fmt::Write;
use std::sync::Arc;
use tenant_core::SchemaName;

/// A comment that names a tenant, in the form of sqlcommenter: ` /*tenant='acme'*/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag(Arc<str>);

impl Tag {
    pub(crate) fn of(schema: &SchemaName) -> Self {
        let mut comment = String::with_capacity(schema.as_str().len() + 16);
        comment += " /*tenant='";
        for byte in schema.as_str().bytes() {
            // As in a URL, which leaves no quote, no asterisk and no slash.
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~') {
                comment.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ok = write!(comment, "%{byte:02X}");
            }
        }
        comment += "'*/";
        Self(comment.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A query that ends in a tag.
#[derive(Debug)]
pub(super) struct Tagged<Q> {
    query: Q,
    tag: Option<Tag>,
    is_prepared: bool,
}

impl<Q> Tagged<Q> {
    pub(super) fn new(query: Q, tag: Tag) -> Self {
        Self {
            query,
            tag: Some(tag),
            is_prepared: true,
        }
    }

    /// One that is not to be prepared by name, with a tag or without.
    pub(super) fn unprepared(query: Q, tag: Option<Tag>) -> Self {
        Self {
            query,
            tag,
            is_prepared: false,
        }
    }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Tagged<Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_prepared {
            pass.unsafe_to_cache_prepared();
        }
        self.query.walk_ast(pass.reborrow())?;
        if let Some(tag) = &self.tag {
            pass.push_sql(tag.as_str());
        }
        Ok(())
    }
}

impl<Q> QueryId for Tagged<Q> {
    type QueryId = ();

    // The text differs from tenant to tenant, so the type must not stand for it.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Tagged<Q> {
    type SqlType = Q::SqlType;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tag_is_a_comment_in_sqlcommenters_form() {
        let tag = |name| {
            Tag::of(&SchemaName::quoted_any(name).unwrap())
                .as_str()
                .to_owned()
        };
        assert_eq!(tag("acme"), " /*tenant='acme'*/");
        assert_eq!(tag("a'*/; DROP"), " /*tenant='a%27%2A%2F%3B%20DROP'*/");
        assert_eq!(tag("é"), " /*tenant='%C3%A9'*/");
    }

    proptest! {
        #[test]
        fn no_name_ends_its_comment_and_no_two_share_one(a in "\\PC{1,15}", b in "\\PC{1,15}") {
            if let (Ok(a), Ok(b)) = (SchemaName::quoted_any(&a), SchemaName::quoted_any(&b)) {
                let (tag_a, tag_b) = (Tag::of(&a), Tag::of(&b));
                let inside = tag_a.as_str().trim_start_matches(" /*").trim_end_matches("*/");
                prop_assert!(!inside.contains('*') && !inside.contains('/') && inside.is_ascii());
                prop_assert_eq!(a == b, tag_a == tag_b);
            }
        }
    }
}
