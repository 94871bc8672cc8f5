//! [`TenantStorage`]: a folder for each tenant in one store of objects (S3, GCS, Azure, a disk, memory).

use crate::file_name::{FileNameError, folder_of, parts};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use std::fmt;
use std::sync::Arc;
use tenant_core::SchemaName;
use tenant_core::routing::Prefix;

/// A store of objects in which each tenant has a folder. The store is one of the
/// [`object_store`](https://docs.rs/object_store) crate's.
///
/// ```
/// use object_store::memory::InMemory;
/// use std::sync::Arc;
/// use tenant_core::SchemaName;
/// use tenant_http::storage::TenantStorage;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let storage = TenantStorage::new(Arc::new(InMemory::new())).served_at("/media/");
/// let acme = storage.of(&SchemaName::new("acme")?)?;
/// acme.put("logo.svg", "<svg/>").await?;
/// assert_eq!(&acme.get("logo.svg").await?[..], b"<svg/>");
/// assert_eq!(acme.url("logo.svg")?, "/media/acme/logo.svg");
/// assert_eq!(acme.list().await?, ["logo.svg"]);
///
/// let globex = storage.of(&SchemaName::new("globex")?)?;
/// assert!(globex.get("logo.svg").await.is_err());
/// assert!(globex.get("../acme/logo.svg").await.is_err());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TenantStorage {
    store: Arc<dyn ObjectStore>,
    folder: Arc<dyn Fn(&SchemaName) -> String + Send + Sync>,
    base: Arc<str>,
}

/// A file was not kept, read or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The name could lead out of the tenant's folder. The store was not asked.
    #[error("{name:?} is no name for a file of a tenant")]
    Name {
        /// The name.
        name: String,
        /// Why.
        source: FileNameError,
    },
    /// The application names the folder of a tenant by nothing. The store was not asked.
    #[error(
        "the folder of tenant `{schema}` has an empty name: `folders_named` must give each tenant one of its own"
    )]
    Folder {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// The store refused.
    #[error("the store did not do it for the file {name:?} of tenant `{schema}`")]
    Store {
        /// The tenant's schema.
        schema: SchemaName,
        /// The name.
        name: String,
        /// The store's words.
        source: object_store::Error,
    },
}

impl TenantStorage {
    /// A store in which each tenant has a folder of the name of its schema (in which everything but letters, digits, `_`
    /// and `-` of ASCII is written as `%XX`).
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            folder: Arc::new(folder_of),
            base: Arc::from("/"),
        }
    }

    /// Gives folders other names: those of a key, so that they stay when a tenant is renamed. Two tenants must never have
    /// the same.
    #[must_use]
    pub fn folders_named(mut self, name: impl Fn(&SchemaName) -> String + Send + Sync + 'static) -> Self {
        self.folder = Arc::new(name);
        self
    }

    /// Where the files are served: a path (`/media/`) or a URL (`https://files.example.com/`). Default: `/`.
    #[must_use]
    pub fn served_at(mut self, base: &str) -> Self {
        self.base = Arc::from(format!("{}/", base.trim_end_matches('/')));
        self
    }

    /// The folder of a tenant.
    ///
    /// # Errors
    ///
    /// [`StorageError::Folder`]: [`folders_named`](Self::folders_named) gave it an empty name, which would be that of all.
    pub fn of(&self, tenant: &SchemaName) -> Result<TenantFolder, StorageError> {
        let name = (self.folder)(tenant);
        if name.is_empty() {
            return Err(StorageError::Folder {
                schema: tenant.clone(),
            });
        }
        // One part, whatever it holds: slashes and dots are escaped in it.
        let folder = Path::from_iter([name]);
        Ok(TenantFolder {
            store: PrefixStore::new(Arc::clone(&self.store), folder.clone()),
            folder,
            schema: tenant.clone(),
            base: Arc::clone(&self.base),
        })
    }
}

impl fmt::Debug for TenantStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantStorage")
            .field("store", &self.store)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The folder of one tenant: see [`TenantStorage`].
#[derive(Clone, Debug)]
pub struct TenantFolder {
    store: PrefixStore<Arc<dyn ObjectStore>>,
    folder: Path,
    schema: SchemaName,
    base: Arc<str>,
}

impl TenantFolder {
    /// The folder as a store of its own, for everything else that `object_store` can do. Paths that it is given are
    /// those of [`TenantFolder::path`].
    #[must_use]
    pub fn store(&self) -> &impl ObjectStore {
        &self.store
    }

    /// The path of a file within the folder.
    ///
    /// # Errors
    ///
    /// [`StorageError::Name`]: it is absolute, goes up, is empty, or has control characters or backslashes in it.
    pub fn path(&self, name: &str) -> Result<Path, StorageError> {
        match parts(name) {
            Ok(parts) => Ok(Path::from_iter(parts)),
            Err(source) => Err(StorageError::Name {
                name: name.to_owned(),
                source,
            }),
        }
    }

