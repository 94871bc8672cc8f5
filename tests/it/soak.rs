//! Sixteen threads, fifty tenants, every row tagged with its tenant, and a random mix of everything that
//! could make a connection serve the wrong one, while one thread more creates and deletes tenants of its
//! own. What is counted is what the server returned.
//!
//! [`Soak`] says what is tried and how, so that the same runs through a pooler (`pooler/soak.rs`).

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenant_diesel::{Error, Tenancy, TenantConnection};
use tenant_tests::apps::customers::{Client, clients};
use tenant_tests::*;

/// What is tried, and how.
pub(crate) struct Soak<'a> {
    /// The application straight at the server: makes the tenants, and looks at what is left.
    pub(crate) fixture: &'a Fixture,
    /// What is tried: the fixture's own, or one that comes to the same database another way.
    pub(crate) tenancy: &'a Tenancy<Client>,
    pub(crate) load: Load,
    pub(crate) threads: usize,
    pub(crate) tenants: usize,
    /// Reads, in all.
    pub(crate) operations: usize,
    /// If there is one thread more, which creates and deletes tenants: how many at least.
    pub(crate) births: Option<usize>,
}

/// What the threads do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// All that there is: guards that outlive a transaction, nested scopes, raw SQL that leaves things behind.
    Everything,
    /// Scopes that are a transaction, and nothing for which a session must stay the same. Each read also asks for
    /// the schema that it is in.
    Transactions,
}

/// After so many surprises there will be no other end.
const ENOUGH: usize = 100;

#[derive(Default)]
struct Tally {
    asks_for_schema: bool,
    operations: AtomicUsize,
    wrong_rows: AtomicUsize,
    own_rows: AtomicUsize,
    wrong_schemas: AtomicUsize,
    /// Scopes that failed for a reason that is none of the scenario's.
    surprises: Mutex<Vec<String>>,
}

