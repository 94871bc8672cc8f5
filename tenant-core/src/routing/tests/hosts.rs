//! By host, and by host and folder.

use super::*;

fn customers() -> Customers {
    Customers::default()
        .with("tenant1", &["tenant1.localhost", "tenants.localhost/tenant1"])
        .with("tenant2", &["tenant2.localhost"])
}

/// BEHAVIOURS 46, 48, 54, and 47 for the public site.
#[test]
fn a_host_leads_to_its_tenant_and_leaves_the_path() {
    for (host, expected) in [
        ("tenant1.localhost", "tenant1"),
        ("TENANT1.localhost:8080", "tenant1"),
        ("www.tenant1.localhost.", "tenant1"),
        ("tenant2.localhost", "tenant2"),
        ("unknown.localhost", "404"),
        ("public.test", "public"),
        ("www.public.test:80", "public"),
        ("1www.tenant1.localhost", "404"),
        ("x.tenant1.localhost", "404"),
        ("", "400"),
        ("tenant1.localhost evil", "400"),
        ("[::1", "400"),
        ("[::1]:80", "404"),
    ] {
        let routing = |builder: Builder| builder.public_at(super::host("public.test")).by_host();
        let said = decided(&customers(), routing, &at(host, "/any/path/"));
        assert_eq!(said, expected, "{host:?}");
    }
    let routing = Routing::builder(&registry()).by_host().build().unwrap();
    let Decision::Serve(route) = routing
        .decide(&at("tenant1.localhost", "/any/"), &customers())
        .unwrap()
    else {
        panic!("it is there")
    };
    assert_eq!(route.path_within("/any/"), "/any/");
    assert_eq!(route.via, Via::Domain(address("tenant1.localhost")));
    assert_eq!(route.host, Some(host("tenant1.localhost")));
}

/// BEHAVIOURS 55, all eight cases, with what is known of the way.
#[test]
fn the_matrix_of_domains() {
    let domain = |text| Via::Domain(address(text));
    for (request, expected, via, prefix) in [
        (
            at("tenant1.localhost", "/x"),
            "tenant1",
            domain("tenant1.localhost"),
            "",
        ),
        (
            at("tenants.localhost", "/tenant1/x"),
            "tenant1",
            domain("tenants.localhost/tenant1"),
            "tenant1",
        ),
        (
            at("tenants.localhost", "/tenant1"),
            "tenant1",
            domain("tenants.localhost/tenant1"),
            "tenant1",
        ),
        (
            at("tenant2.localhost", "/tenant1/x"),
            "tenant2",
            domain("tenant2.localhost"),
            "",
        ),
        (at("localhost", "/x"), "static:www", domain("localhost"), ""),
        (
            at("blog.localhost", "/x"),
            "static:blog",
            domain("blog.localhost"),
            "",
        ),
        (
            at("tenants.localhost", "/"),
            "static:www",
            Via::FallbackDomain(host("tenants.localhost")),
            "",
        ),
        (
            at("tenants.localhost", "/nobody/x"),
            "static:www",
            Via::FallbackDomain(host("tenants.localhost")),
            "",
        ),
    ] {
        let routing = Routing::builder(&registry())
            .by_host_and_folder()
            .build()
            .unwrap();
        let decision = routing.decide(&request, &customers()).unwrap();
        assert_eq!(said(&decision), expected, "{request:?}");
        let Decision::Serve(route) = decision else {
            panic!("it is served")
        };
        assert_eq!(
            (route.via.clone(), route.prefix().as_str()),
            (via, prefix),
            "{request:?}"
        );
    }
    let unknown = at("unknown.localhost", "/tenant1/x");
    assert_eq!(
        decided(&customers(), Builder::by_host_and_folder, &unknown),
        "404"
    );
}

