//! The soak, through a pooler.

use tenant_diesel::PoolerMode;
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

#[test]
fn no_tenant_reads_a_row_of_another_through_a_pooler_in_transaction_mode() {
    let pooled = Pooled::behind(PgBouncer::builder().pool_size(4));
    let soak = Soak {
        fixture: &pooled.fixture,
        tenancy: &pooled.tenancy(8, |builder| {
            builder.pool(|pool| pool.pooler_mode(PoolerMode::Transaction))
        }),
        load: Load::Transactions,
        threads: 16,
        tenants: 20,
        operations: 50_000,
        births: Some(1),
    };
    soak.run();
}

/// The same load, with the same checks.
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
