//! A birth: the row, the schema and its tables, or nothing at all. And its end.
//!
//! | module | owns |
//! |---|---|
//! | [`birth`] | `create`, `create_schema` |
//! | [`names`] | which names are free |
//! | [`spare`] | schemas for births whose migrations cannot all run in one transaction |
//! | [`isolation`] | transactions that see what others committed |
//! | [`change`] | `update`, `delete`, `drop_schema` |

mod birth;
mod change;
mod isolation;
pub(crate) mod names;
mod spare;
