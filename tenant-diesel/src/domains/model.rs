//! [`DomainModel`]: what the library needs of a Diesel model to keep the domains of tenants.

use crate::rows::{Facts, Rows};
use crate::{PublicConnection, TenantModel};
use diesel::dsl::{AsSelect, Returning};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{InsertStatement, Query, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use tenant_core::{Domain, ScopedTable};

/// A [`Domain`] that is a row of a Diesel table. Written by `#[derive(Domain)]`.
#[doc = include_str!("../docs/domains.md")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model of domains",
    label = "not a model of domains",
    note = "derive it: `#[derive(Domain)]` on the Diesel model of the table of domains"
)]
pub trait DomainModel: Domain + Selectable<Pg> + Sized + Send + 'static {
    /// Whose domains these are.
    type Tenant: TenantModel;
    /// The table.
    type Table: Table + ScopedTable + QueryId + Default + 'static;

    /// The names of the columns.
    const COLUMNS: DomainColumns;

    /// The primary key of the tenant that it belongs to.
    fn tenant_key(&self) -> <Self::Tenant as TenantModel>::Key;

    /// Reads domains that the library looks for, with what it reads beside them.
    #[doc(hidden)]
    fn read(conn: &mut PublicConnection, rows: Rows<Self>) -> QueryResult<Vec<(Facts, Self)>>;
}

/// The names of the columns of a table of domains, in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainColumns {
    /// The host, or the hosts: `Text NOT NULL`.
    pub domain: &'static str,
    /// The folder, if the table has one: `Text NOT NULL`, empty where there is none.
    pub folder: Option<&'static str>,
    /// The tenant's primary key, in the order of its columns.
    pub tenant_key: &'static [&'static str],
    /// Whether it is the tenant's primary one: `Bool NOT NULL`.
    pub primary: &'static str,
    /// Whether it redirects to the primary one, if the table has that: `Bool NOT NULL`.
    pub redirect_to_primary: Option<&'static str>,
}

/// Something that can be inserted as a new domain of the model `D`: whatever Diesel's
/// `insert_into(table).values(..)` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be inserted as a `{D}`",
    note = "pass a struct with `#[derive(Insertable)]` for the table of the model of domains, or a tuple of `column.eq(value)`"
)]
pub trait NewDomain<D: DomainModel> {
    /// Inserts the row and reads it back.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn insert(self, conn: &mut PublicConnection) -> QueryResult<D>;
}

impl<'query, D, N> NewDomain<D> for N
where
    D: DomainModel,
    N: Insertable<D::Table>,
    Returning<InsertStatement<D::Table, N::Values>, AsSelect<D, Pg>>:
        LoadQuery<'query, PublicConnection, D> + Query,
{
    fn insert(self, conn: &mut PublicConnection) -> QueryResult<D> {
        diesel::insert_into(D::Table::default())
            .values(self)
            .returning(D::as_returning())
            .get_result(conn)
    }
}
