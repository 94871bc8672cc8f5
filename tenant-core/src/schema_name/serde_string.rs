//! A [`SchemaName`] in serde's data model: a plain string, checked on the way in.
//!
//! What was serialised can be read back, so the check is that of [`SchemaName::quoted_any`]. For input
//! that people type, `#[serde(with = "tenant_core::schema_name::strict")]` on the field checks as
//! strictly as [`SchemaName::new`].

use super::SchemaName;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

impl Serialize for SchemaName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SchemaName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = SchemaName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a PostgreSQL schema")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<SchemaName, E> {
        SchemaName::quoted_any(name).map_err(E::custom)
    }
}

/// For `#[serde(with = "tenant_core::schema_name::strict")]`: reads a name as strictly as
/// [`SchemaName::new`], for forms and requests in which people choose one.
pub mod strict {
    use super::{Deserialize, Deserializer, Error, SchemaName, Serialize, Serializer};

    /// Writes the name as a string.
    ///
    /// # Errors
    ///
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(name: &SchemaName, serializer: S) -> Result<S::Ok, S::Error> {
        name.serialize(serializer)
    }

    /// Reads a plain name.
    ///
    /// # Errors
    ///
    /// Those of the deserialiser, and a name that is not plain.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SchemaName, D::Error> {
        let name = SchemaName::deserialize(deserializer)?;
        SchemaName::new(name.as_str()).map_err(D::Error::custom)
    }
}
