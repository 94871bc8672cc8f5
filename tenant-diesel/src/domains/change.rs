//! Domains come, go and become primary, so that each tenant that has domains has exactly one primary one.
//!
//! Each change locks the row of the tenant first, so that two at once come one after the other; and takes the flag from
//! the old primary domain before it gives it to another, so that no statement meets two of them, which a partial unique
//! index would refuse.

use super::list::Tables;
use super::{DomainModel, NewDomain};
use crate::directory::Notice;
use crate::provision::isolation;
use crate::{Error, PublicConnection, Tenancy, TenantModel};
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_core::{Address, DomainName, Folder, SchemaName};

/// What the table of domains is called in statements, so that it cannot be taken for the other one.
const DOMAIN: &str = "__domain";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    domain: String,
    #[diesel(sql_type = Text)]
    folder: String,
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = Text)]
    schema: SchemaName,
}

impl<T: TenantModel> Tenancy<T> {
    /// Adds a domain to a tenant, and gives it back as it is then: a tenant's first domain becomes its primary one; one
    /// that is inserted as primary takes that from the tenant's other; a primary one never redirects.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// let first: customers::ClientDomain = tenancy.add_domain(&acme, new_domain(&acme, "acme.example.com")?)?;
    /// assert!(first.is_primary);
    /// let other: customers::ClientDomain = tenancy.add_domain(&acme, new_domain(&acme, "acme.example")?)?;
    /// assert!(!other.is_primary);
    ///
    /// let other = tenancy.make_primary(&other)?;
    /// assert_eq!(tenancy.primary_domain::<customers::ClientDomain>(&acme)?.unwrap().domain, other.domain);
    /// let promoted = tenancy.remove_domain(&other)?;
    /// assert_eq!(promoted.unwrap().domain, first.domain);
    ///
    /// let taken = tenancy.add_domain::<customers::ClientDomain, _>(&acme, new_domain(&acme, "acme.example.com")?);
    /// assert!(taken.unwrap_err().is_taken());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// One for which [`Error::is_taken`] is true, where the domain is somebody's; [`Error::DomainOfAnother`] where what
    /// was inserted belongs to another tenant; [`Error::TenantMissing`], [`Error::SchemaNameDiffers`];
    /// [`Error::Attempt`] where the server refused. In each case nothing was changed.
    pub fn add_domain<D, N>(&self, tenant: &T, new: N) -> Result<D, Error>
    where
        D: DomainModel<Tenant = T>,
        N: NewDomain<D>,
    {
        self.on_domains::<D, _>(|work, conn| self.add(work, conn, tenant, new))
    }