impl Tally {
    /// Reads all rows of the scope, and counts those that are another tenant's.
    fn read(&self, conn: &mut TenantConnection, own: &str) -> QueryResult<()> {
        let titles = titles(conn)?;
        let wrong = titles.iter().filter(|title| *title != own).count();
        self.wrong_rows.fetch_add(wrong, Ordering::Relaxed);
        self.own_rows.fetch_add(titles.len() - wrong, Ordering::Relaxed);
        if self.asks_for_schema {
            let schema = current_schema(conn)?;
            if schema.as_deref() != Some(own) {
                self.wrong_schemas.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.operations.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Notes what is not so.
    fn expect(&self, is_so: bool, what: &str) {
        if !is_so {
            self.surprises.lock().unwrap().push(what.to_owned());
        }
    }
}

/// The schema where the server looks first.
fn current_schema(conn: &mut TenantConnection) -> QueryResult<Option<String>> {
    diesel::select(diesel::dsl::sql::<Nullable<Text>>("current_schema()::text")).get_result(conn)
}

/// A role for this run, which may read nothing: roles belong to the server, not to a database.
struct Role<'a> {
    fixture: &'a Fixture,
    name: String,
}

impl<'a> Role<'a> {
    fn new(fixture: &'a Fixture) -> Self {
        let name = format!("soak_{:016x}", fastrand::u64(..));
        fixture.run(&format!("CREATE ROLE {name}"));
        Self { fixture, name }
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.fixture.run(&format!("DROP ROLE {}", self.name));
    }
}

/// Messages that leave something behind, or try to lead elsewhere.
fn dirt(other: &str, role: &str) -> Vec<String> {
    vec![
        format!("SET ROLE {role}"),
        format!("SET SESSION AUTHORIZATION {role}"),
        "SELECT pg_try_advisory_lock(1)".to_owned(),
        "SELECT pg_try_advisory_lock_shared(2)".to_owned(),
        format!("SET search_path TO {other}"),
        format!("SET SESSION search_path = {other}, public"),
        format!("SELECT set_config('search_path', '{other}', false)"),
        format!("BEGIN; SET LOCAL search_path TO {other}"),
        format!("CREATE TEMP TABLE IF NOT EXISTS tasks AS SELECT * FROM {other}.tasks"),
        format!("SET app.customer = '{other}'"),
        "RESET ALL".to_owned(),
        "DISCARD ALL".to_owned(),
        "SET ROLE NONE".to_owned(),
        "LISTEN jobs".to_owned(),
        "PREPARE mine AS SELECT 1".to_owned(),
        "DEALLOCATE ALL".to_owned(),
        "SELECT nonsense".to_owned(),
        "BEGIN; DECLARE mine CURSOR WITH HOLD FOR SELECT 1; COMMIT".to_owned(),
    ]
}

fn scenario(
    tenancy: &Tenancy<Client>,
    tally: &Tally,
    random: &mut fastrand::Rng,
    (own, other): (&Client, &Client),
    role: &str,
) -> Result<(), Error> {
    let tag = own.name.as_str();
    match random.u8(0..100) {
        // What applications do nearly always.
        0..55 => tenancy.with_tenant(own, |conn| {
            (0..random.u8(2..18)).try_for_each(|_| tally.read(conn, tag))
        }),
        55..65 => tenancy.transaction(own, |conn| {
            (0..random.u8(1..12)).try_for_each(|_| tally.read(conn, tag))
        }),
        65..70 => {
            let mut conn = tenancy.get(own)?;
            let round = conn.transaction(|conn| {
                insert_task(conn, tag)?;
                tally.read(conn, tag)?;
                QueryResult::<()>::Err(diesel::result::Error::RollbackTransaction)
            });
            assert!(round.is_err(), "rolled back, or killed by another thread");
            Ok(tally.read(&mut conn, tag)?)
        }
        // A failure that was swallowed: the commit must fail.
        70..72 => {
            let mut conn = tenancy.get(own)?;
            let committed = conn.transaction(|conn| {
                insert_task(conn, tag)?;
                let _swallowed = conn.batch_execute("SELECT nonsense");
                QueryResult::Ok(())
            });
            assert!(committed.is_err(), "committed nothing, and said nothing");
            Ok(tally.read(&mut conn, tag)?)
        }
        // Nested scopes, with and without failure.
        72..80 => tenancy.with_tenant(own, |conn| {
            tally.read(conn, tag)?;
            conn.with_tenant(other, |conn| {
                tally.read(conn, &other.name)?;
                conn.with_schema(&own.schema_name, |conn| tally.read(conn, tag))
            })?;
            tally.read(conn, tag)?;
            Ok::<_, Error>(())
        }),
        80..85 => tenancy.with_tenant(own, |conn| {
            let _undone = conn.transaction(|conn| {
                conn.with_tenant(other, |conn| {
                    tally.read(conn, &other.name)?;
                    if random.bool() {
                        conn.batch_execute("SAVEPOINT s")
                    } else {
                        conn.batch_execute("SELECT nonsense")
                    }
                })?;
                conn.batch_execute("ROLLBACK TO SAVEPOINT s")?;
                tally.read(conn, tag)?;
                Err::<(), Error>(diesel::result::Error::RollbackTransaction.into())
            });
            tally.read(conn, tag)?;
            Ok::<_, Error>(())
        }),
        // Panics, caught inside and outside.
        85..87 => {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                tenancy.with_tenant(own, |conn| -> QueryResult<()> {
                    tally.read(conn, tag)?;
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
            }));
            caught.unwrap_or(Ok(()))
        }
        87..89 => tenancy.with_tenant(own, |conn| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                conn.with_tenant(other, |conn| -> QueryResult<()> {
                    tally.read(conn, &other.name)?;
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
            }));
            caught.unwrap_or(Ok(()))?;
            tally.read(conn, tag)?;
            Ok::<_, Error>(())
        }),
        // A backend that dies, while in use and afterwards.
        89 if random.u8(0..10) == 0 => {
            let pid = tenancy.with_tenant(own, |conn| QueryResult::Ok(backend(conn)))?;
            tenancy.with_public(|conn| {
                diesel::sql_query(format!("SELECT pg_terminate_backend({pid})")).execute(conn)
            })?;
            Ok(())
        }
        // Raw SQL that leaves things behind.
        90..98 => {
            let dirt = dirt(other.schema_name.as_str(), role);
            let dirt = &dirt[random.usize(0..dirt.len())];
            let _left_open_or_failed = tenancy.with_tenant(own, |conn| {
                let _failed = conn.batch_execute(dirt);
                tally.read(conn, tag)
            });
            Ok(())
        }
        _ => {
            let dirt = dirt(other.schema_name.as_str(), role);
            let mut conn = tenancy.get(own)?;
            let _failed = conn.as_pg()?.batch_execute(&dirt[random.usize(0..dirt.len())]);
            let _failed = tally.read(&mut conn, tag);
            Ok(())
        }
    }
}

