//! Tenants with domains: in a table beside the clients, and in a column.

use crate::apps::customers::Client;
use crate::{Fixture, fixture, name};
use diesel::prelude::*;
use tenant_diesel::prelude::*;
use tenant_diesel::{
    Directory, DirectoryBuilder, Hostname, Located, Tenancy, TenancyBuilder, TenantDirectory, r2d2,
};

/// The domains of clients.
#[shared_app(migrations = "fixtures/domains")]
pub mod domains {
    use super::*;

    diesel::table! {
        domains (id) {
            id -> Int4,
            domain -> Text,
            folder -> Text,
            tenant_id -> Int4,
            is_primary -> Bool,
            redirect_to_primary -> Bool,
        }
    }

    /// A domain of a client.
    #[derive(Domain, Queryable, Selectable, Identifiable, Debug, Clone, PartialEq, Eq)]
    #[diesel(table_name = domains)]
    #[domain(tenant = Client)]
    pub struct ClientDomain {
        /// The key.
        pub id: i32,
        /// The host, or the hosts.
        pub domain: DomainName,
        /// The folder.
        pub folder: Folder,
        /// Whose it is.
        pub tenant_id: i32,
        /// Where links lead to.
        pub is_primary: bool,
        /// Who comes here is sent there.
        pub redirect_to_primary: bool,
    }

    /// A domain to be.
    #[derive(Insertable, Debug, Clone)]
    #[diesel(table_name = domains)]
    pub struct NewDomain {
        /// The host, or the hosts.
        pub domain: DomainName,
        /// The folder.
        pub folder: Folder,
        /// Whose it is.
        pub tenant_id: i32,
        /// Where links lead to.
        pub is_primary: bool,
        /// Who comes here is sent there.
        pub redirect_to_primary: bool,
    }
}

pub use domains::{ClientDomain, NewDomain};

/// Tenants with a key of two columns and their one domain in a column; and a table of domains beside them, without folders.
#[shared_app(migrations = "fixtures/sites")]
pub mod sites {
    use super::*;

    diesel::table! { sites (region, number) { region -> Text, number -> Int4, schema_name -> Varchar, host -> Varchar } }
    diesel::table! { site_domains (name) { name -> Varchar, region -> Text, number -> Int4, is_main -> Bool } }

    /// A tenant.
    #[derive(Tenant, Queryable, Selectable, Insertable, Debug, Clone, PartialEq, Eq)]
    #[diesel(table_name = sites, primary_key(region, number))]
    pub struct Site {
        /// A part of the key.
        pub region: String,
        /// The other.
        pub number: i32,
        /// The schema.
        pub schema_name: SchemaName,
        /// The domain.
        #[tenant(domain)]
        pub host: DomainName,
    }

    /// A domain in the table.
    #[derive(Domain, Queryable, Selectable, Insertable, Debug, Clone, PartialEq, Eq)]
    #[diesel(table_name = site_domains)]
    #[domain(tenant = Site)]
    pub struct SiteDomain {
        /// The host.
        #[domain(host)]
        pub name: DomainName,
        /// A part of the tenant's key.
        #[domain(tenant_key)]
        pub region: String,
        /// The other.
        #[domain(tenant_key)]
        pub number: i32,
        /// Where links lead to.
        #[domain(primary)]
        pub is_main: bool,
    }
}

pub use sites::{Site, SiteDomain};

/// A host.
pub fn host(name: &str) -> Hostname {
    Hostname::parse(name).unwrap()
}

/// Host and folder of `host/folder`, or of a host.
pub fn place(text: &str) -> (Hostname, Folder) {
    let (name, folder) = text.split_once('/').unwrap_or((text, ""));
    (host(name), folder.parse().unwrap())
}

/// A domain, not primary, of `host/folder` or a host or a wildcard.
pub fn new_domain(tenant: &Client, text: &str) -> NewDomain {
    let (domain, folder) = text.split_once('/').unwrap_or((text, ""));
    NewDomain {
        domain: domain.parse().unwrap(),
        folder: folder.parse().unwrap(),
        tenant_id: tenant.id,
        is_primary: false,
        redirect_to_primary: false,
    }
}

/// Customers with domains, and to-do lists.
pub fn application_with_domains() -> TenancyBuilder<Client> {
    fixture::application().app::<domains::App>()
}

impl Fixture {
    /// Customers with domains, migrated.
    pub fn with_domains() -> Self {
        Self::with(|builder| builder.app::<domains::App>())
    }

    /// A client at these domains.
    pub fn client_at(&self, schema: &str, domains: &[&str]) -> Client {
        let client = self.tenant(schema);
        for domain in domains {
            self.add(&client, domain);
        }
        client
    }

    /// Adds a domain to a client.
    pub fn add(&self, client: &Client, domain: &str) -> ClientDomain {
        let new = new_domain(client, domain);
        self.tenancy.add_domain(client, new).unwrap()
    }

    /// The directory of the fixture, with options, that does not listen.
    pub fn deaf(
        &self,
        options: impl FnOnce(DirectoryBuilder<Client>) -> DirectoryBuilder<Client>,
    ) -> TenantDirectory<Client> {
        let builder = self.tenancy.directory::<ClientDomain>().listen(false);
        options(builder).build().unwrap()
    }

    /// Another URL of the same database.
    pub fn other_url(&self) -> String {
        let url = self.database.url();
        let sign = if url.contains('?') { '&' } else { '?' };
        format!("{url}{sign}application_name=other")
    }

    /// The same application as another process has it, as far as this process can tell: by a URL of its own.
    pub fn other_process(&self) -> Tenancy<Client> {
        application_with_domains()
            .r2d2(r2d2::Pool::builder().max_size(2))
            .connect(&self.other_url())
            .unwrap()
    }
}

/// Who is at a place: the schema and the address that matched.
pub fn who<D>(directory: &D, text: &str) -> Option<(String, String)>
where
    D: Directory<Tenant = std::sync::Arc<Client>, Error: std::fmt::Debug>,
{
    find(directory, text).map(|found| (found.tenant.schema_name.to_string(), found.address.to_string()))
}

/// What is found at a place.
pub fn find<D>(directory: &D, text: &str) -> Option<Located<D::Tenant>>
where
    D: Directory<Error: std::fmt::Debug>,
{
    let (host, folder) = place(text);
    directory.by_domain(&host, &folder).unwrap()
}

/// Whether a tenant of this name is found.
pub fn is_known<D>(directory: &D, schema: &str) -> bool
where
    D: Directory<Error: std::fmt::Debug>,
{
    directory.by_name(&name(schema)).unwrap().is_some()
}
