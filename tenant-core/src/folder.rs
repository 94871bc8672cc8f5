//! [`Folder`]: the first segment of a path, where tenants share a host.

use crate::text_newtype::text_newtype;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest folder, in bytes: that of the existing systems.
pub const MAX_BYTES: usize = 253;

/// The first segment of a path that says which of the tenants of a host is meant (`example.com/acme/..`), or none.
///
/// A column that holds one is `Text NOT NULL`, and empty where there is none, so that host and folder can be a key.
///
/// ```
/// use tenant_core::Folder;
///
/// assert_eq!(Folder::parse("acme")?.as_str(), "acme");
/// assert!(Folder::parse("")?.is_none());
/// for refused in ["a/b", "..", ".", "a b", "a%20b", "ä"] {
///     assert!(Folder::parse(refused).is_err(), "{refused}");
/// }
/// # Ok::<(), tenant_core::FolderError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct Folder(Option<Arc<str>>);

/// A text is no folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a folder is one segment of a path: letters, digits and `-._~` of ASCII, at most {MAX_BYTES} bytes, and neither `.` nor `..`"
)]
pub struct FolderError;

impl Folder {
    /// No folder: the tenant has the host for itself.
    pub const NONE: Self = Self(None);

    /// Checks one segment of a path. Only what a URL holds as it is, so that there is one form of each. Empty is none.
    ///
    /// # Errors
    ///
    /// It is no such segment.
    pub fn parse(segment: &str) -> Result<Self, FolderError> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if segment.is_empty() {
            Ok(Self::NONE)
        } else if segment.len() > MAX_BYTES
            || matches!(segment, "." | "..")
            || !segment.bytes().all(is_unreserved)
        {
            Err(FolderError)
        } else {
            Ok(Self(Some(Arc::from(segment))))
        }
    }

    /// The first segment of a path, if it can be a folder.
    ///
    /// ```
    /// use tenant_core::Folder;
    /// assert_eq!(Folder::first_of("/acme/tasks").as_str(), "acme");
    /// assert!(Folder::first_of("/").is_none() && Folder::first_of("//acme").is_none());
    /// ```
    #[must_use]
    pub fn first_of(path: &str) -> Self {
        let segment = path.strip_prefix('/').and_then(|rest| rest.split('/').next());
        segment.map_or(Self::NONE, |segment| Self::parse(segment).unwrap_or_default())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The segment; empty where there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Folder({:?})", self.as_str())
    }
}

impl FromStr for Folder {
    type Err = FolderError;

    /// The same as [`Folder::parse`].
    fn from_str(segment: &str) -> Result<Self, FolderError> {
        Self::parse(segment)
    }
}

text_newtype!(Folder, Folder::parse, "one segment of a path, or nothing");
