//! Only structs with named fields can be tenants.

use tenant_diesel::Tenant;

#[derive(Tenant)]
enum Plan {
    Free,
}

#[derive(Tenant)]
struct Pair(i32, String);

#[derive(Tenant)]
struct Nothing;

#[derive(Tenant)]
union Bits<T: Copy> {
    a: T,
    b: u8,
}

fn main() {
    // The stub keeps what uses the models from being reported as well.
    let _ = tenant_diesel::Tenant::schema_name(&Nothing);
}
