//! `#[derive(Tenant)]` on models of many shapes.

use diesel::prelude::*;
use std::borrow::Cow;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub(crate) mod tables {
    diesel::table! { plains (id) { id -> Int4, schema_name -> Text } }
    diesel::table! { pairs (region, number) { region -> Text, number -> Int4, schema_name -> Text } }
    diesel::table! { keyed (key) { key -> Uuid, schema_name -> Text } }
    diesel::table! {
        odd (r#type) {
            r#type -> Int8,
            #[sql_name = "Schema Name"]
            r#where -> Text,
            name -> Nullable<Text>,
        }
    }
}
use tables::{keyed, odd, plains};

#[derive(Tenant, Queryable, Selectable)]
struct Plain {
    id: i32,
    schema_name: SchemaName,
}

#[test]
fn without_table_name_the_table_is_the_plural_of_the_model() {
    let row = Plain::by_key(&1).select(plains::id);
    assert_eq!(
        crate::sql(&row),
        r#"SELECT "public"."plains"."id" FROM "public"."plains" WHERE ("public"."plains"."id" = $1)"#
    );
    let plain = Plain {
        id: 3,
        schema_name: SchemaName::new("a").unwrap(),
    };
    assert_eq!(plain.key(), 3);
}

#[test]
fn without_words_schemas_are_created_and_kept() {
    fn words<T: Tenant>() -> (bool, bool) {
        (T::AUTO_CREATE_SCHEMA, T::AUTO_DROP_SCHEMA)
    }
    assert_eq!(words::<Plain>(), (true, false));
    assert_eq!(words::<Pair>(), (false, true));
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = tables::pairs, primary_key(number, region))]
#[tenant(auto_create_schema = false)]
#[tenant(auto_drop_schema = true)]
struct Pair {
    region: String,
    #[diesel(column_name = number)]
    no: i32,
    schema_name: SchemaName,
}

#[test]
fn a_key_of_several_columns_is_a_tuple_in_the_order_of_the_model() {
    let pair = Pair {
        region: "eu".to_owned(),
        no: 3,
        schema_name: SchemaName::new("a").unwrap(),
    };
    assert_eq!(pair.key(), (3, "eu".to_owned()));
    let row = Pair::by_key(&pair.key()).select(tables::pairs::number);
    assert!(
        crate::sql(&row)
            .ends_with(r#"WHERE (("public"."pairs"."number" = $1) AND ("public"."pairs"."region" = $2))"#)
    );
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = keyed)]
#[diesel(primary_key(key))]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Keyed {
    key: uuid::Uuid,
    schema_name: SchemaName,
}

