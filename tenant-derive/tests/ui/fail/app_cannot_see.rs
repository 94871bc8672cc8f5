//! What a macro cannot see into is refused, at any depth.

use tenant_diesel::shared_app;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
mod customers {
    mod clients;

    mod inside {
        include!("schema.rs");
        std::include!("more.rs");
    }
}

fn main() {
    let _ = customers::App;
}
