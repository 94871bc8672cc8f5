//! [`Order`]: which tenants come first.

use super::survey::Behind;
use crate::model::TenantModel;
use crate::{Error, SchemaKind, Tenancy, sql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::HashMap;
use tenant_core::{SchemaName, ScopedTable};

/// Tenants, sorted.
type Sort<'t, T> = Box<dyn Fn(Vec<T>) -> Vec<SchemaName> + 't>;

/// Which tenants come first. What the configuration names comes before all of them.
pub(crate) enum Order<'t, T> {
    Name,
    Column { column: &'static str, descending: bool },
    Key(Sort<'t, T>),
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl<'t, T: TenantModel> Order<'t, T> {
    pub(crate) fn by_key<K: Ord>(key: impl Fn(&T) -> K + 't) -> Self {
        Self::Key(Box::new(move |mut tenants| {
            tenants.sort_by_key(&key);
            tenants
                .iter()
                .map(|tenant| tenant.schema_name().clone())
                .collect()
        }))
    }

    pub(crate) fn sort(&self, tenancy: &Tenancy<T>, behind: &mut [Behind]) -> Result<(), Error> {
        let names = match self {
            Self::Name => Vec::new(),
            _ if behind.len() < 2 => Vec::new(),
            Self::Column { column, descending } => Self::names(tenancy, column, *descending)?,
            Self::Key(sort) => {
                let tenants: Vec<T> = tenancy.tenants().collect::<Result<_, _>>()?;
                let names = sort(tenants).into_iter().map(|name| name.to_string());
                names.collect()
            }
        };
        let ranks: HashMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(i, name)| (name.as_str(), i))
            .collect();
        behind.sort_by_cached_key(|behind| {
            let is_tenant = behind.kind == SchemaKind::Tenant;
            let rank = ranks.get(behind.schema.as_str()).copied();
            (is_tenant, rank.unwrap_or(usize::MAX), behind.schema.clone())
        });
        Ok(())
    }

    fn names(tenancy: &Tenancy<T>, column: &str, descending: bool) -> Result<Vec<String>, Error> {
        let table = sql::table(<T::Table as ScopedTable>::TABLE, tenancy.public_schema());
        let (schema, column) = (sql::identifier(T::SCHEMA_COLUMN), sql::identifier(column));
        let direction = if descending { "DESC" } else { "ASC" };
        let query = format!(
            "SELECT t.{schema}::text AS name FROM {table} AS t \
             ORDER BY t.{column} {direction}, t.{schema}::text COLLATE \"C\""
        );
        let rows = tenancy.pool().ask_catalog("put tenants in order", |pg| {
            diesel::sql_query(query.as_str()).load::<Name>(pg)
        })?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }
}
