//! Who is found at a host, in a folder, by a wildcard, by a name; and whether it is served.

use diesel::prelude::*;
use tenant_diesel::{Availability, Directory, DomainName, Error, Folder, NotCached, PoolerMode, SchemaName};
use tenant_tests::hosts::*;
use tenant_tests::{Fixture, Proxy, application, name, wait_until};

#[test]
fn the_more_exact_domain_is_found_first() {
    let fixture = Fixture::with_domains();
    fixture.client_at("root", &["example.com"]);
    fixture.client_at("acme", &["example.com/acme"]);
    fixture.client_at("wild", &["*.example.com", "*.example.com/acme"]);
    fixture.client_at("deep", &["*.b.example.com"]);
    fixture.client_at("exact", &["a.b.example.com", "a.b.example.com/acme"]);
    let expected = [
        ("example.com", Some(("root", "example.com"))),
        ("example.com/acme", Some(("acme", "example.com/acme"))),
        ("example.com/Acme", Some(("root", "example.com"))),
        ("example.com/other", Some(("root", "example.com"))),
        ("x.example.com", Some(("wild", "*.example.com"))),
        ("x.example.com/acme", Some(("wild", "*.example.com/acme"))),
        ("x.y.example.com/other", Some(("wild", "*.example.com"))),
        ("x.b.example.com", Some(("deep", "*.b.example.com"))),
        // The longer wildcard counts before the folder of a shorter one.
        ("x.b.example.com/acme", Some(("deep", "*.b.example.com"))),
        ("a.b.example.com/other", Some(("exact", "a.b.example.com"))),
        ("a.b.example.com/acme", Some(("exact", "a.b.example.com/acme"))),
        ("b.example.com", Some(("wild", "*.example.com"))),
        ("com", None),
        ("example.org", None),
        ("127.0.0.1", None),
        ("[::1]", None),
    ];
    // In both orders, and from the cache, and asked anew each time.
    for ttl in [0, 3600] {
        let directory = fixture.deaf(|builder| {
            let ttl = std::time::Duration::from_secs(ttl);
            builder.ttl(ttl).miss_ttl(ttl)
        });
        for (place, at) in expected.iter().chain(expected.iter().rev()) {
            let at = at.map(|(schema, address)| (schema.to_owned(), address.to_owned()));
            assert_eq!(who(&directory, place), at, "{place}");
        }
    }
}

#[test]
fn a_redirect_leads_to_the_primary_domain_and_to_no_wildcard() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example", "acme.example.com"]);
    let other = fixture.add(&acme, "old.example.com/acme");
    let other = fixture.tenancy.redirect_to_primary(&other, true).unwrap();
    assert!(other.redirect_to_primary);
    let wild = fixture.client_at("wild", &["*.wild.example"]);
    let mut new = new_domain(&wild, "wild.example");
    new.redirect_to_primary = true;
    let _: ClientDomain = fixture.tenancy.add_domain(&wild, new).unwrap();

    let directory = fixture.deaf(|builder| builder);
    let primary = find(&directory, "acme.example").unwrap();
    assert!(primary.is_primary && primary.redirect.is_none());
    let plain = find(&directory, "acme.example.com").unwrap();
    assert!(!plain.is_primary && plain.redirect.is_none());
    let redirected = find(&directory, "old.example.com/acme").unwrap();
    assert_eq!(redirected.redirect, Some(primary.address));
    assert_eq!(find(&directory, "wild.example").unwrap().redirect, None);
}

