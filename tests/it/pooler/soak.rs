//! The soak, through a pooler.

use tenant_testing::{PgBouncer, PoolMode};

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
