//! The application: customers in the shared schema, and a shop of twenty tables in each tenant's. Where it is about migrations, the
//! shop is another one, of ten tables over nine migrations, or of fifty.

use tenant_diesel::prelude::*;

/// How many tables a tenant has.
pub(crate) const TABLES: usize = 20;

/// Every table of the shop has rows with the keys 1 to this.
pub(crate) const KEYS: i64 = 10;

/// The migrations that make a shop, for whoever makes a thousand at once.
pub(crate) const UP: [&str; 2] = [
    include_str!("../migrations/shop/2026-01-01-000000_shop/up.sql"),
    include_str!("../migrations/shop/2026-02-01-000000_rating/up.sql"),
];

/// Where Diesel notes which migrations a schema has.
pub(crate) const LEDGER: &str = "__diesel_schema_migrations";

/// Customers.
#[shared_app(migrations = "migrations/customers")]
pub(crate) mod customers {
    use diesel::prelude::*;
    use tenant_diesel::prelude::*;

    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text } }
    diesel::table! { domains (id) { id -> Int4, domain -> Text, tenant_id -> Int4, is_primary -> Bool } }
    diesel::joinable!(domains -> clients (tenant_id));
    diesel::allow_tables_to_appear_in_same_query!(clients, domains);

    /// A tenant.
    #[derive(Tenant, Queryable, Selectable, Identifiable, Insertable, Debug, Clone)]
    #[diesel(table_name = clients)]
    pub(crate) struct Client {
        pub(crate) id: i32,
        pub(crate) schema_name: SchemaName,
        pub(crate) name: String,
    }

    /// Where a tenant is found. Only the case of the web has any: see [`crate::web`].
    #[derive(Domain, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = domains)]
    #[domain(tenant = Client)]
    pub(crate) struct ClientDomain {
        pub(crate) id: i32,
        pub(crate) domain: DomainName,
        pub(crate) tenant_id: i32,
        pub(crate) is_primary: bool,
    }
}

/// A shop.
#[tenant_app(migrations = "migrations/shop")]
pub(crate) mod shop {
    diesel::table! { categories (id) { id -> Int8, name -> Text } }
    diesel::table! { suppliers (id) { id -> Int8, name -> Text, category_id -> Int8 } }
    diesel::table! { customers (id) { id -> Int8, name -> Text, category_id -> Int8 } }
    diesel::table! { products (id) { id -> Int8, title -> Text, supplier_id -> Int8 } }
    diesel::table! { orders (id) { id -> Int8, number -> Text, customer_id -> Int8 } }
    diesel::table! { order_lines (id) { id -> Int8, remark -> Text, order_id -> Int8, product_id -> Int8 } }
    diesel::table! { invoices (id) { id -> Int8, number -> Text, order_id -> Int8 } }
    diesel::table! { payments (id) { id -> Int8, method -> Text, invoice_id -> Int8 } }
    diesel::table! { addresses (id) { id -> Int8, street -> Text, customer_id -> Int8 } }
    diesel::table! { shipments (id) { id -> Int8, carrier -> Text, order_id -> Int8 } }
    diesel::table! { warehouses (id) { id -> Int8, city -> Text, supplier_id -> Int8 } }
    diesel::table! { stocks (id) { id -> Int8, shelf -> Text, warehouse_id -> Int8 } }
    diesel::table! { prices (id) { id -> Int8, currency -> Text, product_id -> Int8 } }
    diesel::table! { discounts (id) { id -> Int8, reason -> Text, product_id -> Int8 } }
    diesel::table! { carts (id) { id -> Int8, token -> Text, customer_id -> Int8 } }
    diesel::table! { cart_items (id) { id -> Int8, remark -> Text, cart_id -> Int8 } }
    diesel::table! { reviews (id) { id -> Int8, body -> Text, product_id -> Int8, rating -> Int4 } }
    diesel::table! { tickets (id) { id -> Int8, subject -> Text, customer_id -> Int8 } }
    diesel::table! { returns (id) { id -> Int8, reason -> Text, order_id -> Int8 } }
    diesel::table! { events (id) { id -> Int8, body -> Text, customer_id -> Int8 } }

    diesel::joinable!(orders -> customers (customer_id));
    diesel::joinable!(order_lines -> orders (order_id));
    diesel::joinable!(order_lines -> products (product_id));
    diesel::allow_tables_to_appear_in_same_query!(customers, orders, order_lines, products);
}

/// A shop of ten tables over nine migrations, the last of which adds a column and an index: that of the tests.
#[tenant_app(migrations = "../tests/fixtures/workload")]
pub(crate) mod workload {}

/// Five copies of that, in as many migrations.
#[tenant_app(migrations = "migrations/fifty")]
pub(crate) mod fifty {}
