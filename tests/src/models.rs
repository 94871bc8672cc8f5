//! Other tenant models on the table `clients`.

use crate::apps::customers::clients;
use diesel::prelude::*;
use tenant_diesel::{PublicConnection, SchemaName, Tenant, TenantModel};

macro_rules! client_model {
    ($(#[$doc:meta])* $name:ident, create: $create:literal, drop: $drop:literal) => {
        $(#[$doc])*
        #[derive(Queryable, Selectable, Identifiable, Debug, Clone, PartialEq, Eq)]
        #[diesel(table_name = clients)]
        pub struct $name {
            /// The key.
            pub id: i32,
            /// The schema.
            pub schema_name: SchemaName,
            /// What people call it.
            pub name: String,
        }

        impl Tenant for $name {
            const AUTO_CREATE_SCHEMA: bool = $create;
            const AUTO_DROP_SCHEMA: bool = $drop;

            fn schema_name(&self) -> &SchemaName {
                &self.schema_name
            }
        }

        impl TenantModel for $name {
            type Table = clients::table;
            type Key = i32;
            type ByKey = diesel::dsl::Find<clients::table, i32>;

            const SCHEMA_COLUMN: &'static str = "schema_name";

            fn key(&self) -> i32 {
                self.id
            }

            fn by_key(key: &i32) -> Self::ByKey {
                clients::table.find(*key)
            }

            fn find(conn: &mut PublicConnection, key: &i32) -> QueryResult<Option<Self>> {
                clients::table.find(*key).select(Self::as_select()).first(conn).optional()
            }

            fn find_by_schema(conn: &mut PublicConnection, schema: &SchemaName) -> QueryResult<Option<Self>> {
                let row = clients::table.filter(clients::schema_name.eq(schema));
                row.select(Self::as_select()).first(conn).optional()
            }

            fn page(
                conn: &mut PublicConnection,
                after: Option<&SchemaName>,
                limit: i64,
            ) -> QueryResult<Vec<Self>> {
                let mut page = clients::table.order(clients::schema_name).limit(limit).into_boxed();
                if let Some(after) = after {
                    page = page.filter(clients::schema_name.gt(after));
                }
                page.select(Self::as_select()).load(conn)
            }

            fn delete_row(conn: &mut PublicConnection, key: &i32) -> QueryResult<Option<Self>> {
                let row = diesel::delete(clients::table.find(*key));
                row.returning(Self::as_returning()).get_result(conn).optional()
            }
        }
    };
}

client_model!(
    /// A client whose row comes first and whose schema comes later.
    RowFirst, create: false, drop: false
);
client_model!(
    /// A client whose schema goes with its row.
    Fleeting, create: true, drop: true
);

impl crate::Fixture<RowFirst> {
    /// Customers and to-do lists, migrated, where rows come first.
    pub fn row_first() -> Self {
        use crate::apps::{customers, todo};
        let fixture = Self::of(
            4,
            tenant_diesel::Tenancy::builder()
                .app::<customers::App>()
                .app::<todo::App>(),
        );
        fixture.tenancy.migrate().unwrap();
        fixture
    }
}
