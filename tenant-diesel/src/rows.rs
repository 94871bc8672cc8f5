//! [`Rows`]: rows of a model that are looked for in the library's own words, each with facts beside it.
//!
//! What a Diesel model is read from is a list of columns that only Diesel knows; where to look is SQL that only the
//! library knows, with names of schemas in it. So the list stands in a query of the library's. Its text holds names of
//! tables, and its cache key is its text; names of tenants are parameters.

use crate::PublicConnection;
use diesel::dsl::AsSelect;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{Array, Nullable, Text};
use std::fmt;
use std::marker::PhantomData;

/// What is read beside a row, as text.
pub type Facts = Vec<Option<String>>;

/// What is looked for: rows of a model, and facts.
pub struct Rows<M> {
    /// An expression that is an array of texts.
    facts: String,
    rest: Vec<Part>,
    model: PhantomData<fn() -> M>,
}

#[derive(Clone, Debug)]
enum Part {
    Sql(String),
    Text(String),
    Texts(Vec<String>),
}

impl<M> Rows<M> {
    pub(crate) fn new(facts: impl Into<String>) -> Self {
        Self {
            facts: facts.into(),
            rest: Vec::new(),
            model: PhantomData,
        }
    }

    pub(crate) fn sql(mut self, sql: impl Into<String>) -> Self {
        self.rest.push(Part::Sql(sql.into()));
        self
    }

    /// A parameter.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.rest.push(Part::Text(text.into()));
        self
    }

    /// A parameter.
    pub(crate) fn texts(mut self, texts: Vec<String>) -> Self {
        self.rest.push(Part::Texts(texts));
        self
    }
}

/// The query for them: `SELECT <facts>, <columns of the model> <the rest>`.
pub struct RowsQuery<M: Selectable<Pg>> {
    rows: Rows<M>,
    columns: M::SelectExpression,
}

impl<M: Selectable<Pg>> RowsQuery<M> {
    pub(crate) fn new(rows: Rows<M>) -> Self {
        Self {
            rows,
            columns: M::construct_selection(),
        }
    }
}

impl<M: Selectable<Pg>> Query for RowsQuery<M> {
    type SqlType = (Array<Nullable<Text>>, AsSelect<M, Pg>);
}

impl<M: Selectable<Pg>> QueryId for RowsQuery<M> {
    type QueryId = ();
    // Tables and columns are in the text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<M: Selectable<Pg>, Conn> RunQueryDsl<Conn> for RowsQuery<M> {}

impl<M> QueryFragment<Pg> for RowsQuery<M>
where
    M: Selectable<Pg, SelectExpression: QueryFragment<Pg>>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        out.push_sql(&self.rows.facts);
        out.push_sql(", ");
        self.columns.walk_ast(out.reborrow())?;
        for part in &self.rows.rest {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Text(text) => out.push_bind_param::<Text, _>(text)?,
                Part::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts)?,
            }
        }
        Ok(())
    }
}

impl<M> fmt::Debug for Rows<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("facts", &self.facts)
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}

impl<M: Selectable<Pg>> fmt::Debug for RowsQuery<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

/// A model of domains that can be read from its table. For `#[derive(Domain)]`.
///
/// It is here and not in the expansion, so that a model that Diesel cannot read is one error, on the model.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from its table",
    note = "derive `Queryable` and `Selectable` for it, and let the types of its fields match the columns: `#[diesel(check_for_backend(diesel::pg::Pg))]` on it names a field that does not"
)]
pub trait DomainRow<Table>: Selectable<Pg> + Sized + Send + 'static {
    /// Reads rows.
    ///
    /// # Errors
    ///
    /// Those of the query.
    fn read(rows: Rows<Self>, conn: &mut PublicConnection) -> QueryResult<Vec<(Facts, Self)>>;
}

// One error that says what to derive, in place of one for each condition.
#[diagnostic::do_not_recommend]
impl<M, Table> DomainRow<Table> for M
where
    M: Selectable<Pg, SelectExpression: SelectableExpression<Table>> + Send + 'static,
    RowsQuery<M>: for<'query> LoadQuery<'query, PublicConnection, (Facts, M)>,
{
    fn read(rows: Rows<Self>, conn: &mut PublicConnection) -> QueryResult<Vec<(Facts, Self)>> {
        RowsQuery::new(rows).load(conn)
    }
}
