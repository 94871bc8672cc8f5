//! The case of start-ups: an application starts, and nothing is pending in any of its schemas.
//!
//! Whatever is timed starts in a process of its own ([`alone`]), whose connections are open and know nothing yet. The reading of the
//! list of tenants counts.

mod alone;
mod ours;

pub(crate) use alone::run as run_alone;

use crate::Result;
use crate::apps::shop;
use crate::cases::Case;
use crate::pending_loop;
use crate::row::Row;
use crate::site::Site;
use crate::turns::{self, Contestant, Prepare, Purpose, Took};
use crate::variants::OURS;
use diesel::pg::PgConnection;
use diesel::prelude::*;

pub(crate) const LOOP: &str = "a loop of run_pending_migrations";

/// How often each variant starts.
pub(crate) const ROUNDS: usize = 5;

/// The same for the loop where there are so many tenants that it takes seconds.
const ROUNDS_OF_SECONDS: usize = 2;

/// From how many tenants on it does.
const MANY: usize = 5_000;

/// All variants, in the order of the table: the first is what the others are compared with.
const VARIANTS: [Kind; 2] = [
    Kind {
        name: LOOP,
        open: |url| Ok(Box::new(Loop(PgConnection::establish(url)?))),
    },
    Kind {
        name: OURS,
        open: ours::open,
    },
];

struct Kind {
    name: &'static str,
    open: fn(url: &str) -> Result<Box<dyn StartUp>>,
}

/// An application that is connected, and about to start.
trait StartUp {
    /// Brings all schemas up to date. Returns how many migrations it applied.
    fn start(&mut self) -> Result<usize>;
}

struct Loop(PgConnection);

impl StartUp for Loop {
    fn start(&mut self) -> Result<usize> {
        pending_loop::migrate::<shop::App>(&mut self.0)
    }
}

/// Measures the start-up of an application whose tenants are all those of the site.
pub(crate) fn measure(case: &Case, site: &Site) -> Result<Vec<Row>> {
    // The library knows nothing yet of tenants that it did not make.
    (VARIANTS[1].open)(site.straight().url)?.start()?;
    let contestant = |kind: &'static Kind| Contestant {
        name: kind.name,
        rounds: match site.tenants.len() {
            MANY.. if kind.name == LOOP => ROUNDS_OF_SECONDS,
            _ => ROUNDS,
        },
        counted_is_timed: false,
        prepare: prepare(kind),
    };
    let contestants: Vec<_> = VARIANTS.iter().map(contestant).collect();
    turns::measure(case, site, LOOP, &contestants, &[])
}

fn prepare<'a>(kind: &'static Kind) -> Prepare<'a> {
    Box::new(|route, purpose| match purpose {
        Purpose::Times => alone::prepare(kind, route.url),
        Purpose::Counts => {
            let mut application = (kind.open)(route.url)?;
            Ok(Box::new(move || {
                turns::expect("migrations applied by a start-up", application.start()?, 0)?;
                Ok(Took::default())
            }))
        }
    })
}