#[test]
fn what_is_known_costs_nothing_and_what_is_not_costs_one_query() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example.com"]);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = application_with_domains()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .connect(&url)
        .unwrap();
    let directory = tenancy.directory::<ClientDomain>().listen(false).build().unwrap();
    let cost = |place: &str| proxy.count_all(|| who(&directory, place)).0.statements;
    // The path of the only connection is set once.
    cost("first.example.com");
    for place in ["acme.example.com", "nobody.example.com"] {
        assert_eq!(cost(place), 1, "{place}");
        assert_eq!(cost(place), 0, "{place}");
    }
    let by_name = |schema: &str| proxy.count_all(|| is_known(&directory, schema)).0.statements;
    assert_eq!((by_name("acme"), by_name("acme")), (1, 0));
    assert_eq!((by_name("nobody"), by_name("nobody")), (1, 0));
    // A host without folders is asked for once, whatever the folder; of one that has some, each folder is.
    assert_eq!(cost("acme.example.com/a") + cost("nobody.example.com/b"), 0);
    let metrics = directory.metrics();
    assert_eq!(
        (metrics.queries, metrics.entries, metrics.nobody_entries),
        (5, 2, 3)
    );
}

#[test]
fn a_host_that_tenants_share_by_folders_is_asked_for_each_folder_once() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["example.com/acme"]);
    fixture.client_at("globex", &["example.com/globex"]);
    let directory = fixture.deaf(|builder| builder);
    for _ in 0..3 {
        assert!(who(&directory, "example.com").is_none());
        assert!(who(&directory, "example.com/nobody").is_none());
        assert_eq!(who(&directory, "example.com/acme").unwrap().0, "acme");
        assert_eq!(who(&directory, "example.com/globex").unwrap().0, "globex");
    }
    assert_eq!(directory.metrics().queries, 4);
}

#[test]
fn only_the_rows_that_are_needed_are_read() {
    let fixture = Fixture::with_domains();
    fixture.run(
        "INSERT INTO clients (schema_name, name) SELECT 't' || i, 't' FROM generate_series(1, 10000) i; \
         INSERT INTO domains (domain, folder, tenant_id, is_primary) SELECT 'example.com', schema_name, id, true FROM clients; \
         ANALYZE",
    );
    let directory = fixture.deaf(|builder| builder);
    // As the server counts them, which each session of it tells at the latest when it ends.
    let read = |conn: &mut PgConnection| {
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Int8>(
            "(SELECT sum(seq_tup_read) + sum(idx_tup_fetch) FROM pg_stat_user_tables \
             WHERE relname IN ('domains', 'clients'))::bigint",
        ))
        .get_result::<i64>(conn)
        .unwrap()
    };
    let others = |conn: &mut PgConnection| {
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Int8>(
            "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())",
        ))
        .get_result::<i64>(conn)
        .unwrap()
    };
    let mut conn = fixture.outside();
    let pool = i64::from(fixture.tenancy.pool().state().connections);
    wait_until("whoever filled the tables is gone", || others(&mut conn) == pool);
    let before = read(&mut conn);
    assert_eq!(who(&directory, "example.com/t7").unwrap().0, "t7");
    assert!(who(&directory, "example.com/nobody").is_none());
    drop((directory, fixture.tenancy));
    wait_until("the pool is gone", || others(&mut conn) == 0);
    let rows = read(&mut conn) - before;
    assert!((3..50).contains(&rows), "{rows}");
}

#[test]
fn who_is_served_is_what_the_library_knows() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example.com"]);
    let directory = fixture.deaf(|builder| builder);
    let availability = || find(&directory, "acme.example.com").unwrap().availability;
    for (state, expected) in [
        ("ready", Availability::Served),
        ("provisioning", Availability::Unavailable),
        ("migrating", Availability::Unavailable),
        ("maintenance", Availability::Unavailable),
        ("failed", Availability::Unavailable),
        ("archived", Availability::Gone),
        ("dropping", Availability::Gone),
    ] {
        fixture.run(&format!(
            "UPDATE tenancy.schemas SET state = '{state}' WHERE name = 'acme'"
        ));
        directory.invalidate(&acme.schema_name);
        assert_eq!(availability(), expected, "{state}");
        let (_, by_name) = directory.by_name(&acme.schema_name).unwrap().unwrap();
        assert_eq!(by_name, expected, "{state}");
    }
    // Made before the library kept anything.
    fixture.run("DELETE FROM tenancy.schemas WHERE name = 'acme'");
    directory.invalidate_all();
    assert_eq!(availability(), Availability::Served);
}

