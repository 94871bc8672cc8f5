//! [`StaticTenant`]: a site of one's own, from the configuration.

use crate::{App, AppInfo, Hostname, SchemaName};

/// A site of one's own (`www`, `blog`): it has a schema like a customer, and is an entry of the configuration instead of
/// a row.
///
/// ```
/// use tenant_core::{Hostname, SchemaName, StaticTenant};
///
/// let blog = StaticTenant::new(SchemaName::new("blog")?)
///     .domain(Hostname::parse("blog.example.com")?)
///     .alias("news");
/// assert_eq!(blog.name().as_str(), "blog");
/// assert_eq!(blog.kind_of_routes(), "blog");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct StaticTenant {
    name: SchemaName,
    domains: Vec<Hostname>,
    fallback_domains: Vec<Hostname>,
    aliases: Vec<String>,
    apps: Option<Vec<AppInfo>>,
    routes: Option<String>,
}

impl StaticTenant {
    /// A site whose schema has this name. It has all tenant apps, no domain, and routes of its name.
    #[must_use]
    pub fn new(name: SchemaName) -> Self {
        Self {
            name,
            domains: Vec::new(),
            fallback_domains: Vec::new(),
            aliases: Vec::new(),
            apps: None,
            routes: None,
        }
    }

    /// A host at which it is found, before any customer is looked for.
    #[must_use]
    pub fn domain(mut self, host: Hostname) -> Self {
        self.domains.push(host);
        self
    }

    /// A host at which it is found if no customer is: the front page of a host that customers share by folders.
    #[must_use]
    pub fn fallback_domain(mut self, host: Hostname) -> Self {
        self.fallback_domains.push(host);
        self
    }

    /// Another name by which headers and claims can mean it.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    /// An app that it has. With one named, it has those that are named and no others; with none, all tenant apps.
    #[must_use]
    pub fn app<A: App>(mut self) -> Self {
        self.apps.get_or_insert_default().push(AppInfo::of::<A>());
        self
    }

    /// The kind of its routes, where several sites share one. Default: its name.
    #[must_use]
    pub fn routes(mut self, kind: impl Into<String>) -> Self {
        self.routes = Some(kind.into());
        self
    }

    /// The name of its schema.
    #[must_use]
    pub fn name(&self) -> &SchemaName {
        &self.name
    }

    /// See [`StaticTenant::domain`].
    #[must_use]
    pub fn domains(&self) -> &[Hostname] {
        &self.domains
    }

    /// See [`StaticTenant::fallback_domain`].
    #[must_use]
    pub fn fallback_domains(&self) -> &[Hostname] {
        &self.fallback_domains
    }

    /// See [`StaticTenant::alias`].
    #[must_use]
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// The apps that it has; `None`: all tenant apps.
    #[must_use]
    pub fn apps(&self) -> Option<&[AppInfo]> {
        self.apps.as_deref()
    }

    /// See [`StaticTenant::routes`].
    #[must_use]
    pub fn kind_of_routes(&self) -> &str {
        self.routes.as_deref().unwrap_or(self.name.as_str())
    }
}

impl From<SchemaName> for StaticTenant {
    fn from(name: SchemaName) -> Self {
        Self::new(name)
    }
}
