//! Cases that are not about requests but about all tenants at once, or about making one: what takes milliseconds to seconds is done
//! a few times by each variant, all in turn, after each was counted at the wire.

use crate::Result;
use crate::cases::Case;
use crate::row::{Row, Times};
use crate::site::{Route, Site};
use std::time::{Duration, Instant};

/// A variant.
pub(crate) struct Contestant<'a> {
    pub(crate) name: &'static str,
    /// How often its time is taken.
    pub(crate) rounds: usize,
    /// Whether the time of the run that is counted at the wire is one of them: where there are few round trips and each takes
    /// milliseconds, the proxy adds nothing to it.
    pub(crate) counted_is_timed: bool,
    /// Whatever must be done before the clock runs.
    pub(crate) prepare: Prepare<'a>,
}

pub(crate) type Prepare<'a> = Box<dyn Fn(&Route<'a>, Purpose) -> Result<Ready<'a>> + 'a>;

/// What is measured. It says if it did not do what it should have done, for what does nothing is fast.
pub(crate) type Ready<'a> = Box<dyn FnOnce() -> Result<Took> + 'a>;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What it costs at the wire. It need not be fast.
    Counts,
    /// How long it takes.
    Times,
}

/// What a run found out about itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    /// How long it took, if it has a clock of its own.
    pub(crate) time: Option<Duration>,
    /// By how much the client's process grew, if that was measured.
    pub(crate) bytes: Option<u64>,
}

/// Measures a case, after those of `before`. The times are compared with those of `floor`.
pub(crate) fn measure<'a>(
    case: &Case,
    site: &'a Site,
    floor: &str,
    contestants: &[Contestant<'a>],
    before: &[Row],
) -> Result<Vec<Row>> {
    let mut times = vec![Vec::new(); contestants.len()];
    let mut rows = Vec::new();
    // What is counted comes first: it does no harm there that the server sees its files for the first time.
    let (counted, proxy) = site.counted();
    for (contestant, times) in contestants.iter().zip(&mut times) {
        let mut row = Row::new(*case, contestant.name, Times::default());
        // One connection is counted, and only once where several are measured too.
        let alone = Case { threads: 1, ..*case };
        let known = before
            .iter()
            .find(|row| row.of == alone && row.variant == contestant.name);
        if let Some(known) = known {
            (row.round_trips, row.statements) = (known.round_trips, known.statements);
            rows.push(row);
            continue;
        }
        let run = (contestant.prepare)(&counted, Purpose::Counts)?;
        let (cost, time) = proxy.count_all(|| clock(run));
        let (time, _) = time?;
        if contestant.counted_is_timed {
            times.push(time);
        }
        row.round_trips = cost.round_trips as f64;
        row.statements = cost.statements as f64;
        rows.push(row);
    }
    let straight = site.straight();
    let rounds = contestants.iter().map(|contestant| contestant.rounds).max();
    for round in 0..rounds.unwrap_or_default() {
        // Nobody always follows the same one.
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            if times[index].len() < contestants[index].rounds {
                let run = (contestants[index].prepare)(&straight, Purpose::Times)?;
                let (time, bytes) = clock(run)?;
                times[index].push(time);
                rows[index].bytes = rows[index].bytes.max(bytes);
            }
        }
    }
    for (row, times) in rows.iter_mut().zip(times) {
        row.times = Times::of(times);
    }
    Row::compare_times(&mut rows, floor);
    Ok(rows)
}

/// The time of a run in microseconds, and what else it found out.
fn clock(run: Ready<'_>) -> Result<(f64, Option<u64>)> {
    let start = Instant::now();
    let took = run()?;
    let time = took.time.unwrap_or(start.elapsed());
    Ok((time.as_secs_f64() * 1e6, took.bytes))
}

/// What does nothing is fast, so whatever is measured says how much it did.
pub(crate) fn expect(what: &str, found: usize, expected: usize) -> Result {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found}, and should have been {expected}").into())
}