#[test]
fn who_is_at_a_version_that_the_application_does_not_serve_is_not_available() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example.com"]);
    let newer = application_with_domains()
        .serves("20990101000000"..)
        .connect(fixture.database.url())
        .unwrap();
    let directory = newer.directory::<ClientDomain>().listen(false).build().unwrap();
    let found = find(&directory, "acme.example.com").unwrap();
    assert_eq!(found.availability, Availability::Unavailable);
}

#[test]
fn what_is_cached_is_answered_without_asking_and_nothing_else_is() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example.com"]);
    let directory = fixture.deaf(|builder| builder);
    let cached = directory.cached();
    let ask = |text: &str| {
        let (host, folder) = place(text);
        let found = cached.by_domain(&host, &folder)?;
        Ok::<_, NotCached>(found.map(|found| found.tenant.schema_name.to_string()))
    };
    assert_eq!(ask("acme.example.com"), Err(NotCached));
    assert_eq!(cached.by_name(&name("acme")).unwrap_err(), NotCached);
    who(&directory, "acme.example.com");
    who(&directory, "nobody.example.com");
    is_known(&directory, "acme");
    assert_eq!(ask("acme.example.com"), Ok(Some("acme".to_owned())));
    assert_eq!(ask("nobody.example.com"), Ok(None));
    assert!(is_known(&cached, "acme"));
    assert_eq!(directory.metrics().queries, 3);
}

#[test]
fn a_domain_can_be_a_column_of_the_tenant_with_a_key_of_several_columns() {
    let fixture: Fixture<Site> = Fixture::of(2, tenant_diesel::Tenancy::builder().app::<sites::App>());
    let tenancy = &fixture.tenancy;
    tenancy.migrate().unwrap();
    let site = |number: i32, host: &str| Site {
        region: "eu".to_owned(),
        number,
        schema_name: name(&format!("eu_{number}")),
        host: DomainName::parse(host).unwrap(),
    };
    let one = tenancy.create(site(1, "one.example")).unwrap();
    let all = tenancy.create(site(2, "*.one.example")).unwrap();
    let directory = tenancy.directory_by_column().listen(false).build().unwrap();
    let found = find(&directory, "one.example/folder").unwrap();
    assert_eq!((&*found.tenant, found.is_primary), (&one, true));
    assert_eq!(*find(&directory, "x.one.example").unwrap().tenant, all);
    assert!(find(&directory, "two.example").is_none());
    assert_eq!(directory.metrics().queries, 3);

    // The same tenants with a table of domains that has neither folders nor redirects.
    let domain = |site: &Site, name: &str| SiteDomain {
        name: name.parse().unwrap(),
        region: site.region.clone(),
        number: site.number,
        is_main: false,
    };
    let first: SiteDomain = tenancy.add_domain(&one, domain(&one, "first.example")).unwrap();
    let second: SiteDomain = tenancy.add_domain(&one, domain(&one, "second.example")).unwrap();
    assert!(first.is_main && !second.is_main);
    let directory = tenancy.directory::<SiteDomain>().listen(false).build().unwrap();
    let found = find(&directory, "second.example/folder").unwrap();
    assert_eq!((&*found.tenant, found.is_primary), (&one, false));
    assert!(matches!(
        tenancy.redirect_to_primary(&second, true),
        Err(Error::NoRedirects { .. })
    ));
    let of_another = tenancy.add_domain::<SiteDomain, _>(&one, domain(&all, "third.example"));
    assert!(matches!(of_another, Err(Error::DomainOfAnother { .. })));
    assert_eq!(tenancy.domains_of::<SiteDomain>(&all).unwrap(), []);
}

