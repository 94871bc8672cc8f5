//! [`Domain`]: what makes a model a domain of a tenant, and [`Address`], where a tenant is found.

use crate::{DomainName, Folder};
use std::fmt;

/// Where a tenant is found: at a host, or in a folder of it.
///
/// ```
/// use tenant_core::{Address, DomainName, Folder};
///
/// let alone = Address::new(DomainName::parse("acme.example.com")?, Folder::NONE);
/// let beside = Address::new(DomainName::parse("example.com")?, Folder::parse("acme")?);
/// assert_eq!((alone.to_string(), beside.to_string()), ("acme.example.com".into(), "example.com/acme".into()));
/// assert_eq!(beside.absolute_url("/tasks//open"), "//example.com/acme/tasks/open");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The host, or the hosts.
    pub domain: DomainName,
    /// The folder, if there is one.
    pub folder: Folder,
}

impl Address {
    /// A host and a folder.
    #[must_use]
    pub fn new(domain: DomainName, folder: Folder) -> Self {
        Self { domain, folder }
    }

    /// The URL of a path there, without a scheme, so that it is that of the page: `//host/folder/path`. Slashes that
    /// follow each other become one, up to the query; so a path can never name another host.
    ///
    /// Of a wildcard, which is no host, it is no URL.
    #[must_use]
    pub fn absolute_url(&self, path: &str) -> String {
        format!("//{}{}", self.domain, in_folder(&self.folder, path))
    }
}

/// A path with the folder before it, and with one slash where several are.
///
/// ```
/// use tenant_core::{Folder, domain::in_folder};
/// let acme = Folder::parse("acme")?;
/// assert_eq!(in_folder(&acme, "/profile/"), "/acme/profile/");
/// assert_eq!(in_folder(&Folder::NONE, "profile//?next=//x"), "/profile/?next=//x");
/// # Ok::<(), tenant_core::FolderError>(())
/// ```
#[must_use]
pub fn in_folder(folder: &Folder, path: &str) -> String {
    crate::routing::path::under(folder.as_str(), path)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.domain.fmt(f)?;
        if !self.folder.is_none() {
            write!(f, "/{}", self.folder)?;
        }
        Ok(())
    }
}

/// A domain of a tenant. `#[derive(Domain)]` writes this for a Diesel model:
///
/// ```
/// use tenant_core::{Domain, DomainName, Folder};
///
/// struct ClientDomain { domain: DomainName, folder: Folder, is_primary: bool }
///
/// impl Domain for ClientDomain {
///     fn domain(&self) -> &DomainName { &self.domain }
///     fn folder(&self) -> &Folder { &self.folder }
///     fn is_primary(&self) -> bool { self.is_primary }
/// }
///
/// let domain = ClientDomain { domain: "example.com".parse()?, folder: "acme".parse()?, is_primary: true };
/// assert_eq!(domain.address().to_string(), "example.com/acme");
/// assert_eq!(domain.absolute_url("/profile/"), "//example.com/acme/profile/");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a domain of a tenant",
    label = "not a domain",
    note = "derive it: `#[derive(Domain)]` on the Diesel model of the table of domains"
)]
pub trait Domain {
    /// The host, or the hosts below one.
    fn domain(&self) -> &DomainName;

    /// The folder, where several tenants share the host.
    fn folder(&self) -> &Folder {
        const NONE: &Folder = &Folder::NONE;
        NONE
    }

    /// Whether this is the one that links lead to. Each tenant that has domains has one.
    fn is_primary(&self) -> bool;

    /// Whether who comes here is sent to the primary one.
    fn redirects_to_primary(&self) -> bool {
        false
    }

    /// Host and folder.
    fn address(&self) -> Address {
        Address::new(self.domain().clone(), self.folder().clone())
    }

    /// See [`Address::absolute_url`].
    fn absolute_url(&self, path: &str) -> String {
        self.address().absolute_url(path)
    }
}

impl<D: Domain> Domain for &D {
    fn domain(&self) -> &DomainName {
        D::domain(self)
    }

    fn folder(&self) -> &Folder {
        D::folder(self)
    }

    fn is_primary(&self) -> bool {
        D::is_primary(self)
    }

    fn redirects_to_primary(&self) -> bool {
        D::redirects_to_primary(self)
    }
}
