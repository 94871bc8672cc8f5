//! Each tenant that has domains has exactly one primary one, whatever is done at once.

use tenant_diesel::{Domain, Error};
use tenant_tests::Fixture;
use tenant_tests::apps::customers::Client;
use tenant_tests::hosts::*;

/// With the partial unique index and without it.
fn both() -> [Fixture; 2] {
    let without = Fixture::with_domains();
    without.run("DROP INDEX domains_primary");
    [Fixture::with_domains(), without]
}

/// The primary domains of a client, as the server has them.
fn primaries(fixture: &Fixture, client: &Client) -> Vec<String> {
    let id = client.id;
    fixture.texts(&format!(
        "SELECT domain || '/' || folder FROM domains WHERE tenant_id = {id} AND is_primary"
    ))
}

#[test]
fn the_first_domain_is_primary_and_later_ones_are_when_they_say_so() {
    for fixture in both() {
        let acme = fixture.tenant("acme");
        assert!(
            fixture
                .tenancy
                .primary_domain::<ClientDomain>(&acme)
                .unwrap()
                .is_none()
        );
        let mut redirecting = new_domain(&acme, "one.example");
        redirecting.redirect_to_primary = true;
        let first: ClientDomain = fixture.tenancy.add_domain(&acme, redirecting.clone()).unwrap();
        // A primary one never redirects.
        assert!(first.is_primary && !first.redirect_to_primary);
        assert!(!fixture.add(&acme, "two.example").is_primary);
        assert_eq!(primaries(&fixture, &acme), ["one.example/"]);
        let mut third = new_domain(&acme, "three.example/acme");
        third.is_primary = true;
        third.redirect_to_primary = true;
        let third: ClientDomain = fixture.tenancy.add_domain(&acme, third).unwrap();
        assert!(third.is_primary && !third.redirects_to_primary());
        assert_eq!(primaries(&fixture, &acme), ["three.example/acme"]);
        assert_eq!(
            fixture.tenancy.primary_domain::<ClientDomain>(&acme).unwrap(),
            Some(third.clone())
        );
        assert_eq!(third.absolute_url("/x"), "//three.example/acme/x");
        let of = fixture.tenancy.domains_of::<ClientDomain>(&acme).unwrap();
        let names: Vec<_> = of.iter().map(|domain| domain.domain.as_str()).collect();
        assert_eq!(names, ["three.example", "one.example", "two.example"]);
    }
}

#[test]
fn to_make_one_primary_takes_that_from_the_other_and_from_no_other_tenant() {
    for fixture in both() {
        let acme = fixture.client_at("acme", &["a.example", "b.example"]);
        let globex = fixture.client_at("globex", &["c.example"]);
        let b = fixture
            .tenancy
            .domains_of::<ClientDomain>(&acme)
            .unwrap()
            .remove(1);
        let b = fixture.tenancy.redirect_to_primary(&b, true).unwrap();
        let b = fixture.tenancy.make_primary(&b).unwrap();
        assert!(b.is_primary && !b.redirect_to_primary);
        // Again, and with an old value, it is no change.
        assert_eq!(fixture.tenancy.make_primary(&b).unwrap(), b);
        assert!(
            !fixture
                .tenancy
                .redirect_to_primary(&b, true)
                .unwrap()
                .redirect_to_primary
        );
        assert_eq!(primaries(&fixture, &acme), ["b.example/"]);
        assert_eq!(primaries(&fixture, &globex), ["c.example/"]);
    }
}

#[test]
fn a_domain_that_is_removed_leaves_its_place_to_the_first_host_that_is_left() {
    for fixture in both() {
        let acme = fixture.client_at("acme", &["z.example", "*.a.example", "c.example", "b.example"]);
        let domains: Vec<ClientDomain> = fixture.tenancy.domains_of(&acme).unwrap();
        let named = |name: &str| {
            let mut domains = domains.iter();
            domains.find(|domain| domain.domain.as_str() == name).unwrap()
        };
        let remove = |name: &str| fixture.tenancy.remove_domain(named(name)).unwrap();
        assert_eq!(remove("c.example"), None);
        assert_eq!(remove("z.example").unwrap().domain.as_str(), "b.example");
        assert_eq!(primaries(&fixture, &acme), ["b.example/"]);
        assert_eq!(remove("b.example").unwrap().domain.as_str(), "*.a.example");
        assert_eq!(remove("*.a.example"), None);
        assert!(primaries(&fixture, &acme).is_empty());
        for gone in [
            fixture.tenancy.remove_domain(named("b.example")).map(drop),
            fixture.tenancy.make_primary(named("b.example")).map(drop),
            fixture
                .tenancy
                .redirect_to_primary(named("b.example"), true)
                .map(drop),
        ] {
            assert!(matches!(gone, Err(Error::DomainMissing { .. })), "{gone:?}");
        }
    }
}

