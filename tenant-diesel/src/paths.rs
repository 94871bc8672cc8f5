//! [`Paths`]: which path each kind of scope has. The one place where a path is chosen.

use crate::Error;
use crate::connection::Tag;
use crate::events::Events;
use crate::pool::Standing;
use crate::pool::{LimitsOf, SETTINGS, TenantLimits};
use crate::records::Records;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use tenant_core::{Reserved, SchemaName, SearchPath};

/// The configured schemas that every path is made of.
#[derive(Debug)]
pub(crate) struct Paths {
    pub(crate) public: SchemaName,
    pub(crate) extension_schemas: Vec<SchemaName>,
    pub(crate) public_behind_tenants: bool,
    /// What the library keeps, and the schema for that.
    pub(crate) records: Records,
    /// Which tenants are not served.
    pub(crate) standing: Standing,
    /// The handlers of the application.
    pub(crate) events: Events,
    /// The limits that go with the path of a tenant.
    pub(crate) limits: Option<LimitsOf>,
    /// Whether a tenant's statements carry its name.
    pub(crate) tags: bool,
    /// What was worked out for tenants before.
    pub(crate) known: RwLock<HashMap<SchemaName, Target>>,
}

/// How many tenants' paths are remembered. A path is a few hundred bytes, and quickly made again.
const MOST_KNOWN: usize = 10_000;

/// A schema to work in, with the path that goes with it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Target(Arc<Parts>);

/// What a [`Target`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) schema: SchemaName,
    pub(crate) path: SearchPath,
    pub(crate) limits: TenantLimits,
    /// It is for a scope of the application's, which is refused where the tenant is not served.
    pub(crate) is_served: bool,
    /// What a tenant's statements end in. The shared schema's carry none, and are thereby its own too.
    pub(crate) tag: Option<Tag>,
}

impl Deref for Target {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl From<Parts> for Target {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

/// Settings by name, and their values.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// The settings that are set with a path: the limits, and else what is given.
pub(crate) fn settings(limits: &TenantLimits, unlimited: Option<&[String; SETTINGS.len()]>) -> Settings {
    let values = limits.values().into_iter().enumerate();
    let settings = values.filter_map(|(i, limit)| {
        let value = limit.or_else(|| Some(unlimited?[i].clone()))?;
        Some((SETTINGS[i].0, value))
    });
    settings.collect()
}

impl Paths {
    /// The path of a tenant: its schema, extensions, temporary objects.
    ///
    /// Refuses what can never be a tenant's schema: the shared one, extensions, the library's own. Else a
    /// `TenantConnection` could be had on `public`.
    pub(crate) fn tenant(&self, schema: &SchemaName) -> Result<Target, Error> {
        let limits = match &self.limits {
            Some(LimitsOf(limits)) => limits(schema),
            None => TenantLimits::none(),
        };
        // No code of anybody else's runs under this lock.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = known.get(schema).filter(|target| target.limits == limits) {
            return Ok(target.clone());
        }
        drop(known);
        let target = self.work_out(schema, limits)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(schema.clone(), target.clone());
        Ok(target)
    }

    fn work_out(&self, schema: &SchemaName, limits: TenantLimits) -> Result<Target, Error> {
        let library = schema
            .eq_ignore_case(self.records.schema())
            .then_some(Reserved::Library);
        if let Some(reserved_for) =
            Reserved::by_paths(schema, &self.public, &self.extension_schemas).or(library)
        {
            return Err(Error::ReservedName {
                schema: schema.clone(),
                reserved_for,
            });
        }
        let mut target = self.alone(schema);
        target.limits = limits;
        target.is_served = true;
        if self.public_behind_tenants {
            target.path = target
                .path
                .and_public_where_missing_tables_fall_through(&self.public);
        }
        Ok(target.into())
    }

    /// The path of a tenant while it is migrated: never `public`, whatever the application asked for, so
    /// that a stray `DROP TABLE IF EXISTS` cannot reach a shared table.
    pub(crate) fn tenant_migrations(&self, schema: &SchemaName) -> Result<Target, Error> {
        self.tenant(schema)?;
        Ok(self.alone(schema).into())
    }

    /// The path of a spare while it is built: as of a tenant while it is migrated.
    pub(crate) fn spare(&self, schema: &SchemaName) -> Target {
        self.alone(schema).into()
    }

    /// The path of the shared schema: itself, extensions, temporary objects.
    pub(crate) fn public(&self) -> Target {
        let tag = None;
        let parts = self.alone(&self.public);
        Parts { tag, ..parts }.into()
    }

    fn alone(&self, schema: &SchemaName) -> Parts {
        Parts {
            schema: schema.clone(),
            path: SearchPath::of(schema, &self.extension_schemas),
            limits: TenantLimits::none(),
            is_served: false,
            tag: self.tags.then(|| Tag::of(schema)),
        }
    }
}
