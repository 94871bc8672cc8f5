//! The apps: tables, and the migrations that make them.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

/// Customers: in `public`, once.
#[shared_app(migrations = "migrations/customers")]
pub mod customers {
    use super::*;

    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text, on_trial -> Bool } }
    diesel::table! { domains (id) { id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool } }

    /// The tenant model: a customer, whose data is one schema.
    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = clients)]
    #[tenant(auto_create_schema = true, auto_drop_schema = false)]
    pub struct Client {
        pub id: i32,
        pub schema_name: SchemaName,
        pub name: String,
        pub on_trial: bool,
    }

    /// What a customer is inserted with.
    #[derive(Insertable)]
    #[diesel(table_name = clients)]
    pub struct NewClient {
        pub schema_name: SchemaName,
        pub name: String,
        pub on_trial: bool,
    }
}

/// To-do lists: in every customer's schema.
#[tenant_app(migrations = "migrations/todo")]
pub mod todo {
    diesel::table! { tasks (id) { id -> Int8, title -> Text, done -> Bool } }
}
