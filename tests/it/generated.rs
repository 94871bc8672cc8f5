//! Apps that take their tables from a file as `diesel print-schema` writes it: qualified with the schema of
//! some tenant, with a custom type. The same file serves a shared app and a tenant app.

use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::serialize::{IsNull, Output, ToSql};
use std::io::Write;
use tenant_diesel::prelude::*;
use tenant_diesel::{App, AppScope, Error, Table};
use tenant_tests::apps::customers::{self, Client};
use tenant_tests::{Fixture, insert_task};

#[shared_app(
    migrations = "fixtures/library",
    schema = "fixtures/generated_schema.rs",
    tables(authors)
)]
pub(crate) mod library {}

#[tenant_app(
    migrations = "fixtures/diary",
    schema = "fixtures/generated_schema.rs",
    tables(entries, acme::tags)
)]
pub(crate) mod diary {
    use super::library::authors;

    diesel::joinable!(entries -> authors (author_id));
    diesel::allow_tables_to_appear_in_same_query!(entries, authors);
    diesel::allow_tables_to_appear_in_same_query!(tags, authors);
}

use diary::{entries, tags};
use library::authors;

#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diary::sql_types::Mood)]
#[diesel(sql_type = library::sql_types::Mood)]
enum Mood {
    Glum,
    Merry,
}

macro_rules! mood {
    ($sql_type:ty) => {
        impl ToSql<$sql_type, Pg> for Mood {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
                out.write_all(match self {
                    Mood::Glum => b"glum",
                    Mood::Merry => b"merry",
                })?;
                Ok(IsNull::No)
            }
        }

        impl FromSql<$sql_type, Pg> for Mood {
            fn from_sql(value: PgValue<'_>) -> diesel::deserialize::Result<Self> {
                match value.as_bytes() {
                    b"glum" => Ok(Mood::Glum),
                    b"merry" => Ok(Mood::Merry),
                    other => Err(format!("no mood: {other:?}").into()),
                }
            }
        }
    };
}

mood!(diary::sql_types::Mood);
mood!(library::sql_types::Mood);

#[derive(Queryable, Selectable, Insertable, Debug, PartialEq)]
#[diesel(table_name = entries)]
struct Entry {
    author_id: i32,
    title: String,
    mood: Mood,
    moods: Vec<Option<Mood>>,
    type_: String,
}

fn application() -> Fixture {
    let builder = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<library::App>()
        .app::<diary::App>();
    let fixture = Fixture::of(2, builder);
    fixture.tenancy.migrate().unwrap();
    fixture
}

/// Writes one entry with one tag, and gives back what the tenant reads.
fn keep_diary(conn: &mut TenantConnection, title: &str, mood: Mood) -> QueryResult<Vec<Entry>> {
    let author_id: i32 = diesel::insert_into(authors::table)
        .values((authors::name.eq(title), authors::humour.eq(mood)))
        .returning(authors::id)
        .get_result(conn)?;
    let entry = Entry {
        author_id,
        title: title.to_owned(),
        mood,
        moods: vec![Some(mood), None, Some(Mood::Glum)],
        type_: "public".to_owned(),
    };
    let id: i64 = diesel::insert_into(entries::table)
        .values(&entry)
        .returning(entries::id)
        .get_result(conn)?;
    diesel::insert_into(tags::table)
        .values((tags::entry_id.eq(id), tags::tag.eq(title)))
        .execute(conn)?;
    entries::table
        .filter(entries::mood.eq(mood))
        .select(Entry::as_select())
        .load(conn)
}

#[test]
fn the_tables_of_a_generated_file_are_qualified_or_stripped_as_their_app_asks() {
    let table = |schema, name| Table { schema, name };
    assert_eq!(library::App::SCOPE, AppScope::Shared);
    assert_eq!(library::App::TABLES, [table(Some("public"), "authors")]);
    assert_eq!(diary::App::SCOPE, AppScope::Tenant);
    assert_eq!(diary::App::TABLES, [table(None, "entries"), table(None, "tags")]);
}

#[test]
fn their_queries_joins_and_custom_types_work_in_every_tenant() {
    let fixture = application();
    // Not the tenant whose schema the file was generated from, and that one.
    let tenants = ["globex", "acme", "initech"].map(|schema| fixture.tenant(schema));
    for (tenant, mood) in tenants.iter().zip([Mood::Glum, Mood::Merry, Mood::Glum]) {
        let own = tenant.name.as_str();
        let read = fixture
            .tenancy
            .with_tenant(tenant, |conn| keep_diary(conn, own, mood))
            .unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].title.as_str(), read[0].mood), (own, mood));
        assert_eq!(read[0].moods, [Some(mood), None, Some(Mood::Glum)]);
        // Within the tenant, and from it to the shared table.
        let joined: Vec<(String, String, String, Option<Mood>)> = fixture
            .tenancy
            .transaction(tenant, |conn| {
                tags::table
                    .inner_join(entries::table.inner_join(authors::table))
                    .select((tags::tag, entries::type_, authors::name, authors::humour))
                    .load(conn)
            })
            .unwrap();
        assert_eq!(
            joined,
            [(own.to_owned(), "public".to_owned(), own.to_owned(), Some(mood))]
        );
    }
    assert_eq!(
        fixture.tables("globex"),
        ["__diesel_schema_migrations", "entries", "tags"]
    );
    let everybody = fixture
        .tenancy
        .with_public(|conn| authors::table.count().get_result::<i64>(conn));
    assert_eq!(everybody.unwrap(), 3);
}

#[test]
fn one_connection_that_serves_tenants_in_turn_finds_the_shared_type_in_each() {
    let fixture = application();
    let tenants = ["globex", "acme"].map(|schema| fixture.tenant(schema));
    let mut conn = fixture.tenancy.get_public().unwrap();
    for _ in 0..3 {
        for (tenant, mood) in tenants.iter().zip([Mood::Glum, Mood::Merry]) {
            let read = conn.with_tenant(tenant, |conn| {
                let read = keep_diary(conn, &tenant.name, mood)?;
                // There is no to-do list in this application.
                assert!(insert_task(conn, "none").is_err());
                QueryResult::Ok(read)
            });
            assert!(
                read.unwrap()
                    .iter()
                    .all(|entry| entry.title == tenant.name && entry.mood == mood)
            );
        }
    }
    let in_public = entries::table
        .count()
        .get_result::<i64>(&mut conn)
        .map_err(Error::from);
    assert_eq!(
        in_public.unwrap_err().to_string(),
        "relation \"entries\" does not exist"
    );
}
