//! The case of the web: what it costs a request that its tenant is found first, and what it costs to find it.
//!
//! | module | owns |
//! |---|---|
//! | [`hosts`] | the tenants' hosts, and a directory that knows them |
//! | [`apps`] | the same page without tenants, and with them |
//! | [`load`] | requests over sockets |
//! | [`call`] | the same without sockets |
//! | [`look_up`] | from a host to its tenant, and nothing else |

mod apps;
mod call;
mod hosts;
mod load;
mod look_up;

use crate::Result;
use crate::cases::Case;
use crate::measure::Effort;
use crate::row::{Row, Times};
use crate::site::{Route, Site};
use crate::work::Work;
use apps::Application;
use hosts::Hosts;
use std::sync::Arc;
use std::time::Duration;

/// What a page costs that belongs to nobody.
pub(crate) const BARE: &str = "axum without tenancy";

/// The tenant's routes without a router around them.
pub(crate) const OURS_ALONE: &str = "ours, as a service";

/// What people write today: a query for each request.
pub(crate) const BY_HAND: &str = "one query by hand";

/// A tenant that the directory knows.
pub(crate) const OURS_CACHED: &str = "ours, cached";

/// A tenant that it does not know yet, or not any more.
pub(crate) const OURS_UNCACHED: &str = "ours, uncached";

/// How many hosts there are.
pub(crate) const HOSTS: usize = 1000;

/// On how many connections requests come at the same time: enough for the server never to wait for one.
pub(crate) const CONNECTIONS: usize = 32;

/// Rounds are cheap here, and sockets restless.
const TIMES_MORE_ROUNDS: usize = 3;

/// Whoever makes requests, or look-ups, one after the other.
trait Contestant {
    /// Makes one for each of these tenants. Returns how long they took together.
    fn take_turn(&mut self, tenants: &[usize]) -> Result<Duration>;
}

type Named = (&'static str, Box<dyn Contestant>);

/// Measures a case of the web.
pub(crate) fn measure(case: &Case, site: &Site, effort: Effort) -> Result<Vec<Row>> {
    let hosts = Arc::new(Hosts::of(site)?);
    let mut contestants = contestants(case, &site.straight(), &hosts)?;
    let mut counts = Vec::new();
    for (_, contestant) in &mut contestants {
        let tenants = tenants(case, 0, effort.counted);
        contestant.take_turn(&tenants)?;
        let each = contestant.take_turn(&tenants)?.as_secs_f64() / effort.counted as f64;
        let count = effort.turn.as_secs_f64() / each;
        counts.push((count as usize).clamp(50, 200_000));
    }
    let mut times = vec![Vec::new(); contestants.len()];
    for round in 0..TIMES_MORE_ROUNDS * effort.rounds {
        // Nobody always follows the same one.
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            // A round has the same beginning for all.
            let tenants = tenants(case, 1 + round, counts[index]);
            let took = contestants[index].1.take_turn(&tenants)?;
            times[index].push(took.as_secs_f64() * 1e6 / tenants.len() as f64);
        }
    }
    let mut rows: Vec<_> = contestants
        .iter()
        .zip(times)
        .map(|((name, _), times)| Row::new(*case, name, Times::of(times)))
        .collect();
    // Their connections are closed before others are counted.
    drop(contestants);
    count_at_wire(case, site, &hosts, effort.counted, &mut rows)?;
    let floor = rows[0].variant;
    Row::compare_times(&mut rows, floor);
    Ok(rows)
}

/// All variants, in the order of the table: the first is what the others are compared with.
fn contestants(case: &Case, route: &Route<'_>, hosts: &Arc<Hosts>) -> Result<Vec<Named>> {
    let connections = case.threads;
    Ok(match case.work {
        Work::Web => vec![
            load::open(Application::bare(), hosts, connections)?,
            load::open(Application::ours(route, hosts)?, hosts, connections)?,
            load::open(apps::alone(route, hosts)?, hosts, connections)?,
        ],
        Work::Call => vec![
            call::open(Application::bare(), hosts)?,
            call::open(Application::ours(route, hosts)?, hosts)?,
            call::open(apps::alone(route, hosts)?, hosts)?,
        ],
        _ => look_up::all(route, hosts)?,
    })
}

/// Whose requests come.
fn tenants(case: &Case, seed: usize, count: usize) -> Vec<usize> {
    let requests = case.draw.requests(seed as u64, count);
    requests.iter().map(|request| request.tenant).collect()
}

/// Round trips and statements of a request, on average: of those that are made for the second time.
fn count_at_wire(case: &Case, site: &Site, hosts: &Arc<Hosts>, requests: usize, rows: &mut [Row]) -> Result {
    let (route, proxy) = site.counted();
    let tenants = tenants(case, 0, requests);
    for ((_, mut contestant), row) in contestants(case, &route, hosts)?.into_iter().zip(rows) {
        contestant.take_turn(&tenants)?;
        let (cost, took) = proxy.count_all(|| contestant.take_turn(&tenants));
        took?;
        row.round_trips = cost.round_trips as f64 / requests as f64;
        row.statements = cost.statements as f64 / requests as f64;
    }
    Ok(())
}
