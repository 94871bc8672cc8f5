//! No text panics, and each host has one form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenant_core::{DomainName, Hostname};

fuzz_target!(|text: &str| {
    if let Ok(host) = Hostname::parse_keeping_www(text) {
        assert_eq!(Hostname::parse_keeping_www(host.as_str()).as_ref(), Ok(&host));
        assert_eq!(Hostname::stored(host.as_str()).as_ref(), Ok(&host));
        assert!(host.as_str().len() <= tenant_core::hostname::MAX_BYTES && host.as_str().is_ascii());
        assert!(DomainName::candidates(&host).iter().all(|domain| domain.matches(&host)));
    }
    if let Ok(domain) = DomainName::parse_keeping_www(text) {
        assert_eq!(DomainName::stored(domain.as_str()), Ok(domain));
    }
    assert_eq!(Hostname::parse(text).is_ok(), Hostname::parse_keeping_www(text).is_ok());
});
