//! How a case is measured: all its variants in turn, round after round, so that whatever else the machine does meets
//! all of them alike.

use crate::Result;
use crate::apps::customers::Client;
use crate::cases::{Case, SOME, grouped};
use crate::draw::Request;
use crate::row::{Row, Times};
use crate::site::{Route, Site};
use crate::variants::{FLOOR, Kind, Part, VARIANTS, Variant, Worker};
use crate::work::Work;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How often each variant has its turn.
    pub(crate) rounds: usize,
    /// About how long a turn is.
    pub(crate) turn: Duration,
    /// How many requests are counted at the wire.
    pub(crate) counted: usize,
}

/// Requests of one thread, in their order.
type Plan = Vec<Request>;

/// A variant in a case.
struct Contestant {
    kind: &'static Kind,
    workers: Workers,
    requests_a_worker: usize,
    /// The time of a request, in microseconds, for each round.
    times: Vec<f64>,
}

/// Measures a case, after those of `before`. `notes` gets what could not be measured.
pub(crate) fn measure(
    case: &Case,
    site: &Site,
    effort: Effort,
    before: &[Row],
    notes: &mut Vec<String>,
) -> Result<Vec<Row>> {
    let mut contestants = Vec::new();
    for kind in VARIANTS {
        match (kind.takes_part)(case) {
            Part::Yes => contestants.push(Contestant::enter(kind, case, site, effort)?),
            Part::No => {}
            Part::Cannot(reason) => {
                let tenants = grouped(case.draw.tenants());
                let note = format!("No row for \"{}\" with {tenants} tenants: {reason}.", kind.name);
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
    let count = contestants.len();
    for round in 0..effort.rounds {
        // Nobody always follows the same one.
        for turn in 0..count {
            contestants[(round + turn) % count].take_turn(case, round, &site.tenants)?;
        }
    }
    let mut rows = Vec::new();
    for Contestant { kind, times, .. } in contestants {
        let mut row = Row::new(*case, kind.name, Times::of(times));
        // One thread is counted, and only once where several are measured too.
        let alone = Case { threads: 1, ..*case };
        let counted = before
            .iter()
            .find(|row| row.of == alone && row.variant == kind.name);
        (row.round_trips, row.statements) = match counted {
            Some(row) => (row.round_trips, row.statements),
            None => count_at_wire(kind, case, site, effort.counted)?,
        };
        rows.push(row);
    }
    Row::compare_times(&mut rows, FLOOR);
    Ok(rows)
}

impl Contestant {
    fn enter(kind: &'static Kind, case: &Case, site: &Site, effort: Effort) -> Result<Self> {
        let mut workers = Workers::open(kind, &site.straight(), case)?.1;
        // What it costs to see a tenant for the first time is paid.
        // With many tenants that would take most of the run's time, and few statements live that long; several threads
        // between them see each tenant often enough.
        let visits = match (case.draw.tenants() > SOME, case.threads) {
            (true, 1) => kind.visits.min(2),
            (true, _) => 1,
            (false, _) => kind.visits,
        };
        for visit in 0..visits {
            let everybody = |worker| case.draw.everybody((worker + 100 * visit) as u64);
            workers.run(&workers.plans(everybody), &site.tenants)?;
        }
        const TRIAL: usize = 50;
        let trial = workers.plans(|worker| case.draw.requests(worker as u64, TRIAL));
        let wall = workers.run(&trial, &site.tenants)?;
        let requests = effort.turn.as_secs_f64() / wall.as_secs_f64() * TRIAL as f64;
        Ok(Self {
            kind,
            workers,
            requests_a_worker: (requests as usize).clamp(10, 20_000),
            times: Vec::new(),
        })
    }

    fn take_turn(&mut self, case: &Case, round: usize, tenants: &[Client]) -> Result {
        // A round has the same beginning for all variants, whatever number of requests they have time for.
        let seed = |worker| (1000 * (1 + round) + worker) as u64;
        let count = self.requests_a_worker;
        let plans = self
            .workers
            .plans(|worker| case.draw.requests(seed(worker), count));
        let wall = self.workers.run(&plans, tenants)?;
        self.times.push(micros_a_request(wall, &plans));
        Ok(())
    }
}

/// Threads that make requests of one kind.
pub(crate) struct Workers {
    workers: Vec<Box<dyn Worker>>,
    work: Work,
}

impl Workers {
    /// Opens a variant, with the threads of a case.
    pub(crate) fn open(kind: &Kind, route: &Route<'_>, case: &Case) -> Result<(Box<dyn Variant>, Self)> {
        let variant = (kind.open)(route)?;
        let workers = (0..case.threads).map(|_| variant.worker());
        let workers = Self {
            workers: workers.collect::<Result<_>>()?,
            work: case.work,
        };
        Ok((variant, workers))
    }

    /// What each is to do.
    pub(crate) fn plans(&self, plan: impl Fn(usize) -> Plan) -> Vec<Plan> {
        (0..self.workers.len()).map(plan).collect()
    }

    /// Does it, all at the same time. Returns how long it took, from the first one's start to the last one's end.
    pub(crate) fn run(&mut self, plans: &[Plan], tenants: &[Client]) -> Result<Duration> {
        let work = self.work;
        let follow = |worker: &mut Box<dyn Worker>, plan: &Plan| -> Result<(Instant, Instant)> {
            let start = Instant::now();
            for request in plan {
                worker.request(&tenants[request.tenant], work, request.key)?;
            }
            Ok((start, Instant::now()))
        };
        let workers = self.workers.iter_mut().zip(plans);
        let spans = if plans.len() == 1 {
            workers.map(|(worker, plan)| follow(worker, plan)).collect()
        } else {
            let together = &Barrier::new(plans.len());
            thread::scope(|scope| {
                let start = |(worker, plan)| {
                    scope.spawn(move || {
                        together.wait();
                        follow(worker, plan)
                    })
                };
                // All are started before the first is waited for.
                let threads: Vec<_> = workers.map(start).collect();
                let ends = threads.into_iter();
                ends.map(|thread| thread.join().map_err(|_| "a worker panicked")?)
                    .collect::<Result<Vec<_>>>()
            })
        }?;
        let start = spans.iter().map(|(start, _)| *start).min();
        let end = spans.iter().map(|(_, end)| *end).max();
        let (start, end) = start.zip(end).ok_or("nobody has anything to do")?;
        Ok(end - start)
    }
}

/// The time of a request, in microseconds: of all threads together, so eight threads that never wait for each other make
/// it an eighth.
pub(crate) fn micros_a_request(wall: Duration, plans: &[Plan]) -> f64 {
    let requests: usize = plans.iter().map(Vec::len).sum();
    wall.as_secs_f64() * 1e6 / requests as f64
}

/// Round trips and statements of a request, on average. One thread makes them, whatever their number in the case, so that
/// the count does not depend on who meets whom in the pool; and it makes them twice, so that statements are prepared.
pub(crate) fn count_at_wire(kind: &Kind, case: &Case, site: &Site, requests: usize) -> Result<(f64, f64)> {
    let alone = Case { threads: 1, ..*case };
    let (route, proxy) = site.counted();
    let (_variant, mut workers) = Workers::open(kind, &route, &alone)?;
    let plans = workers.plans(|worker| case.draw.requests(worker as u64, requests));
    workers.run(&plans, &site.tenants)?;
    let (cost, done) = proxy.count_all(|| workers.run(&plans, &site.tenants));
    done?;
    let each = |count: usize| count as f64 / requests as f64;
    Ok((each(cost.round_trips), each(cost.statements)))
}
