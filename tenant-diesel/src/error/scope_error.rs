//! [`ScopeError`]: how the error of a scope meets that of its closure.

use super::Error;

/// The error type of a closure that runs in a scope (`with_tenant`, `with_public`, `transaction`), and
/// what the scope returns for it.
///
/// | the closure returns | the scope returns |
/// |---|---|
/// | `Result<R, diesel::result::Error>` (`QueryResult<R>`) | `Result<R, tenant_diesel::Error>` |
/// | `Result<R, E>` where `E: From<tenant_diesel::Error>` | `Result<R, E>` |
///
/// So a closure may end in a Diesel query, and a missing schema is still [`Error::SchemaMissing`]. The
/// second row holds for our own [`Error`], for `Box<dyn std::error::Error + Send + Sync>`, and for error
/// types of the application.
///
/// A closure that uses `?` and ends in `Ok(..)` must name its error, for the compiler cannot tell it from what
/// the scope returns: `Ok::<_, MyError>(..)`. So must one with a nested scope in it, whose error is ours:
/// `Ok::<_, tenant_diesel::Error>(..)`.
///
/// ```
/// use diesel::prelude::*;
/// use tenant_diesel::prelude::*;
///
/// #[derive(Debug)]
/// enum MyError { NotFound, Database(diesel::result::Error), Tenancy(tenant_diesel::Error) }
///
/// impl From<diesel::result::Error> for MyError {
///     fn from(error: diesel::result::Error) -> Self { Self::Database(error) }
/// }
/// impl From<tenant_diesel::Error> for MyError {
///     fn from(error: tenant_diesel::Error) -> Self { Self::Tenancy(error) }
/// }
///
/// fn first<T: TenantModel>(tenancy: &Tenancy<T>, tenant: &T) -> Result<i32, MyError> {
///     tenancy.with_tenant(tenant, |conn| {
///         let numbers = diesel::select(1.into_sql::<diesel::sql_types::Int4>()).load::<i32>(conn)?;
///         let first = numbers.into_iter().next().ok_or(MyError::NotFound)?;
///         Ok::<_, MyError>(first)
///     })
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a scope cannot return `{Self}`: its own errors do not fit in",
    note = "return `QueryResult<_>`, or an error type that implements `From<tenant_diesel::Error>`"
)]
pub trait ScopeError {
    /// The error that the scope returns.
    type Returned;

    /// An error of the closure.
    fn returned(self) -> Self::Returned;

    /// An error of the scope itself.
    fn from_scope(error: Error) -> Self::Returned;

    /// Lets the scope say better what an error of a Diesel query means. Errors of the application's stay as
    /// they are.
    fn explained(returned: Self::Returned, _explain: impl FnOnce(Error) -> Error) -> Self::Returned {
        returned
    }
}

impl<E: From<Error>> ScopeError for E {
    type Returned = E;

    fn returned(self) -> E {
        self
    }

    fn from_scope(error: Error) -> E {
        error.into()
    }
}

impl ScopeError for diesel::result::Error {
    type Returned = Error;

    fn returned(self) -> Error {
        self.into()
    }

    fn from_scope(error: Error) -> Error {
        error
    }

    fn explained(returned: Error, explain: impl FnOnce(Error) -> Error) -> Error {
        explain(returned)
    }
}
