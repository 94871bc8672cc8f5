//! The ways to reach a tenant's tables that are compared, each as a person would write it.
//!
//! | module | is |
//! |---|---|
//! | [`floor`] | the least that the work can cost: a connection of one's own, on a path that never changes |
//! | [`qualified`] | the schema's name in the query, on a connection of one's own |
//! | [`plain`] | an application with one tenant: Diesel and r2d2 with their defaults |
//! | [`naive`] | what people write today: `SET search_path` after each `get` |
//! | [`pool_per_tenant`] | a pool for each tenant |
//! | [`ours`] | this library, through what it shows to everybody |

mod floor;
mod naive;
mod ours;
mod plain;
mod pool_per_tenant;
mod qualified;

use crate::Result;
use crate::apps::customers::Client;
use crate::cases::Case;
use crate::site::Route;
use crate::work::Work;
use diesel::connection::LoadConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use tenant_diesel::PoolerMode;

pub(crate) const FLOOR: &str = "floor";
pub(crate) const FLOOR_AND_PING: &str = "floor + SELECT 1";
pub(crate) const QUALIFIED: &str = "qualified name, never prepared";
pub(crate) const PLAIN: &str = "plain Diesel + r2d2, one tenant";
pub(crate) const NAIVE: &str = "SET search_path after each get";
pub(crate) const POOL_PER_TENANT: &str = "one pool per tenant";
pub(crate) const OURS: &str = "ours";
pub(crate) const OURS_SHARED: &str = "ours, shared statements";
pub(crate) const OURS_UNBOUNDED: &str = "ours, 1,000 tenants a connection";
pub(crate) const OURS_IN_TRANSACTION: &str = "ours, in transaction mode";

/// Where statements do not depend on the tenant, or are never prepared, it is soon as fast as it will be.
const ONCE: usize = 1;

/// PostgreSQL plans a prepared statement anew for its first five executions, and only then, perhaps, once for all.
const UNTIL_PLANNED: usize = 6;

/// All variants, in the order of the table. To measure another configuration of ours is a line here.
pub(crate) const VARIANTS: &[Kind] = &[
    Kind {
        name: FLOOR,
        open: |route| floor::open(route, false),
        takes_part: |_| Part::Yes,
        visits: ONCE,
    },
    Kind {
        name: FLOOR_AND_PING,
        open: |route| floor::open(route, true),
        takes_part: |case| Part::where_(case.number == 2),
        visits: ONCE,
    },
    Kind {
        name: QUALIFIED,
        open: qualified::open,
        takes_part: |case| Part::where_(case.number == 2),
        visits: ONCE,
    },
    Kind {
        name: PLAIN,
        open: plain::open,
        takes_part: |_| Part::Yes,
        visits: ONCE,
    },
    Kind {
        name: NAIVE,
        open: naive::open,
        takes_part: |_| Part::Yes,
        visits: UNTIL_PLANNED,
    },
    Kind {
        name: POOL_PER_TENANT,
        open: pool_per_tenant::open,
        takes_part: pool_per_tenant::takes_part,
        visits: UNTIL_PLANNED,
    },
    Kind {
        name: OURS,
        open: |route| ours::open(route, |tenancy| tenancy),
        takes_part: |_| Part::Yes,
        visits: UNTIL_PLANNED,
    },
    Kind {
        name: OURS_SHARED,
        open: |route| {
            ours::open(route, |tenancy| {
                tenancy.pool(|pool| pool.statement_per_tenant(false))
            })
        },
        takes_part: |_| Part::Yes,
        visits: UNTIL_PLANNED,
    },
    Kind {
        name: OURS_UNBOUNDED,
        // As many as there are: no connection is ever replaced.
        open: |route| {
            ours::open(route, |tenancy| {
                tenancy.pool(|pool| pool.tenants_per_connection(1000))
            })
        },
        takes_part: |case| Part::where_(case.number == 2),
        visits: UNTIL_PLANNED,
    },
    Kind {
        name: OURS_IN_TRANSACTION,
        // Straight to the server, where statements can stay prepared.
        open: |route| {
            ours::open(route, |tenancy| {
                tenancy.pool(|pool| {
                    pool.pooler_mode(PoolerMode::Transaction)
                        .prepared_statements(true)
                })
            })
        },
        takes_part: |case| Part::where_(case.number < 6),
        visits: UNTIL_PLANNED,
    },
];

/// A variant in the table of [`VARIANTS`].
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) open: fn(&Route<'_>) -> Result<Box<dyn Variant>>,
    pub(crate) takes_part: fn(&Case) -> Part,
    /// How often each thread serves each tenant before anything is measured.
    pub(crate) visits: usize,
}

/// Whether a variant is measured in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It is.
    Yes,
    /// It would say nothing.
    No,
    /// It cannot be, for this reason.
    Cannot(&'static str),
}

impl Part {
    fn where_(condition: bool) -> Self {
        if condition { Self::Yes } else { Self::No }
    }
}

/// A variant that is ready for requests: connected, as far as it connects in advance.
pub(crate) trait Variant {
    /// Somebody who makes requests, one after the other. Each thread has one.
    fn worker(&self) -> Result<Box<dyn Worker>>;

    /// What the server's processes behind the pool hold in memory, in bytes. Nobody may be making a request.
    fn memory(&self) -> Result<u64> {
        Err("the memory of this variant is not measured".into())
    }
}

/// Makes requests.
pub(crate) trait Worker: Send {
    /// One request, from taking a connection to giving it back.
    fn request(&mut self, tenant: &Client, work: Work, key: i64) -> Result;
}

/// Does the work on a connection that is on its tenant, in Diesel's transaction where it wants one.
fn perform<C>(conn: &mut C, work: Work, key: i64) -> QueryResult<()>
where
    C: LoadConnection<Backend = Pg>,
{
    if work.wants_transaction() {
        conn.transaction(|conn| work.run(conn, key))
    } else {
        work.run(conn, key)
    }
}

/// What the server's process behind a connection holds in memory, as the server counts it.
fn memory_of<C>(conn: &mut C) -> Result<u64>
where
    C: LoadConnection<Backend = Pg>,
{
    #[derive(QueryableByName)]
    struct Memory {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        bytes: i64,
    }
    let query =
        "SELECT pg_catalog.sum(total_bytes)::bigint AS bytes FROM pg_catalog.pg_backend_memory_contexts";
    let memory: Memory = diesel::sql_query(query).get_result(conn)?;
    Ok(u64::try_from(memory.bytes)?)
}
