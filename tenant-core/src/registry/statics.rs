//! What static tenants must not do: to each other, to the names and hosts of an application, and with its apps.

use super::{Finding, Problem, Registry};
use crate::schema_name::folded;
use crate::{AppInfo, AppScope, Hostname, SchemaName, StaticTenant};
use std::collections::{BTreeMap, BTreeSet};

impl Registry {
    pub(super) fn check_static_tenants(&self, findings: &mut Vec<Finding>) {
        self.check_hosts(findings);
        self.check_aliases(findings);
        self.check_static_apps(findings);
        for tenant in &self.static_tenants {
            self.check_apps_of(tenant, findings);
        }
    }

    /// A static domain comes before everything, so that a fallback domain of the same host would never be asked.
    fn check_hosts(&self, findings: &mut Vec<Finding>) {
        let mut owners: BTreeMap<&Hostname, Vec<SchemaName>> = BTreeMap::new();
        for tenant in &self.static_tenants {
            for host in tenant.domains().iter().chain(tenant.fallback_domains()) {
                owners.entry(host).or_default().push(tenant.name().clone());
            }
        }
        let twice = owners.into_iter().filter(|(_, tenants)| tenants.len() > 1);
        findings.extend(twice.map(|(domain, tenants)| {
            Finding(Problem::DuplicateStaticDomain {
                domain: domain.clone(),
                tenants,
            })
        }));
    }

    fn check_aliases(&self, findings: &mut Vec<Finding>) {
        // What a name means, before the aliases come.
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let fixed = [
            (&self.public, "the shared schema"),
            (&self.library, "the library's own schema"),
        ];
        let fixed = fixed
            .into_iter()
            .chain(
                self.extension_schemas
                    .iter()
                    .map(|name| (name, "a schema of extensions")),
            )
            .chain(self.reference.iter().map(|name| (name, "the reference schema")))
            .chain(self.static_names.iter().map(|name| (name, "a static name")));
        for (name, is) in fixed {
            taken.entry(name.folded()).or_insert_with(|| is.to_owned());
        }
        for tenant in &self.static_tenants {
            taken.insert(
                tenant.name().folded(),
                format!("the name of static tenant `{}`", tenant.name()),
            );
        }
        for tenant in &self.static_tenants {
            for alias in tenant.aliases() {
                let name = tenant.name().clone();
                if alias.trim().is_empty() {
                    findings.push(Finding(Problem::EmptyAlias { tenant: name }));
                    continue;
                }
                let is = format!("an alias of static tenant `{name}`");
                if let Some(is) = taken.get(&folded(alias)) {
                    findings.push(Finding(Problem::AliasTaken {
                        tenant: name,
                        alias: alias.clone(),
                        is: is.clone(),
                    }));
                    continue;
                }
                taken.insert(folded(alias), is);
            }
        }
    }

    fn check_static_apps(&self, findings: &mut Vec<Finding>) {
        let named: BTreeSet<&str> = (self.static_tenants.iter())
            .flat_map(|tenant| tenant.apps().unwrap_or_default())
            .map(|app| app.name)
            .collect();
        for app in &self.static_apps {
            if app.scope != AppScope::Tenant {
                let scope = app.scope;
                findings.push(Finding(Problem::StaticAppNotTenant { app: app.name, scope }));
            }
            if !named.contains(app.name) {
                findings.push(Finding(Problem::UnusedStaticApp { app: app.name }));
            }
            for table in &app.tables {
                let declares = |other: &&AppInfo| other.tables.iter().any(|other| other.name == table.name);
                let shared = self.apps.iter().filter(|other| other.scope.is_shared());
                for shared in shared.filter(declares) {
                    findings.push(Finding(Problem::SharedAndTenantTable {
                        table: table.name,
                        shared: shared.name,
                        tenant: app.name,
                    }));
                }
            }
        }
    }

    /// The apps that a static tenant names. Those of customers that do not get on with each other are found without it.
    fn check_apps_of(&self, tenant: &StaticTenant, findings: &mut Vec<Finding>) {
        let Some(apps) = tenant.apps() else { return };
        let name = || tenant.name().clone();
        for (i, app) in apps.iter().enumerate() {
            let (tenant, app_name) = (name(), app.name);
            if apps[..i].contains(app) {
                let app = app_name;
                findings.push(Finding(Problem::StaticTenantAppTwice { tenant, app }));
            } else if !self.all_apps().any(|known| known == app) {
                let app = app_name;
                findings.push(Finding(Problem::StaticTenantAppMissing { tenant, app }));
            } else if !app.scope.is_tenant() {
                let app = app_name;
                findings.push(Finding(Problem::StaticTenantAppShared { tenant, app }));
            }
        }
        let is_static_only = |app: &str| self.static_apps.iter().any(|other| other.name == app);
        let mut versions: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
        let mut tables: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
        for app in apps {
            for version in &app.migration_versions {
                versions.entry(version).or_default().insert(app.name);
            }
            for table in &app.tables {
                tables.entry(table.name).or_default().insert(app.name);
            }
        }
        let meet = |apps: &BTreeSet<&str>| apps.len() > 1 && apps.iter().any(|app| is_static_only(app));
        for (version, apps) in versions.into_iter().filter(|(_, apps)| meet(apps)) {
            findings.push(Finding(Problem::StaticTenantVersionTwice {
                tenant: name(),
                version: version.to_owned(),
                apps: apps.into_iter().collect(),
            }));
        }
        for (table, apps) in tables.into_iter().filter(|(_, apps)| meet(apps)) {
            findings.push(Finding(Problem::StaticTenantTableTwice {
                tenant: name(),
                table,
                apps: apps.into_iter().collect(),
            }));
        }
    }
}
