//! The domains of a tenant, read.

use super::{DomainModel, DomainTable, TenantTable};
use crate::rows::Rows;
use crate::{Error, PublicConnection, Tenancy, TenantModel};
use diesel::prelude::*;
use tenant_core::{Address, SchemaName};

/// Nothing is read beside the rows.
const NO_FACTS: &str = "ARRAY[]::text[]";

impl<T: TenantModel> Tenancy<T> {
    /// The domains of a tenant, the primary one first, then in the order of their names.
    ///
    /// # Errors
    ///
    /// [`Error::PublicNotMigrated`], [`Error::PoolTimeout`], the failure of the query.
    pub fn domains_of<D: DomainModel<Tenant = T>>(&self, tenant: &T) -> Result<Vec<D>, Error> {
        let tables = Tables::of::<D>(self.public_schema());
        self.on_model("list the domains of a tenant", |conn| {
            tables.read(conn, tenant.schema_name(), "")
        })
    }

    /// The primary domain of a tenant. `None` where it has no domains.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::domains_of`].
    pub fn primary_domain<D: DomainModel<Tenant = T>>(&self, tenant: &T) -> Result<Option<D>, Error> {
        let tables = Tables::of::<D>(self.public_schema());
        let is_primary = format!(" AND {}", tables.domains.primary(&tables.domains.name));
        let found = self.on_model("find the primary domain of a tenant", |conn| {
            tables.read(conn, tenant.schema_name(), &is_primary)
        })?;
        Ok(found.into_iter().next())
    }
}

/// Both tables of a query.
pub(super) struct Tables {
    pub(super) tenants: TenantTable,
    pub(super) domains: DomainTable,
}

impl Tables {
    pub(super) fn of<D: DomainModel>(public: &SchemaName) -> Self {
        Self {
            tenants: TenantTable::of::<D::Tenant>(public),
            domains: DomainTable::of::<D>(public),
        }
    }

    /// The domains of a tenant that meet a condition, the primary one first.
    fn read<D: DomainModel>(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        condition: &str,
    ) -> QueryResult<Vec<D>> {
        let rows = self
            .rows(schema)
            .sql(format!("{condition} {}", self.order(&self.domains.name)));
        Ok(without_facts(D::read(conn, rows)?))
    }

    /// One domain of a tenant.
    pub(super) fn find<D: DomainModel>(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        at: &Address,
    ) -> QueryResult<Option<D>> {
        let Self { domains, .. } = self;
        let rows = self
            .rows(schema)
            .sql(format!(" AND {} = ", domains.domain(&domains.name)))
            .text(at.domain.as_str())
            .sql(format!(" AND {} = ", domains.folder(&domains.name)))
            .text(at.folder.as_str());
        Ok(without_facts(D::read(conn, rows)?).into_iter().next())
    }

    fn rows<D: DomainModel>(&self, schema: &SchemaName) -> Rows<D> {
        let Self { tenants, domains } = self;
        let from = format!(
            " FROM {} JOIN {} ON {} WHERE {} = ",
            domains.name,
            tenants.name,
            domains.belongs(&domains.name, tenants),
            tenants.schema
        );
        Rows::new(NO_FACTS).sql(from).text(schema.as_str())
    }

    /// The primary domain first; then hosts before wildcards, which cannot be linked to; then by name.
    pub(super) fn order(&self, of: &str) -> String {
        let Self { domains, .. } = self;
        let domain = domains.domain(of);
        format!(
            "ORDER BY {} DESC, {domain} LIKE '*.%', {domain} COLLATE \"C\", {} COLLATE \"C\"",
            domains.primary(of),
            domains.folder(of)
        )
    }
}

fn without_facts<D>(rows: Vec<(crate::rows::Facts, D)>) -> Vec<D> {
    rows.into_iter().map(|(_, domain)| domain).collect()
}
