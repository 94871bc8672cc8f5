//! [`Case`]: what is measured. The numbers are those of the list in `benches/README.md`.

use crate::draw::Draw;
use crate::site::POOL;
use crate::work::Work;
use std::fmt;

/// How many tenants a moderate application has. The aims are about these.
pub(crate) const SOME: usize = 100;

/// The memory of the server's processes is a case of its own: see [`crate::memory`].
pub(crate) const MEMORY: u8 = 6;

/// A kind of request, whose they are, and how many threads make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) number: u8,
    pub(crate) work: Work,
    pub(crate) draw: Draw,
    pub(crate) threads: usize,
}

impl Case {
    /// All cases on a server with so many tenants.
    pub(crate) fn all(tenants: usize) -> Vec<Self> {
        let case = |number, work, draw, threads| Self {
            number,
            work,
            draw,
            threads,
        };
        let mut cases = vec![case(1, Work::Read, Draw::Same, 1)];
        for draw in [
            Draw::Uniform(SOME),
            Draw::Zipf(SOME),
            Draw::Uniform(tenants),
            Draw::Zipf(tenants),
        ] {
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
        cases
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let work = match self.work {
            Work::Read => "point read",
            Work::Page => "ten reads",
            Work::Join => "join of four tables",
            Work::Write => "transaction with one write",
            Work::Everything => "memory, a read of each of 20 tables",
        };
        write!(f, "{}. {work}, ", self.number)?;
        match self.draw {
            Draw::Same => write!(f, "same tenant")?,
            Draw::Uniform(tenants) => write!(f, "one of {} tenants", grouped(tenants))?,
            Draw::Zipf(tenants) => write!(f, "one of {} tenants by Zipf", grouped(tenants))?,
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

    #[test]
    fn every_case_has_a_title_of_its_own() {
        let mut titles: Vec<_> = Case::all(1000).iter().map(Case::to_string).collect();
        assert_eq!(titles[0], "1. point read, same tenant");
        assert_eq!(titles[6], "2. point read, one of 1,000 tenants, 8 threads");
        titles.dedup();
        assert_eq!(titles.len(), Case::all(1000).len());
    }
}
