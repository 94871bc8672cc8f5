//! [`Registry`]: the apps of an application, its static tenants, and everything that can be wrong with them.
//!
//! It promises to report all problems at once; it asks no database.
//!
//! | module | owns |
//! |---|---|
//! | `finding` | what was found, as text and as data |
//! | `check` | what apps and schemas must not do to each other |
//! | `statics` | what static tenants must not |

mod check;
mod finding;
mod statics;

pub use finding::{Finding, Problem, Severity};

use crate::schema_name::folded;
use crate::{App, AppInfo, Reserved, SchemaName, StaticTenant, Table};

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
    static_tenants: Vec<StaticTenant>,
    reference: Option<SchemaName>,
    apps: Vec<AppInfo>,
    static_apps: Vec<AppInfo>,
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
            static_apps: Vec::new(),
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

    /// Adds an app that only those static tenants have which name it ([`StaticTenant::app`]), and no customer.
    #[must_use]
    pub fn static_app<A: App>(self) -> Self {
        self.static_app_info(AppInfo::of::<A>())
    }

    /// The same as a value.
    #[must_use]
    pub fn static_app_info(mut self, app: AppInfo) -> Self {
        self.static_apps.push(app);
        self
    }

    /// Adds a static tenant: a site of the application's own (`www`, `blog`), whose schema is made and kept migrated
    /// like a customer's. No customer can take its name, nor one of its aliases.
    #[must_use]
    pub fn static_tenant(mut self, tenant: impl Into<StaticTenant>) -> Self {
        let tenant = tenant.into();
        let name = tenant.name().clone();
        self.static_tenants.push(tenant);
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
    pub fn static_tenants(&self) -> &[StaticTenant] {
        &self.static_tenants
    }

    /// The static tenant whose schema has this name, compared exactly.
    #[must_use]
    pub fn find_static_tenant(&self, name: &SchemaName) -> Option<&StaticTenant> {
        self.static_tenants.iter().find(|tenant| tenant.name() == name)
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

    /// The apps, in the order in which they were added, but for [those of static tenants only](Self::static_apps).
    #[must_use]
    pub fn apps(&self) -> &[AppInfo] {
        &self.apps
    }

    /// The apps that only static tenants have, in the order in which they were added.
    #[must_use]
    pub fn static_apps(&self) -> &[AppInfo] {
        &self.static_apps
    }

    /// The apps of a static tenant: those that it names, or else all tenant apps.
    pub fn apps_of<'r>(&'r self, tenant: &'r StaticTenant) -> impl Iterator<Item = &'r AppInfo> {
        let own = tenant.apps();
        let of_all = own.is_none().then_some(&self.apps).into_iter().flatten();
        own.into_iter()
            .flatten()
            .chain(of_all.filter(|app| app.scope.is_tenant()))
    }

    /// What a name is reserved for, if it is: the shared schema, extensions, a static name or an alias of a static
    /// tenant, or the library itself. Compared without case.
    #[must_use]
    pub fn reserved_for(&self, name: &SchemaName) -> Option<Reserved> {
        let is_reference = || {
            self.reference
                .as_ref()
                .is_some_and(|other| name.eq_ignore_case(other))
        };
        let is_static = || {
            let names = || self.static_names.iter().any(|other| name.eq_ignore_case(other));
            let mut aliases = self.static_tenants.iter().flat_map(StaticTenant::aliases);
            names() || aliases.any(|alias| folded(alias) == name.folded())
        };
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
        self.check_static_tenants(&mut findings);
        for app in self.all_apps().filter(|app| app.migration_versions.is_empty()) {
            findings.push(Finding(Problem::NoMigrations { app: app.name }));
        }
        findings.sort_by_key(Finding::severity);
        findings
    }

    fn all_apps(&self) -> impl Iterator<Item = &AppInfo> {
        self.apps.iter().chain(&self.static_apps)
    }
}

#[cfg(test)]
mod tests;
