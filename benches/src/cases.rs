//! [`Case`]: what is measured. The numbers are those of the list in `benches/README.md`.

use crate::apps::TABLES;
use crate::draw::Draw;
use crate::site::POOL;
use crate::work::{Pending, Work};
use std::fmt;

/// How many tenants a moderate application has. The aims are about these.
pub(crate) const SOME: usize = 100;

/// The memory of the server's processes is a case of its own: see [`crate::memory`].
pub(crate) const MEMORY: u8 = 6;

/// So are start-ups: see [`crate::start_up`].
pub(crate) const START_UP: u8 = 8;

/// So are comparisons of all tenants: see [`crate::drift`].
pub(crate) const DRIFT: u8 = 9;

/// A kind of request, whose they are, and how many threads make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) number: u8,
    pub(crate) work: Work,
    pub(crate) draw: Draw,
    pub(crate) threads: usize,
}

impl Case {
    /// All cases on a server with so many tenants, or those for a first look.
    pub(crate) fn all(tenants: usize, quick: bool) -> Vec<Self> {
        let starting = start_up_tenants(quick);
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
        for pending in [Pending::Nothing, Pending::OneMigration] {
            cases.push(case(START_UP, Work::StartUp(pending), Draw::Uniform(starting), 1));
        }
        let compared = Draw::Uniform(compared_tenants(quick));
        cases.push(case(DRIFT, Work::Drift, compared, 1));
        cases
    }
}

/// How many tenants an application that starts has.
pub(crate) fn start_up_tenants(quick: bool) -> usize {
    if quick { 50 } else { 200 }
}

/// How many tenants are compared with each other.
pub(crate) fn compared_tenants(quick: bool) -> usize {
    if quick { 100 } else { 2000 }
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
            Work::StartUp(Pending::Nothing) => {
                return write!(f, "{number}. start-up with nothing pending, {tenants} tenants");
            }
            Work::StartUp(Pending::OneMigration) => {
                return write!(f, "{number}. one migration over {tenants} tenants");
            }
            Work::Drift => {
                return write!(f, "{number}. drift among {tenants} tenants of {TABLES} tables");
            }
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
        assert!(titles.contains("8. start-up with nothing pending, 200 tenants"));
        assert!(titles.contains("8. one migration over 200 tenants"));
        assert!(titles.contains("9. drift among 2,000 tenants of 20 tables"));
    }
}
