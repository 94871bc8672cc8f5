//! What pages are made of. `maud` checks the HTML when this is compiled, and escapes what people entered.
//!
//! | module | owns |
//! |---|---|
//! | [`layout`] | what is around every page |
//! | [`field`] | a field of a form, with its message |
//! | [`errors`] | the page of an error |
//! | [`assets`] | the style and the icon, in the binary |

mod assets;
mod errors;
mod field;
mod layout;

pub(crate) use assets::routes as assets;
pub(crate) use errors::dress;
pub(crate) use field::{Field, button};
pub(crate) use layout::Page;
