//! By a segment of the path, by a header, by a claim, and several in a row.

use super::*;

fn customers() -> Customers {
    Customers::default()
        .with("tenant1", &["tenant1.localhost"])
        .with("tenant2", &["tenant2.localhost"])
        .with("my-tenant", &[])
}

/// BEHAVIOURS 58, 59, 60.
#[test]
fn a_segment_behind_a_prefix_names_the_tenant() {
    for (path, expected) in [
        ("/clients/tenant1/any/", "tenant1"),
        ("/clients/tenant1", "tenant1"),
        ("/clients/my-tenant/", "my-tenant"),
        ("/clients/blog/any/", "static:blog"),
        ("/clients/main/any/", "static:www"),
        ("/clients/not-found/any/", "404"),
        ("/clients/Tenant1/", "404"),
        ("/clients/public/", "404"),
        ("/clients/sample/", "404"),
        ("/clients/tenancy/", "404"),
        ("/clients/tenancy_spare_1/", "404"),
        ("/clients/pg_catalog/", "404"),
        ("/clients/%74enant1/", "404"),
        ("/clients/..%2ftenant1/", "404"),
        ("/clients/", "public"),
        ("/clients", "public"),
        ("/clients//tenant1/", "public"),
        ("/clientsx/tenant1/", "public"),
        ("/any/", "public"),
        ("/", "public"),
    ] {
        let routing = |builder: Builder| {
            builder
                .by_folder_under("/clients/")
                .when_unnamed(Otherwise::Public)
        };
        assert_eq!(decided(&customers(), routing, &at("h", path)), expected, "{path}");
    }
    assert_eq!(
        decided(
            &customers(),
            |builder| builder.by_folder_under("clients"),
            &at("h", "/any/")
        ),
        "404",
        "the shared schema is reached only where the application says so"
    );
}

#[test]
fn the_folder_is_stripped_or_kept_and_given_back() {
    let path = "/a/b/tenant1/any/";
    for (routing, within) in [
        (Routing::builder(&registry()).by_folder_under("a/b"), "/any/"),
        (
            Routing::builder(&registry()).by_folder_under_keeping_the_path("a/b"),
            path,
        ),
    ] {
        let decision = routing
            .build()
            .unwrap()
            .decide(&at("h", path), &customers())
            .unwrap();
        let Decision::Serve(route) = decision else {
            panic!("it is there")
        };
        assert_eq!(route.path_within(path), within);
        assert_eq!(route.prefix().url("/public/"), "/a/b/tenant1/public/");
        assert_eq!(route.via, Via::Folder("tenant1".to_owned()));
    }
}

/// BEHAVIOURS 62.
#[test]
fn a_header_names_the_tenant() {
    for (value, expected) in [
        ("www", "static:www"),
        ("main", "static:www"),
        ("blog", "static:blog"),
        ("tenant1", "tenant1"),
        ("nobody", "404"),
        ("public", "404"),
        ("PUBLIC", "404"),
        ("sample", "404"),
        ("", "404"),
        ("tenant1\"; DROP SCHEMA x", "404"),
    ] {
        let routing = |builder: Builder| builder.by_header_trusting_every_caller("Tenant");
        let request = at("h", "/").with_header("tenant", value);
        assert_eq!(decided(&customers(), routing, &request), expected, "{value:?}");
    }
    let routing = |builder: Builder| builder.by_header_trusting_every_caller("tenant");
    assert_eq!(decided(&customers(), routing, &at("h", "/")), "404");
    let routing = |builder: Builder| {
        builder
            .by_header_trusting_every_caller("tenant")
            .when_unnamed(Otherwise::Public)
    };
    assert_eq!(decided(&customers(), routing, &at("h", "/")), "public");
    let twice = at("h", "/")
        .with_header("tenant", "tenant1")
        .with_header("tenant", "tenant2");
    assert_eq!(decided(&customers(), routing, &twice), "400");
    let routing = |builder: Builder| builder.by_header_trusting_every_caller("tenant").public_by_name();
    assert_eq!(
        decided(
            &customers(),
            routing,
            &at("h", "/").with_header("tenant", "public")
        ),
        "public"
    );
}

