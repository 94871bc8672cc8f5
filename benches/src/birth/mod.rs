//! The case of births: a tenant is created, in a database that has no others but those of this case.
//!
//! Each variant has one connection, which has seen a birth before.
//!
//! | module | is |
//! |---|---|
//! | [`by_hand`] | the same DDL, one message a migration; with and without a ledger and the tenant's row |
//! | [`by_diesel`] | what people write today |

mod by_diesel;
mod by_hand;

use crate::Result;
use crate::apps::customers::{self, Client};
use crate::apps::{fifty, workload};
use crate::cases::Case;
use crate::row::Row;
use crate::site::{Site, client};
use crate::turns::{self, Contestant, Prepare, Purpose, Took};
use crate::variants::OURS;
use crate::work::Work;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tenant_diesel::{EmbeddedApp, Tenancy, r2d2};

pub(crate) const DDL: &str = "the same DDL, one message a migration";
const WITH_LEDGER: &str = "the same with its ledger and its row";
const DIESEL: &str = "CREATE SCHEMA, run_pending_migrations";

/// How many tables the larger tenants have.
pub(crate) const FIFTY: usize = 50;

/// How often each variant creates a tenant.
pub(crate) const ROUNDS: usize = 15;

/// A connection that a tenant can be created on.
trait Birthplace {
    fn create(&mut self, tenant: &Client) -> Result;
}

/// The same, for as long as the case.
type Place = Rc<RefCell<Box<dyn Birthplace>>>;

type Open = fn(url: &str) -> Result<Box<dyn Birthplace>>;

/// All variants, in the order of the table: the first is what the others are compared with.
fn variants<A: EmbeddedApp + 'static>() -> [(&'static str, Open); 4] {
    [
        (DDL, by_hand::open::<A, false>),
        (WITH_LEDGER, by_hand::open::<A, true>),
        (DIESEL, by_diesel::open::<A>),
        (OURS, Ours::open::<A>),
    ]
}

/// Measures it.
pub(crate) fn measure(case: &Case, site: &Site) -> Result<Vec<Row>> {
    let variants = match case.work {
        Work::Birth(FIFTY) => variants::<fifty::App>(),
        _ => variants::<workload::App>(),
    };
    let born = &Cell::new(0);
    let next = move || {
        born.set(born.get() + 1);
        client(born.get())
    };
    let contestant = |(name, open): (&'static str, Open)| Contestant {
        name,
        rounds: ROUNDS,
        counted_is_timed: false,
        prepare: prepare(open, next),
    };
    turns::measure(case, site, DDL, &variants.map(contestant), &[])
}

fn prepare<'a>(open: Open, next: impl Fn() -> Result<Client> + 'a) -> Prepare<'a> {
    let kept: RefCell<Option<Place>> = RefCell::new(None);
    Box::new(move |route, purpose| {
        // What is counted goes another way.
        let known = kept.borrow().clone().filter(|_| purpose == Purpose::Times);
        let place = match known {
            Some(place) => place,
            None => {
                let mut place = open(route.url)?;
                place.create(&next()?)?;
                Rc::new(RefCell::new(place))
            }
        };
        if purpose == Purpose::Times {
            kept.replace(Some(Rc::clone(&place)));
        }
        let tenant = next()?;
        Ok(Box::new(move || {
            place.borrow_mut().create(&tenant)?;
            Ok(Took::default())
        }))
    })
}

/// This library, through its public interface: `Tenancy::create`.
struct Ours(Tenancy<Client>);

impl Ours {
    fn open<A: EmbeddedApp>(url: &str) -> Result<Box<dyn Birthplace>> {
        let tenancy = Tenancy::builder()
            .app::<customers::App>()
            .app::<A>()
            .r2d2(r2d2::Pool::builder().max_size(1))
            .connect(url)?;
        Ok(Box::new(Self(tenancy)))
    }
}

impl Birthplace for Ours {
    fn create(&mut self, tenant: &Client) -> Result {
        self.0.create(tenant)?;
        Ok(())
    }
}