    /// The same on a connection of yours, and in its transaction if one is open: with [`Tenancy::create_in`], so that a
    /// customer is there with its domain or not at all. Directories hear of it when that is committed.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::Error;
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.with_public(|conn| {
    ///     conn.transaction(|conn| {
    ///         let acme = tenancy.create_in(conn, new_client("acme").unwrap())?;
    ///         let domain = new_domain(&acme, "acme.example.com").unwrap();
    ///         tenancy.add_domain_in::<customers::ClientDomain, _>(conn, &acme, domain)?;
    ///         Ok::<_, Error>(acme)
    ///     })
    /// })?;
    /// assert!(tenancy.primary_domain::<customers::ClientDomain>(&acme)?.is_some());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tenancy::add_domain`].
    pub fn add_domain_in<D, N>(&self, conn: &mut PublicConnection, tenant: &T, new: N) -> Result<D, Error>
    where
        D: DomainModel<Tenant = T>,
        N: NewDomain<D>,
    {
        let mut work = Work::of::<D>(self.public_schema());
        self.on_domains_in(conn, &mut work, |work, conn| self.add(work, conn, tenant, new))
    }

    fn add<D, N>(&self, work: &mut Work, conn: &mut PublicConnection, tenant: &T, new: N) -> Result<D, Error>
    where
        D: DomainModel<Tenant = T>,
        N: NewDomain<D>,
    {
        let schema = tenant.schema_name();
        work.lock(conn, schema)?;
        self.has_row(conn, tenant)?;
        let old = work.demote(conn, schema)?;
        let added = new
            .insert(conn)
            .map_err(Error::attempt("insert the domain", schema))?;
        let at = added.address();
        let primary = match &old {
            Some(old) if !added.is_primary() => old,
            _ => &at,
        };
        work.promote(conn, schema, primary)?;
        work.say(&at);
        if added.is_primary() {
            old.iter().for_each(|old| work.say(old));
        }
        let found = work.find(conn, schema, &at)?;
        found.ok_or_else(|| Error::DomainOfAnother {
            domain: at,
            schema: schema.clone(),
        })
    }

    /// Makes a domain the primary one of its tenant, and gives it back as it is then. That to be already is no change. Who
    /// comes to the old one stays there, unless [`Tenancy::redirect_to_primary`] is said of it.
    ///
    /// # Errors
    ///
    /// [`Error::DomainMissing`] where it is gone, or another tenant's; [`Error::Attempt`] where the server refused.
    pub fn make_primary<D: DomainModel<Tenant = T>>(&self, domain: &D) -> Result<D, Error> {
        let at = domain.address();
        self.on_domains::<D, _>(|work, conn| {
            let schema = &work.owner(conn, domain)?;
            let old = work.demote(conn, schema)?;
            work.promote(conn, schema, &at)?;
            old.iter().chain([&at]).for_each(|domain| work.say(domain));
            let found = work.find(conn, schema, &at)?;
            found.ok_or(Error::DomainMissing { domain: at })
        })
    }

    /// Says whether who comes to a domain is sent to the tenant's primary one, and gives it back as it is then. A primary
    /// one never redirects, and stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::NoRedirects`] where the model has no such field; else as [`Tenancy::make_primary`].
    pub fn redirect_to_primary<D: DomainModel<Tenant = T>>(
        &self,
        domain: &D,
        redirects: bool,
    ) -> Result<D, Error> {
        let at = domain.address();
        self.on_domains::<D, _>(|work, conn| {
            if !work.tables.domains.has_redirects() {
                return Err(Error::NoRedirects { domain: at });
            }
            let schema = &work.owner(conn, domain)?;
            let set = work.tables.domains.set_redirect(redirects);
            work.update(conn, schema, &at, &set)?;
            work.say(&at);
            let found = work.find(conn, schema, &at)?;
            found.ok_or(Error::DomainMissing { domain: at })
        })
    }

    /// Removes a domain. If it was its tenant's primary one, another becomes that, and is given back: the first of those
    /// that are left, hosts before wildcards, in the order of their names.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::make_primary`].
    pub fn remove_domain<D: DomainModel<Tenant = T>>(&self, domain: &D) -> Result<Option<D>, Error> {
        let at = domain.address();
        self.on_domains::<D, _>(|work, conn| {
            let schema = &work.owner(conn, domain)?;
            work.delete(conn, schema, &at)?;
            work.say(&at);
            if work.has_primary(conn, schema)? {
                return Ok(None);
            }
            let Some(next) = work.first(conn, schema)? else {
                return Ok(None);
            };
            work.promote(conn, schema, &next)?;
            work.say(&next);
            work.find(conn, schema, &next)
        })
    }

    /// Runs a change in a transaction, and tells the directories of it.
    fn on_domains<D: DomainModel<Tenant = T>, R>(
        &self,
        change: impl FnOnce(&mut Work, &mut PublicConnection) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut work = Work::of::<D>(self.public_schema());
        let changed = self.with_public(|conn| self.on_domains_in(conn, &mut work, change));
        self.records().tell(&work.notices);
        self.explained(changed)
    }

    fn on_domains_in<R>(
        &self,
        conn: &mut PublicConnection,
        work: &mut Work,
        change: impl FnOnce(&mut Work, &mut PublicConnection) -> Result<R, Error>,
    ) -> Result<R, Error> {
        isolation::read_committed(conn, |conn| {
            let result = change(work, conn)?;
            self.records()
                .notify(conn.raw(), &work.notices)
                .map_err(Error::attempt("tell the directories", self.public_schema()))?;
            Ok(result)
        })
    }
}

/// A change under way.
struct Work {
    tables: Tables,
    notices: Vec<Notice>,
}

impl Work {
    fn of<D: DomainModel>(public: &SchemaName) -> Self {
        Self {
            tables: Tables::of::<D>(public),
            notices: Vec::new(),
        }
    }

    /// Directories are to forget what they know of this.
    fn say(&mut self, at: &Address) {
        self.notices.push(Notice::Domain(at.domain.clone()));
    }

    /// Waits for whoever changes the domains of the same tenant. Rows that refer to it can be inserted meanwhile.
    fn lock(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<(), Error> {
        let tenants = &self.tables.tenants;
        let locked = diesel::sql_query(format!(
            "SELECT 1 FROM {} WHERE {} = $1 FOR NO KEY UPDATE",
            tenants.name, tenants.schema
        ))
        .bind::<Text, _>(schema.as_str())
        .execute(conn.raw());
        let locked = locked.map_err(Error::attempt("lock the row of the tenant", schema))?;
        match locked {
            0 => Err(Error::TenantMissing {
                schema: schema.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The tenant that a domain belongs to, whose row is locked then.
    fn owner<D: DomainModel>(&self, conn: &mut PublicConnection, domain: &D) -> Result<SchemaName, Error> {
        let at = domain.address();
        let Tables { tenants, domains } = &self.tables;
        let owner = diesel::sql_query(format!(
            "SELECT {} AS schema FROM {} JOIN {} AS {DOMAIN} ON {} WHERE {} = $1 AND {} = $2",
            tenants.schema,
            tenants.name,
            domains.name,
            domains.belongs(DOMAIN, tenants),
            domains.domain(DOMAIN),
            domains.folder(DOMAIN)
        ))
        .bind::<Text, _>(at.domain.as_str())
        .bind::<Text, _>(at.folder.as_str())
        .get_result::<Owner>(conn.raw())
        .optional()
        .map_err(Error::attempt("look for the domain", conn.schema()))?;
        let missing = || Error::DomainMissing { domain: at.clone() };
        let schema = owner.ok_or_else(missing)?.schema;
        self.lock(conn, &schema)?;
        // It may have gone, or to another tenant, before the lock was had.
        let found = self.find::<D>(conn, &schema, &at)?.ok_or_else(missing)?;
        let is_same = format!("{:?}", found.tenant_key()) == format!("{:?}", domain.tenant_key());
        if is_same { Ok(schema) } else { Err(missing()) }
    }

    fn find<D: DomainModel>(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        at: &Address,
    ) -> Result<Option<D>, Error> {
        self.tables
            .find(conn, schema, at)
            .map_err(Error::attempt("read the domain", schema))
    }

    /// Takes the flag from the primary domain. Which that was.
    fn demote(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<Option<Address>, Error> {
        let domains = &self.tables.domains;
        let found: Vec<Found> = diesel::sql_query(format!(
            "UPDATE {} AS {DOMAIN} SET {} WHERE {} AND {} RETURNING {} AS domain, {} AS folder",
            domains.name,
            domains.set_primary(false),
            domains.primary(DOMAIN),
            self.is_of(DOMAIN, "$1"),
            domains.domain(DOMAIN),
            domains.folder(DOMAIN)
        ))
        .bind::<Text, _>(schema.as_str())
        .load(conn.raw())
        .map_err(Error::attempt("take the flag from the primary domain", schema))?;
        Ok(found.into_iter().find_map(Found::address))
    }

    fn promote(&self, conn: &mut PublicConnection, schema: &SchemaName, at: &Address) -> Result<(), Error> {
        self.update(conn, schema, at, &self.tables.domains.set_primary(true))
    }

    fn update(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        at: &Address,
        set: &str,
    ) -> Result<(), Error> {
        let statement = format!("UPDATE {} AS {DOMAIN} SET {set}", self.tables.domains.name);
        self.on_one(conn, schema, at, &statement)
    }

    fn delete(&self, conn: &mut PublicConnection, schema: &SchemaName, at: &Address) -> Result<(), Error> {
        let statement = format!("DELETE FROM {} AS {DOMAIN}", self.tables.domains.name);
        self.on_one(conn, schema, at, &statement)
    }

    fn on_one(
        &self,
        conn: &mut PublicConnection,
        schema: &SchemaName,
        at: &Address,
        statement: &str,
    ) -> Result<(), Error> {
        let domains = &self.tables.domains;
        diesel::sql_query(format!(
            "{statement} WHERE {} = $1 AND {} = $2 AND {}",
            domains.domain(DOMAIN),
            domains.folder(DOMAIN),
            self.is_of(DOMAIN, "$3")
        ))
        .bind::<Text, _>(at.domain.as_str())
        .bind::<Text, _>(at.folder.as_str())
        .bind::<Text, _>(schema.as_str())
        .execute(conn.raw())
        .map_err(Error::attempt("change the domain", schema))?;
        Ok(())
    }

    fn has_primary(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<bool, Error> {
        let domains = &self.tables.domains;
        let found = diesel::sql_query(format!(
            "SELECT 1 FROM {} AS {DOMAIN} WHERE {} AND {} LIMIT 1",
            domains.name,
            domains.primary(DOMAIN),
            self.is_of(DOMAIN, "$1")
        ))
        .bind::<Text, _>(schema.as_str())
        .execute(conn.raw());
        Ok(found.map_err(Error::attempt("look for a primary domain", schema))? == 1)
    }

    /// The first domain that the tenant has and that can be found.
    fn first(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<Option<Address>, Error> {
        let domains = &self.tables.domains;
        let found = diesel::sql_query(format!(
            "SELECT {} AS domain, {} AS folder FROM {} AS {DOMAIN} WHERE {} {}",
            domains.domain(DOMAIN),
            domains.folder(DOMAIN),
            domains.name,
            self.is_of(DOMAIN, "$1"),
            self.tables.order(DOMAIN)
        ))
        .bind::<Text, _>(schema.as_str())
        .load::<Found>(conn.raw())
        .map_err(Error::attempt("look for another domain", schema))?;
        Ok(found.into_iter().find_map(Found::address))
    }

    /// That a row belongs to the tenant whose schema is a parameter.
    fn is_of(&self, of: &str, parameter: &str) -> String {
        let Tables { tenants, domains } = &self.tables;
        format!(
            "EXISTS (SELECT FROM {} WHERE {} AND {} = {parameter})",
            tenants.name,
            domains.belongs(of, tenants),
            tenants.schema
        )
    }
}

impl Found {
    /// A domain in another form than ours is nobody's.
    fn address(self) -> Option<Address> {
        let domain = DomainName::stored(&self.domain).ok()?;
        Some(Address::new(domain, Folder::parse(&self.folder).ok()?))
    }
}