/// BEHAVIOURS 64, 65: in all six orders, the last decides.
#[test]
fn of_several_ways_the_last_that_names_somebody_decides() {
    type Way = fn(Builder) -> Builder;
    let ways: [(&str, Way); 3] = [
        ("tenant1", Builder::by_host),
        ("tenant2", |builder| {
            builder.by_header_trusting_every_caller("tenant")
        }),
        ("static:blog", |builder| {
            builder.by_claim(|request| match request.header("session") {
                HeaderValue::One(value) => Some(value.to_owned()),
                _ => None,
            })
        }),
    ];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let host = at("tenant1.localhost", "/");
    let header = host.clone().with_header("tenant", "tenant2");
    let all = header.clone().with_header("session", "blog");
    for order in orders {
        let routing = |builder| order.iter().fold(builder, |builder, &i| ways[i].1(builder));
        assert_eq!(
            decided(&customers(), routing, &all),
            ways[order[2]].0,
            "{order:?}"
        );
        // Who names nobody lets the others decide.
        let of_two = *order.iter().rfind(|&&i| i != 2).unwrap();
        assert_eq!(
            decided(&customers(), routing, &header),
            ways[of_two].0,
            "{order:?}"
        );
        assert_eq!(decided(&customers(), routing, &host), "tenant1", "{order:?}");
        // Who names somebody who is not there does not.
        let unknown = header.clone().with_header("session", "nobody");
        let expected = if order[2] == 2 { "404" } else { ways[order[2]].0 };
        assert_eq!(decided(&customers(), routing, &unknown), expected, "{order:?}");
        let no_host = at("no host", "/").with_header("tenant", "tenant2");
        assert_eq!(decided(&customers(), routing, &no_host), "400", "{order:?}");
    }
}

#[test]
fn the_application_says_who_may() {
    let routing = |builder: Builder| {
        builder
            .by_host()
            .by_header("tenant")
            .authorize(|target, request| {
                let is_admin = request.header("user") == HeaderValue::One("admin");
                is_admin || matches!(target, Target::Tenant("tenant1"))
            })
    };
    for (request, expected) in [
        (at("tenant1.localhost", "/"), "tenant1"),
        (at("tenant2.localhost", "/"), "403"),
        (
            at("tenant1.localhost", "/").with_header("tenant", "tenant2"),
            "403",
        ),
        (
            at("tenant2.localhost", "/").with_header("tenant", "tenant1"),
            "tenant1",
        ),
        (
            at("tenant2.localhost", "/").with_header("user", "admin"),
            "tenant2",
        ),
        (at("blog.localhost", "/"), "403"),
        (at("nobody.localhost", "/"), "404"),
    ] {
        assert_eq!(decided(&customers(), routing, &request), expected, "{request:?}");
    }
    let default = |builder: Builder| {
        let blog = Otherwise::Tenant(SchemaName::new("blog").unwrap());
        routing(builder).when_unknown(blog)
    };
    assert_eq!(
        decided(&customers(), default, &at("nobody.localhost", "/")),
        "403"
    );
}

#[test]
fn who_may_not_is_not_told_where_it_is() {
    let old = || customers().redirecting("tenant2", "old.localhost", "tenant2.localhost");
    let nobody = |builder: Builder| builder.by_host().authorize(|_, _| false);
    let request = at("old.localhost", "/");
    assert_eq!(decided(&old(), nobody, &request), "403");
    let everybody = |builder: Builder| builder.by_host().authorize(|_, _| true);
    assert_eq!(decided(&old(), everybody, &request), "-> //tenant2.localhost/");
}

/// BEHAVIOURS 61, 142: all that is wrong, before the first request.
#[test]
fn what_makes_no_sense_is_refused_at_once() {
    use RoutingProblem::*;
    assert_eq!(problems(|builder| builder), [NoStrategy]);
    for prefix in ["", " ", "/", "//", "a//b", "a b", "..", "a?b", "ä"] {
        let expected = Prefix {
            prefix: prefix.to_owned(),
        };
        assert_eq!(
            problems(|builder| builder.by_folder_under(prefix)),
            [expected],
            "{prefix:?}"
        );
    }
    let name = String::new;
    let all = problems(|builder| {
        builder
            .by_header("")
            .by_header("x-tenant")
            .by_header_trusting_every_caller("x-other")
            .public_at(host("localhost"))
            .when_unknown(Otherwise::Tenant(SchemaName::public()))
            .when_unnamed(Otherwise::Tenant(SchemaName::new("sample").unwrap()))
    });
    assert_eq!(
        all,
        [
            HeaderName { name: name() },
            HostTwice {
                host: host("localhost")
            },
            HeaderWithoutAuthorize { name: name() },
            HeaderWithoutAuthorize {
                name: "x-tenant".to_owned()
            },
            DefaultTenant {
                name: SchemaName::public()
            },
            DefaultTenant {
                name: SchemaName::new("sample").unwrap()
            },
        ]
    );
    let twice = registry().static_tenant(
        StaticTenant::new(SchemaName::new("third").unwrap())
            .alias("main")
            .alias("public"),
    );
    let error = Routing::<&str, PlainRequest>::builder(&twice)
        .by_host()
        .build()
        .unwrap_err();
    let twice = ["main", "public"].map(|name| NameTwice {
        name: name.to_owned(),
    });
    assert_eq!(error.problems, twice);
}
