//! What a client of PostgreSQL says, as far as it is counted: where its messages begin, and of which kind they are.

/// A request for encryption; nothing but a start-up message, or TLS, may follow it.
const SSL_REQUEST: u32 = 80_877_103;
/// The same for GSSAPI.
const GSSENC_REQUEST: u32 = 80_877_104;
/// The first byte of a TLS handshake. A start-up message begins with its length, whose first byte is 0.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a piece of the stream held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Messages that make the server run something: `Query` and `Execute`.
    pub(crate) statements: usize,
    /// Whether there was anything but a good-bye, which nobody answers.
    pub(crate) speech: bool,
}

/// The stream of one client, in pieces as they come.
#[derive(Debug, Default)]
pub(crate) struct Frontend {
    phase: Phase,
    /// The beginning of a message that was cut off.
    header: Vec<u8>,
    /// How much of the body of a message is yet to come.
    body: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Messages have no type: a length and a code.
    #[default]
    Startup,
    /// Messages have a type and a length.
    Messages,
    /// Encrypted: what follows cannot be read.
    Opaque,
}

impl Frontend {
    /// Takes the next piece.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        while let Some(&first) = bytes.first() {
            if self.body > 0 {
                let here = self.body.min(bytes.len());
                self.body -= here;
                bytes = &bytes[here..];
                seen.speech = true;
                continue;
            }
            if self.phase == Phase::Startup && self.header.is_empty() && first == TLS_HANDSHAKE {
                self.phase = Phase::Opaque;
            }
            if self.phase == Phase::Opaque {
                seen.speech = true;
                return seen;
            }
            self.header.push(first);
            bytes = &bytes[1..];
            self.message(&mut seen);
        }
        seen
    }

    /// Starts a message if its header is complete.
    fn message(&mut self, seen: &mut Seen) {
        match (self.phase, self.header.as_slice()) {
            (Phase::Startup, &[a, b, c, d, e, f, g, h]) => {
                let code = u32::from_be_bytes([e, f, g, h]);
                self.body = length(a, b, c, d).saturating_sub(8);
                if code != SSL_REQUEST && code != GSSENC_REQUEST {
                    self.phase = Phase::Messages;
                }
                seen.speech = true;
            }
            (Phase::Messages, &[kind, a, b, c, d]) => {
                self.body = length(a, b, c, d).saturating_sub(4);
                seen.statements += usize::from(matches!(kind, b'Q' | b'E'));
                seen.speech |= kind != b'X';
            }
            _ => return,
        }
        self.header.clear();
    }
}

fn length(a: u8, b: u8, c: u8, d: u8) -> usize {
    usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn startup(code: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(8 + body.len()).unwrap();
        [&length.to_be_bytes(), &code.to_be_bytes(), body].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(4 + body.len()).unwrap();
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    fn session() -> Vec<u8> {
        [
            startup(SSL_REQUEST, b""),
            startup(196_608, b"user\0Q\0E\0\0"),
            message(b'p', b"secret\0"),
            message(b'Q', b"SELECT 1; SELECT 2\0"),
            message(b'P', b"name\0SELECT 3\0\0\0"),
            message(b'B', b"QQEE"),
            message(b'D', b"P\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(b'S', b""),
        ]
        .concat()
    }

    #[test]
    fn queries_and_executions_are_statements_and_nothing_else_is() {
        let seen = Frontend::default().read(&session());
        assert_eq!((seen.statements, seen.speech), (2, true));
    }

    #[test]
    fn messages_may_be_cut_anywhere() {
        let session = session();
        for piece in 1..session.len() {
            let mut frontend = Frontend::default();
            let statements: usize = session
                .chunks(piece)
                .map(|chunk| frontend.read(chunk).statements)
                .sum();
            assert_eq!(statements, 2, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_good_bye_is_not_speech() {
        let mut frontend = Frontend::default();
        frontend.read(&startup(196_608, b""));
        assert_eq!(frontend.read(&message(b'X', b"")), Seen::default());
        assert!(frontend.read(&message(b'S', b"")).speech);
    }

    #[test]
    fn what_is_encrypted_is_not_taken_for_messages() {
        let mut frontend = Frontend::default();
        frontend.read(&startup(SSL_REQUEST, b""));
        let seen = frontend.read(b"\x16\x03\x01Q\0\0\0\x04Q\0\0\0\x04");
        assert_eq!((seen.statements, seen.speech), (0, true));
    }
}
