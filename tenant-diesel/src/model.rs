//! [`TenantModel`]: what the library needs of a Diesel model to keep a list of tenants; [`DomainColumn`], where each has
//! one domain.

use crate::PublicConnection;
use crate::rows::{Facts, Rows};
use diesel::dsl::{AsSelect, Returning};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{InsertStatement, IntoUpdateTarget, Query, QueryId, UpdateStatement};
use diesel::query_dsl::methods::LoadQuery;
use std::fmt;
use tenant_core::{DomainName, SchemaName, ScopedTable, Tenant};

/// A [`Tenant`] that is a row of a Diesel table. Written by `#[derive(Tenant)]`.
pub trait TenantModel: Tenant + Selectable<Pg> + Sized + Send + 'static {
    /// The table.
    type Table: Table + ScopedTable + QueryId + Default + 'static;
    /// The primary key; a tuple where it has several columns.
    type Key: Clone + fmt::Debug + Send + 'static;
    /// The row of one tenant, as a target of `UPDATE` and `DELETE`.
    type ByKey: IntoUpdateTarget<Table = Self::Table>;

    /// The name of the column that holds the schema's name.
    const SCHEMA_COLUMN: &'static str;

    /// The names of the columns of the primary key, in the order of [`Key`](Self::Key).
    const KEY_COLUMNS: &'static [&'static str];

    /// The primary key of this tenant.
    fn key(&self) -> Self::Key;

    /// The row with this key.
    fn by_key(key: &Self::Key) -> Self::ByKey;

    /// Reads the tenant with this key.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn find(conn: &mut PublicConnection, key: &Self::Key) -> QueryResult<Option<Self>>;

    /// Reads the tenant with this schema, compared exactly.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn find_by_schema(conn: &mut PublicConnection, schema: &SchemaName) -> QueryResult<Option<Self>>;

    /// Reads at most `limit` tenants, those that follow `after` in the order of their schemas' names.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn page(conn: &mut PublicConnection, after: Option<&SchemaName>, limit: i64) -> QueryResult<Vec<Self>>;

    /// Deletes the row with this key, and gives it back as it was. The schema stays: see
    /// [`Tenancy::delete`](crate::Tenancy::delete).
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn delete_row(conn: &mut PublicConnection, key: &Self::Key) -> QueryResult<Option<Self>>;

    /// Reads tenants that the library looks for, with what it reads beside them.
    #[doc(hidden)]
    fn read(conn: &mut PublicConnection, rows: Rows<Self>) -> QueryResult<Vec<(Facts, Self)>>;
}

/// A tenant model with the tenant's one domain in a column. Written by `#[derive(Tenant)]` where a field has
/// `#[tenant(domain)]`. The domain is the primary one, and has no folder.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no domain",
    label = "no domain",
    note = "put `#[tenant(domain)]` on the field that holds its `DomainName`, or derive `Domain` for a model of domains and use `directory::<YourDomain>()`"
)]
pub trait DomainColumn: TenantModel {
    /// The name of the column that holds the domain.
    const DOMAIN_COLUMN: &'static str;

    /// The tenant's domain.
    fn domain(&self) -> &DomainName;
}

/// Something that can be inserted as a new tenant of the model `T`: whatever Diesel's
/// `insert_into(table).values(..)` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be inserted as a `{T}`",
    note = "pass a struct with `#[derive(Insertable)]` for the table of the tenant model, or a tuple of `column.eq(value)`"
)]
pub trait NewTenant<T: TenantModel> {
    /// Inserts the row and reads it back.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn insert(self, conn: &mut PublicConnection) -> QueryResult<T>;
}

impl<'query, T, N> NewTenant<T> for N
where
    T: TenantModel,
    N: Insertable<T::Table>,
    Returning<InsertStatement<T::Table, N::Values>, AsSelect<T, Pg>>:
        LoadQuery<'query, PublicConnection, T> + Query,
{
    fn insert(self, conn: &mut PublicConnection) -> QueryResult<T> {
        diesel::insert_into(T::Table::default())
            .values(self)
            .returning(T::as_returning())
            .get_result(conn)
    }
}

/// Something that can change the row of a tenant of the model `T`: whatever Diesel's
/// `update(row).set(..)` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot change a `{T}`",
    note = "pass a struct with `#[derive(AsChangeset)]` for the table of the tenant model, or `column.eq(value)`"
)]
pub trait TenantChanges<T: TenantModel> {
    /// Changes the row and reads it back.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn update(self, conn: &mut PublicConnection, key: &T::Key) -> QueryResult<T>;
}

impl<'query, T, C> TenantChanges<T> for C
where
    T: TenantModel,
    C: AsChangeset<Target = T::Table>,
    UpdateStatement<T::Table, <T::ByKey as IntoUpdateTarget>::WhereClause, C::Changeset>:
        diesel::query_builder::AsQuery,
    Returning<
        UpdateStatement<T::Table, <T::ByKey as IntoUpdateTarget>::WhereClause, C::Changeset>,
        AsSelect<T, Pg>,
    >: LoadQuery<'query, PublicConnection, T> + Query,
{
    fn update(self, conn: &mut PublicConnection, key: &T::Key) -> QueryResult<T> {
        diesel::update(T::by_key(key))
            .set(self)
            .returning(T::as_returning())
            .get_result(conn)
    }
}
