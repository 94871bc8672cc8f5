use super::*;
use crate::DomainName;
use proptest::prelude::*;

fn parsed(authority: &str) -> String {
    match Hostname::parse(authority) {
        Ok(host) => host.to_string(),
        Err(error) => panic!("{authority:?}: {error}"),
    }
}

/// BEHAVIOURS 45, as the existing systems have it.
#[test]
fn one_leading_www_is_taken_away() {
    for (name, expected) in [
        ("", ""),
        ("www", "www"),
        ("www.", ""),
        ("www.test.com", "test.com"),
        ("www.test.com/complex/path", "test.com/complex/path"),
        ("1www.test.com", "1www.test.com"),
        ("wwwx.test.com", "wwwx.test.com"),
        ("www.www.test.com", "www.test.com"),
    ] {
        assert_eq!(remove_www(name), expected);
    }
    assert_eq!(parsed("www.test.com:80"), "test.com");
    assert_eq!(parsed("WWW.Test.com"), "test.com");
    assert_eq!(parsed("1www.test.com"), "1www.test.com");
    assert_eq!(parsed("www"), "www");
    assert_eq!(parsed("www."), "www", "the dot at the end goes first");
    assert_eq!(
        Hostname::parse_keeping_www("WWW.Test.com").unwrap().as_str(),
        "www.test.com"
    );
}

/// BEHAVIOURS 54, and what the existing systems get wrong (PEERS 6.13).
#[test]
fn one_host_has_one_form() {
    for (authority, expected) in [
        ("tenant.test.com:8080", "tenant.test.com"),
        ("TENANT.test.com", "tenant.test.com"),
        ("tenant.test.com.", "tenant.test.com"),
        ("tenant.test.com.:8080", "tenant.test.com"),
        ("tenant.test.com:", "tenant.test.com"),
        ("localhost", "localhost"),
        ("my_tenant.localhost", "my_tenant.localhost"),
        ("127.0.0.1:3000", "127.0.0.1"),
        ("[::1]:3000", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[2001:DB8::A]", "[2001:db8::a]"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"),
        ("日本。example", "xn--wgv71a.example"),
        ("ｗｗｗ.example", "example"),
        ("straße.example", "xn--strae-oqa.example"),
    ] {
        assert_eq!(parsed(authority), expected, "{authority}");
    }
}

#[test]
fn what_is_no_host_says_which_rule_it_breaks() {
    use HostnameError::*;
    let label = format!("{}.example", "a".repeat(64));
    let long = format!("{}example", "a.".repeat(124));
    let endless = "ü".repeat(10_000);
    for (authority, expected) in [
        ("", Empty),
        (".", Empty),
        (":80", Empty),
        ("a..b", Label),
        ("a.b..", Label),
        (".a", Label),
        ("-a.b", Label),
        ("a-.b", Label),
        ("a b", Character),
        ("a/b", Character),
        ("user@host", Character),
        ("a%2eb", Character),
        ("*.a", Character),
        ("a\0", Character),
        ("a,b", Character),
        ("host:port", Port),
        ("host:65536", Port),
        ("host:-1", Port),
        ("host:+1", Port),
        ("::1", Brackets),
        ("a:1:2", Brackets),
        ("[::1", Brackets),
        ("[::1]x", Brackets),
        ("[localhost]", Brackets),
        ("[fe80::1%eth0]", Brackets),
        ("[::1]:x", Port),
        ("127.1", Ipv4),
        ("0x7f.0.0.1", Ipv4),
        ("0x7f000001", Ipv4),
        ("127.0.0.01", Ipv4),
        ("2130706433", Ipv4),
        ("a.1", Ipv4),
        ("xn--", Idna),
        ("xn--a", Idna),
        (&label, TooLong),
        (&long, TooLong),
        (&endless, TooLong),
    ] {
        let error = Hostname::parse(authority).unwrap_err();
        assert_eq!(error, expected, "{authority:?}");
    }
    let longest = format!("{}abc", "a.".repeat(125));
    assert_eq!(longest.len(), 253);
    assert_eq!(parsed(&format!("{longest}.:443")), longest);
}

