//! The decision tables: every line on routing that the existing systems promise, and what goes beyond them.

mod hosts;
mod names;
mod random;

use super::*;
use crate::{Address, Availability, DomainName, Folder, Located, StaticTenant, Table};
use std::cell::Cell;
use std::convert::Infallible;

/// Customers with their domains, in memory.
#[derive(Default)]
pub(super) struct Customers {
    domains: Vec<Entry>,
    names: Vec<(&'static str, Availability)>,
    /// How often it was asked.
    pub(super) asked: Cell<usize>,
}

struct Entry {
    address: Address,
    tenant: &'static str,
    redirect: Option<Address>,
}

pub(super) fn address(text: &str) -> Address {
    let (domain, folder) = text.split_once('/').unwrap_or((text, ""));
    let domain = DomainName::parse(domain).unwrap();
    Address::new(domain, Folder::parse(folder).unwrap())
}

impl Customers {
    pub(super) fn with(mut self, tenant: &'static str, domains: &[&str]) -> Self {
        self.names.push((tenant, Availability::Served));
        self.domains.extend(domains.iter().map(|domain| Entry {
            address: address(domain),
            tenant,
            redirect: None,
        }));
        self
    }

    pub(super) fn redirecting(mut self, tenant: &'static str, from: &str, to: &str) -> Self {
        self.domains.push(Entry {
            address: address(from),
            tenant,
            redirect: Some(address(to)),
        });
        self
    }

    pub(super) fn now(mut self, tenant: &'static str, availability: Availability) -> Self {
        let known = self.names.iter_mut().find(|(name, _)| *name == tenant);
        known.unwrap().1 = availability;
        self
    }
}

impl Directory for Customers {
    type Tenant = &'static str;
    type Error = Infallible;

    fn by_domain(
        &self,
        host: &Hostname,
        folder: &Folder,
    ) -> Result<Option<Located<&'static str>>, Infallible> {
        self.asked.set(self.asked.get() + 1);
        let found = DomainName::candidates(host).into_iter().find_map(|domain| {
            [folder, &Folder::NONE].into_iter().find_map(|folder| {
                let address = Address::new(domain.clone(), folder.clone());
                self.domains.iter().find(|entry| entry.address == address)
            })
        });
        Ok(found.map(|entry| Located {
            tenant: entry.tenant,
            schema: SchemaName::quoted_any(entry.tenant).unwrap(),
            address: entry.address.clone(),
            is_primary: false,
            redirect: entry.redirect.clone(),
            availability: self
                .names
                .iter()
                .find(|(name, _)| *name == entry.tenant)
                .unwrap()
                .1,
        }))
    }

    fn by_name(&self, schema: &SchemaName) -> Result<Option<(&'static str, Availability)>, Infallible> {
        self.asked.set(self.asked.get() + 1);
        Ok(self
            .names
            .iter()
            .find(|(name, _)| *name == schema.as_str())
            .copied())
    }
}

pub(super) fn host(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

/// Static tenants `www` (alias `main`) and `blog`, and a reference schema `sample`.
pub(super) fn registry() -> Registry {
    let schema = |name| SchemaName::new(name).unwrap();
    let www = StaticTenant::new(schema("www"))
        .domain(host("localhost"))
        .fallback_domain(host("tenants.localhost"))
        .alias("main");
    let blog = StaticTenant::new(schema("blog")).domain(host("blog.localhost"));
    Registry::new(
        SchemaName::public(),
        Table {
            schema: Some("public"),
            name: "clients",
        },
    )
    .reference_schema(schema("sample"))
    .static_tenant(www)
    .static_tenant(blog)
}

pub(super) type Builder = RoutingBuilder<&'static str, PlainRequest>;

/// Says in one word what becomes of a request: `acme`, `static:www`, `public`, `-> //host/path`, or the status.
pub(super) fn decided(
    customers: &Customers,
    routing: impl FnOnce(Builder) -> Builder,
    request: &PlainRequest,
) -> String {
    let routing = routing(Routing::builder(&registry())).build().unwrap();
    said(&routing.decide(request, customers).unwrap())
}

pub(super) fn said(decision: &Decision<&'static str>) -> String {
    match decision {
        Decision::Serve(route) => match &route.target {
            Target::Tenant(tenant) => (*tenant).to_owned(),
            Target::Static(site) => format!("static:{}", site.name()),
            Target::Public => "public".to_owned(),
        },
        Decision::Redirect { location } => format!("-> {location}"),
        Decision::Refuse(refusal) => refusal.status().to_string(),
    }
}

pub(super) fn at(host: &str, path: &str) -> PlainRequest {
    PlainRequest::new(host, path)
}

pub(super) fn problems(routing: impl FnOnce(Builder) -> Builder) -> Vec<RoutingProblem> {
    match routing(Routing::builder(&registry())).build() {
        Ok(_) => Vec::new(),
        Err(error) => {
            for problem in &error.problems {
                assert!(error.to_string().contains(&problem.to_string()));
            }
            error.problems
        }
    }
}
