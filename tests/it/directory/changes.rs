//! What this process changes is known at once, without the server's help; and no answer outlives a change.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::{Availability, DirectoryBuilder, TenantDirectory};
use tenant_tests::apps::customers::{Client, clients};
use tenant_tests::hosts::*;
use tenant_tests::{Fixture, new_client, wait_until};

/// Believes what it knows for an hour, so that whatever it forgets it was told to.
fn long(builder: DirectoryBuilder<Client>) -> DirectoryBuilder<Client> {
    let hour = Duration::from_secs(3600);
    builder.ttl(hour).miss_ttl(hour)
}

fn availability(directory: &TenantDirectory<Client>, place: &str) -> Availability {
    find(directory, place).unwrap().availability
}

#[test]
fn each_change_of_the_library_counts_at_once_in_every_directory_of_the_process() {
    let fixture = Fixture::with_domains();
    let tenancy = &fixture.tenancy;
    // The second one is another pool's.
    let other = application_with_domains()
        .connect(fixture.database.url())
        .unwrap();
    let directories = [
        fixture.deaf(long),
        long(other.directory::<ClientDomain>().listen(false))
            .build()
            .unwrap(),
    ];
    let all = |check: &dyn Fn(&TenantDirectory<Client>)| directories.iter().for_each(check);

    all(&|directory| assert!(!is_known(directory, "acme") && who(directory, "acme.example").is_none()));
    let acme = fixture.tenant("acme");
    all(&|directory| assert!(is_known(directory, "acme")));

    let first = fixture.add(&acme, "acme.example");
    all(&|directory| assert!(find(directory, "acme.example").unwrap().is_primary));
    // A wildcard first, then what is more exact.
    let globex = fixture.client_at("globex", &["*.example"]);
    all(&|directory| assert_eq!(who(directory, "x.example/f").unwrap().0, "globex"));
    let exact = fixture.add(&acme, "x.example");
    let mut folder = new_domain(&acme, "x.example/f");
    folder.redirect_to_primary = true;
    let folder: ClientDomain = tenancy.add_domain(&acme, folder).unwrap();
    all(&|directory| {
        assert_eq!(who(directory, "x.example").unwrap().0, "acme");
        let redirect = find(directory, "x.example/f").unwrap().redirect;
        assert_eq!(redirect.unwrap().to_string(), "acme.example");
    });
    tenancy.make_primary(&exact).unwrap();
    all(&|directory| {
        assert!(!find(directory, "acme.example").unwrap().is_primary);
        assert!(find(directory, "x.example").unwrap().is_primary);
        let redirect = find(directory, "x.example/f").unwrap().redirect;
        assert_eq!(redirect.unwrap().to_string(), "x.example");
    });
    tenancy.redirect_to_primary(&folder, false).unwrap();
    all(&|directory| assert!(find(directory, "x.example/f").unwrap().redirect.is_none()));
    for domain in [&exact, &folder] {
        tenancy.remove_domain(domain).unwrap();
    }
    all(&|directory| {
        assert_eq!(who(directory, "x.example/f").unwrap().0, "globex");
        assert!(find(directory, "acme.example").unwrap().is_primary);
    });

    let acme = tenancy.update(&acme, clients::on_trial.eq(false)).unwrap();
    all(&|directory| assert!(!find(directory, "acme.example").unwrap().tenant.on_trial));
    tenancy.begin_maintenance(&acme).unwrap();
    all(&|directory| assert_eq!(availability(directory, "acme.example"), Availability::Unavailable));
    tenancy.end_maintenance(&acme).unwrap();
    tenancy.archive(&acme).unwrap();
    all(&|directory| assert_eq!(availability(directory, "acme.example"), Availability::Gone));
    tenancy.restore(&acme).unwrap();
    all(&|directory| assert_eq!(availability(directory, "acme.example"), Availability::Served));
    let acme = tenancy
        .rename(&acme, &"acme_ltd".parse().unwrap())
        .unwrap()
        .tenant;
    all(&|directory| {
        assert!(!is_known(directory, "acme") && is_known(directory, "acme_ltd"));
        assert_eq!(who(directory, "acme.example").unwrap().0, "acme_ltd");
    });
    // Its domain leaves its place to the wildcard.
    assert_eq!(first.tenant_id, acme.id);
    tenancy.delete(&acme).unwrap();
    all(&|directory| {
        assert!(!is_known(directory, "acme_ltd"));
        assert_eq!(who(directory, "acme.example").unwrap().0, "globex");
        assert_eq!(who(directory, "y.example").unwrap().0, "globex");
    });
    tenancy.delete_with_schema(&globex).unwrap();
    all(&|directory| assert!(who(directory, "y.example").is_none()));
}

