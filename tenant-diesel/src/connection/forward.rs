//! Diesel's traits for our connections: each method forwards to the `PgConnection` inside, after the
//! path was made sure of. The tests in `forwarded.rs` of the suite list them.

use super::tagged::Tagged;
use super::watch::note;
use super::{Scope, ScopedConnection};
use crate::Error;
use crate::session::Taint;
use diesel::associations::HasTable;
use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, DefaultLoadingMode, Instrumentation,
    LoadConnection, SimpleConnection, TransactionManager,
};
use diesel::dsl::Update;
use diesel::expression::QueryMetadata;
use diesel::migration::MigrationConnection;
use diesel::pg::{CopyFromQuery, Pg, PgConnection, PgRowByRowLoadingMode};
use diesel::prelude::*;
use diesel::query_builder::{AsQuery, IntoUpdateTarget, Query, QueryFragment, QueryId};
use diesel::query_dsl::UpdateAndFetchResults;
use diesel::query_dsl::methods::LoadQuery;
use diesel::r2d2::R2D2Connection;
use diesel::result::{ConnectionError, ConnectionResult};

impl<S: Scope> SimpleConnection for ScopedConnection<S> {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.send(query)
    }
}

impl<S: Scope> ConnectionSealed for ScopedConnection<S> {}

impl<S: Scope> Connection for ScopedConnection<S> {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    /// Always an error: a connection belongs to a pool, which gives it a schema.
    fn establish(_: &str) -> ConnectionResult<Self> {
        let message = "a scoped connection comes from a pool: use `Tenancy::get`, `Tenancy::with_tenant` or `TenantPool::tenant`";
        Err(ConnectionError::BadConnection(message.to_owned()))
    }

    fn begin_test_transaction(&mut self) -> QueryResult<()> {
        self.ready()?.begin_test_transaction()?;
        self.lease_mut().session.transaction_began();
        Ok(())
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let statement = self.read(source)?;
        self.run(statement, |pg, tag| match tag {
            Some(tag) => pg.execute_returning_count(&Tagged::new(source, tag)),
            None => pg.execute_returning_count(source),
        })
    }

    fn transaction_state(
        &mut self,
    ) -> &mut <AnsiTransactionManager as TransactionManager<Self>>::TransactionStateData {
        self.lease_mut().pg.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.lease_mut().pg.instrumentation()
    }

    /// Installs an instrumentation for this scope. The physical connection is closed at its end, so that
    /// the next tenant's queries do not reach it; for all connections use `on_connect` of the builder.
    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        let lease = self.lease_mut();
        lease.session.retire();
        lease.pg.set_instrumentation(instrumentation);
    }

    /// Sets the size for this scope. The physical connection is closed at its end; for all connections see
    /// [`TenantPoolBuilder::prepared_statements`](crate::TenantPoolBuilder::prepared_statements).
    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        let lease = self.lease_mut();
        lease.session.retire();
        lease.pg.set_prepared_statement_cache_size(size);
    }
}

/// A cursor over rows that have all arrived, so that a failed statement can be sent again.
impl<S: Scope> LoadConnection<DefaultLoadingMode> for ScopedConnection<S> {
    type Cursor<'conn, 'query> = <PgConnection as LoadConnection<DefaultLoadingMode>>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <PgConnection as LoadConnection<DefaultLoadingMode>>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        let statement = self.read(&source)?;
        self.run(statement, |pg, tag| match tag {
            Some(tag) => LoadConnection::<DefaultLoadingMode>::load(pg, Tagged::new(&source, tag)),
            None => LoadConnection::<DefaultLoadingMode>::load(pg, &source),
        })
    }
}

/// A cursor over rows that are still arriving. It may fail on its way, when rows were already given out: nothing
/// is sent again. So the statement is not a prepared one, which could be stale; and the next borrower asks before it
/// believes anything, for nobody sees how the cursor ends.
impl<S: Scope> LoadConnection<PgRowByRowLoadingMode> for ScopedConnection<S> {
    type Cursor<'conn, 'query> =
        <PgConnection as LoadConnection<PgRowByRowLoadingMode>>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <PgConnection as LoadConnection<PgRowByRowLoadingMode>>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        let statement = self.read(&source)?;
        self.ready()?;
        let lease = self.lease_mut();
        lease.verify().map_err(Error::into_diesel)?;
        note(lease, statement.effects);
        lease.session.raise(Taint::Settings);
        let query = Tagged::unprepared(source, lease.target.tag.clone());
        LoadConnection::<PgRowByRowLoadingMode>::load(&mut lease.pg, query)
    }
}

impl<S: Scope> R2D2Connection for ScopedConnection<S> {
    fn ping(&mut self) -> QueryResult<()> {
        self.lease_mut().pg.ping()
    }

    fn is_broken(&mut self) -> bool {
        self.lease_mut().pg.is_broken()
    }
}

impl<S: Scope> MigrationConnection for ScopedConnection<S> {
    fn setup(&mut self) -> QueryResult<usize> {
        self.ready()?;
        let lease = self.lease_mut();
        // Else the table would be made in whichever schema of the path is there.
        lease.verify().map_err(Error::into_diesel)?;
        lease.session.raise(Taint::Settings);
        lease.proved();
        lease.pg.setup()
    }
}

/// The same as Diesel's for `PgConnection`, so that the statement is watched like any other.
impl<'query, S, Changes, Output> UpdateAndFetchResults<Changes, Output> for ScopedConnection<S>
where
    S: Scope,
    Changes: Copy + AsChangeset<Target = <Changes as HasTable>::Table> + IntoUpdateTarget,
    Update<Changes, Changes>: AsQuery + LoadQuery<'query, Self, Output>,
{
    fn update_and_fetch(&mut self, changeset: Changes) -> QueryResult<Output> {
        diesel::update(changeset).set(changeset).get_result(self)
    }
}

impl<S, T, A> ExecuteCopyFromDsl<ScopedConnection<S>> for CopyFromQuery<T, A>
where
    S: Scope,
    Self: ExecuteCopyFromDsl<PgConnection>,
    <Self as ExecuteCopyFromDsl<PgConnection>>::Error: From<diesel::result::Error>,
{
    type Error = <Self as ExecuteCopyFromDsl<PgConnection>>::Error;

    fn execute(self, conn: &mut ScopedConnection<S>) -> Result<usize, Self::Error> {
        conn.copy(|pg| <Self as ExecuteCopyFromDsl<PgConnection>>::execute(self, pg))
    }
}
