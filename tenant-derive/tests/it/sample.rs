//! The program of the design.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub(crate) mod customers {
    use super::*;
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text, on_trial -> Bool } }
    diesel::table! { domains (id) { id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool } }

    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = clients)]
    #[tenant(auto_create_schema = true, auto_drop_schema = false)]
    pub struct Client {
        pub id: i32,
        pub schema_name: SchemaName,
        pub name: String,
        pub on_trial: bool,
    }

    #[derive(Insertable, Debug)]
    #[diesel(table_name = clients)]
    pub struct NewClient {
        pub schema_name: SchemaName,
        pub name: String,
        pub on_trial: bool,
    }
}

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
pub(crate) mod todo {
    diesel::table! { tasks (id) { id -> Int8, title -> Text, done -> Bool } }
}

// What an application adds for queries that join tables of two apps.
use customers::{clients, domains};
use todo::tasks;
diesel::allow_tables_to_appear_in_same_query!(clients, domains, tasks);

fn acme() -> customers::Client {
    customers::Client {
        id: 7,
        schema_name: SchemaName::new("acme").expect("a plain name"),
        name: "Acme".to_owned(),
        on_trial: true,
    }
}

#[test]
fn shared_tables_are_qualified_and_tenant_tables_are_not() {
    let shared = clients::table
        .inner_join(domains::table.on(domains::tenant_id.eq(clients::id)))
        .select(clients::id);
    assert!(crate::sql(&shared).contains(r#""public"."clients" INNER JOIN "public"."domains""#));
    let tenant = tasks::table.select(tasks::title);
    assert_eq!(crate::sql(&tenant), r#"SELECT "tasks"."title" FROM "tasks""#);
}

#[test]
fn a_model_gives_its_key_its_schema_and_its_row() {
    let acme = acme();
    assert_eq!(acme.key(), 7);
    assert_eq!(acme.schema_name().as_str(), "acme");
    assert_eq!(customers::Client::SCHEMA_COLUMN, "schema_name");
    let row = customers::Client::by_key(&7).select(clients::name);
    assert_eq!(
        crate::sql(&row),
        r#"SELECT "public"."clients"."name" FROM "public"."clients" WHERE ("public"."clients"."id" = $1)"#
    );
}

#[test]
fn new_rows_and_changes_are_taken_as_diesel_takes_them() {
    fn new<N: tenant_diesel::NewTenant<customers::Client>>(_: &N) {}
    fn change<C: tenant_diesel::TenantChanges<customers::Client>>(_: &C) {}
    let client = acme();
    new(&customers::NewClient {
        schema_name: client.schema_name.clone(),
        name: client.name.clone(),
        on_trial: client.on_trial,
    });
    new(&(
        clients::schema_name.eq("acme"),
        clients::name.eq("Acme"),
        clients::on_trial.eq(true),
    ));
    change(&clients::name.eq("Acme Ltd"));
}

#[test]
fn the_registry_finds_nothing_wrong_with_it() {
    use tenant_diesel::{Registry, ScopedTable};
    let registry = Registry::new(SchemaName::new("public").unwrap(), clients::table::TABLE)
        .app::<customers::App>()
        .app::<todo::App>();
    assert_eq!(registry.check(), []);
}
