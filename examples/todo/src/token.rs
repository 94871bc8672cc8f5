//! Secrets that nobody can guess, and the hash under which they are kept.

use sha2::{Digest, Sha256};

/// 256 random bits, in hexadecimal digits.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What a token is kept as. It needs no salt and no slow function, for a token is as random as the hash.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// Whether two secrets are the same. Their hashes are compared, so that the time it takes says nothing about them.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    hash(one) == hash(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_kept_as_something_else() {
        let token = random().unwrap();
        assert_eq!(token.len(), 64);
        assert_ne!(token, random().unwrap());
        assert_ne!(hash(&token), token.as_bytes());
        assert!(is_same(&token, &token.clone()));
        assert!(!is_same(&token, ""));
    }
}
