//! Tenants are created, changed, listed and deleted: all or nothing, observed on the server.

mod births;
mod changes;
mod later;
mod lists;
mod referring;
mod unmigrated;
