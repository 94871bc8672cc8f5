//! [`Registry`]: the apps of an application, and everything that can be wrong with them.
//!
//! It promises to report all problems at once; it asks no database.

use crate::{App, AppInfo, AppScope, Reserved, SchemaName, Table};
use std::collections::BTreeMap;
use std::fmt;

/// The apps of an application with the schemas that it reserves.
///
/// ```
/// use tenant_core::{App, AppScope, Registry, SchemaName, Severity, Table};
/// # struct Todo;
/// # impl App for Todo {
/// #     const NAME: &'static str = "todo";
/// #     const SCOPE: AppScope = AppScope::Tenant;
/// #     const TABLES: &'static [Table] = &[Table { schema: None, name: "tasks" }];
/// #     fn migration_versions() -> Vec<String> { vec!["20240101000000".into()] }
/// # }
/// let clients = Table { schema: Some("public"), name: "clients" };
/// let registry = Registry::new(SchemaName::new("public")?, clients).app::<Todo>();
/// let findings = registry.check();
/// assert_eq!(findings[0].severity(), Severity::Error);
/// assert!(findings[0].to_string().contains("no shared app declares the table of the tenant model"));
/// # Ok::<(), tenant_core::SchemaNameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    public: SchemaName,
    library: SchemaName,
    model_table: Table,
    extension_schemas: Vec<SchemaName>,
    static_names: Vec<SchemaName>,
    static_tenants: Vec<SchemaName>,
    reference: Option<SchemaName>,
    apps: Vec<AppInfo>,
}

impl Registry {
    /// A registry with no apps: the shared schema, and the table of the tenant model.
    #[must_use]
    pub fn new(public: SchemaName, model_table: Table) -> Self {
        Self {
            public,
            library: SchemaName::library(),
            model_table,
            extension_schemas: Vec::new(),
            static_names: Vec::new(),
            static_tenants: Vec::new(),
            reference: None,
            apps: Vec::new(),
        }
    }

    /// The schema that the library keeps for itself, if it is another than
    /// [`LIBRARY_SCHEMA`](crate::reserved::LIBRARY_SCHEMA).
    #[must_use]
    pub fn library_schema(mut self, schema: SchemaName) -> Self {
        self.library = schema;
        self
    }

    /// Adds an app.
    #[must_use]
    pub fn app<A: App>(self) -> Self {
        self.app_info(AppInfo::of::<A>())
    }

    /// Adds an app as a value.
    #[must_use]
    pub fn app_info(mut self, app: AppInfo) -> Self {
        self.apps.push(app);
        self
    }

    /// Adds a schema that holds extensions and is part of every path.
    #[must_use]
    pub fn extension_schema(mut self, schema: SchemaName) -> Self {
        self.extension_schemas.push(schema);
        self
    }

    /// Reserves a name for a schema of the application's own, which no customer can take.
    #[must_use]
    pub fn static_name(mut self, name: SchemaName) -> Self {
        self.static_names.push(name);
        self
    }

    /// Adds a static tenant: a site of the application's own (`www`, `blog`), whose schema is made and kept migrated
    /// like a customer's. No customer can take its name.
    #[must_use]
    pub fn static_tenant(mut self, name: SchemaName) -> Self {
        self.static_tenants.push(name.clone());
        self.static_name(name)
    }

    /// Sets the reference schema, which is made and kept migrated, to be cloned. No customer can take its name.
    #[must_use]
    pub fn reference_schema(mut self, name: SchemaName) -> Self {
        self.reference = Some(name);
        self
    }

    /// The static tenants, in the order in which they were added.
    #[must_use]
    pub fn static_tenants(&self) -> &[SchemaName] {
        &self.static_tenants
    }

    /// The reference schema, if there is one.
    #[must_use]
    pub fn reference(&self) -> Option<&SchemaName> {
        self.reference.as_ref()
    }

    /// The schema that the library keeps for itself.
    #[must_use]
    pub fn library(&self) -> &SchemaName {
        &self.library
    }

    /// The names that are reserved for schemas of one's own.
    #[must_use]
    pub fn static_names(&self) -> &[SchemaName] {
        &self.static_names
    }

    /// The shared schema.
    #[must_use]
    pub fn public(&self) -> &SchemaName {
        &self.public
    }

    /// The schemas of extensions, in the order in which they are part of every path.
    #[must_use]
    pub fn extension_schemas(&self) -> &[SchemaName] {
        &self.extension_schemas
    }

    /// The apps, in the order in which they were added.
    #[must_use]
    pub fn apps(&self) -> &[AppInfo] {
        &self.apps
    }

    /// What a name is reserved for, if it is: the shared schema, extensions, a static name, or the
    /// library itself. Compared without case.
    #[must_use]
    pub fn reserved_for(&self, name: &SchemaName) -> Option<Reserved> {
        let is_reference = || {
            self.reference
                .as_ref()
                .is_some_and(|other| name.eq_ignore_case(other))
        };
        let is_static = || self.static_names.iter().any(|other| name.eq_ignore_case(other));
        Reserved::by_paths(name, &self.public, &self.extension_schemas)
            .or_else(|| name.eq_ignore_case(&self.library).then_some(Reserved::Library))
            .or_else(|| is_reference().then_some(Reserved::Reference))
            .or_else(|| is_static().then_some(Reserved::StaticName))
    }

