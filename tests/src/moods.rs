//! A custom type, which each tenant has in its own schema, with another number.

use crate::Fixture;
use crate::apps::customers::Client;
use diesel::prelude::*;
use diesel::sql_types::SqlType;

/// The type in the server, one in the schema of each tenant.
#[derive(Debug, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(name = "mood"))]
pub struct MoodType;

diesel::table! {
    use diesel::sql_types::*;
    use super::MoodType;
    moods (id) { id -> Int4, mood -> MoodType }
}

/// One of its values.
#[derive(Debug, PartialEq, Eq, Clone, diesel::deserialize::FromSqlRow, diesel::expression::AsExpression)]
#[diesel(sql_type = MoodType)]
pub struct Mood(pub String);

impl diesel::serialize::ToSql<MoodType, diesel::pg::Pg> for Mood {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
    ) -> diesel::serialize::Result {
        std::io::Write::write_all(out, self.0.as_bytes())?;
        Ok(diesel::serialize::IsNull::No)
    }
}

impl diesel::deserialize::FromSql<MoodType, diesel::pg::Pg> for Mood {
    fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(Self(String::from_utf8(bytes.as_bytes().to_vec())?))
    }
}

/// Writes a mood and reads it back, comparing it in the server.
pub fn round_trip<C>(conn: &mut C, mood: &str) -> QueryResult<Vec<Mood>>
where
    C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>,
{
    diesel::insert_into(moods::table)
        .values((moods::id.eq(1), moods::mood.eq(Mood(mood.to_owned()))))
        .on_conflict(moods::id)
        .do_update()
        .set(moods::mood.eq(Mood(mood.to_owned())))
        .execute(conn)?;
    moods::table
        .filter(moods::mood.eq(Mood(mood.to_owned())))
        .select(moods::mood)
        .load(conn)
}

/// The type, its values, and a table of it; `{}` is the tenant.
const MOODS: &str = "CREATE TYPE {}.mood AS ENUM ('sad', '{}'); \
    CREATE TABLE {}.moods (id int PRIMARY KEY, mood {}.mood NOT NULL)";

/// Makes the type and the table in the schemas of tenants.
pub fn give_moods(fixture: &Fixture, tenants: &[Client]) {
    for tenant in tenants {
        fixture.run(&MOODS.replace("{}", &tenant.name));
    }
}
