//! The soak, through a pooler.

use tenant_testing::{PgBouncer, PoolMode};
use tenant_tests::Fixture;

use super::Pooled;
use crate::soak::{Load, Soak};

#[test]
fn no_tenant_reads_a_row_of_another_through_a_pooler_in_session_mode() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_mode(PoolMode::Session));
    let soak = Soak {
        fixture: &pooled.fixture,
        tenancy: &pooled.tenancy(4, |builder| builder),
        load: Load::Everything,
        threads: 8,
        tenants: 10,
        operations: 20_000,
        births: Some(1),
    };
    soak.run();
}

/// A soak that could not fail would prove nothing: in transaction mode, paths that are set for a session do leak, and
/// this is what it looks like.
#[test]
fn the_soak_sees_the_rows_that_leak_where_a_tenancy_does_not_know_of_the_pooler() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(2));
    let soak = Soak {
        fixture: &pooled.fixture,
        tenancy: &pooled.tenancy(6, |builder| builder),
        load: Load::Transactions,
        threads: 8,
        tenants: 10,
        operations: 5_000,
        births: None,
    };
    assert!(soak.wrong_answers() > 0);
}

/// And the same load fails nowhere else.
#[test]
fn scopes_that_are_transactions_read_their_own_rows_straight_at_the_server() {
    let fixture = Fixture::new();
    let soak = Soak {
        fixture: &fixture,
        tenancy: &fixture.tenancy,
        load: Load::Transactions,
        threads: 8,
        tenants: 10,
        operations: 5_000,
        births: Some(1),
    };
    soak.run();
}
