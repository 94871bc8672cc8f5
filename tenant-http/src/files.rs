//! [`TenantFiles`]: templates and static files that a tenant may have of its own.

use crate::file_name::{FileNameError, folder_of, parts};
use quick_cache::sync::Cache;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tenant_core::SchemaName;

/// How many answers are remembered, unless it is said otherwise: some hundred files of some hundred tenants.
pub const DEFAULT_REMEMBERED: usize = 50_000;

/// Names of more bytes are looked for each time, so that nobody fills the memory with them.
const LONGEST_REMEMBERED: usize = 255;

/// Looks for a file where the tenant keeps its own, then where all share one: templates, style sheets, logos.
///
/// ```
/// use tenant_core::SchemaName;
/// use tenant_http::files::TenantFiles;
///
/// # let root = tempfile::tempdir()?;
/// # let (tenants, shared) = (root.path().join("tenants"), root.path().join("shared"));
/// # std::fs::create_dir_all(tenants.join("acme"))?;
/// # std::fs::create_dir_all(&shared)?;
/// # std::fs::write(tenants.join("acme/logo.svg"), "acme")?;
/// # std::fs::write(shared.join("logo.svg"), "shared")?;
/// # std::fs::write(shared.join("style.css"), "shared")?;
/// // tenants/acme/logo.svg, shared/logo.svg, shared/style.css
/// let files = TenantFiles::new(&tenants, &shared);
/// let (acme, globex) = (SchemaName::new("acme")?, SchemaName::new("globex")?);
/// assert_eq!(files.find(&acme, "logo.svg")?, Some(tenants.join("acme/logo.svg")));
/// assert_eq!(files.find(&globex, "logo.svg")?, Some(shared.join("logo.svg")));
/// assert_eq!(files.find(&acme, "style.css")?, Some(shared.join("style.css")));
/// assert_eq!(files.find(&acme, "nothing.css")?, None);
/// assert!(files.find(&acme, "../globex/logo.svg").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A link out of the folder is not followed. What was found, and what was not, is remembered: files that come or go while
/// the program runs are seen after [`forget`](Self::forget), or with [`remembering(0)`](Self::remembering).
#[derive(Clone)]
pub struct TenantFiles {
    tenants: PathBuf,
    shared: PathBuf,
    remembered: Option<Arc<Remembered>>,
}

type Remembered = Cache<(SchemaName, Box<str>), Option<PathBuf>>;

impl TenantFiles {
    /// Files of tenants in folders below `tenants` that have the names of their schemas (in which everything but letters,
    /// digits, `_` and `-` of ASCII is written as `%XX`), and files for all in `shared`.
    #[must_use]
    pub fn new(tenants: impl Into<PathBuf>, shared: impl Into<PathBuf>) -> Self {
        Self {
            tenants: tenants.into(),
            shared: shared.into(),
            remembered: None,
        }
        .remembering(DEFAULT_REMEMBERED)
    }

    /// How many answers are remembered; with 0, the disk is asked each time. Default: [`DEFAULT_REMEMBERED`].
    #[must_use]
    pub fn remembering(mut self, answers: usize) -> Self {
        self.remembered = (answers > 0).then(|| Arc::new(Cache::new(answers)));
        self
    }

    /// Asks the disk again from now on.
    pub fn forget(&self) {
        if let Some(remembered) = &self.remembered {
            remembered.clear();
        }
    }

    /// The file of this name: the tenant's own, else the shared one.
    ///
    /// # Errors
    ///
    /// The name could lead out of the folder. Nothing was looked for.
    pub fn find(&self, tenant: &SchemaName, name: &str) -> Result<Option<PathBuf>, FileNameError> {
        let parts = parts(name)?;
        let remembered = self
            .remembered
            .as_ref()
            .filter(|_| name.len() <= LONGEST_REMEMBERED);
        let Some(remembered) = remembered else {
            return Ok(self.look(tenant, &parts));
        };
        let key = (tenant.clone(), Box::from(name));
        if let Some(found) = remembered.get(&key) {
            return Ok(found);
        }
        let found = self.look(tenant, &parts);
        remembered.insert(key, found.clone());
        Ok(found)
    }

    fn look(&self, tenant: &SchemaName, parts: &[&str]) -> Option<PathBuf> {
        let own = self.tenants.join(folder_of(tenant));
        [own.as_path(), self.shared.as_path()]
            .into_iter()
            .find_map(|folder| in_folder(folder, parts))
    }
}

/// The file, if it is there, and really in this folder.
fn in_folder(folder: &Path, parts: &[&str]) -> Option<PathBuf> {
    let file = parts
        .iter()
        .fold(folder.to_path_buf(), |path, part| path.join(part));
    let real = file.canonicalize().ok()?;
    (real.is_file() && real.starts_with(folder.canonicalize().ok()?)).then_some(file)
}

impl fmt::Debug for TenantFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantFiles")
            .field("tenants", &self.tenants)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_finds_its_own_then_the_shared_and_never_anothers() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let (tenants, shared) = (root.path().join("tenants"), root.path().join("shared"));
        for (folder, name) in [("acme", "a.txt"), ("globex", "secret.txt")] {
            std::fs::create_dir_all(tenants.join(folder))?;
            std::fs::write(tenants.join(folder).join(name), name)?;
        }
        std::fs::create_dir_all(&shared)?;
        std::fs::write(shared.join("a.txt"), "shared")?;
        std::fs::write(root.path().join("outside.txt"), "outside")?;
        #[cfg(unix)]
        std::os::unix::fs::symlink(tenants.join("globex/secret.txt"), tenants.join("acme/link.txt"))?;
        let files = TenantFiles::new(&tenants, &shared);
        let schema = |name| SchemaName::quoted_any(name).unwrap();
        let found = |tenant, name| files.find(&schema(tenant), name);
        for _remembered in 0..2 {
            assert_eq!(found("acme", "a.txt"), Ok(Some(tenants.join("acme/a.txt"))));
            assert_eq!(found("globex", "a.txt"), Ok(Some(shared.join("a.txt"))));
            assert_eq!(found("acme", "secret.txt"), Ok(None));
            assert_eq!(found("acme", "link.txt"), Ok(None));
            assert_eq!(found("..", "outside.txt"), Ok(None));
            assert_eq!(found("acme/../globex", "secret.txt"), Ok(None));
            assert!(found("acme", "../globex/secret.txt").is_err());
        }
        std::fs::write(tenants.join("globex/a.txt"), "own")?;
        assert_eq!(
            found("globex", "a.txt"),
            Ok(Some(shared.join("a.txt"))),
            "remembered"
        );
        files.forget();
        assert_eq!(found("globex", "a.txt"), Ok(Some(tenants.join("globex/a.txt"))));
        Ok(())
    }
}
