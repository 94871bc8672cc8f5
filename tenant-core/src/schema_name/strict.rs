//! For `#[serde(with = "tenant_core::schema_name::strict")]`: reads a name as strictly as [`SchemaName::new`], for forms
//! and requests in which people choose one. Without it, what was serialised can be read back, as by
//! [`SchemaName::quoted_any`].

use super::SchemaName;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
