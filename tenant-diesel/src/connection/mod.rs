//! The connections that applications query through: [`TenantConnection`] and [`PublicConnection`].
//!
//! Both are a pooled connection with a scope. They implement Diesel's `Connection` by forwarding to the
//! `PgConnection` inside, and watch what is sent, so that what is believed of the path is never older
//! than the last statement that could have changed it.
//!
//! | module | owns |
//! |---|---|
//! | [`forward`] | Diesel's traits |
//! | [`watch`] | what happens before and after each statement |
//! | [`recover`] | the dead connection and the stale statement, mended once |
//! | [`tagged`] | the comment that names the tenant |
//! | [`nested`] | scopes inside scopes |
//! | [`transaction`] | scopes that are one transaction |

mod forward;
mod nested;
mod recover;
mod tagged;
mod transaction;
mod watch;

use crate::pool::Lease;
use diesel::connection::SimpleConnection;
use diesel::pg::{PgConnection, TransactionBuilder};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use std::fmt;
use std::marker::PhantomData;
use tenant_core::SchemaName;

pub(crate) use tagged::Tag;
pub(crate) use transaction::{in_scope, in_transaction};

/// A connection on the schema of one tenant.
///
/// Everything of Diesel works on it: `query.load(&mut conn)`, transactions, `returning`,
/// `save_changes`, both loading modes, `MigrationHarness`, `copy_from`. For what is only on
/// `PgConnection` (`copy_to`, notifications) see [`ScopedConnection::as_pg`].
pub type TenantConnection = ScopedConnection<TenantScope>;

/// A connection on the shared schema. Everything of Diesel works on it, as on [`TenantConnection`].
pub type PublicConnection = ScopedConnection<PublicScope>;

/// The scope of one tenant: see [`TenantConnection`].
#[derive(Debug)]
pub enum TenantScope {}

/// The scope of the shared schema: see [`PublicConnection`].
#[derive(Debug)]
pub enum PublicScope {}

/// The two kinds of scope. Sealed.
pub trait Scope: private::Sealed + 'static {}
impl Scope for TenantScope {}
impl Scope for PublicScope {}

mod private {
    /// Nobody else can make a kind of scope.
    pub trait Sealed {}
    impl Sealed for super::TenantScope {}
    impl Sealed for super::PublicScope {}
}

/// A pooled connection that serves one schema: [`TenantConnection`] or [`PublicConnection`].
///
/// When it is dropped, it goes back to the pool, or is closed if it cannot be proved clean. While it
/// lives, **the path belongs to the library**: it is set again before the next statement after anything
/// that could have changed it (a rollback, a raw `SET search_path`, a panic in an inner scope).
#[must_use = "dropping a connection gives it back"]
pub struct ScopedConnection<S> {
    /// `None` only while an inner scope has the lease; it gives it back when it is dropped.
    lease: Option<Lease>,
    scope: PhantomData<fn() -> S>,
}

impl<S: Scope> ScopedConnection<S> {
    pub(crate) fn new(lease: Lease) -> Self {
        Self {
            lease: Some(lease),
            scope: PhantomData,
        }
    }

    /// The schema that this connection serves, as the library chose it. Asks nothing.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.lease().target.schema
    }

    /// The first schema of the path that exists, as the server says.
    ///
    /// # Errors
    ///
    /// Those of the query.
    pub fn current_schema(&mut self) -> QueryResult<Option<SchemaName>> {
        let pg = self.ready()?;
        diesel::select(diesel::dsl::sql::<Nullable<Text>>(
            "pg_catalog.current_schema()::text",
        ))
        .get_result(pg)
    }

    /// The Diesel connection inside, for what only it has: `copy_to`, notifications.
    ///
    /// What is sent through it cannot be watched. So the path is set again before the next statement that
    /// goes through this connection, and the physical connection is closed when the scope ends.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// #[derive(Queryable, Selectable)]
    /// #[diesel(table_name = todo::tasks)]
    /// struct Task { id: i64, title: String }
    ///
    /// fn export(conn: &mut TenantConnection) -> QueryResult<Vec<Task>> {
    ///     diesel::copy_to(todo::tasks::table).load::<Task, _>(conn.as_pg()?)?.collect()
    /// }
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// # assert!(tenancy.with_tenant(&acme, export)?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the path had to be set again and could not.
    pub fn as_pg(&mut self) -> QueryResult<&mut PgConnection> {
        self.ready()?;
        let lease = self.lease_mut();
        lease.session.becomes_opaque();
        Ok(&mut lease.pg)
    }

    /// A transaction with an isolation level or access mode, as `PgConnection::build_transaction`.
    pub fn build_transaction(&mut self) -> TransactionBuilder<'_, Self> {
        TransactionBuilder::new(self)
    }

    fn lease(&self) -> &Lease {
        self.lease
            .as_ref()
            .expect("an inner scope gives the lease back when it is dropped")
    }

    pub(crate) fn lease_mut(&mut self) -> &mut Lease {
        self.lease
            .as_mut()
            .expect("an inner scope gives the lease back when it is dropped")
    }

    /// Whether a transaction is open: one of Diesel's, or one that was begun with raw SQL. A test
    /// transaction does not count, for nobody is to commit it.
    pub(crate) fn is_in_transaction(&mut self) -> bool {
        if self.is_in_test_transaction() {
            return false;
        }
        let lease = self.lease_mut();
        if lease.transaction_depth() > 0 {
            return true;
        }
        if lease.session.may_be_in_transaction() {
            // Only the server knows: it lets nobody make a savepoint outside a transaction, and runs no query
            // in a failed one.
            return lease.pg.batch_execute("SAVEPOINT tenant_diesel_probe").is_ok()
                || lease.pg.batch_execute("SELECT 1").is_err();
        }
        lease.session.in_transaction()
    }
}

impl<S: Scope> fmt::Debug for ScopedConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.lease.as_ref().map(|lease| lease.target.schema.as_str());
        f.debug_struct("ScopedConnection")
            .field("schema", &schema)
            .finish_non_exhaustive()
    }
}