#[test]
fn a_wildcard_stands_for_what_is_below_it() {
    let host = |text| Hostname::parse(text).unwrap();
    let wildcard = DomainName::parse("*.Example.com.").unwrap();
    assert_eq!(wildcard.as_str(), "*.example.com");
    for (name, expected) in [
        ("a.example.com", true),
        ("a.b.example.com", true),
        ("example.com", false),
        ("xexample.com", false),
        ("example.com.evil.org", false),
        ("[::1]", false),
        ("127.0.0.1", false),
    ] {
        assert_eq!(wildcard.matches(&host(name)), expected, "{name}");
        let is_candidate = DomainName::candidates(&host(name)).contains(&wildcard);
        assert_eq!(is_candidate, expected, "{name}");
    }
    for refused in [
        "*",
        "*.",
        "*.*.example.com",
        "a.*.example.com",
        "*.127.0.0.1",
        "*.[::1]",
        "*example.com",
    ] {
        assert!(DomainName::parse(refused).is_err(), "{refused}");
    }
    assert_eq!(DomainName::parse("www.acme.com").unwrap().as_str(), "acme.com");
    assert_eq!(DomainName::candidates(&host("127.0.0.1")).len(), 1);
}

#[test]
fn what_is_stored_in_another_form_is_refused() {
    for text in [
        "Acme.com",
        "acme.com.",
        "acme.com:80",
        "*.Acme.com",
        "münchen.example",
    ] {
        assert!(DomainName::stored(text).is_err(), "{text}");
    }
    for text in ["www.acme.com", "acme.com", "*.acme.com", "[::1]"] {
        assert_eq!(DomainName::stored(text).unwrap().as_str(), text);
    }
}

#[test]
fn most_requests_name_their_host_plainly() {
    for (authority, name) in [
        ("acme.example.com", Some("acme.example.com")),
        (
            "my-shop_1.4you.example.com:3000",
            Some("my-shop_1.4you.example.com"),
        ),
        ("localhost:", Some("localhost")),
        ("Acme.example.com", None),
        ("acme.example.com.", None),
        ("xn--mnchen-3ya.example", None),
        ("127.0.0.1", None),
        ("a..b", None),
        ("a-.b", None),
        ("a:b", None),
        ("a:1:2", None),
        ("", None),
    ] {
        assert_eq!(plain(authority), name, "{authority}");
    }
    // Too long by its zeros.
    assert_eq!(plain(&format!("a:{}", "0".repeat(MAX_INPUT_BYTES))), None);
    assert_eq!(plain(&format!("{}.b", "a".repeat(MAX_LABEL_BYTES + 1))), None);
}

proptest! {
    #[test]
    fn no_text_panics_and_each_host_has_one_form(text in ".{0,80}") {
        if let Ok(host) = Hostname::parse_keeping_www(&text) {
            prop_assert_eq!(&Hostname::parse_keeping_www(host.as_str()).unwrap(), &host);
            prop_assert_eq!(&Hostname::stored(host.as_str()).unwrap(), &host);
            prop_assert!(host.as_str().len() <= MAX_BYTES && host.as_str().is_ascii());
        }
        let _no_panic = DomainName::parse(&text);
    }

    #[test]
    fn what_is_plain_is_what_the_rules_make_of_it(
        text in prop_oneof![
            ".{0,20}",
            "[a-c0xn_.:-]{0,12}",
            "(xn--|0x)?[a-z0-9]{0,64}(\\.[a-z0-9-]{0,4}){0,4}(:[0-9]{0,6})?",
        ],
    ) {
        if let Some(name) = plain(&text) {
            prop_assert_eq!(normal_by_rules(&text), Ok(name.into()));
        }
    }

    #[test]
    fn case_port_and_dot_make_no_other_host(
        labels in proptest::collection::vec("[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,10}[a-zA-Z0-9_])?", 1..5),
        port in 0_u16..,
    ) {
        let name = format!("{}.x", labels.join("."));
        if let Ok(host) = Hostname::parse(&name) {
            for other in [
                name.to_uppercase(), format!("{name}."), format!("{name}:{port}"), format!("{name}.:{port}"),
            ] {
                prop_assert_eq!(Hostname::parse(&other), Ok(host.clone()));
            }
        }
    }

    #[test]
    fn a_domain_matches_its_candidates_only(
        host in "([a-c]\\.){0,3}[a-c]",
        domain in "(\\*\\.)?([a-c]\\.){0,3}[a-c]",
    ) {
        let host = Hostname::parse(&host).unwrap();
        let domain = DomainName::parse(&domain).unwrap();
        prop_assert_eq!(domain.matches(&host), DomainName::candidates(&host).contains(&domain));
    }
}