#[test]
fn a_failed_migration_counts_at_once() {
    use tenant_tests::cases;
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example"]);
    let directory = fixture.deaf(long);
    assert_eq!(availability(&directory, "acme.example"), Availability::Served);
    // The table is there already.
    fixture.run("CREATE TABLE acme.documents (id int)");
    let newer = application_with_domains()
        .app::<cases::concurrent::App>()
        .connect(fixture.database.url())
        .unwrap();
    newer.migrate().unwrap_err();
    assert_eq!(newer.state(&acme).unwrap().unwrap().as_str(), "failed");
    assert_eq!(
        availability(&directory, "acme.example"),
        Availability::Unavailable
    );
    fixture.run("DROP TABLE acme.documents");
    newer.migrate().unwrap();
    assert_eq!(availability(&directory, "acme.example"), Availability::Served);
}

#[test]
fn a_birth_in_a_transaction_of_ones_own_is_known_when_that_is_said_to_be_committed() {
    let fixture = Fixture::with_domains();
    let directory = fixture.deaf(long);
    assert!(!is_known(&directory, "acme"));
    let acme = fixture
        .tenancy
        .with_public(|conn| conn.transaction(|conn| fixture.tenancy.create_in(conn, new_client("acme"))))
        .unwrap();
    fixture
        .tenancy
        .run_after_commit(tenant_diesel::Moment::Created, &acme.schema_name)
        .unwrap();
    assert!(is_known(&directory, "acme"));
}

/// From now on, who reads the domains waits for the lock that is given back, with what was there before.
fn slow(fixture: &Fixture) -> PgConnection {
    fixture.run(
        "ALTER TABLE domains RENAME TO domains_kept; \
         CREATE VIEW domains AS SELECT d.* FROM domains_kept d, \
         LATERAL (SELECT d.id, pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7)) AS gate",
    );
    let mut gate = fixture.outside();
    gate.batch_execute("SELECT pg_advisory_lock(7)").unwrap();
    gate
}

#[test]
fn an_answer_that_was_under_way_when_something_changed_is_not_kept_nor_given_to_who_asks_later() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example"]);
    let globex = fixture.tenant("globex");
    let directory = fixture.deaf(long);
    let mut gate = slow(&fixture);
    std::thread::scope(|scope| {
        let early = scope.spawn(|| who(&directory, "acme.example").unwrap().0);
        wait_until("the first reads", || fixture.waiting() == 1);
        let id = globex.id;
        fixture.run(&format!("UPDATE domains_kept SET tenant_id = {id}"));
        directory.invalidate(&acme.schema_name);
        let late = scope.spawn(|| who(&directory, "acme.example").unwrap().0);
        wait_until("the second reads", || fixture.waiting() == 2);
        gate.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
        // It asked before.
        assert_eq!(early.join().unwrap(), "acme");
        assert_eq!(late.join().unwrap(), "globex");
    });
    assert_eq!(who(&directory, "acme.example").unwrap().0, "globex");
    assert_eq!(directory.metrics().queries, 2);
}

#[test]
fn of_fifty_threads_that_want_one_host_one_asks() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example"]);
    let directory = fixture.deaf(long);
    let mut gate = slow(&fixture);
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| who(&directory, "acme.example").unwrap().0))
            .collect();
        wait_until("one reads", || fixture.waiting() == 1);
        // Who asks for something else does not wait for it.
        assert!(is_known(&directory, "acme"));
        gate.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
        for one in asking {
            assert_eq!(one.join().unwrap(), "acme");
        }
    });
    assert_eq!(directory.metrics().queries, 2);
}

#[test]
fn who_waits_for_a_question_that_fails_is_told_and_the_next_asks_anew() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example"]);
    let directory = fixture.deaf(long);
    let mut gate = slow(&fixture);
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let (host, folder) = place("acme.example");
                    tenant_diesel::Directory::by_domain(&directory, &host, &folder)
                })
            })
            .collect();
        let cancelled = || {
            fixture.count(
                "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
        };
        wait_until("one reads, and each that reads after it is stopped", || {
            cancelled();
            asking.iter().all(|one| one.is_finished())
        });
        for one in asking {
            let error = one.join().unwrap().unwrap_err();
            assert!(
                matches!(error.cause(), tenant_diesel::Error::Attempt { .. }),
                "{error:?}"
            );
        }
    });
    gate.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
    assert_eq!(who(&directory, "acme.example").unwrap().0, "acme");
}
