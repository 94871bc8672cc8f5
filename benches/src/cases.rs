//! [`Case`]: what is measured. The numbers are those of the list in `benches/README.md`.

use crate::apps::TABLES;
use crate::birth::FIFTY;
use crate::draw::Draw;
use crate::site::POOL;
use crate::web::{CONNECTIONS, HOSTS};
use crate::work::Work;
use std::fmt;

/// How many tenants a moderate application has. The aims are about these.
pub(crate) const SOME: usize = 100;

/// The memory of the server's processes is a case of its own: see [`crate::memory`].
pub(crate) const MEMORY: u8 = 6;

/// So are requests from the web, and look-ups of their hosts: see [`crate::web`].
pub(crate) const WEB: u8 = 7;

/// So are start-ups: see [`crate::start_up`].
pub(crate) const START_UP: u8 = 8;

/// So are comparisons of all tenants: see [`crate::drift`].
pub(crate) const DRIFT: u8 = 9;

/// And one migration over all tenants: see [`crate::migration`].
pub(crate) const MIGRATION: u8 = 10;

/// And births: see [`crate::birth`].
pub(crate) const BIRTH: u8 = 11;

/// And the status of all tenants: see [`crate::status`].
pub(crate) const STATUS: u8 = 12;

/// How many tenants the aim of start-ups is about.
pub(crate) const MANY: usize = 10_000;

/// On how many connections a migration goes over all tenants.
const MIGRATORS: [usize; 2] = [1, 2];

/// A kind of request, whose they are, and how many threads make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) number: u8,
    pub(crate) work: Work,
    pub(crate) draw: Draw,
    /// Or, where it is no request to the database, on how many connections it is done.
    pub(crate) threads: usize,
}

impl Case {
    /// All cases on a server with so many tenants, or those for a first look.
    pub(crate) fn all(tenants: usize, quick: bool) -> Vec<Self> {
        let case = |number, work, draw, threads| Self {
            number,
            work,
            draw,
            threads,
        };
        let mut cases = vec![case(1, Work::Read, Draw::Same, 1)];
        let draws = [
            Draw::Uniform(SOME),
            Draw::Zipf(tenants),
            Draw::Zipf(SOME),
            Draw::Uniform(tenants),
        ];
        for draw in draws.into_iter().take(if quick { 2 } else { 4 }) {
            for threads in [1, POOL as usize] {
                cases.push(case(2, Work::Read, draw, threads));
            }
        }
        cases.extend([
            case(3, Work::Page, Draw::Uniform(SOME), 1),
            case(4, Work::Join, Draw::Uniform(SOME), 1),
            case(5, Work::Write, Draw::Uniform(SOME), 1),
            case(MEMORY, Work::Everything, Draw::Uniform(tenants), POOL as usize),
        ]);
        for (work, connections) in [(Work::Web, CONNECTIONS), (Work::Call, 1)] {
            for draw in [Draw::Same, Draw::Uniform(HOSTS)] {
                cases.push(case(WEB, work, draw, connections));
            }
        }
        cases.push(case(WEB, Work::LookUp, Draw::Uniform(HOSTS), 1));
        let starting: &[usize] = if quick { &[100, 1000] } else { &[100, 1000, MANY] };
        for tenants in starting {
            cases.push(case(START_UP, Work::StartUp, Draw::Uniform(*tenants), 1));
        }
        let (compared, migrated) = if quick { (100, 100) } else { (2000, 1000) };
        cases.push(case(DRIFT, Work::Drift, Draw::Uniform(compared), 1));
        for connections in MIGRATORS {
            let migrated = Draw::Uniform(migrated);
            cases.push(case(MIGRATION, Work::Migration, migrated, connections));
        }
        for tables in [10, FIFTY] {
            cases.push(case(BIRTH, Work::Birth(tables), Draw::Same, 1));
        }
        let asked: &[usize] = if quick { &[1000] } else { &[2000, MANY] };
        for tenants in asked {
            cases.push(case(STATUS, Work::Status, Draw::Uniform(*tenants), 1));
        }
        cases
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, draw, .. } = self;
        let tenants = grouped(draw.tenants());
        match self.work {
            Work::Read => write!(f, "{number}. point read, ")?,
            Work::Page => write!(f, "{number}. ten reads, ")?,
            Work::Join => write!(f, "{number}. join of four tables, ")?,
            Work::Write => write!(f, "{number}. transaction with one write, ")?,
            Work::Everything => {
                return write!(f, "{number}. memory after {tenants} tenants of {TABLES} tables");
            }
            Work::Web | Work::Call => {
                let way = if self.work == Work::Web {
                    "over TCP"
                } else {
                    "without a socket"
                };
                let host = match draw {
                    Draw::Same => "same host".to_owned(),
                    Draw::Uniform(_) | Draw::Zipf(_) => format!("one of {tenants} hosts"),
                };
                return write!(f, "{number}. request through axum {way}, {host}");
            }
            Work::LookUp => return write!(f, "{number}. the tenant of one of {tenants} hosts"),
            Work::StartUp => {
                return write!(f, "{number}. start-up with nothing pending, {tenants} tenants");
            }
            Work::Drift => {
                return write!(f, "{number}. drift among {tenants} tenants of {TABLES} tables");
            }
            Work::Migration => {
                return match self.threads {
                    1 => write!(f, "{number}. one migration over {tenants} tenants"),
                    many => write!(
                        f,
                        "{number}. one migration over {tenants} tenants, {many} connections"
                    ),
                };
            }
            Work::Birth(tables) => return write!(f, "{number}. a new tenant of {tables} tables"),
            Work::Status => return write!(f, "{number}. status of {tenants} tenants"),
        }
        match draw {
            Draw::Same => write!(f, "same tenant")?,
            Draw::Uniform(_) => write!(f, "one of {tenants} tenants")?,
            Draw::Zipf(_) => write!(f, "one of {tenants} tenants by Zipf")?,
        }
        if self.threads > 1 {
            write!(f, ", {} threads", self.threads)?;
        }
        Ok(())
    }
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_case_has_a_title_of_its_own() {
        let cases = Case::all(1000, false);
        let titles: HashSet<_> = cases.iter().map(Case::to_string).collect();
        assert_eq!(titles.len(), cases.len());
        assert!(titles.contains("1. point read, same tenant"));
        assert!(titles.contains("2. point read, one of 1,000 tenants, 8 threads"));
        assert!(titles.contains("6. memory after 1,000 tenants of 20 tables"));
        assert!(titles.contains("7. request through axum over TCP, same host"));
        assert!(titles.contains("7. request through axum without a socket, one of 1,000 hosts"));
        assert!(titles.contains("7. the tenant of one of 1,000 hosts"));
        assert!(titles.contains("8. start-up with nothing pending, 10,000 tenants"));
        assert!(titles.contains("9. drift among 2,000 tenants of 20 tables"));
        assert!(titles.contains("10. one migration over 1,000 tenants, 2 connections"));
        assert!(titles.contains("11. a new tenant of 50 tables"));
        assert!(titles.contains("12. status of 10,000 tenants"));
    }
}
