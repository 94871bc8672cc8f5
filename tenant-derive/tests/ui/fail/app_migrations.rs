//! A directory that cannot be embedded is reported on the user's path. The unit tests of `migrations_dir`
//! go through everything that can be wrong with one; here is what does not depend on the machine.

use tenant_diesel::{shared_app, tenant_app};

#[tenant_app(migrations = "/nowhere/migrations")]
mod nowhere {
    diesel::table! { tasks (id) { id -> Int4 } }
}

#[shared_app(migrations = "/nowhere/else", schema = "/nowhere/schema.rs", tables(clients))]
mod no_file {}

fn main() {
    // The app is there all the same, so that it is not missed as well.
    use tenant_diesel::App;
    let _ = (nowhere::App::migration_versions(), nowhere::tasks::table, no_file::App);
}
