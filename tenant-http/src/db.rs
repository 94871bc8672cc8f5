//! [`Databases`]: scopes of the pool, entered from async code.
//!
//! A connection blocks its thread, so a scope runs on one of the runtime's threads for blocking work. Who has no
//! connection yet waits for a place without a thread: as many places as the pool has connections.

use crate::current::TenantContext;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenant_core::{SchemaName, TenantRef};
use tenant_diesel::{
    Error, PublicConnection, ScopeError, Tenancy, TenantConnection, TenantModel, TenantPool,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Span;

/// The scopes of a [`Tenancy`], whatever its model. Each request has a clone.
#[derive(Clone)]
pub(crate) struct Databases(Arc<Inner<dyn Scopes>>);

struct Inner<S: ?Sized> {
    places: Arc<Semaphore>,
    scopes: S,
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases")
            .field("pool", &self.0.scopes.pool().name())
            .finish_non_exhaustive()
    }
}

/// How a scope ended that is not all right.
enum Stopped {
    /// The closure returned an error, which it keeps.
    ByClosure,
    ByLibrary(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::ByLibrary(error)
    }
}

/// What is done in a scope.
type Work<'w, C> = &'w mut dyn FnMut(&mut C) -> Result<(), Stopped>;

trait Scopes: Send + Sync {
    fn pool(&self) -> &TenantPool;
    fn public_schema(&self) -> &SchemaName;
    fn tenant(
        &self,
        schema: &SchemaName,
        is_transaction: bool,
        work: Work<'_, TenantConnection>,
    ) -> Result<(), Stopped>;
    fn public(&self, work: Work<'_, PublicConnection>) -> Result<(), Stopped>;
}

impl<T: TenantModel> Scopes for Tenancy<T> {
    fn pool(&self) -> &TenantPool {
        Self::pool(self)
    }

    fn public_schema(&self) -> &SchemaName {
        Self::public_schema(self)
    }

    fn tenant(
        &self,
        schema: &SchemaName,
        is_transaction: bool,
        work: Work<'_, TenantConnection>,
    ) -> Result<(), Stopped> {
        if is_transaction {
            self.transaction_in_schema(schema, work)
        } else {
            self.with_schema(schema, work)
        }
    }

    fn public(&self, work: Work<'_, PublicConnection>) -> Result<(), Stopped> {
        self.with_public(work)
    }
}

impl Databases {
    pub(crate) fn new<T: TenantModel>(tenancy: &Tenancy<T>) -> Self {
        let places = usize::try_from(tenancy.pool().max_size()).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            scopes: tenancy.clone(),
        }))
    }

    pub(crate) async fn in_tenant<R, E>(
        &self,
        tenant: Arc<TenantRef>,
        is_transaction: bool,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E::Returned>
    where
        R: Send + 'static,
        E: ScopeError + Send + 'static,
        E::Returned: Send + 'static,
    {
        let schema = tenant.schema.clone();
        let context = TenantContext::new(Some(tenant), Span::current());
        self.run::<R, E>(schema.clone(), context, move |scopes| {
            in_scope(f, |work| scopes.tenant(&schema, is_transaction, work))
        })
        .await
    }

    pub(crate) async fn in_public<R, E>(
        &self,
        f: impl FnOnce(&mut PublicConnection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E::Returned>
    where
        R: Send + 'static,
        E: ScopeError + Send + 'static,
        E::Returned: Send + 'static,
    {
        let public = self.0.scopes.public_schema().clone();
        let context = TenantContext::current();
        self.run::<R, E>(public, context, move |scopes| {
            in_scope(f, |work| scopes.public(work))
        })
        .await
    }

    /// Runs blocking work in its turn. If the caller is dropped meanwhile, the work is done to its end all the same, and
    /// keeps its place until then.
    async fn run<R, E: ScopeError>(
        &self,
        schema: SchemaName,
        context: TenantContext,
        f: impl FnOnce(&dyn Scopes) -> Result<R, E::Returned> + Send + 'static,
    ) -> Result<R, E::Returned>
    where
        R: Send + 'static,
        E::Returned: Send + 'static,
    {
        let started = Instant::now();
        let place = self.place(&schema, started).await.map_err(E::from_scope)?;
        let databases = self.clone();
        let running = tokio::task::spawn_blocking(move || {
            let _place = place;
            context.run(|| f(&databases.0.scopes))
        });
        match running.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(result) => result,
            // As if it had happened here, where layers that catch panics see it.
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime is ending, and did not begin with it.
            Err(Err(_)) => Err(E::from_scope(self.timed_out(Some(&schema), started))),
        }
    }

    /// How long it is waited for a connection.
    pub(crate) fn patience(&self) -> Duration {
        self.0.scopes.pool().connection_timeout()
    }

    async fn place(&self, schema: &SchemaName, started: Instant) -> Result<OwnedSemaphorePermit, Error> {
        let place = tokio::time::timeout(self.patience(), Arc::clone(&self.0.places).acquire_owned());
        match place.await {
            Ok(Ok(place)) => Ok(place),
            // It is never closed; if it were, nobody would get a place.
            Ok(Err(_)) | Err(_) => Err(self.timed_out(Some(schema), started)),
        }
    }

    /// Nobody gave a connection back in time: for a schema, or for the shared one.
    pub(crate) fn timed_out(&self, schema: Option<&SchemaName>, started: Instant) -> Error {
        let scopes = &self.0.scopes;
        let pool = scopes.pool();
        let state = pool.state();
        Error::PoolTimeout {
            pool: pool.name().to_owned(),
            schema: schema.unwrap_or_else(|| scopes.public_schema()).clone(),
            waited: started.elapsed(),
            connections: state.connections,
            idle: state.idle_connections,
            max_size: pool.max_size(),
            source: None,
        }
    }
}

/// Runs a closure of the application's in a scope whose closures return nothing.
fn in_scope<C, R, E: ScopeError>(
    f: impl FnOnce(&mut C) -> Result<R, E>,
    scope: impl FnOnce(Work<'_, C>) -> Result<(), Stopped>,
) -> Result<R, E::Returned> {
    let (mut f, mut value, mut failure) = (Some(f), None, None);
    let ended = scope(&mut |conn| match f.take().map(|f| f(conn)) {
        Some(Ok(returned)) => {
            value = Some(returned);
            Ok(())
        }
        Some(Err(error)) => {
            failure = Some(error);
            Err(Stopped::ByClosure)
        }
        // A scope runs its closure once.
        None => Ok(()),
    });
    match (ended, failure, value) {
        (Err(Stopped::ByLibrary(error)), ..) => Err(E::from_scope(error)),
        (_, Some(error), _) => Err(error.returned()),
        (_, None, value) => Ok(value.expect("a scope that ended well has run its closure")),
    }
}