/// What [`Load::Transactions`] does. What should not be is noted, not asserted, so that all of it is told at the end.
fn transactions(
    tenancy: &Tenancy<Client>,
    tally: &Tally,
    random: &mut fastrand::Rng,
    own: &Client,
) -> Result<(), Error> {
    let tag = own.name.as_str();
    match random.u8(0..100) {
        0..50 => tenancy.with_tenant(own, |conn| {
            (0..random.u8(1..12)).try_for_each(|_| tally.read(conn, tag))
        }),
        50..65 => tenancy.transaction(own, |conn| {
            (0..random.u8(1..12)).try_for_each(|_| tally.read(conn, tag))
        }),
        // Rolled back: nobody may see that row.
        65..72 => {
            let undone = tenancy.transaction(own, |conn| {
                insert_task(conn, "rolled back")?;
                let seen = titles(conn)?.iter().any(|title| title == "rolled back");
                tally.expect(seen, "a row is seen by who inserted it");
                Err::<(), Error>(diesel::result::Error::RollbackTransaction.into())
            });
            tally.expect(undone.is_err(), "rolled back, or killed by another thread");
            tenancy.with_tenant(own, |conn| tally.read(conn, tag))
        }
        // A savepoint.
        72..79 => tenancy.transaction(own, |conn| {
            let undone = conn.transaction(|conn| {
                insert_task(conn, "rolled back")?;
                QueryResult::<()>::Err(diesel::result::Error::RollbackTransaction)
            });
            tally.expect(undone.is_err(), "rolled back, or killed by another thread");
            tally.read(conn, tag)
        }),
        // A failure.
        79..84 => {
            let failed = tenancy.with_tenant(own, |conn| {
                tally.read(conn, tag)?;
                conn.batch_execute("SELECT nonsense")
            });
            tally.expect(failed.is_err(), "there is no column of that name");
            Ok(())
        }
        84..88 => {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                tenancy.with_tenant(own, |conn| -> QueryResult<()> {
                    tally.read(conn, tag)?;
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
            }));
            caught.unwrap_or(Ok(()))
        }
        // The path of the shared schema, between those of tenants.
        88..95 => {
            let found = tenancy.with_public(|conn| {
                clients::table
                    .filter(clients::id.eq(own.id))
                    .select(clients::name)
                    .load::<String>(conn)
            })?;
            tally.expect(found == [tag], "the shared schema has one row for each tenant");
            Ok(())
        }
        95..99 => match tenancy.with_schema(&name("nobodys"), |conn| tally.read(conn, tag)) {
            Err(Error::SchemaMissing { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                tally.expect(false, "a schema that does not exist is not read");
                Ok(())
            }
        },
        // A backend that dies, perhaps while another thread uses it.
        _ if random.u8(0..4) == 0 => {
            let pid = tenancy.with_tenant(own, |conn| QueryResult::Ok(backend(conn)))?;
            tenancy.with_public(|conn| {
                diesel::sql_query(format!("SELECT pg_terminate_backend({pid})")).execute(conn)
            })?;
            Ok(())
        }
        _ => tenancy.with_tenant(own, |conn| tally.read(conn, tag)),
    }
}

/// Whether a scope failed because another thread killed its backend by a number that was stale.
fn was_killed(reason: &str) -> bool {
    [
        "terminating connection",
        "no connection to",
        "closed the connection",
    ]
    .iter()
    .any(|known| reason.contains(known))
}