#[test]
fn keys_made_by_the_client_are_keys_as_any() {
    let keyed = Keyed {
        key: uuid::Uuid::from_u128(9),
        schema_name: SchemaName::new("a").unwrap(),
    };
    assert_eq!(keyed.key(), uuid::Uuid::from_u128(9));
    fn new<N: tenant_diesel::NewTenant<Keyed>>(_: &N) {}
    new(&(
        keyed::key.eq(keyed.key()),
        keyed::schema_name.eq(keyed.schema_name()),
    ));
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = odd, primary_key(r#type))]
struct Odd {
    r#type: i64,
    #[diesel(column_name = "where")]
    #[tenant(schema_name)]
    folder: SchemaName,
    #[diesel(column_name = r#name, deserialize_as = Option<String>)]
    #[expect(dead_code, reason = "a field whose Diesel words must be stepped over")]
    name: Option<String>,
}

#[test]
fn raw_names_and_names_of_the_database_are_kept_apart() {
    assert_eq!(Odd::SCHEMA_COLUMN, "Schema Name");
    let odd = Odd {
        r#type: 4,
        folder: SchemaName::new("a").unwrap(),
        name: None,
    };
    assert_eq!((odd.key(), odd.schema_name().as_str()), (4, "a"));
    assert!(crate::sql(&Odd::by_key(&4)).contains(r#""public"."odd"."type" = $1"#));
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = plains)]
struct General<Id, Name = SchemaName>
where
    Name: Into<SchemaName>,
{
    id: Id,
    #[tenant(schema_name)]
    schema_name: SchemaName,
    #[diesel(column_name = schema_name)]
    again: Name,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = odd, primary_key(r#type))]
struct Borrowed<'a, const N: usize> {
    r#type: i64,
    #[diesel(column_name = r#where)]
    #[tenant(schema_name)]
    schema: SchemaName,
    #[expect(dead_code, reason = "a field that borrows")]
    name: Option<Cow<'a, str>>,
}

#[test]
fn models_may_have_parameters() {
    fn model<T: TenantModel>() -> &'static str {
        T::SCHEMA_COLUMN
    }
    assert_eq!(model::<General<i32>>(), "schema_name");
    assert_eq!(model::<Borrowed<'static, 3>>(), "Schema Name");
    let general = General {
        id: 3,
        schema_name: SchemaName::new("a").unwrap(),
        again: SchemaName::new("b").unwrap(),
    };
    assert_eq!(
        (
            general.key(),
            general.schema_name().as_str(),
            general.again.as_str()
        ),
        (3, "a", "b")
    );
}

/// A key under another type in the database.
#[derive(Clone)]
struct Short(u8);

impl From<Short> for i32 {
    fn from(short: Short) -> Self {
        Self::from(short.0)
    }
}

impl From<i32> for Short {
    fn from(_: i32) -> Self {
        Self(0)
    }
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = plains)]
struct Converted {
    #[diesel(serialize_as = i32, deserialize_as = i32)]
    id: Short,
    schema_name: SchemaName,
}

#[test]
fn a_key_that_diesel_converts_is_converted() {
    let converted = Converted {
        id: Short(5),
        schema_name: SchemaName::new("a").unwrap(),
    };
    assert_eq!(converted.key(), 5_i32);
}

mod elsewhere {
    //! Nothing is imported here: the expansion must not need it.
    #[derive(tenant_diesel::Tenant, diesel::Queryable, diesel::Selectable)]
    #[diesel(table_name = super::tables::plains)]
    pub(super) struct Bare {
        id: i32,
        schema_name: tenant_diesel::SchemaName,
    }
}

#[test]
fn nothing_needs_to_be_imported() {
    fn model<T: TenantModel>() {}
    model::<elsewhere::Bare>();
}

mod imported_columns {
    //! Columns are unit structs: imported, they clash with parameters of their names.
    use super::{SchemaName, Tenant, shared_app};
    use diesel::prelude::*;

    #[shared_app(migrations = "tests/fixtures/migrations/customers")]
    mod tables {
        diesel::table! {
            columns_of_all_names (key) {
                key -> Int4,
                schema -> Text,
                conn -> Text,
                after -> Text,
                limit -> Text,
                query -> Text,
                page -> Text,
            }
        }
    }
    #[expect(unused_imports, reason = "in scope is what matters")]
    use tables::columns_of_all_names::dsl::*;

    #[derive(Tenant, Queryable, Selectable)]
    #[diesel(table_name = tables::columns_of_all_names, primary_key(key))]
    pub(super) struct Model {
        key: i32,
        #[tenant(schema_name)]
        schema: SchemaName,
    }
}

#[test]
fn imported_columns_do_not_disturb_the_expansion() {
    fn model<T: TenantModel>() -> &'static str {
        T::SCHEMA_COLUMN
    }
    assert_eq!(model::<imported_columns::Model>(), "schema");
}

macro_rules! written_by_a_macro {
    ($module:ident, $table:ident, $path:path, $model:ident, $name:ty, $create:literal, $drop:expr, $migrations:literal) => {
        #[shared_app(migrations = $migrations)]
        mod $module {
            diesel::table! { $table (id) { id -> Int4, schema_name -> Text } }
        }

        #[derive(Tenant, Queryable, Selectable)]
        #[diesel(table_name = $path)]
        #[tenant(auto_create_schema = $create, auto_drop_schema = $drop)]
        struct $model {
            id: i32,
            schema_name: $name,
        }
    };
}

written_by_a_macro!(
    made,
    makings,
    made::makings,
    Made,
    SchemaName,
    false,
    true,
    "tests/fixtures/migrations/customers"
);

#[test]
fn a_macro_may_write_what_the_macros_read() {
    const { assert!(!Made::AUTO_CREATE_SCHEMA && Made::AUTO_DROP_SCHEMA) };
    let made = Made {
        id: 1,
        schema_name: SchemaName::new("a").unwrap(),
    };
    assert_eq!((made.key(), made.schema_name().as_str()), (1, "a"));
    assert_eq!(
        tenant_diesel::AppInfo::of::<made::App>().tables[0].to_string(),
        "public.makings"
    );
}

#[shared_app(
    migrations = "tests/fixtures/migrations/customers",
    schema = "tests/fixtures/schema_shop.rs",
    tables(firms)
)]
mod from_a_file {
    use super::*;

    #[derive(Tenant, Queryable, Selectable)]
    #[diesel(table_name = firms)]
    pub(super) struct Firm {
        id: i32,
        schema_name: SchemaName,
    }
}

#[test]
fn the_table_of_a_model_can_come_from_a_generated_file() {
    let row = from_a_file::Firm::by_key(&1).select(from_a_file::firms::id);
    assert!(crate::sql(&row).contains(r#"FROM "public"."firms" WHERE"#));
}
