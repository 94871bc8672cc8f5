//! Values that are a checked text: a column of type `Text` on PostgreSQL, and a string in serde's data model.
//!
//! What was stored can be read back, so both check as much as the database could hold, and no more. A value in the
//! database that breaks the rule is an error of the query that reads it.

/// Implements `ToSql`/`FromSql` as `Text` and `Serialize`/`Deserialize` as a string, behind the features of their names,
/// for a type that has `as_str`. `$read` makes one of a `&str` that was stored.
macro_rules! text_newtype {
    ($type:ty, $read:expr, $expecting:literal) => {
        #[cfg(feature = "diesel")]
        const _: () = {
            use diesel::deserialize::{self, FromSql};
            use diesel::pg::{Pg, PgValue};
            use diesel::serialize::{self, Output, ToSql};
            use diesel::sql_types::Text;

            impl ToSql<Text, Pg> for $type {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                    <str as ToSql<Text, Pg>>::to_sql(self.as_str(), out)
                }
            }

            impl FromSql<Text, Pg> for $type {
                fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                    let text = <String as FromSql<Text, Pg>>::from_sql(value)?;
                    Ok(($read)(&text)?)
                }
            }
        };

        #[cfg(feature = "serde")]
        const _: () = {
            use serde::de::{Error, Visitor};
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_str(TextVisitor)
                }
            }

            struct TextVisitor;

            impl Visitor<'_> for TextVisitor {
                type Value = $type;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str($expecting)
                }

                fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                    ($read)(text).map_err(E::custom)
                }
            }
        };
    };
}

pub(crate) use text_newtype;
