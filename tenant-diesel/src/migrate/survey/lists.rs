//! [`Lists`]: the versions that the application has for each schema.

use crate::migrate::EmbeddedApps;
use crate::{Error, SchemaKind};
use std::collections::{HashMap, HashSet};
use tenant_core::{AppScope, Reserved, SchemaName};

/// The versions that the application has for each schema.
pub(super) struct Lists<'a> {
    pub(super) of_tenants: Versions,
    pub(super) own: HashMap<&'a SchemaName, Versions>,
}

pub(super) struct Versions {
    /// In order.
    pub(super) all: Vec<String>,
    pub(super) known: HashSet<String>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(apps: &'a EmbeddedApps) -> Self {
        Self {
            of_tenants: Versions::new(apps.versions(AppScope::Tenant)),
            own: apps
                .own()
                .map(|(name, versions)| (name, Versions::new(versions)))
                .collect(),
        }
    }

    pub(super) fn of(&self, schema: &SchemaName, kind: SchemaKind) -> &Versions {
        let own = (kind == SchemaKind::Static)
            .then(|| self.own.get(schema))
            .flatten();
        own.unwrap_or(&self.of_tenants)
    }

    /// Refuses a row that names the schema of a static tenant with apps of its own: it would get those of customers too.
    pub(super) fn not_static(&self, schema: &SchemaName) -> Result<(), Error> {
        match self.own.contains_key(schema) {
            true => Err(Error::ReservedName {
                schema: schema.clone(),
                reserved_for: Reserved::StaticName,
            }),
            false => Ok(()),
        }
    }
}

impl Versions {
    pub(super) fn new(all: Vec<String>) -> Self {
        Self {
            known: all.iter().cloned().collect(),
            all,
        }
    }

    pub(super) fn has(&self, version: &str) -> bool {
        self.known.contains(version)
    }
}
