use diesel::prelude::*;
use tenant_diesel::{SchemaName, Tenant, TenantModel};
diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text, on_trial -> Bool } }
diesel::table! { pairs (a, b) { a -> Int4, b -> Text, #[sql_name="s"] r#type -> Text } }
pub struct App;
impl tenant_diesel::App for App { const NAME: &'static str=""; const SCOPE: tenant_diesel::AppScope = tenant_diesel::AppScope::Shared; const TABLES: &'static [tenant_diesel::Table] = &[]; fn migration_versions() -> Vec<String> {vec![]} }
impl tenant_diesel::ScopedTable for clients::table { type App = App; const TABLE: tenant_diesel::Table = tenant_diesel::Table{schema:None,name:""}; }
impl tenant_diesel::ScopedTable for pairs::table { type App = App; const TABLE: tenant_diesel::Table = tenant_diesel::Table{schema:None,name:""}; }
    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = clients)]
    #[tenant(auto_create_schema = true, auto_drop_schema = false)]
    pub struct Client { pub id: i32, pub schema_name: SchemaName, pub name: String, pub on_trial: bool }
#[derive(Tenant, Queryable, Selectable)]
#[diesel(primary_key(b, a))]
struct Pair<'a> { a: i32, b: std::borrow::Cow<'a, str>, #[diesel(column_name = "type")] #[tenant(schema_name)] t: SchemaName }
#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct Gen<I, N> where N: Clone { id: I, schema_name: SchemaName, name: N }

#[test] fn x() {
  let q = Pair::by_key(&("x".into(), 2));
  println!("{}", diesel::debug_query::<diesel::pg::Pg,_>(&q));
  fn m<T: TenantModel>(){ println!("{}", T::SCHEMA_COLUMN)}
  m::<Pair<'static>>(); m::<Gen<i32, String>>(); m::<Client>();
  let q = Gen::<i32, String>::by_key(&3);
  println!("{}", diesel::debug_query::<diesel::pg::Pg,_>(&q));
}
