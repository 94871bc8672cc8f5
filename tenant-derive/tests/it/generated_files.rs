//! `schema = "..", tables(..)`: tables from files that `diesel print-schema` generates.

use diesel::prelude::*;
use diesel::sql_types::SqlType;
use tenant_diesel::{App, ScopedTable, Table, shared_app, tenant_app};

#[tenant_app(
    migrations = "tests/fixtures/migrations/todo",
    schema = "tests/fixtures/schema.rs",
    tables(tasks, labels)
)]
pub(crate) mod todo {}

#[test]
fn tables_come_with_their_joins_and_their_types() {
    let query = todo::labels::table
        .inner_join(todo::tasks::table)
        .select((todo::tasks::type_, todo::labels::name));
    assert_eq!(
        crate::sql(&query),
        r#"SELECT "tasks"."type", "labels"."name" FROM ("labels" INNER JOIN "tasks" ON ("labels"."task_id" = "tasks"."id"))"#
    );
    fn of<T: SqlType>() {}
    of::<todo::sql_types::Mood>();
    assert_eq!(todo::App::TABLES.len(), 2);
    assert_eq!(
        <todo::labels::table as ScopedTable>::TABLE,
        Table {
            schema: None,
            name: "labels"
        }
    );
}

#[shared_app(
    migrations = "tests/fixtures/migrations/customers",
    schema = "tests/fixtures/schema.rs",
    tables(themes)
)]
pub(crate) mod themes {
    pub(crate) use self::themes as listed;
}

#[test]
fn an_app_that_shares_its_file_with_another_takes_its_own_tables() {
    let query = themes::listed::table.select(themes::themes::id);
    assert_eq!(
        crate::sql(&query),
        r#"SELECT "public"."themes"."id" FROM "public"."themes""#
    );
    fn of<T: SqlType>() {}
    of::<themes::sql_types::Colour>();
}

#[tenant_app(
    migrations = "tests/fixtures/migrations/todo",
    schema = "tests/fixtures/schema_shop.rs",
    tables(customers, shop::orders, lines)
)]
pub(crate) mod shop {}

#[test]
fn the_qualifier_of_a_generated_file_is_stripped_for_tenants() {
    let query = shop::lines::table
        .inner_join(shop::orders::table.inner_join(shop::customers::table))
        .select(shop::customers::name);
    let sql = crate::sql(&query);
    assert!(
        sql.contains(r#""Odd lines" INNER JOIN"#) && !sql.contains("shop"),
        "{sql}"
    );
    assert_eq!(
        <shop::lines::table as ScopedTable>::TABLE,
        Table {
            schema: None,
            name: "Odd lines"
        }
    );
}

#[shared_app(
    migrations = "tests/fixtures/migrations/customers",
    public_schema = "main",
    schema = "tests/fixtures/schema_shop.rs",
    tables(archive::orders)
)]
pub(crate) mod archive {}

#[test]
fn the_qualifier_of_a_generated_file_is_replaced_for_shared_tables() {
    assert_eq!(
        crate::sql(&archive::orders::table.count()),
        r#"SELECT COUNT(*) FROM "main"."orders""#
    );
}

#[tenant_app(
    migrations = "tests/fixtures/migrations/todo",
    schema = "tests/fixtures/schema.rs",
    tables(task_labels, labels)
)]
pub(crate) mod mixed {
    use super::todo::sql_types;

    diesel::table! {
        use diesel::sql_types::*;
        use super::sql_types::Mood;
        tasks (id) { id -> Int8, mood -> Nullable<Mood> }
    }
    diesel::joinable!(labels -> tasks (task_id));
    diesel::allow_tables_to_appear_in_same_query!(tasks, labels);
}

#[test]
fn joins_reach_tables_that_stand_in_the_module() {
    let query = mixed::task_labels::table
        .inner_join(mixed::tasks::table)
        .inner_join(mixed::labels::table)
        .select((mixed::tasks::id, mixed::labels::id, mixed::task_labels::task_id));
    assert!(crate::sql(&query).contains(r#"INNER JOIN "tasks" ON"#));
}
