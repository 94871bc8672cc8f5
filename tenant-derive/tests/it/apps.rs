//! `#[shared_app]` and `#[tenant_app]` on modules of many shapes.

use diesel::prelude::*;
use diesel::query_builder::QueryId;
use tenant_diesel::{App, AppScope, EmbeddedApp, ScopedTable, Table, shared_app, tenant_app};

const fn table(schema: Option<&'static str>, name: &'static str) -> Table {
    Table { schema, name }
}

fn scope<T: ScopedTable>(_: T) -> (&'static str, AppScope, Table) {
    (T::App::NAME, T::SCOPE, T::TABLE)
}

#[shared_app(public_schema = "main", migrations = "tests/fixtures/migrations/customers")]
mod renamed {
    diesel::table! { main.plans (id) { id -> Int4 } }
    diesel::table! { prices (id) { id -> Int4, plan_id -> Int4 } }
    diesel::joinable!(prices -> plans (plan_id));
    diesel::allow_tables_to_appear_in_same_query!(prices, plans);
}

#[test]
fn the_shared_schema_can_have_another_name() {
    let query = renamed::prices::table
        .inner_join(renamed::plans::table)
        .select(renamed::plans::id);
    assert!(
        crate::sql(&query).contains(r#"FROM ("main"."prices" INNER JOIN "main"."plans" ON"#),
        "{}",
        crate::sql(&query)
    );
    assert_eq!(
        renamed::App::TABLES,
        [table(Some("main"), "plans"), table(Some("main"), "prices")]
    );
}

// Not even its arguments are read where the module is not built.
#[shared_app(migrations = "no such directory")]
#[cfg(any())]
mod never {}

#[shared_app(migrations = "tests/fixtures/migrations/todo")]
#[tenant_app]
pub(crate) mod notes {
    diesel::table! { shop.notes (id) { id -> Int4 } }
}

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
#[tenant_diesel::shared_app(migrations = "tests/fixtures/migrations/todo")]
pub(crate) mod tags {
    diesel::table! { tags (id) { id -> Int4 } }
}

#[test]
fn both_attributes_make_an_app_of_both_scopes_in_either_order() {
    assert_eq!(
        (notes::App::SCOPE, tags::App::SCOPE),
        (AppScope::Both, AppScope::Both)
    );
    assert_eq!(
        crate::sql(&notes::notes::table.select(notes::notes::id)),
        r#"SELECT "notes"."id" FROM "notes""#
    );
    assert_eq!(
        scope(notes::notes::table),
        ("notes", AppScope::Both, table(None, "notes"))
    );
    assert_eq!(
        scope(tags::tags::table),
        ("tags", AppScope::Both, table(None, "tags"))
    );
}

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
pub(crate) mod r#type {
    #![allow(dead_code, reason = "inner attributes are kept")]
    //! Inner words.
    use ::diesel::table;

    table! { plain (id) { id -> Int4 } }
    diesel::table!( shop.parenthesised (id) { id -> Int4 } );
    ::diesel::table![ bracketed { id -> Int4 } ];
    table! {
        use diesel::sql_types::*;
        /// Words.
        #[sql_name = "Odd name"]
        #[doc(alias = "strange")]
        odd (a, b) { a -> Int4, b -> Nullable<Text>, }
    }
    diesel::table! { r#match (id) { id -> Int4 } }

    use diesel::table as declared;
    declared! { renamed (id) { id -> Int4 } }

    pub(crate) mod deep {
        pub(crate) mod deeper {
            diesel::table! { shop.nested (id) { id -> Int4 } }
        }
    }

    #[cfg(any())]
    diesel::table! { gone (id) { id -> NoSuchType } }

    diesel::table! { #[cfg(any())] gone_too (id) { id -> NoSuchType } }

    #[cfg_attr(all(), cfg(any()))]
    mod gone_as_well {
        diesel::table! { gone_as_well (id) { id -> NoSuchType } }
    }

    #[cfg(test)]
    diesel::table! { here (id) { id -> Int4 } }

    macro_rules! keep {
        () => {
            pub(crate) const KEPT: &str = "kept";
        };
    }
    keep!();
}

#[test]
fn every_form_of_table_is_found_at_any_depth() {
    let names: Vec<&str> = r#type::App::TABLES.iter().map(|table| table.name).collect();
    assert_eq!(
        names,
        [
            "plain",
            "parenthesised",
            "bracketed",
            "Odd name",
            "match",
            "renamed",
            "nested",
            "here"
        ]
    );
    assert!(r#type::App::TABLES.iter().all(|table| table.schema.is_none()));
    assert_eq!(r#type::KEPT, "kept");
}

#[test]
fn the_app_has_the_name_of_its_module_without_the_raw_mark() {
    assert_eq!(r#type::App::NAME, "type");
}

#[test]
fn every_table_is_marked_with_its_app() {
    let app = |name| ("type", AppScope::Tenant, table(None, name));
    assert_eq!(scope(r#type::odd::table), app("Odd name"));
    assert_eq!(scope(r#type::r#match::table), app("match"));
    assert_eq!(scope(r#type::deep::deeper::nested::table), app("nested"));
    assert_eq!(scope(r#type::here::table), app("here"));
    let query = r#type::deep::deeper::nested::table.count();
    assert_eq!(crate::sql(&query), r#"SELECT COUNT(*) FROM "nested""#);
}

#[test]
fn migrations_are_embedded_and_their_versions_are_those_of_the_ledger() {
    let mut versions = notes::App::migration_versions();
    versions.sort();
    assert_eq!(versions, ["20240102000000", "20240103000000"]);
    assert_eq!(renamed::App::migration_versions(), ["20240101000000"]);
    fn migrations<A: EmbeddedApp>() -> diesel_migrations::EmbeddedMigrations {
        A::MIGRATIONS
    }
    let _ = migrations::<notes::App>();
}

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub(crate) mod only_migrations {}

#[test]
fn an_app_may_have_no_tables() {
    assert_eq!(only_migrations::App::TABLES, []);
}

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub(crate) mod outer {
    diesel::table! { outside (id) { id -> Int4 } }

    #[tenant_diesel::tenant_app(migrations = "tests/fixtures/migrations/todo")]
    pub(crate) mod inner {
        diesel::table! { inside (id) { id -> Int4 } }
    }
}

#[test]
fn an_app_inside_an_app_is_an_app_of_its_own() {
    assert_eq!(outer::App::TABLES, [table(Some("public"), "outside")]);
    assert_eq!(outer::inner::App::TABLES, [table(None, "inside")]);
    assert_eq!(scope(outer::inner::inside::table).1, AppScope::Tenant);
}

#[test]
fn qualifiers_are_static_so_that_statements_are_cached_by_type() {
    fn static_id<Q: QueryId>(_: &Q) -> bool {
        Q::HAS_STATIC_QUERY_ID
    }
    assert!(static_id(&renamed::plans::table.select(renamed::plans::id)));
}