/// BEHAVIOURS 57 and 66.
#[test]
fn a_folder_is_taken_from_the_path_and_given_back() {
    let routing = Routing::builder(&registry())
        .by_host_and_folder()
        .build()
        .unwrap();
    let route = |request| match routing.decide(&request, &customers()).unwrap() {
        Decision::Serve(route) => route,
        other => panic!("{other:?}"),
    };
    let within = route(at("tenants.localhost", "/tenant1/profile/"));
    assert_eq!(within.path_within("/tenant1/profile/"), "/profile/");
    assert_eq!(within.path_within("/tenant1"), "/");
    assert_eq!(within.prefix().url("/profile/"), "/tenant1/profile/");
    assert_eq!(
        within.prefix().url("//evil.example/x?y=//z"),
        "/tenant1/evil.example/x?y=//z"
    );
    let alone = route(at("tenant1.localhost", "/tenant1/profile/"));
    assert_eq!(
        alone.path_within("/tenant1/profile/"),
        "/tenant1/profile/",
        "not a folder here"
    );
    assert_eq!(alone.prefix().url("/profile/"), "/profile/");
    assert_eq!(alone.prefix().url("/\\evil.example"), "/evil.example");
    assert_eq!(alone.prefix().url("/\t/evil.example"), "/evil.example");
}

/// Static, then host and folder, then host, then wildcards, then fallbacks, then nobody.
#[test]
fn the_more_exact_comes_first() {
    let all = || {
        Customers::default()
            .with("folder", &["a.x.localhost/f"])
            .with("exact", &["a.x.localhost"])
            .with("near", &["*.x.localhost"])
            .with("far", &["*.localhost"])
            .with("shadowed", &["blog.localhost", "localhost/f"])
    };
    for (host, path, expected) in [
        ("a.x.localhost", "/f/y", "folder"),
        ("a.x.localhost", "/F/y", "exact"),
        ("a.x.localhost", "/", "exact"),
        ("b.x.localhost", "/f/y", "near"),
        ("b.a.x.localhost", "/", "near"),
        ("y.localhost", "/", "far"),
        ("blog.localhost", "/", "static:blog"),
        ("localhost", "/f/", "static:www"),
        // A wildcard is somebody: the fallback is for where nobody is.
        ("tenants.localhost", "/", "far"),
        ("x", "/", "404"),
    ] {
        let said = decided(&all(), Builder::by_host_and_folder, &at(host, path));
        assert_eq!(said, expected, "{host}{path}");
    }
}

/// BEHAVIOURS 49, 50; PEERS 6.11.
#[test]
fn what_nobody_has_goes_where_the_application_says() {
    let tenant = |name| Otherwise::Tenant(SchemaName::new(name).unwrap());
    for (otherwise, expected) in [
        (Otherwise::NotFound, "404"),
        (Otherwise::BadRequest, "400"),
        (Otherwise::Public, "public"),
        (tenant("tenant1"), "tenant1"),
        (tenant("blog"), "static:blog"),
        (tenant("gone"), "404"),
    ] {
        let routing = |builder: Builder| builder.by_host().when_unknown(otherwise.clone());
        assert_eq!(
            decided(&customers(), routing, &at("nobody.localhost", "/")),
            expected
        );
        // What is no host is not a tenant that is unknown.
        let routing = |builder: Builder| builder.by_host().when_unknown(otherwise.clone());
        assert_eq!(decided(&customers(), routing, &at("no body", "/")), "400");
    }
}

#[test]
fn who_is_not_served_is_not() {
    use Availability::*;
    for (availability, expected) in [(Served, "tenant1"), (Unavailable, "503"), (Gone, "404")] {
        let now = || customers().now("tenant1", availability);
        for host in ["tenant1.localhost", "tenants.localhost"] {
            let request = at(host, "/tenant1/");
            assert_eq!(
                decided(&now(), Builder::by_host_and_folder, &request),
                expected,
                "{host}"
            );
        }
        let by_header = |builder: Builder| builder.by_header_trusting_every_caller("x");
        assert_eq!(
            decided(&now(), by_header, &at("h", "/").with_header("x", "tenant1")),
            expected
        );
    }
}

