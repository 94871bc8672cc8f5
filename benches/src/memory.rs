//! The case of memory: what the server's processes hold once many tenants were served, each reading all its tables.
//!
//! PostgreSQL keeps what it learnt of a table for as long as the connection lasts, so with schemas per tenant memory
//! grows by connections × tenants × tables. Eight threads work through all tenants, each in an order of its own, by
//! parts; after each part every connection of the pool is asked what its process holds. The largest sum counts.

use crate::Result;
use crate::cases::Case;
use crate::measure::{Workers, count_at_wire, micros_a_request};
use crate::row::{Row, Times};
use crate::site::Site;
use crate::variants::{Kind, NAIVE, OURS, OURS_SHARED, PLAIN, VARIANTS, Variant};

/// The variants that are asked, the one with one tenant first: it is what the others are compared with.
const ASKED: [&str; 4] = [PLAIN, NAIVE, OURS, OURS_SHARED];

/// In how many parts the tenants are worked through.
const PARTS: usize = 8;

/// How many of these the variant with shared statements takes: its connections are replaced as often as those of ours, so by then
/// none is what it was at first, and what they hold grows no more. Ours goes on, and shows it.
const PARTS_OF_SHARED: usize = 2;

/// Requests that are counted at the wire, of twenty queries each.
const COUNTED: usize = 40;

struct Holder {
    kind: &'static Kind,
    variant: Box<dyn Variant>,
    workers: Workers,
    times: Vec<f64>,
    bytes: u64,
}

/// Measures it.
pub(crate) fn measure(case: &Case, site: &Site) -> Result<Vec<Row>> {
    let mut holders = Vec::new();
    for kind in VARIANTS.iter().filter(|kind| ASKED.contains(&kind.name)) {
        let (variant, workers) = Workers::open(kind, &site.straight(), case)?;
        holders.push(Holder {
            kind,
            variant,
            workers,
            times: Vec::new(),
            bytes: 0,
        });
    }
    for part in 0..PARTS {
        let takes_part = |holder: &&mut Holder| holder.kind.name != OURS_SHARED || part < PARTS_OF_SHARED;
        for holder in holders.iter_mut().filter(takes_part) {
            holder.work(part, case, site)?;
        }
    }
    let one_tenant = holders.iter().find(|holder| holder.kind.name == PLAIN);
    let one_tenant = one_tenant.map_or(1, |holder| holder.bytes) as f64;
    let mut rows = Vec::new();
    for holder in holders {
        let mut row = Row::new(*case, holder.kind.name, Times::of(holder.times));
        row.bytes = Some(holder.bytes);
        row.ratio_to_floor = holder.bytes as f64 / one_tenant;
        (row.round_trips, row.statements) = count_at_wire(holder.kind, case, site, COUNTED)?;
        rows.push(row);
    }
    Ok(rows)
}

impl Holder {
    fn work(&mut self, part: usize, case: &Case, site: &Site) -> Result {
        let plans = self.workers.plans(|worker| {
            let everybody = case.draw.everybody(worker as u64);
            let share = everybody.len().div_ceil(PARTS);
            everybody.into_iter().skip(part * share).take(share).collect()
        });
        let wall = self.workers.run(&plans, &site.tenants)?;
        self.times.push(micros_a_request(wall, &plans));
        self.bytes = self.bytes.max(self.variant.memory()?);
        Ok(())
    }
}
