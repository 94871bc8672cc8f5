//! Who is found at a host or by a name, and the domains of tenants.

// One primary domain a tenant.
mod domains;
// Who is found.
mod found;
