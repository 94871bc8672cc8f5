//! [`SearchPath`]: which schemas a connection sees, and in which order.
//!
//! It promises that a rendered path names only schemas that were asked for, each quoted, that
//! temporary objects come last (so that they cannot shadow a tenant's tables), and that `public` is
//! part of a tenant's path only where the application asked for it by name.

use crate::SchemaName;
use std::fmt;

/// An ordered list of schemas, rendered as the value of PostgreSQL's `search_path`.
///
/// ```
/// use tenant_core::{SchemaName, SearchPath};
///
/// let acme = SchemaName::new("acme")?;
/// let extensions = [SchemaName::new("extensions")?];
/// assert_eq!(SearchPath::of(&acme, &extensions).to_string(), r#""acme", "extensions", pg_temp"#);
/// assert_eq!(SearchPath::nothing().to_string(), r#""""#);
/// # Ok::<(), tenant_core::SchemaNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchPath {
    schemas: Vec<SchemaName>,
}

impl SearchPath {
    /// The path that sees no table and lets none be created: what a connection has that was given no
    /// tenant. (PostgreSQL's own functions and types stay visible: `pg_catalog` always is.)
    #[must_use]
    pub fn nothing() -> Self {
        Self { schemas: Vec::new() }
    }

    /// One schema, then the schemas of extensions, then temporary objects.
    #[must_use]
    pub fn of(schema: &SchemaName, extension_schemas: &[SchemaName]) -> Self {
        let mut schemas = Vec::with_capacity(1 + extension_schemas.len());
        schemas.push(schema.clone());
        schemas.extend_from_slice(extension_schemas);
        Self { schemas }
    }

    /// Adds the shared schema behind the tenant's.
    ///
    /// **This gives up a wall.** A table that is missing in one tenant (a migration that failed, a
    /// schema restored in part) is then not an error: reads and writes that name it without a schema
    /// reach the table of that name in `public`, where they meet the rows of every customer. Prefer
    /// tables that `#[shared_app]` qualifies.
    #[must_use]
    pub fn and_public_where_missing_tables_fall_through(mut self, public: &SchemaName) -> Self {
        if !self.schemas.contains(public) {
            self.schemas.insert(1.min(self.schemas.len()), public.clone());
        }
        self
    }

    /// The schemas in the order in which PostgreSQL looks into them.
    #[must_use]
    pub fn schemas(&self) -> &[SchemaName] {
        &self.schemas
    }
}

impl fmt::Display for SearchPath {
    /// Renders the value of `search_path`, every name in quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schemas.is_empty() {
            // An identifier of no length: PostgreSQL's own way to say that nothing is searched.
            return f.write_str("\"\"");
        }
        for schema in &self.schemas {
            write!(f, "{}, ", schema.quoted())?;
        }
        f.write_str("pg_temp")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> SchemaName {
        SchemaName::quoted_any(name).unwrap()
    }

    #[test]
    fn every_name_is_quoted_and_temporary_objects_come_last() {
        let path = SearchPath::of(&name("x','b"), &[name("Ext"), name("quo\"te")]);
        assert_eq!(path.to_string(), r#""x','b", "Ext", "quo""te", pg_temp"#);
    }

    #[test]
    fn public_comes_behind_the_tenant_only_when_asked_for_and_only_once() {
        let public = name("public");
        let path = SearchPath::of(&name("acme"), &[name("ext")]);
        assert!(!path.to_string().contains("public"));
        let path = path.and_public_where_missing_tables_fall_through(&public);
        assert_eq!(path.to_string(), r#""acme", "public", "ext", pg_temp"#);
        assert_eq!(
            path.clone().and_public_where_missing_tables_fall_through(&public),
            path
        );
    }
}
