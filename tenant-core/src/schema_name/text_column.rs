//! A [`SchemaName`] in a column of type `Text` (or `Varchar`) on PostgreSQL.
//!
//! A value in the database that is no schema name is an error of the query that reads it.

use super::SchemaName;
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;

impl ToSql<Text, Pg> for SchemaName {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.as_str(), out)
    }
}

impl FromSql<Text, Pg> for SchemaName {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let name = <String as FromSql<Text, Pg>>::from_sql(value)?;
        Ok(Self::quoted_any(&name)?)
    }
}
