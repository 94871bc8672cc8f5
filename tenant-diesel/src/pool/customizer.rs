//! [`SearchPathCustomizer`]: a connection that was given no tenant sees no table.

use crate::sql;
use diesel::connection::LoadConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::r2d2::CustomizeConnection;
use diesel::sql_types::Text;
use tenant_core::{SchemaName, SearchPath};

/// Gives every new physical connection a path: by default one that contains no table, so that code which
/// forgot to choose a tenant gets an error from the server and not somebody's rows.
///
/// The pool of this library does this itself. This type is for a pool of your own, and for a pool that
/// serves one tenant only:
///
/// ```
/// # include!("../docs/setup.rs");
/// use diesel::r2d2::{ConnectionManager, Pool};
/// use tenant_diesel::SearchPathCustomizer;
///
/// # fn main() -> Result<()> {
/// # let (tenancy, database) = tenancy()?;
/// # tenancy.create(new_client("acme")?)?;
/// # let url = database.url();
/// let acme = SchemaName::new("acme")?;
/// let pool = Pool::builder()
/// #   .max_size(1)
///     .connection_customizer(Box::new(SearchPathCustomizer::one_tenant(&acme, &[])))
///     .build(ConnectionManager::<PgConnection>::new(url))?;
/// assert_eq!(todo::tasks::table.count().get_result::<i64>(&mut pool.get()?)?, 0);
/// # Ok(()) }
/// ```
///
/// r2d2 runs this **once for each physical connection**, not at each checkout: what a borrower sets
/// afterwards, the next borrower finds. In a pool of your own nothing resets it; that is what
/// [`TenantPool`](crate::TenantPool) is for.
#[derive(Clone, Debug)]
pub struct SearchPathCustomizer {
    path: SearchPath,
    schema: Option<SchemaName>,
}

impl SearchPathCustomizer {
    /// A path that contains no table, and lets none be created.
    #[must_use]
    pub fn fail_closed() -> Self {
        Self {
            path: SearchPath::nothing(),
            schema: None,
        }
    }

    /// The path of one tenant: its schema, then those of extensions, then temporary objects. A connection
    /// to a database without the schema is refused.
    #[must_use]
    pub fn one_tenant(schema: &SchemaName, extension_schemas: &[SchemaName]) -> Self {
        Self {
            path: SearchPath::of(schema, extension_schemas),
            schema: Some(schema.clone()),
        }
    }

    /// Sets the path.
    pub(crate) fn apply<C>(&self, conn: &mut C) -> QueryResult<()>
    where
        C: LoadConnection<Backend = Pg>,
    {
        let path = self.path.to_string();
        let rows = match &self.schema {
            Some(schema) => diesel::sql_query(sql::SET_PATH)
                .bind::<Text, _>(path)
                .bind::<Text, _>(schema.as_str())
                .execute(conn)?,
            None => diesel::sql_query(sql::SET_PATH_UNVERIFIED)
                .bind::<Text, _>(path)
                .execute(conn)?,
        };
        match &self.schema {
            Some(schema) if rows == 0 => Err(crate::Error::SchemaMissing {
                schema: schema.clone(),
            }
            .into_diesel()),
            _ => Ok(()),
        }
    }
}

impl Default for SearchPathCustomizer {
    /// The same as [`SearchPathCustomizer::fail_closed`].
    fn default() -> Self {
        Self::fail_closed()
    }
}

impl<C> CustomizeConnection<C, diesel::r2d2::Error> for SearchPathCustomizer
where
    C: LoadConnection<Backend = Pg> + 'static,
{
    fn on_acquire(&self, conn: &mut C) -> Result<(), diesel::r2d2::Error> {
        self.apply(conn).map_err(diesel::r2d2::Error::QueryError)
    }
}
