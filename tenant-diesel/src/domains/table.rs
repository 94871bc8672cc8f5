//! [`TenantTable`] and [`DomainTable`]: the names of tables and columns as SQL.

use super::DomainModel;
use crate::{TenantModel, sql};
use tenant_core::{SchemaName, ScopedTable};

/// The table of tenants.
#[derive(Clone, Debug)]
pub(crate) struct TenantTable {
    /// As in `FROM`. Diesel names it so too, so it can have no other name.
    pub(crate) name: String,
    /// The column with the name of the schema, as text.
    pub(crate) schema: String,
    /// Its name in the database.
    pub(crate) schema_column: &'static str,
    keys: Vec<String>,
}

impl TenantTable {
    pub(crate) fn of<T: TenantModel>(public: &SchemaName) -> Self {
        let name = sql::table(<T::Table as ScopedTable>::TABLE, public);
        let column = |column: &str| format!("{name}.{}", sql::identifier(column));
        Self {
            schema: format!("{}::text", column(T::SCHEMA_COLUMN)),
            schema_column: T::SCHEMA_COLUMN,
            keys: T::KEY_COLUMNS.iter().copied().map(column).collect(),
            name,
        }
    }

    /// A column of it, as text.
    pub(crate) fn text(&self, column: &str) -> String {
        format!("{}.{}::text", self.name, sql::identifier(column))
    }
}

/// The table of domains.
#[derive(Clone, Debug)]
pub(crate) struct DomainTable {
    /// As in `FROM`.
    pub(crate) name: String,
    /// The name of the column in the database.
    pub(crate) domain_column: &'static str,
    domain: String,
    folder: Option<String>,
    keys: Vec<String>,
    primary: String,
    redirect: Option<String>,
}

impl DomainTable {
    pub(crate) fn of<D: DomainModel>(public: &SchemaName) -> Self {
        let columns = D::COLUMNS;
        Self {
            name: sql::table(<D::Table as ScopedTable>::TABLE, public),
            domain_column: columns.domain,
            domain: sql::identifier(columns.domain),
            folder: columns.folder.map(sql::identifier),
            keys: columns
                .tenant_key
                .iter()
                .map(|key| sql::identifier(key))
                .collect(),
            primary: sql::identifier(columns.primary),
            redirect: columns.redirect_to_primary.map(sql::identifier),
        }
    }

    pub(crate) fn has_folders(&self) -> bool {
        self.folder.is_some()
    }

    /// The domain of a row as text; `of` is what the table is called in the query.
    pub(crate) fn domain(&self, of: &str) -> String {
        format!("{of}.{}::text", self.domain)
    }

    /// The folder of a row as text, empty where there is none.
    pub(crate) fn folder(&self, of: &str) -> String {
        match &self.folder {
            Some(folder) => format!("{of}.{folder}::text"),
            None => "''::text".to_owned(),
        }
    }

    pub(crate) fn primary(&self, of: &str) -> String {
        format!("{of}.{}", self.primary)
    }

    /// Whether a row redirects.
    pub(crate) fn redirects(&self, of: &str) -> String {
        match &self.redirect {
            Some(redirect) => format!("{of}.{redirect}"),
            None => "false".to_owned(),
        }
    }

    pub(super) fn has_redirects(&self) -> bool {
        self.redirect.is_some()
    }

    /// That a row belongs to a tenant of the query.
    pub(crate) fn belongs(&self, of: &str, tenants: &TenantTable) -> String {
        let pairs = self.keys.iter().zip(&tenants.keys);
        let equal: Vec<String> = pairs.map(|(own, key)| format!("{of}.{own} = {key}")).collect();
        equal.join(" AND ")
    }

    /// That two rows belong to the same tenant.
    pub(crate) fn same_tenant(&self, one: &str, other: &str) -> String {
        let equal: Vec<String> = self
            .keys
            .iter()
            .map(|key| format!("{one}.{key} = {other}.{key}"))
            .collect();
        equal.join(" AND ")
    }

    /// The columns with the tenant's key.
    pub(crate) fn keys(&self, of: &str) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| format!("{of}.{key}")).collect();
        keys.join(", ")
    }

    /// What is set to make a row primary, or not.
    pub(super) fn set_primary(&self, is: bool) -> String {
        match &self.redirect {
            // A primary one never redirects.
            Some(redirect) if is => format!("{} = true, {redirect} = false", self.primary),
            _ => format!("{} = {is}", self.primary),
        }
    }

    /// What is set to make a row redirect, or not; a primary one never does.
    pub(super) fn set_redirect(&self, is: bool) -> String {
        match &self.redirect {
            Some(redirect) => format!("{redirect} = {is} AND NOT {}", self.primary),
            None => String::new(),
        }
    }
}
