//! Who is found at a host or by a name, and the domains of tenants.

// One primary domain a tenant.
mod domains;
// Who is found.
mod found;
// What this process changes is known at once, and no answer outlives a change.
mod changes;
// What others change is heard of.
mod listening;
// Hosts that nobody has, by the thousand.
mod spraying;
