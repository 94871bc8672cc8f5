//! Why a text is not the name of a schema.

use super::MAX_BYTES;

/// Why a text is not the name of a schema. Each message says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaNameError {
    /// The text is empty.
    #[error("a schema name must not be empty")]
    Empty,
    /// The text is longer than PostgreSQL keeps.
    #[error(
        "schema name {name:?} has {bytes} bytes; PostgreSQL keeps {MAX_BYTES} and cuts the rest off without an error"
    )]
    TooLong {
        /// The refused text.
        name: String,
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
    /// The text holds a NUL byte, which no PostgreSQL name can.
    #[error("schema name {name:?} contains a NUL byte")]
    Nul {
        /// The refused text.
        name: String,
    },
    /// The name is one that PostgreSQL keeps for itself.
    #[error(
        "schema name {name:?} belongs to PostgreSQL: names that start with \"pg_\" (in any case), \"information_schema\" and \"$user\" cannot be used"
    )]
    OwnedByPostgres {
        /// The refused text.
        name: String,
    },
    /// The name is not a plain identifier, and was checked strictly.
    #[error(
        "schema name {name:?} is not plain: use letters, digits and underscores, and do not start with a digit (or accept any name with `SchemaName::quoted_any`)"
    )]
    NotPlain {
        /// The refused text.
        name: String,
    },
}
