//! Other tenant models on the table `clients`.

use crate::apps::customers::clients;
use diesel::prelude::*;
use tenant_diesel::prelude::*;

/// A client whose row comes first and whose schema comes later.
#[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone, PartialEq, Eq)]
#[diesel(table_name = clients)]
#[tenant(auto_create_schema = false)]
pub struct RowFirst {
    /// The key.
    pub id: i32,
    /// The schema.
    pub schema_name: SchemaName,
    /// What people call it.
    pub name: String,
}

/// A client whose schema goes with its row, and whose fields are not called as their columns are.
#[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone, PartialEq, Eq)]
#[diesel(table_name = clients)]
#[tenant(auto_drop_schema = true)]
pub struct Fleeting {
    /// The key.
    pub id: i32,
    /// The schema.
    #[diesel(column_name = schema_name)]
    #[tenant(schema_name)]
    pub home: SchemaName,
    /// What people call it.
    #[diesel(column_name = name)]
    pub title: String,
}

impl crate::Fixture<RowFirst> {
    /// Customers and to-do lists, migrated, where rows come first.
    pub fn row_first() -> Self {
        crate::fixture::migrated(4)
    }
}

impl crate::Fixture<Fleeting> {
    /// Customers and to-do lists, migrated, where schemas go with their rows.
    pub fn fleeting() -> Self {
        crate::fixture::migrated(2)
    }
}
