//! [`Finding`]: what a check of the registry found, as text and as data.

use crate::{AppScope, Hostname, SchemaName};
use std::fmt;

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

/// One result of [`Registry::check`](super::Registry::check). Its text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding(pub(super) Problem);

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
            Problem::NoMigrations { .. } | Problem::UnusedStaticApp { .. } => Severity::Warning,
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
    /// A host is that of a static tenant twice.
    #[error(
        "host `{domain}` is named by the static tenants {}: one site is found at a host, so leave it to one of them, once",
        quoted(tenants)
    )]
    DuplicateStaticDomain {
        /// The host, as a domain or a fallback domain.
        domain: Hostname,
        /// Who names it; one twice, if it does so twice.
        tenants: Vec<SchemaName>,
    },
    /// An alias of a static tenant means something else too.
    #[error(
        "alias `{alias}` of the static tenant `{tenant}` is {is} already: choose another, or leave it out"
    )]
    AliasTaken {
        /// The static tenant.
        tenant: SchemaName,
        /// The alias.
        alias: String,
        /// What it means already.
        is: String,
    },
    /// An alias of a static tenant has no letter.
    #[error("static tenant `{tenant}` has an empty alias: leave it out")]
    EmptyAlias {
        /// The static tenant.
        tenant: SchemaName,
    },
    /// A static tenant names an app that was not registered.
    #[error(
        "static tenant `{tenant}` names the app `{app}`, which was not added: add it with `.static_app::<{app}::App>()`, \
         or with `.app` if customers have it too"
    )]
    StaticTenantAppMissing {
        /// The static tenant.
        tenant: SchemaName,
        /// The app.
        app: &'static str,
    },
    /// A static tenant names an app whose tables do not live in tenants' schemas.
    #[error(
        "static tenant `{tenant}` names the app `{app}`, whose tables are in the shared schema only: leave it out"
    )]
    StaticTenantAppShared {
        /// The static tenant.
        tenant: SchemaName,
        /// The app.
        app: &'static str,
    },
    /// A static tenant names an app twice.
    #[error("static tenant `{tenant}` names the app `{app}` twice: leave one out")]
    StaticTenantAppTwice {
        /// The static tenant.
        tenant: SchemaName,
        /// The app.
        app: &'static str,
    },
    /// Two apps that meet in the schema of a static tenant have a version in common.
    #[error(
        "migration {version} stands in the apps {} and the static tenant `{tenant}` has both: a ledger holds a version \
         once, so rename the directory of one",
        list(apps)
    )]
    StaticTenantVersionTwice {
        /// The static tenant.
        tenant: SchemaName,
        /// The version, as the ledger has it.
        version: String,
        /// The apps.
        apps: Vec<&'static str>,
    },
    /// Two apps that meet in the schema of a static tenant declare one table.
    #[error(
        "table `{table}` is declared by the apps {}, and the static tenant `{tenant}` has both: rename one",
        list(apps)
    )]
    StaticTenantTableTwice {
        /// The static tenant.
        tenant: SchemaName,
        /// The table.
        table: &'static str,
        /// The apps.
        apps: Vec<&'static str>,
    },
    /// An app of static tenants only has tables in the shared schema.
    #[error(
        "app `{app}` was added for static tenants only, and is a {scope} app: add it with `.app`, or make it a `#[tenant_app]`"
    )]
    StaticAppNotTenant {
        /// The app.
        app: &'static str,
        /// Its scope.
        scope: AppScope,
    },
    /// No static tenant has an app that was added for them. A warning.
    #[error(
        "app `{app}` was added for static tenants, and none names it with `StaticTenant::app`: nobody has its tables"
    )]
    UnusedStaticApp {
        /// The app.
        app: &'static str,
    },
}

fn quoted(names: &[SchemaName]) -> String {
    let names: Vec<&str> = names.iter().map(SchemaName::as_str).collect();
    list(&names)
}

fn list(apps: &[&str]) -> String {
    apps.iter()
        .map(|app| format!("`{app}`"))
        .collect::<Vec<_>>()
        .join(" and ")
}
