//! [`Aim`]: what the project promises, computed from the rows.

use crate::birth::DDL;
use crate::cases::{BIRTH, Case, MANY, MEMORY, MIGRATION, SOME, START_UP, WEB};
use crate::draw::Draw;
use crate::migration::PSQL;
use crate::row::Row;
use crate::variants::{FLOOR, FLOOR_AND_PING, NAIVE, OURS, PLAIN};
use crate::web::{BARE, OURS_ALONE, OURS_CACHED, OURS_UNCACHED};
use crate::work::Work;

/// A read on the same tenant may take this much of the floor; one on another tenant, of the floor with `SELECT 1`.
const NEAR_THE_FLOOR: f64 = 1.10;

/// How many times less memory than by `SET search_path` on a pool.
const TIMES_LESS_MEMORY: f64 = 8.0;

/// A start-up of ten thousand tenants with nothing pending, in milliseconds.
const QUICK_START: f64 = 100.0;

/// How much more memory it may take than one of the fewest tenants, in bytes: pages of the allocator.
const FLAT: u64 = 1_000_000;

/// A migration of all tenants may take this much of psql's time on as many connections.
const NEAR_PSQL: f64 = 1.15;

/// A birth may take this much of the same DDL's time.
const NEAR_THE_DDL: f64 = 1.20;

/// A request from the web may take this much of one that belongs to nobody.
const NEAR_BARE_AXUM: f64 = 1.10;

/// A look-up in memory, in microseconds.
const QUICK_LOOK_UP: f64 = 1.0;

/// Counts at the wire are averages over many requests.
const COUNTING_ERROR: f64 = 0.05;

/// A promise, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aim {
    pub(crate) promise: String,
    pub(crate) found: String,
    pub(crate) met: bool,
}

impl Aim {
    fn at_most(promise: &str, found: f64, most: f64) -> Self {
        Self {
            promise: format!("{promise} ≤ {most:.2}"),
            found: format!("{found:.2}"),
            met: found <= most,
        }
    }

    fn extra_round_trips(case: &Case, ours: &Row, floor: &Row, most: f64) -> Self {
        let extra = ours.round_trips - floor.round_trips;
        Self {
            promise: format!("{case}: at most {most} round trips more than the floor"),
            found: format!("{extra:.2}"),
            met: extra <= most + COUNTING_ERROR,
        }
    }
}

/// The aims that can be judged by these rows.
pub(crate) fn judge(rows: &[Row]) -> Vec<Aim> {
    let mut cases: Vec<Case> = rows.iter().map(|row| row.of).collect();
    cases.dedup();
    cases.iter().flat_map(|case| judge_case(case, rows)).collect()
}

fn judge_case(case: &Case, rows: &[Row]) -> Vec<Aim> {
    let find = |name| rows.iter().find(|row| row.of == *case && row.variant == name);
    if case.work == Work::LookUp {
        return judge_look_ups(case, find(OURS_CACHED), find(OURS_UNCACHED));
    }
    let Some(ours) = find(OURS) else {
        return Vec::new();
    };
    let mut aims = Vec::new();
    let ratio = |to: &Row| ours.times.median / to.times.median;
    match (case.number, case.draw) {
        (1, _) => {
            if let Some(floor) = find(FLOOR) {
                aims.push(Aim::at_most(
                    &format!("{case}: ours / floor"),
                    ratio(floor),
                    NEAR_THE_FLOOR,
                ));
                aims.push(Aim::extra_round_trips(case, ours, floor, 0.0));
            }
        }
        (2, Draw::Uniform(SOME)) => {
            if let Some(floor) = find(FLOOR_AND_PING) {
                let promise = format!("{case}: ours / (floor + SELECT 1)");
                aims.push(Aim::at_most(&promise, ratio(floor), NEAR_THE_FLOOR));
            }
            if let Some(floor) = find(FLOOR) {
                aims.push(Aim::extra_round_trips(case, ours, floor, 1.0));
            }
        }
        (5, _) => aims.extend(find(FLOOR).map(|floor| Aim::extra_round_trips(case, ours, floor, 0.0))),
        (MEMORY, _) => {
            let naive = find(NAIVE).and_then(|naive| naive.bytes);
            aims.extend(naive.zip(ours.bytes).map(|(naive, ours)| {
                let times = naive as f64 / ours as f64;
                Aim {
                    promise: format!(
                        "{case}: at least {TIMES_LESS_MEMORY} times less than by SET search_path"
                    ),
                    found: format!("{times:.1}"),
                    met: times >= TIMES_LESS_MEMORY,
                }
            }));
        }
        (WEB, _) if case.work == Work::Web => {
            let bare = find(BARE);
            for ours in [Some(ours), find(OURS_ALONE)].into_iter().flatten() {
                aims.extend(bare.map(|bare| {
                    let promise = format!("{case}: {} / {BARE}", ours.variant);
                    Aim::at_most(&promise, ours.times.median / bare.times.median, NEAR_BARE_AXUM)
                }));
            }
        }
        (START_UP, _) => aims.extend(judge_start_up(case, ours, rows)),
        (MIGRATION, _) => aims.extend(
            find(PSQL).map(|psql| Aim::at_most(&format!("{case}: ours / psql"), ratio(psql), NEAR_PSQL)),
        ),
        (BIRTH, _) => aims.extend(
            find(DDL)
                .map(|ddl| Aim::at_most(&format!("{case}: ours / the same DDL"), ratio(ddl), NEAR_THE_DDL)),
        ),
        _ => {}
    }
    if (1..=3).contains(&case.number)
        && let Some(plain) = find(PLAIN)
    {
        let found = ratio(plain);
        aims.push(Aim {
            promise: format!("{case}: ours / plain < 1"),
            found: format!("{found:.2}"),
            met: found < 1.0,
        });
    }
    aims
}

