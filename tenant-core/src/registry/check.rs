//! What the apps of an application must not do to each other.

use super::{Finding, Problem, Registry};
use crate::{AppInfo, AppScope, Reserved, SchemaName};
use std::collections::BTreeMap;

impl Registry {
    pub(super) fn check_names(&self, findings: &mut Vec<Finding>) {
        let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
        for app in self.all_apps() {
            *seen.entry(app.name).or_default() += 1;
        }
        let twice = seen.into_iter().filter(|(_, times)| *times > 1);
        findings.extend(twice.map(|(app, _)| Finding(Problem::DuplicateApp { app })));
    }

    /// Diesel's ledger knows versions, not apps: in one schema a version can be applied once.
    pub(super) fn check_versions(&self, findings: &mut Vec<Finding>) {
        let mut owners: BTreeMap<(&str, AppScope), Vec<&'static str>> = BTreeMap::new();
        for app in &self.apps {
            for version in &app.migration_versions {
                for scope in [AppScope::Shared, AppScope::Tenant] {
                    if app.scope.includes(scope) {
                        owners.entry((version, scope)).or_default().push(app.name);
                    }
                }
            }
        }
        for ((version, scope), mut apps) in owners.into_iter().filter(|(_, apps)| apps.len() > 1) {
            apps.sort_unstable();
            findings.push(Finding(Problem::DuplicateVersion {
                version: version.to_owned(),
                scope,
                apps,
            }));
        }
    }

    pub(super) fn check_tables(&self, findings: &mut Vec<Finding>) {
        let mut owners: BTreeMap<&'static str, Vec<(&'static str, AppScope)>> = BTreeMap::new();
        for app in &self.apps {
            for table in &app.tables {
                owners.entry(table.name).or_default().push((app.name, app.scope));
            }
        }
        for (table, mut apps) in owners.into_iter().filter(|(_, apps)| apps.len() > 1) {
            apps.sort_unstable_by_key(|(app, scope)| (*scope, *app));
            let meet = |kind| apps.iter().filter(|(_, scope)| scope.includes(kind)).count() > 1;
            let problem = if meet(AppScope::Shared) || meet(AppScope::Tenant) {
                Problem::DuplicateTable {
                    table,
                    apps: apps.iter().map(|(app, _)| *app).collect(),
                }
            } else {
                Problem::SharedAndTenantTable {
                    table,
                    shared: apps[0].0,
                    tenant: apps[1].0,
                }
            };
            findings.push(Finding(problem));
        }
    }

    pub(super) fn check_model(&self, findings: &mut Vec<Finding>) {
        let owns = |app: &&AppInfo| app.tables.iter().any(|table| table.name == self.model_table.name);
        match self.apps.iter().find(owns) {
            Some(app) if app.scope == AppScope::Shared => {}
            Some(app) => findings.push(Finding(Problem::TenantModelNotShared {
                table: self.model_table.name,
                app: app.name,
                scope: app.scope,
            })),
            None => findings.push(Finding(Problem::TenantModelMissing {
                table: self.model_table.name,
            })),
        }
    }

    pub(super) fn check_schemas(&self, findings: &mut Vec<Finding>) {
        for app in &self.apps {
            for table in &app.tables {
                let qualifier = table.schema.filter(|schema| *schema != self.public.as_str());
                if let Some(schema) = qualifier.filter(|_| app.scope == AppScope::Shared) {
                    let (table, public) = (table.name, self.public.clone());
                    findings.push(Finding(Problem::OtherQualifier {
                        app: app.name,
                        table,
                        schema,
                        public,
                    }));
                }
            }
        }
        if self
            .extension_schemas
            .iter()
            .any(|schema| schema.eq_ignore_case(&self.public))
        {
            findings.push(Finding(Problem::PublicHoldsExtensions {
                public: self.public.clone(),
            }));
        }
        // Each name but the first of two equal ones, and those that the library has.
        if self.library.eq_ignore_case(&self.public) {
            findings.push(Finding(Problem::NameReservedTwice {
                name: self.library.clone(),
            }));
        }
        let own = self.static_names.iter().chain(&self.reference);
        let names: Vec<_> = self.extension_schemas.iter().chain(own).collect();
        for (i, name) in names.iter().enumerate() {
            let is_static = i >= self.extension_schemas.len();
            let is_public = is_static && name.eq_ignore_case(&self.public);
            let library = name.eq_ignore_case(&self.library)
                || Reserved::by_paths(name, &SchemaName::public(), &[]) == Some(Reserved::Library);
            if is_public || library || names[..i].iter().any(|other| other.eq_ignore_case(name)) {
                findings.push(Finding(Problem::NameReservedTwice {
                    name: (*name).clone(),
                }));
            }
        }
    }
}