/// PEERS 64.
#[test]
fn a_domain_leads_to_the_primary_one_with_path_query_and_port() {
    let customers = || {
        customers()
            .redirecting("tenant1", "old.localhost", "tenant1.localhost")
            .redirecting("tenant1", "old.localhost/f", "tenants.localhost/tenant1")
            .redirecting("tenant1", "wild.localhost", "*.tenant1.localhost")
    };
    for (host, path, expected) in [
        ("old.localhost", "/a/b?c=d&e", "-> //tenant1.localhost/a/b?c=d&e"),
        ("OLD.localhost:3000", "/a", "-> //tenant1.localhost:3000/a"),
        ("old.localhost:", "/", "-> //tenant1.localhost/"),
        ("old.localhost", "/f/a?b", "-> //tenants.localhost/tenant1/a?b"),
        ("old.localhost", "/f", "-> //tenants.localhost/tenant1/"),
        (
            "old.localhost",
            "//evil.example/",
            "-> //tenant1.localhost//evil.example/",
        ),
        (
            "old.localhost",
            "/f//evil.example/",
            "-> //tenants.localhost/tenant1//evil.example/",
        ),
        // A wildcard is no place to go to.
        ("wild.localhost", "/", "tenant1"),
    ] {
        let said = decided(&customers(), Builder::by_host_and_folder, &at(host, path));
        assert_eq!(said, expected, "{host}{path}");
    }
    let unavailable = customers().now("tenant1", Availability::Unavailable);
    assert_eq!(
        decided(&unavailable, Builder::by_host, &at("old.localhost", "/")),
        "503"
    );
}

/// They would come back to where they came from.
#[test]
fn nobody_is_sent_where_he_would_not_arrive() {
    let to = |address| {
        Customers::default()
            .with("acme", &[])
            .redirecting("acme", "acme.test", address)
    };
    assert_eq!(
        decided(&to("acme.test/app"), Builder::by_host, &at("acme.test", "/x")),
        "acme"
    );
    let with_folders = decided(
        &to("acme.test/app"),
        Builder::by_host_and_folder,
        &at("acme.test", "/x"),
    );
    assert_eq!(with_folders, "-> //acme.test/app/x");
    let mut www = to("acme.test");
    let domain = DomainName::parse_keeping_www("www.acme.test").unwrap();
    www.domains[0].redirect = Some(Address::new(domain, Folder::NONE));
    assert_eq!(decided(&www, Builder::by_host, &at("acme.test", "/x")), "acme");
    let keeping = |builder: Builder| builder.by_host().keeping_www();
    assert_eq!(
        decided(&www, keeping, &at("acme.test", "/x")),
        "-> //www.acme.test/x"
    );
}

#[test]
fn a_row_that_has_a_schema_of_the_applications_own_is_nobodys() {
    for schema in [
        "public",
        "PUBLIC",
        "tenancy",
        "sample",
        "blog",
        "www",
        "tenancy_spare_1",
    ] {
        let customers = Customers::default().with(schema, &["acme.test"]);
        assert_eq!(
            decided(&customers, Builder::by_host, &at("acme.test", "/")),
            "404",
            "{schema}"
        );
    }
}

#[test]
fn www_is_kept_where_the_application_says_so() {
    let customers = || {
        let mut customers = Customers::default().with("bare", &["x.test"]).with("web", &[]);
        let www = DomainName::parse_keeping_www("www.x.test").unwrap();
        customers.domains.push(Entry {
            address: Address::new(www, Folder::NONE),
            tenant: "web",
            redirect: None,
        });
        customers
    };
    assert_eq!(
        decided(&customers(), Builder::by_host, &at("www.x.test", "/")),
        "bare"
    );
    let keeping = |builder: Builder| builder.by_host().keeping_www();
    assert_eq!(decided(&customers(), keeping, &at("www.x.test", "/")), "web");
    assert_eq!(decided(&customers(), keeping, &at("x.test", "/")), "bare");
}

#[test]
fn nobody_is_asked_about_the_applications_own_hosts() {
    let customers = customers();
    for host in ["localhost", "blog.localhost", "not a host"] {
        decided(&customers, Builder::by_host_and_folder, &at(host, "/tenant1/"));
    }
    assert_eq!(customers.asked.get(), 0);
}