    /// Keeps a file. One of the same name is replaced.
    ///
    /// # Errors
    ///
    /// [`StorageError::Name`], or the store's.
    pub async fn put(&self, name: &str, content: impl Into<PutPayload>) -> Result<(), StorageError> {
        let path = self.path(name)?;
        let put = self.store.put(&path, content.into()).await;
        put.map(drop).map_err(|source| self.failed(name, source))
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`StorageError::Name`], or the store's, also where there is no such file.
    pub async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        let path = self.path(name)?;
        let failed = |source| self.failed(name, source);
        let bytes = self.store.get(&path).await.map_err(failed)?.bytes().await;
        bytes.map(Into::into).map_err(failed)
    }

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// [`StorageError::Name`], or the store's.
    pub async fn delete(&self, name: &str) -> Result<(), StorageError> {
        let path = self.path(name)?;
        let deleted = self.store.delete(&path).await;
        deleted.map_err(|source| self.failed(name, source))
    }

    /// The names of all files, as they were given, sorted. None where the tenant has no folder yet.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn list(&self) -> Result<Vec<String>, StorageError> {
        let files = self.store.list(None).map_ok(|file| name_of(&file.location));
        let mut files: Vec<String> = files
            .try_collect()
            .await
            .map_err(|source| self.failed("", source))?;
        files.sort_unstable();
        Ok(files)
    }

    /// Where a file is served: `/media/acme/logo.svg`.
    ///
    /// # Errors
    ///
    /// [`StorageError::Name`].
    pub fn url(&self, name: &str) -> Result<String, StorageError> {
        let path = self.path(name)?;
        Ok(format!("{}{}/{}", self.base, url(&self.folder), url(&path)))
    }

    /// The same at a site whose pages are below a folder of their host (`/acme/..`): that says the tenant already, so
    /// the name of the tenant is left out of the rest: `/acme/media/logo.svg`. Without a prefix, as [`url`](Self::url).
    ///
    /// # Errors
    ///
    /// [`StorageError::Name`].
    pub fn url_under(&self, prefix: &Prefix, name: &str) -> Result<String, StorageError> {
        if prefix.as_str().is_empty() {
            return self.url(name);
        }
        let path = self.path(name)?;
        Ok(prefix.url(&format!("{}{}", self.base, url(&path))))
    }

    fn failed(&self, name: &str, source: object_store::Error) -> StorageError {
        StorageError::Store {
            schema: self.schema.clone(),
            name: name.to_owned(),
            source,
        }
    }
}

/// The name that a path was made of: the store writes some bytes as `%XX`. One that is no text, which nobody put there by
/// a name, stays as it is.
fn name_of(path: &Path) -> String {
    let path = path.as_ref();
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (mut name, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let [first, after @ ..] = rest {
        let escaped = match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        name.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(name).unwrap_or_else(|_| path.to_owned())
}

/// A path in a URL: what the store has escaped once is escaped again, so that it is one path when a server has decoded it.
fn url(path: &Path) -> String {
    let mut url = String::with_capacity(path.as_ref().len());
    for byte in path.as_ref().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    fn folder(schema: &str) -> (TenantStorage, TenantFolder) {
        let storage = TenantStorage::new(Arc::new(InMemory::new())).served_at("/media");
        let folder = storage.of(&SchemaName::quoted_any(schema).unwrap()).unwrap();
        (storage, folder)
    }

    /// BEHAVIOURS 139.
    #[tokio::test]
    async fn no_two_tenants_share_a_file() -> Result<(), StorageError> {
        let (storage, _) = folder("a");
        let names = ["a", "a/b", "a%2Fb", "..", "A.b", "a b", "ä"];
        for schema in names {
            let folder = storage.of(&SchemaName::quoted_any(schema).unwrap()).unwrap();
            folder.put("b/x.txt", schema.to_owned()).await?;
        }
        for schema in names {
            let folder = storage.of(&SchemaName::quoted_any(schema).unwrap()).unwrap();
            assert_eq!(folder.get("b/x.txt").await?, schema.as_bytes());
            assert_eq!(folder.list().await?, ["b/x.txt"]);
        }
        let a = storage.of(&SchemaName::new("a").unwrap()).unwrap();
        a.delete("b/x.txt").await?;
        assert!(a.get("b/x.txt").await.is_err());
        assert_eq!(
            storage
                .store
                .list(None)
                .try_collect::<Vec<_>>()
                .await
                .unwrap()
                .len(),
            names.len() - 1
        );
        Ok(())
    }

    #[tokio::test]
    async fn names_that_lead_elsewhere_never_reach_the_store() {
        let (_, folder) = folder("a");
        for name in ["", "/x", "../b/x", "x/../../b", "x\0", "..\\x", "x//y", "./x"] {
            assert!(
                matches!(folder.get(name).await, Err(StorageError::Name { .. })),
                "{name:?}"
            );
            assert!(
                matches!(folder.put(name, "x").await, Err(StorageError::Name { .. })),
                "{name:?}"
            );
            assert!(
                matches!(folder.delete(name).await, Err(StorageError::Name { .. })),
                "{name:?}"
            );
            assert!(folder.url(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn no_tenant_has_the_folder_of_all() {
        let (storage, _) = folder("acme");
        let nameless = storage.folders_named(|_| String::new());
        let refused = nameless.of(&SchemaName::new("acme").unwrap());
        assert!(matches!(refused, Err(StorageError::Folder { .. })));
    }

    #[test]
    fn urls_are_under_the_tenant_or_under_its_folder() -> Result<(), StorageError> {
        let (storage, acme) = folder("acme");
        assert_eq!(acme.url("a b/ü?.svg")?, "/media/acme/a%20b/%25C3%25BC%253F.svg");
        assert_eq!(
            acme.url_under(&Prefix::new("acme"), "x.svg")?,
            "/acme/media/x.svg"
        );
        assert_eq!(acme.url_under(&Prefix::default(), "x.svg")?, "/media/acme/x.svg");
        let cdn = storage
            .served_at("https://files.example.com")
            .folders_named(|_| "17".to_owned());
        let acme = cdn.of(&SchemaName::new("acme").unwrap()).unwrap();
        assert_eq!(acme.url("x.svg")?, "https://files.example.com/17/x.svg");
        Ok(())
    }
}
