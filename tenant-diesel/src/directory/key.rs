//! [`Key`]: what a directory is asked for, and how it is looked up without making one.

use quick_cache::Equivalent;
use std::fmt;
use std::hash::{Hash, Hasher};
use tenant_core::{Folder, Hostname, SchemaName};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A host, and a folder of it.
    Host(Hostname, Folder),
    /// A tenant's schema.
    Name(SchemaName),
}

/// The same, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyRef<'a> {
    Host(&'a Hostname, &'a Folder),
    Name(&'a SchemaName),
}

impl Key {
    pub(super) fn by_ref(&self) -> KeyRef<'_> {
        match self {
            Self::Host(host, folder) => KeyRef::Host(host, folder),
            Self::Name(schema) => KeyRef::Name(schema),
        }
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Host(host, folder) => {
                state.write_u8(0);
                host.as_str().hash(state);
                folder.as_str().hash(state);
            }
            Self::Name(schema) => {
                state.write_u8(1);
                schema.as_str().hash(state);
            }
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.by_ref().hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Host(host, folder), Key::Host(other, of_other)) => *host == other && *folder == of_other,
            (Self::Name(schema), Key::Name(other)) => *schema == other,
            _ => false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host, folder) if folder.is_none() => write!(f, "host `{host}`"),
            Self::Host(host, folder) => write!(f, "host `{host}` with folder `{folder}`"),
            Self::Name(schema) => write!(f, "tenant `{schema}`"),
        }
    }
}
