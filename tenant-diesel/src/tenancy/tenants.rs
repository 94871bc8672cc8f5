//! The list of tenants, read in pages.

use crate::connection::PublicConnection;
use crate::model::TenantModel;
use crate::{Error, Tenancy, sql};
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Nullable, Text};
use std::fmt;
use tenant_core::{SchemaName, ScopedTable};

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
    /// A row that cannot be read, because it holds no valid name or something else that does not fit the model, is
    /// [`Error::UnreadableTenant`], and those after it follow. Any other error is the last that the iterator yields:
    /// [`Error::PublicNotMigrated`] where the table is not there, [`Error::PoolTimeout`].
    #[must_use]
    pub fn tenants(&self) -> Tenants<T> {
        Tenants {
            tenancy: self.clone(),
            page: Vec::new().into_iter(),
            after: After::Nothing,
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

    /// The names of all schemas that tenants have, read as [`Self::tenants`]; what is no name has no schema.
    pub(crate) fn names_of_tenants(&self) -> impl Iterator<Item = Result<SchemaName, Error>> + use<T> {
        self.tenants().filter_map(|tenant| match tenant {
            Ok(tenant) => Some(Ok(tenant.schema_name().clone())),
            Err(Error::UnreadableTenant { name, .. }) => SchemaName::quoted_any(&name).ok().map(Ok),
            Err(error) => Some(Err(error)),
        })
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
    page: std::vec::IntoIter<Result<T, Error>>,
    after: After,
    done: bool,
}

/// Some tenants, and what they end with.
type Page<T> = (Vec<Result<T, Error>>, After);

/// What was read last.
#[derive(Clone, Debug)]
enum After {
    Nothing,
    Name(SchemaName),
    /// What is no name, so that pages of the model cannot begin behind it.
    Text(String),
    /// A row without a name: those are the last.
    Null,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
}

impl<T: TenantModel> Tenants<T> {
    /// The next page, and what it ends with. None at the end.
    fn read(&self) -> Result<Option<Page<T>>, Error> {
        let after = match &self.after {
            After::Nothing => None,
            After::Name(name) => Some(name),
            After::Text(text) => return self.read_row_by_row(Some(text)),
            After::Null => return Ok(None),
        };
        let page = self
            .tenancy
            .on_model("list tenants", |conn| T::page(conn, after, PAGE_SIZE));
        match page {
            Ok(page) => Ok(page
                .last()
                .map(|tenant| tenant.schema_name().clone())
                .map(|last| {
                    let page = page.into_iter().map(Ok).collect();
                    (page, After::Name(last))
                })),
            Err(error) if is_about_a_row(&error) => self.read_row_by_row(after.map(SchemaName::as_str)),
            Err(error) => Err(error),
        }
    }

    /// A page in which something cannot be read: its names first, then each row by its name.
    fn read_row_by_row(&self, after: Option<&str>) -> Result<Option<Page<T>>, Error> {
        let table = <T::Table as ScopedTable>::TABLE;
        let column = sql::identifier(T::SCHEMA_COLUMN);
        let query = format!(
            "SELECT {column}::text AS name FROM {} WHERE $1 IS NULL OR {column} > $1 ORDER BY {column} LIMIT {PAGE_SIZE}",
            sql::table(table, self.tenancy.public_schema())
        );
        let mut rows = Vec::new();
        let mut last = None;
        self.tenancy.on_model("list tenants", |conn| {
            let query = diesel::sql_query(query.as_str()).bind::<Nullable<Text>, _>(after);
            let mut names: Vec<Option<String>> = query
                .load::<Name>(conn)?
                .into_iter()
                .map(|row| row.name)
                .collect();
            names.dedup();
            last = names.last().cloned();
            for name in names {
                let read = match name.as_deref().map(SchemaName::quoted_any) {
                    Some(Ok(name)) => T::find_by_schema(conn, &name),
                    Some(Err(error)) => Err(DieselError::DeserializationError(Box::new(error))),
                    None => Err(DieselError::DeserializationError("the name is NULL".into())),
                };
                match read {
                    Ok(tenant) => rows.extend(tenant.map(Ok)),
                    Err(source @ DieselError::DeserializationError(_)) => {
                        rows.push(Err(Error::UnreadableTenant {
                            table: table.to_string(),
                            name: name.unwrap_or_else(|| "NULL".to_owned()),
                            source,
                        }));
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })?;
        Ok(last.map(|last| {
            let after = last.map_or(After::Null, |last| {
                SchemaName::quoted_any(&last).map_or(After::Text(last), After::Name)
            });
            (rows, after)
        }))
    }
}

/// Whether a page was read, and a row of it did not fit.
fn is_about_a_row(error: &Error) -> bool {
    matches!(
        error,
        Error::Attempt {
            source: DieselError::DeserializationError(_),
            ..
        }
    )
}

impl<T: TenantModel> Iterator for Tenants<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(tenant) = self.page.next() {
                return Some(tenant);
            }
            if self.done {
                return None;
            }
            match self.read() {
                Ok(Some((page, after))) => (self.page, self.after) = (page.into_iter(), after),
                Ok(None) => self.done = true,
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
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
