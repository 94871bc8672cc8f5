//! The apps.
use diesel::prelude::*;
use tenant_diesel::*;
use tenant_diesel::__private::*;

pub mod customers {
    use super::*;
    diesel::table! { public.clients (id) { id -> Int4, schema_name -> Text, name -> Text, on_trial -> Bool } }
    diesel::table! { public.plans (id) { id -> Int4, title -> Text } }
    #[derive(Queryable, Selectable, Identifiable, Debug, Clone, PartialEq, Eq)]
    #[diesel(table_name = clients)]
    pub struct Client { pub id: i32, pub schema_name: SchemaName, pub name: String, pub on_trial: bool }
    impl Tenant for Client { fn schema_name(&self) -> &SchemaName { &self.schema_name } }
    impl TenantModel for Client {
        type Table = clients::table; type Key = i32; type ByKey = diesel::dsl::Find<clients::table, i32>;
        const SCHEMA_COLUMN: &'static str = "schema_name";
        fn key(&self) -> i32 { self.id }
        fn by_key(k: &i32) -> Self::ByKey { clients::table.find(*k) }
        fn find(c: &mut PublicConnection, k: &i32) -> QueryResult<Option<Self>> { clients::table.find(*k).select(Self::as_select()).first(c).optional() }
        fn find_by_schema(c: &mut PublicConnection, k: &SchemaName) -> QueryResult<Option<Self>> { clients::table.filter(clients::schema_name.eq(k)).select(Self::as_select()).first(c).optional() }
        fn page(c: &mut PublicConnection, after: Option<&SchemaName>, limit: i64) -> QueryResult<Vec<Self>> {
            match after { None => clients::table.order(clients::schema_name).limit(limit).select(Self::as_select()).load(c),
            Some(a) => clients::table.filter(clients::schema_name.gt(a)).order(clients::schema_name).limit(limit).select(Self::as_select()).load(c) } }
        fn delete(c: &mut PublicConnection, k: &i32) -> QueryResult<Option<Self>> { diesel::delete(clients::table.find(*k)).returning(Self::as_returning()).get_result(c).optional() }
    }
    #[derive(Insertable, Debug, Clone)]
    #[diesel(table_name = clients)]
    pub struct NewClient { pub schema_name: SchemaName, pub name: String, pub on_trial: bool }
    pub struct App;
    impl tenant_diesel::App for App { const NAME: &'static str = "customers"; const SCOPE: AppScope = AppScope::Shared;
        const TABLES: &'static [tenant_diesel::Table] = &[tenant_diesel::Table { schema: Some("public"), name: "clients" }];
        fn migration_versions() -> Vec<String> { versions::<Self>() } }
    impl EmbeddedApp for App { const MIGRATIONS: diesel_migrations::EmbeddedMigrations = diesel_migrations::embed_migrations!("fixtures/customers"); }
    impl ScopedTable for clients::table { type App = App; const TABLE: tenant_diesel::Table = tenant_diesel::Table { schema: Some("public"), name: "clients" }; }
}
pub mod todo {
    use super::*;
    diesel::table! { tasks (id) { id -> Int8, title -> Text, owner -> Text, plan_id -> Nullable<Int4> } }
    diesel::table! { labels (id) { id -> Int8, task_id -> Int8, text -> Text } }
    diesel::joinable!(labels -> tasks (task_id));
    use super::customers::plans;
    diesel::joinable!(tasks -> plans (plan_id));
    diesel::allow_tables_to_appear_in_same_query!(tasks, labels, plans);
    pub struct App;
    impl tenant_diesel::App for App { const NAME: &'static str = "todo"; const SCOPE: AppScope = AppScope::Tenant;
        const TABLES: &'static [tenant_diesel::Table] = &[tenant_diesel::Table { schema: None, name: "tasks" }];
        fn migration_versions() -> Vec<String> { versions::<Self>() } }
    impl EmbeddedApp for App { const MIGRATIONS: diesel_migrations::EmbeddedMigrations = diesel_migrations::embed_migrations!("fixtures/todo"); }
}