/// A tenant that is born, works beside the others, and dies.
fn short_life(tenancy: &Tenancy<Client>, tally: &Tally, schema: &str, other: &Client) -> Result<(), Error> {
    let tenant = tenancy.create(new_client(schema))?;
    tenancy.with_tenant(&tenant, |conn| {
        assert_eq!(titles(conn)?, [""; 0], "a new tenant has no rows");
        insert_task(conn, schema)?;
        tally.read(conn, schema)?;
        conn.with_tenant(other, |conn| tally.read(conn, &other.name))?;
        tally.read(conn, schema)?;
        Ok::<_, Error>(())
    })?;
    tenancy.transaction(&tenant, |conn| tally.read(conn, schema))?;
    tenancy.delete_with_schema(&tenant)?;
    let gone = tenancy.with_tenant(&tenant, |conn| tally.read(conn, schema));
    match gone {
        Err(Error::SchemaMissing { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => panic!("{schema} was read after its death"),
    }
}

#[test]
fn no_tenant_ever_reads_a_row_of_another() {
    all_at_once(true);
}

#[test]
fn no_tenant_ever_reads_a_row_of_another_without_affinity() {
    all_at_once(false);
}

fn all_at_once(affinity: bool) {
    let fixture = Fixture::of(6, application().pool(|pool| pool.affinity(affinity)));
    fixture.tenancy.migrate().unwrap();
    let soak = Soak {
        fixture: &fixture,
        tenancy: &fixture.tenancy,
        load: Load::Everything,
        threads: 16,
        tenants: 50,
        operations: 200_000,
        births: Some(10),
    };
    soak.run();
}

impl Soak<'_> {
    /// Makes the tenants in a migrated application, has them read by all threads at once, and fails if anything came of it.
    pub(crate) fn run(&self) {
        let fixture = self.fixture;
        let tenants = self.tenants();
        let tally = self.tally();
        let lives = self.threads(&tenants, &tally);
        let operations = tally.operations.load(Ordering::Relaxed);
        assert_eq!(
            tally.wrong_rows.load(Ordering::Relaxed),
            0,
            "in {operations} operations"
        );
        assert_eq!(
            tally.wrong_schemas.load(Ordering::Relaxed),
            0,
            "in {operations} operations"
        );
        assert!(
            tally.own_rows.load(Ordering::Relaxed) >= operations,
            "each read sees the tenant's own row"
        );
        assert_eq!(*tally.surprises.lock().unwrap(), [""; 0]);
        assert!(operations >= self.operations);
        for tenant in &tenants {
            assert_eq!(fixture.titles(tenant), [tenant.name.as_str()]);
        }
        if let Some(expected) = self.births {
            assert!(lives > expected, "{lives} tenants came and went");
        }
        // Where a backend was killed in the middle, a life is left as it was then: the row with its schema.
        let left: Result<Vec<Client>, Error> = fixture.tenancy.tenants().collect();
        for tenant in left.unwrap() {
            assert!(fixture.has_schema(&tenant.name), "{} has a row only", tenant.name);
            if tenant.name.starts_with("brief_") {
                let own = fixture.titles(&tenant);
                assert!(own.iter().all(|title| *title == tenant.name));
                fixture.tenancy.delete_with_schema(&tenant).unwrap();
            }
        }
        assert_eq!(
            fixture.schemas().len(),
            self.tenants + 1,
            "{:?}",
            fixture.schemas()
        );
        wait_until("no lock is left", || fixture.advisory_locks() == 0);
    }

    fn tenants(&self) -> Vec<Client> {
        let schemas = names("soak", self.tenants);
        let schemas: Vec<&str> = schemas.iter().map(|name| name.as_str()).collect();
        self.fixture.tagged(&schemas)
    }

    fn tally(&self) -> Tally {
        Tally {
            asks_for_schema: self.load == Load::Transactions,
            ..Tally::default()
        }
    }

    /// Whether a scope failed because its backend was killed.
    fn was_killed(&self, reason: &str) -> bool {
        let through_a_pooler = !std::ptr::eq(self.tenancy, &raw const self.fixture.tenancy);
        was_killed(reason)
            || through_a_pooler
                && [
                    "server conn crashed",
                    // Seen once in some hundred kills. Diesel says so where a statement succeeded and the connection
                    // was found lost right behind it, as when a pooler sends both in one packet.
                    "The transaction manager is broken",
                ]
                .iter()
                .any(|known| reason.contains(known))
    }

    /// Runs all threads until enough was read; how many tenants came and went meanwhile.
    fn threads(&self, tenants: &[Client], tally: &Tally) -> usize {
        let role = Role::new(self.fixture);
        let goes_on = || {
            let read = tally.operations.load(Ordering::Relaxed);
            read < self.operations && tally.surprises.lock().unwrap().len() < ENOUGH
        };
        let note = |error: Error| {
            let reason = chain(&error);
            if !self.was_killed(&reason) {
                tally.surprises.lock().unwrap().push(reason);
            }
        };
        std::thread::scope(|threads| {
            for thread in 0..self.threads {
                let (tenancy, role) = (self.tenancy.clone(), &role.name);
                let (goes_on, note) = (&goes_on, &note);
                threads.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(thread as u64);
                    while goes_on() {
                        let pair = (
                            &tenants[random.usize(0..tenants.len())],
                            &tenants[random.usize(0..tenants.len())],
                        );
                        let done = match self.load {
                            Load::Everything => scenario(&tenancy, tally, &mut random, pair, role),
                            Load::Transactions => transactions(&tenancy, tally, &mut random, pair.0),
                        };
                        if let Err(error) = done {
                            note(error);
                        }
                    }
                });
            }
            let births = self.births.map(|_| {
                threads.spawn(|| {
                    let mut random = fastrand::Rng::with_seed(self.threads as u64);
                    let mut lives = 0;
                    while goes_on() {
                        let other = &tenants[random.usize(0..tenants.len())];
                        match short_life(self.tenancy, tally, &format!("brief_{lives}"), other) {
                            Ok(()) => {}
                            Err(error) => note(error),
                        }
                        lives += 1;
                    }
                    lives
                })
            });
            births.map_or(0, |births| births.join().unwrap())
        })
    }
}
