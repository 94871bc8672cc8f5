//! The apps: tables, and the migrations that make them. This file alone says in which schemas a table is.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

/// Customers, their domains and the plans that they are on: in `public`, once. All sites read it.
#[shared_app(migrations = "migrations/customers")]
pub(crate) mod customers {
    use super::*;

    diesel::table! { plans (id) { id -> Int4, name -> Text, price -> Text, max_tasks -> Int4 } }
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text, plan_id -> Int4 } }
    diesel::table! {
        domains (id) {
            id -> Int4,
            domain -> Text,
            tenant_id -> Int4,
            is_primary -> Bool,
            redirect_to_primary -> Bool,
        }
    }

    diesel::joinable!(clients -> plans (plan_id));
    diesel::joinable!(domains -> clients (tenant_id));
    diesel::allow_tables_to_appear_in_same_query!(plans, clients, domains);

    /// What a customer pays, and gets.
    #[derive(Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = plans)]
    pub(crate) struct Plan {
        pub(crate) id: i32,
        pub(crate) name: String,
        pub(crate) price: String,
        pub(crate) max_tasks: i32,
    }

    /// The tenant model: a customer, whose data is one schema.
    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = clients)]
    pub(crate) struct Client {
        pub(crate) id: i32,
        pub(crate) schema_name: SchemaName,
        pub(crate) name: String,
        pub(crate) plan_id: i32,
    }

    /// What a customer is inserted with.
    #[derive(Insertable, Debug)]
    #[diesel(table_name = clients)]
    pub(crate) struct NewClient {
        pub(crate) schema_name: SchemaName,
        pub(crate) name: String,
        pub(crate) plan_id: i32,
    }

    /// Where a customer is found. One is primary, and the others redirect to it.
    #[derive(Domain, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = domains)]
    #[domain(tenant = Client)]
    pub(crate) struct ClientDomain {
        pub(crate) id: i32,
        pub(crate) domain: DomainName,
        pub(crate) tenant_id: i32,
        pub(crate) is_primary: bool,
        pub(crate) redirect_to_primary: bool,
    }

    /// What a domain is inserted with.
    #[derive(Insertable, Debug)]
    #[diesel(table_name = domains)]
    pub(crate) struct NewDomain {
        pub(crate) domain: DomainName,
        pub(crate) tenant_id: i32,
        pub(crate) is_primary: bool,
        pub(crate) redirect_to_primary: bool,
    }
}

/// Who may use a customer's list: in every customer's schema, so that a login at one means nothing at another.
#[tenant_app(migrations = "migrations/accounts")]
pub(crate) mod accounts {
    diesel::table! { users (id) { id -> Int8, name -> Text, password_hash -> Text } }
    diesel::table! {
        sessions (token_hash) { token_hash -> Bytea, user_id -> Int8, expires_at -> Timestamptz }
    }

    diesel::joinable!(sessions -> users (user_id));
    diesel::allow_tables_to_appear_in_same_query!(users, sessions);
}

/// To-do lists: in every customer's schema.
#[tenant_app(migrations = "migrations/tasks")]
pub(crate) mod todo {
    diesel::table! { tasks (id) { id -> Int8, title -> Text, done -> Bool, added_by -> Int8 } }
}

// Two apps of one schema can be joined like two tables of one app.
use self::todo::tasks;
use accounts::users;
diesel::joinable!(tasks -> users (added_by));
diesel::allow_tables_to_appear_in_same_query!(tasks, users);

/// What the blog has instead: in its schema only, for no one else names this app.
#[tenant_app(migrations = "migrations/blog")]
pub(crate) mod blog {
    diesel::table! { posts (slug) { slug -> Text, published -> Date, title -> Text, body -> Text } }
}
