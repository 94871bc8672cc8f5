//! Hosts, folders and names that nobody has, by the thousand: what is kept and what is asked are bounded, and who is there is
//! found all the same.

use std::time::{Duration, Instant};
use tenant_diesel::{Directory, Error, TenantDirectory};
use tenant_tests::apps::customers::Client;
use tenant_tests::hosts::*;
use tenant_tests::{Fixture, name};

const PER_SECOND: u32 = 20;
const HOUR: Duration = Duration::from_secs(3600);

/// Asks for this, and says whether the directory did not want to ask.
fn is_refused(directory: &TenantDirectory<Client>, text: &str) -> bool {
    let (host, folder) = place(text);
    match directory.by_domain(&host, &folder) {
        Err(Error::DirectoryBusy { asked }) => {
            assert!(asked.contains(host.as_str()), "{asked}");
            true
        }
        found => {
            assert!(found.unwrap().is_none(), "{text}");
            false
        }
    }
}

/// How many questions there can have been since then.
fn most_since(start: Instant) -> u64 {
    let grown = start.elapsed().as_secs_f64() * f64::from(PER_SECOND);
    u64::from(PER_SECOND) + grown.ceil() as u64
}

#[test]
fn a_hundred_thousand_hosts_that_nobody_has_neither_fill_it_nor_reach_the_database() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example"]);
    let start = Instant::now();
    let directory = fixture.deaf(|builder| {
        builder
            .ttl(HOUR)
            .miss_ttl(HOUR)
            .capacity(100)
            .miss_capacity(100)
            .unknown_per_second(PER_SECOND)
    });
    let known = || assert_eq!(who(&directory, "acme.example").unwrap().0, "acme");
    known();
    let mut refused = 0;
    for i in 0..100_000 {
        refused += u64::from(is_refused(&directory, &format!("nobody{i}.example")));
        if i % 1000 == 0 {
            known();
        }
    }
    let metrics = directory.metrics();
    // One question was for the one that is there.
    assert!(metrics.queries <= 1 + most_since(start), "{metrics:?}");
    assert_eq!(metrics.refused, refused);
    assert_eq!(metrics.queries - 1 + refused, 100_000);
    assert!(
        metrics.entries == 1 && metrics.nobody_entries <= 100,
        "{metrics:?}"
    );
}

#[test]
fn folders_of_a_host_that_has_none_are_not_asked_for() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example"]);
    let directory = fixture.deaf(|builder| builder.ttl(HOUR).miss_ttl(HOUR).unknown_per_second(1));
    for i in 0..10_000 {
        assert_eq!(
            who(&directory, &format!("acme.example/{i}")).unwrap().1,
            "acme.example"
        );
        assert!(who(&directory, &format!("nobody.example/{i}")).is_none());
    }
    let metrics = directory.metrics();
    assert_eq!(
        (metrics.queries, metrics.entries, metrics.nobody_entries),
        (2, 1, 1)
    );
}

#[test]
fn folders_of_a_host_that_has_some_are_bounded_too() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["shared.example/acme"]);
    let start = Instant::now();
    let directory = fixture.deaf(|builder| {
        builder
            .ttl(HOUR)
            .miss_ttl(HOUR)
            .miss_capacity(50)
            .unknown_per_second(PER_SECOND)
    });
    assert_eq!(who(&directory, "shared.example/acme").unwrap().0, "acme");
    for i in 0..10_000 {
        is_refused(&directory, &format!("shared.example/{i}"));
    }
    assert_eq!(who(&directory, "shared.example/acme").unwrap().0, "acme");
    let metrics = directory.metrics();
    assert!(metrics.queries <= 1 + most_since(start), "{metrics:?}");
    assert!(metrics.nobody_entries <= 50, "{metrics:?}");
}

#[test]
fn what_was_known_is_asked_for_again_whatever_is_asked_besides() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example", "shared.example/acme"]);
    // Nothing is believed, and nothing that is not known may be asked.
    let directory = fixture.deaf(|builder| builder.ttl(Duration::ZERO).unknown_per_second(0));
    let known = || {
        for place in ["acme.example", "acme.example/folder", "shared.example/acme"] {
            assert_eq!(who(&directory, place).unwrap().0, "acme");
        }
        assert!(is_known(&directory, "acme"));
    };
    known();
    assert!(!is_refused(&directory, "nobody.example"));
    assert!(is_refused(&directory, "other.example"));
    assert!(matches!(
        directory.by_name(&name("other")),
        Err(Error::DirectoryBusy { .. })
    ));
    known();
    directory.invalidate(&acme.schema_name);
    known();
    directory.invalidate_all();
    known();
    // It is gone: that is found out once, and not at the cost of others.
    fixture.tenancy.delete_with_schema(&acme).unwrap();
    assert!(!is_refused(&directory, "acme.example"));
    assert!(!is_known(&directory, "acme"));
}

/// Anybody can think of more of them, so that they count as those that nobody has when they are asked for first.
#[test]
fn hosts_below_a_wildcard_are_bounded_in_number_and_in_rate() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["*.example"]);
    let directory = fixture.deaf(|builder| builder.ttl(HOUR).miss_capacity(20).unknown_per_second(50));
    assert_eq!(who(&directory, "a.example").unwrap().0, "acme");
    for i in 0..2_000 {
        let (host, folder) = place(&format!("a{i}.example"));
        match directory.by_domain(&host, &folder) {
            Err(Error::DirectoryBusy { .. }) => {}
            found => assert!(found.unwrap().is_some(), "{host}"),
        }
    }
    let metrics = directory.metrics();
    assert!(metrics.entries <= 20 && metrics.refused > 0, "{metrics:?}");
}
