//! What is read as a key is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenant_core::CacheKey;

fuzz_target!(|text: &str| {
    if let Some(key) = CacheKey::read(text) {
        assert_eq!(key.to_string(), text);
        let again = CacheKey::new(key.schema(), key.prefix(), key.version(), key.key());
        assert_eq!(again, key);
    }
});