#[test]
fn tenants_without_domains_are_found_by_name_only() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let directory = fixture
        .tenancy
        .directory_without_domains()
        .listen(false)
        .build()
        .unwrap();
    assert!(find(&directory, "acme").is_none());
    let (found, availability) = directory.by_name(&name("acme")).unwrap().unwrap();
    assert_eq!((&*found, availability), (&acme, Availability::Served));
    assert!(directory.by_name(&name("ACME")).unwrap().is_none());
    assert_eq!(directory.metrics().queries, 2);
}

#[test]
fn a_database_that_was_never_migrated_is_said_to_be_so_and_then_served() {
    let fixture = Fixture::of(2, application_with_domains());
    let directory = fixture.tenancy.directory::<ClientDomain>().build().unwrap();
    let asked = directory.by_domain(&host("acme.example.com"), &Folder::NONE);
    assert!(matches!(asked, Err(Error::PublicNotMigrated { .. })), "{asked:?}");
    let asked = directory.by_name(&SchemaName::new("acme").unwrap());
    assert!(matches!(asked, Err(Error::PublicNotMigrated { .. })), "{asked:?}");
    fixture.tenancy.migrate().unwrap();
    fixture.client_at("acme", &["acme.example.com"]);
    assert_eq!(who(&directory, "acme.example.com").unwrap().0, "acme");
}

#[test]
fn a_directory_can_stand_behind_a_pooler() {
    use tenant_testing::PgBouncer;
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example.com"]);
    let pgbouncer = PgBouncer::builder()
        .pool_size(2)
        .before(fixture.database.url())
        .unwrap();
    let tenancy = application()
        .app::<domains::App>()
        .pool(|pool| pool.pooler_mode(PoolerMode::Transaction))
        .connect(pgbouncer.url())
        .unwrap();
    let directory = tenancy.directory::<ClientDomain>().build().unwrap();
    assert_eq!(who(&directory, "acme.example.com").unwrap().0, "acme");
    assert!(!directory.metrics().is_listening);
    // What this process changes is known at once here too.
    let domain: ClientDomain = tenancy.primary_domain(&acme).unwrap().unwrap();
    tenancy.remove_domain(&domain).unwrap();
    assert!(who(&directory, "acme.example.com").is_none());

    // Straight at the server it hears what others change.
    let hearing = tenancy
        .directory::<ClientDomain>()
        .listen_at(fixture.database.url())
        .build()
        .unwrap();
    wait_until("it listens", || hearing.metrics().is_listening);
    assert!(who(&hearing, "acme.example.com").is_none());
    fixture.add(&acme, "acme.example.com");
    wait_until("it hears", || who(&hearing, "acme.example.com").is_some());
}

/// A plan is made for any host, so the server does not know how many candidates come.
#[test]
fn no_question_reads_the_whole_table_of_domains() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example.com", "example.com/acme"]);
    fixture.run(
        "INSERT INTO public.domains (domain, tenant_id) \
         SELECT number || '.example.org', (SELECT id FROM public.clients) FROM generate_series(1, 3000) AS number; \
         ANALYZE public.clients, public.domains",
    );
    let directory = fixture.deaf(|builder| builder.ttl(std::time::Duration::ZERO));
    let scans = |of: &str| {
        fixture.count(&format!(
            "(SELECT {of}::bigint FROM pg_stat_user_tables WHERE relname = 'domains')"
        ))
    };
    // What a session did is counted when it has ended, if not before.
    let end_sessions = || {
        fixture.count(
            "(SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid())",
        )
    };
    end_sessions();
    wait_until("sessions are over", || end_sessions() == 0);
    let (whole, by_index) = (scans("seq_scan"), scans("idx_scan"));
    for number in 1..=20 {
        let place = format!("{number}.example.org/tasks");
        assert_eq!(who(&directory, &place).unwrap().0, "acme");
    }
    end_sessions();
    wait_until("what was done is counted", || scans("idx_scan") >= by_index + 20);
    assert_eq!(scans("seq_scan"), whole);
}
