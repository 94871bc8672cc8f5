//! [`Work`]: what a request does once it has a connection on its tenant, the same for each variant.

use crate::apps::shop::{self, customers, order_lines, orders, products};
use diesel::connection::LoadConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::Error::QueryBuilderError;

/// What a request does. `key` is one of the keys that every table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// One row by its primary key.
    Read,
    /// Ten rows, each of another table.
    Page,
    /// Rows of four tables, joined.
    Join,
    /// One row written, in a transaction.
    Write,
    /// One row of each of the twenty tables.
    Everything,
    /// From the web, over a socket: see [`crate::web`].
    Web,
    /// The same without a socket.
    Call,
    /// From a host to its tenant, and nothing else.
    LookUp,
    /// No request: see [`crate::start_up`].
    StartUp,
    /// Nor are the others: see [`crate::drift`],
    Drift,
    /// [`crate::migration`],
    Migration,
    /// [`crate::birth`], of a tenant with so many tables,
    Birth(usize),
    /// and [`crate::status`].
    Status,
}

impl Work {
    /// Whether it is to be done in a transaction, which each variant begins in its own way.
    pub(crate) fn wants_transaction(self) -> bool {
        self == Self::Write
    }

    /// Does it.
    pub(crate) fn run<C>(self, conn: &mut C, key: i64) -> QueryResult<()>
    where
        C: LoadConnection<Backend = Pg>,
    {
        match self {
            Self::Read => read(conn, key),
            Self::Page => page(conn, key),
            Self::Join => join(conn, key),
            Self::Write => write(conn, key),
            Self::Everything => {
                page(conn, key)?;
                rest(conn, key)
            }
            Self::Web
            | Self::Call
            | Self::LookUp
            | Self::StartUp
            | Self::Drift
            | Self::Migration
            | Self::Birth(_)
            | Self::Status => Err(QueryBuilderError("this is no request to the database".into())),
        }
    }
}

/// Reads one row of each of these tables by its key.
macro_rules! read_rows {
    ($conn:expr, $key:expr, [$($table:ident . $column:ident),+ $(,)?]) => {
        $(shop::$table::table.find($key).select(shop::$table::$column).first::<String>($conn)?;)+
    };
}

fn read<C: LoadConnection<Backend = Pg>>(conn: &mut C, key: i64) -> QueryResult<()> {
    customers::table
        .find(key)
        .first::<(i64, String, i64)>(conn)
        .map(drop)
}

fn page<C: LoadConnection<Backend = Pg>>(conn: &mut C, key: i64) -> QueryResult<()> {
    read_rows!(
        conn,
        key,
        [
            customers.name,
            orders.number,
            order_lines.remark,
            products.title,
            categories.name,
            invoices.number,
            payments.method,
            addresses.street,
            shipments.carrier,
            reviews.body,
        ]
    );
    Ok(())
}

fn rest<C: LoadConnection<Backend = Pg>>(conn: &mut C, key: i64) -> QueryResult<()> {
    read_rows!(
        conn,
        key,
        [
            suppliers.name,
            warehouses.city,
            stocks.shelf,
            prices.currency,
            discounts.reason,
            carts.token,
            cart_items.remark,
            tickets.subject,
            returns.reason,
            events.body,
        ]
    );
    Ok(())
}

fn join<C: LoadConnection<Backend = Pg>>(conn: &mut C, key: i64) -> QueryResult<()> {
    order_lines::table
        .inner_join(orders::table.inner_join(customers::table))
        .inner_join(products::table)
        .filter(customers::id.eq(key))
        .select((
            customers::name,
            orders::number,
            products::title,
            order_lines::remark,
        ))
        .load::<(String, String, String, String)>(conn)
        .map(drop)
}

fn write<C: LoadConnection<Backend = Pg>>(conn: &mut C, key: i64) -> QueryResult<()> {
    diesel::insert_into(shop::events::table)
        .values((shop::events::body.eq("seen"), shop::events::customer_id.eq(key)))
        .execute(conn)
        .map(drop)
}