/// Nothing is at the wire where the tenant is known, and one question where it is not.
fn judge_look_ups(case: &Case, cached: Option<&Row>, uncached: Option<&Row>) -> Vec<Aim> {
    let mut aims = Vec::new();
    if let Some(cached) = cached {
        let micros = cached.times.median;
        aims.push(Aim {
            promise: format!("{case}: cached, at most {QUICK_LOOK_UP} µs"),
            found: format!("{micros:.2} µs"),
            met: micros <= QUICK_LOOK_UP,
        });
    }
    if let Some(Row {
        round_trips,
        statements,
        ..
    }) = uncached
    {
        aims.push(Aim {
            promise: format!("{case}: uncached, one round trip and one statement"),
            found: format!("{round_trips:.2} and {statements:.2}"),
            met: round_trips.max(*statements) <= 1.0 + COUNTING_ERROR,
        });
    }
    aims
}

/// That of the most tenants is compared with that of the fewest.
fn judge_start_up(case: &Case, ours: &Row, rows: &[Row]) -> Vec<Aim> {
    let fewest = rows
        .iter()
        .filter(|row| row.of.number == START_UP && row.variant == OURS)
        .min_by_key(|row| row.of.draw.tenants());
    let (Some(fewest), true) = (fewest, case.draw.tenants() == MANY) else {
        return Vec::new();
    };
    let millis = ours.times.median / 1e3;
    let mut aims = vec![Aim {
        promise: format!("{case}: at most {QUICK_START} ms"),
        found: format!("{millis:.1} ms"),
        met: millis <= QUICK_START,
    }];
    if fewest.of == *case {
        return aims;
    }
    let few = fewest.of.draw.tenants();
    aims.push(Aim {
        promise: format!("{case}: as many round trips as for {few}"),
        found: format!("{} and {}", ours.round_trips, fewest.round_trips),
        met: (ours.round_trips - fewest.round_trips).abs() < COUNTING_ERROR,
    });
    aims.extend(ours.bytes.zip(fewest.bytes).map(|(ours, fewest)| {
        let more = ours.saturating_sub(fewest);
        Aim {
            promise: format!("{case}: at most 1 MB of memory more than for {few}"),
            found: format!("{:.1} MB", more as f64 / 1e6),
            met: more <= FLAT,
        }
    }));
    aims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Times;

    fn row(case: Case, variant: &'static str, median: f64, round_trips: f64) -> Row {
        let times = Times {
            median,
            ..Times::default()
        };
        let mut row = Row::new(case, variant, times);
        row.round_trips = round_trips;
        row
    }

    fn case(number: u8) -> Case {
        let mut cases = Case::all(1000, false).into_iter();
        cases.find(|case| case.number == number).unwrap()
    }

    fn found(aims: &[Aim]) -> Vec<(&str, bool)> {
        aims.iter().map(|aim| (aim.found.as_str(), aim.met)).collect()
    }

    #[test]
    fn the_same_tenant_costs_a_tenth_more_than_the_floor_at_most() {
        let rows = |median, round_trips| {
            [
                row(case(1), FLOOR, 20.0, 1.0),
                row(case(1), PLAIN, 40.0, 2.0),
                row(case(1), OURS, median, round_trips),
            ]
        };
        let met = judge(&rows(21.0, 1.0));
        assert_eq!(found(&met), [("1.05", true), ("0.00", true), ("0.53", true)]);
        let missed = judge(&rows(42.0, 2.0));
        assert_eq!(
            found(&missed),
            [("2.10", false), ("1.00", false), ("1.05", false)]
        );
    }

    #[test]
    fn another_tenant_may_cost_a_round_trip() {
        let rows = [
            row(case(2), FLOOR, 20.0, 1.0),
            row(case(2), FLOOR_AND_PING, 40.0, 2.0),
            row(case(2), OURS, 42.0, 1.99),
        ];
        assert_eq!(found(&judge(&rows)), [("1.05", true), ("0.99", true)]);
    }

    #[test]
    fn memory_is_compared_with_what_people_write_today() {
        let mut rows = [row(case(6), NAIVE, 1.0, 1.0), row(case(6), OURS, 1.0, 1.0)];
        rows[0].bytes = Some(800);
        rows[1].bytes = Some(110);
        assert_eq!(found(&judge(&rows)), [("7.3", false)]);
    }

    #[test]
    fn a_start_up_of_many_is_compared_with_one_of_few() {
        let of = |tenants| {
            let mut cases = Case::all(1000, false).into_iter();
            let is_it = |case: &Case| case.number == START_UP && case.draw.tenants() == tenants;
            cases.find(is_it).unwrap()
        };
        let mut rows = [
            row(of(100), OURS, 5_000.0, 6.0),
            row(of(MANY), OURS, 120_000.0, 6.0),
        ];
        assert_eq!(found(&judge(&rows)), [("120.0 ms", false), ("6 and 6", true)]);
        rows[0].bytes = Some(1_000_000);
        rows[1].bytes = Some(2_500_000);
        rows[1].round_trips = 106.0;
        let [_, round_trips, memory] = judge(&rows).try_into().unwrap();
        assert!(!round_trips.met && !memory.met, "{round_trips:?}, {memory:?}");
        assert_eq!(judge(&rows[..1]), []);
    }

    #[test]
    fn migrations_and_births_are_compared_with_their_ddl() {
        let rows = [
            row(case(MIGRATION), PSQL, 100.0, 7000.0),
            row(case(MIGRATION), OURS, 114.0, 5000.0),
            row(case(BIRTH), DDL, 100.0, 11.0),
            row(case(BIRTH), OURS, 121.0, 20.0),
        ];
        assert_eq!(found(&judge(&rows)), [("1.14", true), ("1.21", false)]);
    }

    #[test]
    fn requests_from_the_web_are_compared_with_those_that_belong_to_nobody() {
        let of = |work| {
            let mut cases = Case::all(1000, false).into_iter();
            cases.find(|case| case.work == work).unwrap()
        };
        let mut rows = vec![
            row(of(Work::Web), BARE, 10.0, 0.0),
            row(of(Work::Web), OURS, 10.9, 0.0),
            // The layer alone is only shown.
            row(of(Work::Call), BARE, 0.5, 0.0),
            row(of(Work::Call), OURS, 2.5, 0.0),
            row(of(Work::LookUp), OURS_CACHED, 0.2, 0.0),
            row(of(Work::LookUp), OURS_UNCACHED, 90.0, 1.0),
        ];
        assert_eq!(
            found(&judge(&rows)),
            [("1.09", true), ("0.20 µs", true), ("1.00 and 0.00", true)]
        );
        rows[1].times.median = 11.1;
        rows[4].times.median = 1.1;
        rows[5].statements = 2.0;
        assert!(judge(&rows).iter().all(|aim| !aim.met));
    }

    #[test]
    fn nothing_is_judged_that_was_not_measured() {
        assert_eq!(judge(&[row(case(1), PLAIN, 1.0, 1.0)]), []);
    }
}
