//! [`Sites`]: the hosts and names that are the application's own.

use super::Target;
use crate::{Hostname, Registry, SchemaName, StaticTenant};
use std::collections::HashMap;
use std::sync::Arc;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Sites {
    hosts: HashMap<Hostname, Target<()>>,
    fallback_hosts: HashMap<Hostname, Target<()>>,
    names: HashMap<String, Arc<StaticTenant>>,
    never: Vec<SchemaName>,
    reserved: Vec<SchemaName>,
    /// All of these are ASCII, so that none has to be folded.
    are_ascii: bool,
    public: SchemaName,
    pub(super) public_by_name: bool,
}

impl Sites {
    /// The static tenants of a registry, with the names and hosts that were given twice.
    pub(super) fn of(registry: &Registry) -> (Self, Vec<String>, Vec<Hostname>) {
        let mut sites = Self {
            hosts: HashMap::new(),
            fallback_hosts: HashMap::new(),
            names: HashMap::new(),
            never: registry
                .reference()
                .into_iter()
                .chain([registry.public(), registry.library()])
                .cloned()
                .collect(),
            reserved: registry
                .static_names()
                .iter()
                .chain(registry.extension_schemas())
                .cloned()
                .collect(),
            are_ascii: false,
            public: registry.public().clone(),
            public_by_name: false,
        };
        let mut own = sites.never.iter().chain(&sites.reserved);
        sites.are_ascii = own.all(|name| name.as_str().is_ascii());
        let (mut names, mut hosts) = (Vec::new(), Vec::new());
        for site in registry.static_tenants().iter().cloned() {
            let site = Arc::new(site);
            for name in std::iter::once(site.name().as_str()).chain(site.aliases().iter().map(String::as_str))
            {
                let is_taken = sites.never.iter().any(|never| never.as_str() == name);
                if is_taken || sites.names.insert(name.to_owned(), Arc::clone(&site)).is_some() {
                    names.push(name.to_owned());
                }
            }
            let target = Target::Static(Arc::clone(&site));
            hosts.extend(
                site.domains()
                    .iter()
                    .filter_map(|host| sites.add(host.clone(), target.clone())),
            );
            let fallbacks = site.fallback_domains().iter();
            hosts.extend(fallbacks.filter_map(|host| sites.add_fallback(host.clone(), target.clone())));
        }
        (sites, names, hosts)
    }

    /// The host, if it was there already.
    pub(super) fn add(&mut self, host: Hostname, target: Target<()>) -> Option<Hostname> {
        self.hosts.insert(host.clone(), target).map(|_| host)
    }

    /// The host, if it was there already.
    pub(super) fn add_fallback(&mut self, host: Hostname, target: Target<()>) -> Option<Hostname> {
        self.fallback_hosts.insert(host.clone(), target).map(|_| host)
    }

    pub(super) fn at<T>(&self, host: &Hostname) -> Option<Target<T>> {
        self.hosts.get(host).map(own)
    }

    pub(super) fn fallback_at<T>(&self, host: &Hostname) -> Option<Target<T>> {
        self.fallback_hosts.get(host).map(own)
    }

    pub(super) fn named<T>(&self, name: &str) -> Option<Target<T>> {
        if self.public_by_name && name == self.public.as_str() {
            return Some(Target::Public);
        }
        self.names.get(name).map(|site| Target::Static(Arc::clone(site)))
    }

    /// Whether a schema is the application's own, so that it is no customer's.
    pub(super) fn is_own(&self, schema: &SchemaName) -> bool {
        self.is_never_routed(schema) || self.is_one_of(&self.reserved, schema)
    }

    /// Whether no folder, header or claim can mean it.
    pub(super) fn is_never_routed(&self, schema: &SchemaName) -> bool {
        self.is_one_of(&self.never, schema) || schema.as_str().starts_with(crate::reserved::SPARE_PREFIX)
    }

    /// Whether it differs from one of these in case only. Each request asks.
    fn is_one_of(&self, names: &[SchemaName], schema: &SchemaName) -> bool {
        if self.are_ascii && schema.as_str().is_ascii() {
            let is_alike = |name: &SchemaName| name.as_str().eq_ignore_ascii_case(schema.as_str());
            return names.iter().any(is_alike);
        }
        names.iter().any(|name| name.eq_ignore_case(schema))
    }
}

fn own<T>(target: &Target<()>) -> Target<T> {
    match target {
        Target::Static(site) => Target::Static(Arc::clone(site)),
        // The application's own hosts are never a customer's.
        Target::Public | Target::Tenant(()) => Target::Public,
    }
}
