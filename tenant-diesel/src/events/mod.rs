//! What an application hears of the lives of its tenants: before and after a birth, a migration, a new name, an end.
//!
//! | module | owns |
//! |---|---|
//! | [`moment`] | [`Moment`]: when |
//! | [`event`] | [`Event`]: what a handler is told |
//! | [`handlers`] | the handlers, in order, and what becomes of their errors |

mod event;
mod handlers;
mod moment;

pub use event::Event;
pub(crate) use handlers::Events;
pub use moment::Moment;

/// The error of a handler: whatever it failed with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
