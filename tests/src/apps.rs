//! The application of the tests: customers in the shared schema, to-do lists in the tenants'.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

/// Customers and what they pay for, once.
#[shared_app(migrations = "fixtures/customers")]
pub mod customers {
    use super::*;

    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text, on_trial -> Bool } }
    diesel::table! { plans (id) { id -> Int4, title -> Text } }

    /// A tenant.
    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone, PartialEq, Eq)]
    #[diesel(table_name = clients)]
    pub struct Client {
        /// The primary key.
        pub id: i32,
        /// The tenant's schema.
        pub schema_name: SchemaName,
        /// The same name, as a plain text.
        pub name: String,
        /// Something to change.
        pub on_trial: bool,
    }

    /// A tenant to be.
    #[derive(Insertable, Debug, Clone)]
    #[diesel(table_name = clients)]
    pub struct NewClient {
        /// The tenant's schema.
        pub schema_name: SchemaName,
        /// The same name, as a plain text.
        pub name: String,
        /// Something to change.
        pub on_trial: bool,
    }
}

/// To-do lists, in each tenant's schema.
#[tenant_app(migrations = "fixtures/todo")]
pub mod todo {
    use super::customers::plans;

    diesel::table! { tasks (id) { id -> Int8, title -> Text, owner -> Text, plan_id -> Nullable<Int4> } }
    diesel::table! { labels (id) { id -> Int8, task_id -> Int8, text -> Text } }
    diesel::joinable!(labels -> tasks (task_id));
    diesel::joinable!(tasks -> plans (plan_id));
    diesel::allow_tables_to_appear_in_same_query!(tasks, labels, plans);
}
