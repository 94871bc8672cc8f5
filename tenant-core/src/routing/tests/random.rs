//! Whatever comes in: nothing panics, and nobody reaches a tenant that is not his.

use super::*;
use proptest::prelude::*;

fn customers() -> Customers {
    Customers::default()
        .with("a", &["a.test", "shared.test/a", "*.a.test"])
        .with("b", &["b.test", "shared.test/b", "*.test"])
        .redirecting("b", "old.b.test", "b.test")
}

fn every_way() -> Routing<&'static str, PlainRequest> {
    Routing::builder(&registry())
        .public_at(host("test"))
        .by_folder_under("c")
        .by_host_and_folder()
        .by_header_trusting_every_caller("tenant")
        .build()
        .unwrap()
}

proptest! {
    #[test]
    fn no_request_panics_or_reaches_another_tenant(
        authority in prop_oneof![".{0,40}", "(www\\.)?([ab]|shared|old|\\*|x)?\\.?([ab]\\.)?test\\.?(:[0-9]{0,6})?"],
        path in prop_oneof![".{0,40}", "(/|//|/\\.\\.)?([abcABC]|%61|tenancy|public)?(/[abc]|/)?(\\?.{0,5})?"],
        header in proptest::option::of(prop_oneof![".{0,20}", "[abc]", "public|sample|tenancy|blog"]),
    ) {
        let mut request = PlainRequest::new(authority.clone(), &path);
        if let Some(header) = &header {
            request = request.with_header("tenant", header.clone());
        }
        let routing = every_way();
        match routing.decide(&request, &customers()).unwrap() {
            Decision::Serve(route) => match (&route.via, &route.target) {
                (Via::Header(name), Target::Tenant(tenant)) => {
                    prop_assert_eq!(Some(name), header.as_ref());
                    prop_assert_eq!(name, tenant);
                }
                (Via::Domain(address), Target::Tenant(tenant)) => {
                    prop_assert!(header.is_none());
                    let host = Hostname::parse(&authority).unwrap();
                    prop_assert!(address.domain.matches(&host));
                    let own = customers().domains.into_iter().any(|own| own.address == *address && own.tenant == *tenant);
                    prop_assert!(own, "{:?} is not {}'s", address, tenant);
                    prop_assert!(address.folder.is_none() || Folder::first_of(request.path()) == address.folder);
                }
                (Via::Folder(_), _) => prop_assert!(false, "a host names somebody always"),
                (_, Target::Public) => prop_assert_eq!(Hostname::parse(&authority), Ok(host("test"))),
                (_, Target::Static(_)) => {}
                (via, target) => prop_assert!(false, "{:?} {:?}", via, target),
            },
            Decision::Redirect { location } => {
                prop_assert!(location.starts_with("//b.test/") || location.starts_with("//b.test:"), "{}", location);
            }
            Decision::Refuse(_) => {}
        }
    }

    #[test]
    fn a_prefix_that_is_put_back_can_be_taken_away(
        prefix in "[a-z]{1,5}(/[a-z]{1,5})?",
        path in "(/[a-z]{0,5}){1,4}",
    ) {
        let url = Prefix::new(&prefix).url(&path);
        prop_assert_eq!(without_prefix(&url, &prefix), Prefix::default().url(&path));
        prop_assert!(!url.contains("//"));
    }

    #[test]
    fn no_url_names_another_host(prefix in "[a-z]{0,5}", path in ".{0,30}") {
        let url = Prefix::new(&prefix).url(&path);
        let mut start = url.chars();
        prop_assert_eq!(start.next(), Some('/'));
        prop_assert!(!matches!(start.next(), Some('/' | '\\' | '\t' | '\n' | '\r')));
    }
}
