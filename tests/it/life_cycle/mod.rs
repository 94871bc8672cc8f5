//! Tenants are created, changed, listed and deleted: all or nothing, observed on the server.

mod adoption;
mod big;
mod births;
mod changes;
mod events;
mod later;
mod lists;
mod missing;
mod referring;
mod renames;
mod states;
mod unmigrated;
mod waiting;
