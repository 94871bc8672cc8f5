//! Names of files that come from outside, and the folder of a tenant.

use tenant_core::SchemaName;

/// The name of a file leads out of its folder, or is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileNameError {
    /// There is nothing, or nothing between two slashes.
    #[error("the name of a file, and each part of its path, must not be empty")]
    Empty,
    /// It starts at the root, or at a drive.
    #[error("the name of a file must be relative")]
    Absolute,
    /// A part of it is `.` or `..`.
    #[error("the name of a file must not go up or stay (`..`, `.`)")]
    Traversal,
    /// A NUL, another control character, or a backslash, which some systems take for a slash.
    #[error("the name of a file must not contain control characters or backslashes")]
    Character,
}

/// The parts of a relative name. What could lead out of the folder is refused, not mended: two names that a client gives
/// never mean one file.
pub(crate) fn parts(name: &str) -> Result<Vec<&str>, FileNameError> {
    if name.is_empty() {
        return Err(FileNameError::Empty);
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return Err(FileNameError::Character);
    }
    let is_drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    if name.starts_with('/') || is_drive {
        return Err(FileNameError::Absolute);
    }
    name.split('/')
        .map(|part| match part {
            "" => Err(FileNameError::Empty),
            "." | ".." => Err(FileNameError::Traversal),
            part => Ok(part),
        })
        .collect()
}

/// The folder of a tenant: the name of its schema, with everything but letters, digits, `_` and `-` of ASCII as `%XX`, so
/// that it is one folder whatever the name, and no two tenants have the same.
pub(crate) fn folder_of(schema: &SchemaName) -> String {
    let mut folder = String::with_capacity(schema.as_str().len());
    for byte in schema.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            folder.push(char::from(byte));
        } else {
            folder.push_str(&format!("%{byte:02X}"));
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_folder_is_refused() {
        use FileNameError::*;
        for (name, expected) in [
            ("", Empty),
            ("a//b", Empty),
            ("a/", Empty),
            ("/a", Absolute),
            ("//a", Absolute),
            ("C:/a", Absolute),
            ("c:a", Absolute),
            ("..", Traversal),
            ("../a", Traversal),
            ("a/../../b", Traversal),
            ("a/./b", Traversal),
            ("a\0b", Character),
            ("a\nb", Character),
            ("..\\a", Character),
        ] {
            assert_eq!(parts(name), Err(expected), "{name:?}");
        }
        assert_eq!(parts("a/..b/c.d"), Ok(vec!["a", "..b", "c.d"]));
        assert_eq!(
            parts("%2e%2e/ä"),
            Ok(vec!["%2e%2e", "ä"]),
            "a name, which nothing decodes"
        );
    }

    #[test]
    fn each_schema_has_one_folder_of_its_own() {
        for (schema, expected) in [
            ("acme", "acme"),
            ("my-tenant", "my-tenant"),
            ("..", "%2E%2E"),
            ("a/b", "a%2Fb"),
            ("a%2Fb", "a%252Fb"),
            ("ä", "%C3%A4"),
        ] {
            let schema = SchemaName::quoted_any(schema).unwrap();
            assert_eq!(folder_of(&schema), expected);
        }
    }
}
