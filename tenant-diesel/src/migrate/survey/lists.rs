//! [`Lists`]: the versions that the application has for each schema.

use crate::migrate::EmbeddedApps;
use crate::records::digest_of;
use crate::{Error, SchemaKind};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
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
    /// The digests of ledgers that hold the first of them but not all, and how many they hold.
    by_digest: HashMap<String, usize>,
}

/// For how many migrations that are missing the digests are worked out. Who is further behind has its ledger read.
const MISSING: usize = 50;

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
            by_digest: HashMap::new(),
        }
    }

    /// Has the server work out the digests.
    pub(super) fn digest(&mut self, pg: &mut PgConnection) -> QueryResult<()> {
        #[derive(QueryableByName)]
        struct Digest {
            #[diesel(sql_type = Text)]
            digest: String,
        }
        let counts: Vec<usize> = (1..self.all.len()).rev().take(MISSING).collect();
        let lists: Vec<String> = counts.iter().map(|count| self.all[..*count].join(",")).collect();
        let digest = digest_of("versions");
        let digests: Vec<Digest> = diesel::sql_query(format!(
            "SELECT {digest} AS digest FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS u (versions, at) ORDER BY at"
        ))
        .bind::<Array<Text>, _>(lists)
        .load(pg)?;
        self.by_digest = digests.into_iter().map(|row| row.digest).zip(counts).collect();
        Ok(())
    }

    /// What a ledger holds that has this digest, if that is known.
    pub(super) fn of_digest(&self, digest: Option<&str>) -> Option<HashSet<String>> {
        let count = *self.by_digest.get(digest?)?;
        Some(self.all.iter().take(count).cloned().collect())
    }

    /// How many of these a ledger holds, if they are the first of them and it holds no others.
    pub(super) fn prefix(&self, applied: &HashSet<String>) -> Option<usize> {
        let first = self.all.get(..applied.len())?;
        let are_applied = first.iter().all(|version| applied.contains(version));
        are_applied.then_some(applied.len())
    }

    pub(super) fn has(&self, version: &str) -> bool {
        self.known.contains(version)
    }
}