    /// Everything that is wrong, errors first. Empty when all is well.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.check_names(&mut findings);
        self.check_versions(&mut findings);
        self.check_tables(&mut findings);
        self.check_model(&mut findings);
        self.check_schemas(&mut findings);
        for app in self.apps.iter().filter(|app| app.migration_versions.is_empty()) {
            findings.push(Finding(Problem::NoMigrations { app: app.name }));
        }
        findings.sort_by_key(Finding::severity);
        findings
    }

    fn check_names(&self, findings: &mut Vec<Finding>) {
        let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
        for app in &self.apps {
            *seen.entry(app.name).or_default() += 1;
        }
        let twice = seen.into_iter().filter(|(_, times)| *times > 1);
        findings.extend(twice.map(|(app, _)| Finding(Problem::DuplicateApp { app })));
    }

    /// Diesel's ledger knows versions, not apps: in one schema a version can be applied once.
    fn check_versions(&self, findings: &mut Vec<Finding>) {
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

    fn check_tables(&self, findings: &mut Vec<Finding>) {
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

    fn check_model(&self, findings: &mut Vec<Finding>) {
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

    fn check_schemas(&self, findings: &mut Vec<Finding>) {
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

/// How bad a [`Finding`] is. Errors come before warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The application must not start; of a migration, that it must not run; of a database, that a tenant is not served,
    /// or could meet what is not its own.
    Error,
    /// It may; somebody should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One result of [`Registry::check`]. Its text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding(Problem);

impl Finding {
    /// What is wrong, as data.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// Whether the application may start all the same.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.0 {
            Problem::NoMigrations { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What can be wrong with the apps of an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Two apps have one name.
    #[error("two apps are named `{app}`: rename the module of one of them, or register it once")]
    DuplicateApp {
        /// The name.
        app: &'static str,
    },
    /// One version stands in two apps whose tables live in one kind of schema.
    #[error(
        "migration {version} stands in the apps {} and all are {scope} apps: a ledger holds a version once, so rename the directory of one",
        list(apps)
    )]
    DuplicateVersion {
        /// The version, as the ledger has it.
        version: String,
        /// The kind of schema in which they meet.
        scope: AppScope,
        /// The apps.
        apps: Vec<&'static str>,
    },
    /// Two apps declare one table for one kind of schema.
    #[error(
        "table `{table}` is declared by the apps {}: leave it in the one whose migrations make it",
        list(apps)
    )]
    DuplicateTable {
        /// The table.
        table: &'static str,
        /// The apps.
        apps: Vec<&'static str>,
    },
    /// A shared app and a tenant app declare tables of one name.
    #[error(
        "table `{table}` is both shared (app `{shared}`) and tenant (app `{tenant}`): a query could mean either, so rename one, or make it one app with both attributes"
    )]
    SharedAndTenantTable {
        /// The table.
        table: &'static str,
        /// The shared app.
        shared: &'static str,
        /// The tenant app.
        tenant: &'static str,
    },
    /// No app declares the table of the tenant model.
    #[error(
        "no shared app declares the table of the tenant model, `{table}`: add the app that does with `.app::<..::App>()`"
    )]
    TenantModelMissing {
        /// The table.
        table: &'static str,
    },
    /// The app that declares the table of the tenant model is not shared.
    #[error(
        "the table of the tenant model, `{table}`, is declared by `{app}`, which is a {scope} app: no shared app declares the table of the tenant model, and a list of tenants must exist once, so make it a `#[shared_app]`"
    )]
    TenantModelNotShared {
        /// The table.
        table: &'static str,
        /// The app.
        app: &'static str,
        /// Its scope.
        scope: AppScope,
    },
    /// A shared table is qualified with another schema than the configured one.
    #[error(
        "shared table `{schema}.{table}` of app `{app}` is qualified with `{schema}`, but the shared schema is `{public}`: give `#[shared_app(public_schema = \"{public}\")]`, or configure `{schema}`"
    )]
    OtherQualifier {
        /// The app.
        app: &'static str,
        /// The table.
        table: &'static str,
        /// What it is qualified with.
        schema: &'static str,
        /// The configured shared schema.
        public: SchemaName,
    },
    /// The schemas of extensions contain the shared schema, which would then be in every path.
    #[error(
        "the extension schemas contain the shared schema `{public}`: every tenant would see its tables, so keep extensions in a schema of their own"
    )]
    PublicHoldsExtensions {
        /// The shared schema.
        public: SchemaName,
    },
    /// A static name or extension schema is reserved for something else already.
    #[error(
        "`{name}` is configured twice: it is the shared schema, an extension schema, a static name or the library's own already"
    )]
    NameReservedTwice {
        /// The name.
        name: SchemaName,
    },
    /// An app has no migrations. A warning: its tables may come from elsewhere.
    #[error("app `{app}` has no migrations: its tables will not be created")]
    NoMigrations {
        /// The app.
        app: &'static str,
    },
}

fn list(apps: &[&str]) -> String {
    apps.iter()
        .map(|app| format!("`{app}`"))
        .collect::<Vec<_>>()
        .join(" and ")
}

#[cfg(test)]
mod tests;
