//! [`TenantRow`]: the queries of a tenant model, for `#[derive(Tenant)]`.
//!
//! They are here and not in the expansion, so that a model that Diesel cannot read is one error, on the
//! model, and not one for each query.

use crate::PublicConnection;
use crate::rows::{Facts, Rows, RowsQuery};
use diesel::dsl::{AsSelect, Returning, Select};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{DeleteStatement, IntoUpdateTarget, QueryId};
use diesel::query_dsl::methods::{LoadQuery, SelectDsl};

/// A model that can be read by queries of these types: the row with a key, the row with a schema, the
/// first page and a page after the first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from its table",
    note = "derive `Queryable` and `Selectable` for it, and let the types of its fields match the columns: `#[diesel(check_for_backend(diesel::pg::Pg))]` on it names a field that does not"
)]
pub trait TenantRow<ByKey, BySchema, First, Following>: Selectable<Pg> + Sized + Send + 'static {
    /// Reads one row.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn find(query: ByKey, conn: &mut PublicConnection) -> QueryResult<Option<Self>>;
    /// Reads one row.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn find_by_schema(query: BySchema, conn: &mut PublicConnection) -> QueryResult<Option<Self>>;
    /// Reads rows.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn first(query: First, conn: &mut PublicConnection) -> QueryResult<Vec<Self>>;
    /// Reads rows.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn following(query: Following, conn: &mut PublicConnection) -> QueryResult<Vec<Self>>;
    /// Deletes one row.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn delete(row: ByKey, conn: &mut PublicConnection) -> QueryResult<Option<Self>>;
    /// Reads rows with facts beside them.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn read(rows: Rows<Self>, conn: &mut PublicConnection) -> QueryResult<Vec<(Facts, Self)>>;
}

// One error that says what to derive, in place of one for each condition.
#[diagnostic::do_not_recommend]
impl<T, ByKey, BySchema, First, Following> TenantRow<ByKey, BySchema, First, Following> for T
where
    T: Selectable<Pg, SelectExpression: QueryId + SelectableExpression<ByKey::Table>> + Send + 'static,
    ByKey: IntoUpdateTarget + SelectDsl<AsSelect<T, Pg>>,
    BySchema: SelectDsl<AsSelect<T, Pg>>,
    First: SelectDsl<AsSelect<T, Pg>>,
    Following: SelectDsl<AsSelect<T, Pg>>,
    Select<ByKey, AsSelect<T, Pg>>: for<'query> LoadQuery<'query, PublicConnection, T>,
    Select<BySchema, AsSelect<T, Pg>>: for<'query> LoadQuery<'query, PublicConnection, T>,
    Select<First, AsSelect<T, Pg>>: for<'query> LoadQuery<'query, PublicConnection, T>,
    Select<Following, AsSelect<T, Pg>>: for<'query> LoadQuery<'query, PublicConnection, T>,
    Deleted<ByKey, T>: for<'query> LoadQuery<'query, PublicConnection, T>,
    DeleteStatement<ByKey::Table, ByKey::WhereClause>: diesel::query_builder::AsQuery,
    RowsQuery<T>: for<'query> LoadQuery<'query, PublicConnection, (Facts, T)>,
{
    fn find(query: ByKey, conn: &mut PublicConnection) -> QueryResult<Option<Self>> {
        query.select(T::as_select()).get_result(conn).optional()
    }

    fn find_by_schema(query: BySchema, conn: &mut PublicConnection) -> QueryResult<Option<Self>> {
        query.select(T::as_select()).get_result(conn).optional()
    }

    fn first(query: First, conn: &mut PublicConnection) -> QueryResult<Vec<Self>> {
        query.select(T::as_select()).load(conn)
    }

    fn following(query: Following, conn: &mut PublicConnection) -> QueryResult<Vec<Self>> {
        query.select(T::as_select()).load(conn)
    }

    fn delete(row: ByKey, conn: &mut PublicConnection) -> QueryResult<Option<Self>> {
        diesel::delete(row)
            .returning(T::as_returning())
            .get_result(conn)
            .optional()
    }

    fn read(rows: Rows<Self>, conn: &mut PublicConnection) -> QueryResult<Vec<(Facts, Self)>> {
        RowsQuery::new(rows).load(conn)
    }
}

type Deleted<ByKey, T> = Returning<
    DeleteStatement<
        <ByKey as diesel::associations::HasTable>::Table,
        <ByKey as IntoUpdateTarget>::WhereClause,
    >,
    AsSelect<T, Pg>,
>;
