//! [`CacheKey`]: a key of a cache that tenants share.

use crate::SchemaName;
use std::fmt;

/// A key in a cache that tenants share (Redis, memcached, a map): `schema:prefix:version:key`, from which all four can be
/// had back.
///
/// Two tenants never have one key: a colon or a percent sign in the name of a schema or in a prefix is written as `%3A`
/// or `%25`. The key itself comes last and stays as it is.
///
/// ```
/// use tenant_core::{CacheKey, SchemaName};
///
/// let acme = SchemaName::new("acme")?;
/// let key = CacheKey::new(&acme, "pages", 2, "user:17");
/// assert_eq!(key.to_string(), "acme:pages:2:user:17");
/// let back = CacheKey::read("acme:pages:2:user:17").unwrap();
/// assert_eq!((back.schema(), back.key()), (&acme, "user:17"));
/// assert_eq!(back, key);
/// # Ok::<(), tenant_core::SchemaNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    schema: SchemaName,
    prefix: String,
    version: u64,
    key: String,
}

impl CacheKey {
    /// The key of a tenant, of a static one too. The prefix says what kind of thing it is, the version of which make:
    /// with the next version, what was kept is not found any more.
    #[must_use]
    pub fn new(schema: &SchemaName, prefix: impl Into<String>, version: u64, key: impl Into<String>) -> Self {
        Self {
            schema: schema.clone(),
            prefix: prefix.into(),
            version,
            key: key.into(),
        }
    }

    /// Reads what [`Display`](fmt::Display) writes. `None` where it is anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ':');
        let (schema, prefix) = (unescaped(parts.next()?)?, unescaped(parts.next()?)?);
        let (version, key) = (parts.next()?, parts.next()?);
        let read = Self {
            schema: SchemaName::quoted_any(&schema).ok()?,
            prefix,
            version: version.parse().ok()?,
            key: key.to_owned(),
        };
        // One form: no `+1`, no `007`, no other escapes.
        (read.to_string() == text).then_some(read)
    }

    /// The tenant's schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// The prefix.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The key, as the tenant's code knows it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (schema, prefix) = (escaped(self.schema.as_str()), escaped(&self.prefix));
        write!(f, "{schema}:{prefix}:{}:{}", self.version, self.key)
    }
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace(':', "%3A")
}

fn unescaped(text: &str) -> Option<String> {
    let is_escape = |rest: &str| rest.starts_with("25") || rest.starts_with("3A");
    let mut rest = text.split('%').skip(1);
    rest.all(is_escape)
        .then(|| text.replace("%3A", ":").replace("%25", "%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(schema: &str, prefix: &str, version: u64, key: &str) -> CacheKey {
        CacheKey::new(&SchemaName::quoted_any(schema).unwrap(), prefix, version, key)
    }

    /// BEHAVIOURS 138.
    #[test]
    fn a_key_has_four_parts_of_which_the_first_is_the_schema() {
        let text = key("tenant1", "", 1, "a:b:c").to_string();
        assert_eq!(text, "tenant1::1:a:b:c");
        assert_eq!(CacheKey::read(&text).unwrap().key(), "a:b:c");
    }

    #[test]
    fn no_tenant_can_choose_a_name_with_the_keys_of_another() {
        let colons = [
            key("a:b", "", 1, "k"),
            key("a", "b", 1, "k"),
            key("a", "", 1, "1:k"),
        ];
        let escapes = [key("a%3Ab", "", 1, "k"), key("a%253Ab", "", 1, "k")];
        let texts: std::collections::HashSet<_> =
            colons.iter().chain(&escapes).map(ToString::to_string).collect();
        assert_eq!(texts.len(), 5, "{texts:?}");
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        for text in [
            "",
            "a",
            "a:b:1",
            "a:b:x:k",
            "a:b:01:k",
            "a:b:+1:k",
            ":b:1:k",
            "pg_x:b:1:k",
            "a%:b:1:k",
            "a%3a:b:1:k",
        ] {
            assert_eq!(CacheKey::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_four_parts_come_back(
            schema in "[^\0]{1,15}", prefix in "[a%:3A25]{0,8}", version in 0_u64.., name in ".{0,20}",
        ) {
            if let Ok(schema) = SchemaName::quoted_any(&schema) {
                let key = CacheKey::new(&schema, prefix, version, name);
                prop_assert_eq!(CacheKey::read(&key.to_string()), Some(key));
            }
        }
    }
}
