//! Names and passwords that nobody guesses.

use std::fs::File;
use std::io::Read;

use crate::error::{Error, IoContext};

const SOURCE: &str = "/dev/urandom";

/// `2 * BYTES` hexadecimal digits: they need no quoting in a URL, in SQL or in a path.
pub(crate) fn hex<const BYTES: usize>() -> Result<String, Error> {
    let mut bytes = [0; BYTES];
    File::open(SOURCE)
        .and_then(|mut source| source.read_exact(&mut bytes))
        .attempted("read", SOURCE)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A password: 128 bits.
pub(crate) fn password() -> Result<String, Error> {
    hex::<16>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_passwords_differ() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 32);
    }
}
