//! The list of tenants, read in pages.

use crate::connection::PublicConnection;
use crate::model::TenantModel;
use crate::{Error, Tenancy};
use diesel::prelude::*;
use std::fmt;
use tenant_core::SchemaName;

/// How many tenants [`Tenancy::tenants`] reads at once: enough to make round trips cheap, few enough to
/// hold in memory whatever the size of a row.
pub const PAGE_SIZE: i64 = 500;

impl<T: TenantModel> Tenancy<T> {
    /// All tenants in the order of their schemas' names, read in pages of [`PAGE_SIZE`], so that memory does
    /// not grow with their number. No connection is held between pages: a tenant that is created or deleted
    /// meanwhile is seen or not.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// tenancy.create(new_client("acme")?)?;
    /// tenancy.create(new_client("globex")?)?;
    /// let names = tenancy.tenants().map(|tenant| Ok(tenant?.name)).collect::<Result<Vec<_>>>()?;
    /// assert_eq!(names, ["acme", "globex"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The iterator yields one error and ends: [`Error::PublicNotMigrated`] where the table is not there.
    #[must_use]
    pub fn tenants(&self) -> Tenants<T> {
        Tenants {
            tenancy: self.clone(),
            page: Vec::new().into_iter(),
            after: None,
            done: false,
        }
    }

    /// The tenant with this primary key.
    ///
    /// # Errors
    ///
    /// [`Error::PublicNotMigrated`], [`Error::PoolTimeout`], the failure of the query.
    pub fn find(&self, key: &T::Key) -> Result<Option<T>, Error> {
        self.on_model("read a tenant", |conn| T::find(conn, key))
    }

    /// The tenant with this schema, compared exactly.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::find`].
    pub fn find_by_schema(&self, schema: &SchemaName) -> Result<Option<T>, Error> {
        self.on_model("read a tenant", |conn| T::find_by_schema(conn, schema))
    }

    /// Runs a query on the table of tenants, and says so where that table is not there.
    pub(crate) fn on_model<R>(
        &self,
        action: &'static str,
        query: impl FnOnce(&mut PublicConnection) -> QueryResult<R>,
    ) -> Result<R, Error> {
        let result =
            self.with_public(|conn| query(conn).map_err(Error::attempt(action, self.public_schema())));
        self.explained(result)
    }
}

/// The tenants of [`Tenancy::tenants`].
pub struct Tenants<T> {
    tenancy: Tenancy<T>,
    page: std::vec::IntoIter<T>,
    after: Option<SchemaName>,
    done: bool,
}

impl<T: TenantModel> Iterator for Tenants<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(tenant) = self.page.next() {
            return Some(Ok(tenant));
        }
        if self.done {
            return None;
        }
        let after = self.after.take();
        match self
            .tenancy
            .on_model("list tenants", |conn| T::page(conn, after.as_ref(), PAGE_SIZE))
        {
            Ok(page) => {
                self.done = page.is_empty();
                self.after = page.last().map(|tenant| tenant.schema_name().clone());
                self.page = page.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}

impl<T: TenantModel> std::iter::FusedIterator for Tenants<T> {}

impl<T> fmt::Debug for Tenants<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants")
            .field("after", &self.after)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