#[test]
fn a_domain_that_is_taken_or_anothers_is_refused_and_changes_nothing() {
    for fixture in both() {
        let acme = fixture.client_at("acme", &["a.example"]);
        let globex = fixture.client_at("globex", &["b.example"]);
        let add =
            |client: &Client, new: NewDomain| fixture.tenancy.add_domain::<ClientDomain, _>(client, new);
        let mut taken = new_domain(&acme, "b.example");
        taken.is_primary = true;
        let taken = add(&acme, taken).unwrap_err();
        assert!(taken.is_taken(), "{taken:?}");
        // In a folder it is another.
        add(&acme, new_domain(&acme, "b.example/acme")).unwrap();
        let of_another = add(&acme, new_domain(&globex, "c.example")).unwrap_err();
        assert!(
            matches!(of_another, Error::DomainOfAnother { .. }),
            "{of_another:?}"
        );
        // A value that was read before it went to another tenant.
        let old: ClientDomain = fixture.tenancy.primary_domain(&globex).unwrap().unwrap();
        fixture.run(
            "UPDATE domains SET tenant_id = 1, is_primary = false WHERE domain = 'b.example' AND folder = ''",
        );
        let moved = fixture.tenancy.make_primary(&old).unwrap_err();
        assert!(matches!(moved, Error::DomainMissing { .. }), "{moved:?}");
        assert_eq!(primaries(&fixture, &acme), ["a.example/"]);
        let gone = fixture.tenant("gone");
        fixture.tenancy.delete_with_schema(&gone).unwrap();
        let missing = add(&gone, new_domain(&gone, "gone.example")).unwrap_err();
        assert!(matches!(missing, Error::TenantMissing { .. }), "{missing:?}");
        assert_eq!(fixture.count("SELECT count(*) FROM domains"), 3);
    }
}

#[test]
fn of_many_that_become_primary_at_once_one_is() {
    for fixture in both() {
        let acme = fixture.tenant("acme");
        std::thread::scope(|scope| {
            for i in 0..8 {
                let (fixture, acme) = (&fixture, &acme);
                scope.spawn(move || {
                    let mut new = new_domain(acme, &format!("d{i}.example"));
                    new.is_primary = i % 2 == 0;
                    let added: ClientDomain = fixture.tenancy.add_domain(acme, new).unwrap();
                    fixture.tenancy.make_primary(&added).unwrap();
                    if i % 3 == 0 {
                        fixture.tenancy.remove_domain(&added).unwrap();
                    }
                });
            }
        });
        assert_eq!(primaries(&fixture, &acme).len(), 1);
        assert_eq!(fixture.count("SELECT count(*) FROM domains"), 5);
    }
}

#[test]
fn domains_go_with_their_tenant_where_they_cascade_and_else_keep_it() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["a.example", "b.example"]);
    let directory = fixture.deaf(|builder| builder);
    assert!(who(&directory, "a.example").is_some());
    fixture.tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(fixture.count("SELECT count(*) FROM domains"), 0);
    assert!(who(&directory, "a.example").is_none());

    fixture.run(
        "ALTER TABLE domains DROP CONSTRAINT domains_tenant_id_fkey, \
         ADD FOREIGN KEY (tenant_id) REFERENCES clients (id)",
    );
    let globex = fixture.client_at("globex", &["a.example"]);
    let before = fixture.everything();
    let refused = fixture.tenancy.delete_with_schema(&globex).unwrap_err();
    assert!(matches!(refused, Error::Attempt { .. }), "{refused:?}");
    assert_eq!(fixture.everything(), before);
    let domain: ClientDomain = fixture.tenancy.primary_domain(&globex).unwrap().unwrap();
    fixture.tenancy.remove_domain(&domain).unwrap();
    fixture.tenancy.delete_with_schema(&globex).unwrap();
}
