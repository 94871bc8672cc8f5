//! A birth: the row, the schema and its tables, or nothing at all. What happens to it later, and its end.
//!
//! | module | owns |
//! |---|---|
//! | [`birth`] | `create`, `create_schema` |
//! | [`names`] | which names are free |
//! | [`spare`] | schemas for births whose migrations cannot all run in one transaction |
//! | [`pieces`] | whether births are too much for one transaction |
//! | [`own_locks`] | handlers that would wait for their own callers |
//! | [`isolation`] | transactions that see what others committed |
//! | [`patience`] | short waits for locks, again and again |
//! | [`tell`] | the handlers of the application |
//! | [`change`] | `update` |
//! | [`death`] | `delete`, `drop_schema` |
//! | [`dependents`] | what of other schemas would go with a schema |
//! | [`phases`] | the end of a schema that is too big for one transaction |
//! | [`states`] | where a tenant is in its life: `archive`, `restore`, maintenance |
//! | [`missing`] | `create_missing_schemas` |
//! | [`rename`], [`mentions`] | another name, and what holds the old one as text |
//! | [`adopt`] | what exists becomes a tenant |
//! | [`footprint`] | how many locks a schema takes |

mod adopt;
mod birth;
mod change;
mod death;
mod dependents;
mod footprint;
pub(crate) mod isolation;
mod mentions;
mod missing;
pub(crate) mod names;
pub(crate) mod own_locks;
mod patience;
mod phases;
mod pieces;
mod rename;
mod spare;
mod states;
mod tell;

pub use adopt::{Adoption, CannotAdopt};
pub use mentions::{Mention, MentionPlace};
pub use missing::MissingSchemas;
pub(crate) use patience::LockWaits;
pub use patience::{DEFAULT_LIFE_CYCLE_LOCK_PATIENCE, DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT};
pub(crate) use pieces::Births;
pub use rename::RenamedTenant;
