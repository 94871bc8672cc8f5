//! PgBouncer's program: a file that the server's account can run, with the libraries it needs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use crate::account::Account;
use crate::error::Error;

/// A PgBouncer that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    path: PathBuf,
    /// Folders with libraries that the system does not have.
    libraries: Vec<PathBuf>,
    version: String,
}

impl Program {
    /// The program at `path`, which is run once, as the server's account, to see whether it can be.
    pub(super) fn inspect(path: &Path, libraries: Vec<PathBuf>, account: &Account) -> Result<Self, Error> {
        let unusable = |reason: String| Error::UnusablePgBouncer {
            path: path.to_owned(),
            reason,
        };
        let mut command = command(path, &libraries, account);
        let output = command
            .arg("--version")
            .current_dir("/")
            .output()
            .map_err(|error| {
                if error.kind() == io::ErrorKind::PermissionDenied && !account.reaches(path) {
                    let name = account.name();
                    unusable(format!(
                        "the account `{name}`, as which it would run, may not run it"
                    ))
                } else {
                    unusable(format!("`--version` does not run: {error}"))
                }
            })?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let Some(version) = version_in(&printed) else {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(unusable(format!(
                "`--version` said {:?} ({})",
                format!("{printed}{complaint}").trim(),
                output.status
            )));
        };
        Ok(Self {
            path: path.to_owned(),
            version: version.to_owned(),
            libraries,
        })
    }

    /// The version, such as `1.18.0`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// This program, to be run as the server's account.
    pub(super) fn command(&self, account: &Account) -> Command {
        command(&self.path, &self.libraries, account)
    }
}

fn command(path: &Path, libraries: &[PathBuf], account: &Account) -> Command {
    const LIBRARIES: &str = "LD_LIBRARY_PATH";
    let mut command = Command::new(path);
    account.put_on(&mut command).stdin(Stdio::null());
    if !libraries.is_empty() {
        let others = env::var_os(LIBRARIES).unwrap_or_default();
        let all = libraries.iter().cloned().chain(env::split_paths(&others));
        // A colon in a path cannot be written down; then the loader says what it misses.
        command.env(
            LIBRARIES,
            env::join_paths(all).unwrap_or_else(|_| OsString::new()),
        );
    }
    command
}

fn version_in(printed: &str) -> Option<&str> {
    printed.strip_prefix("PgBouncer ")?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_first_line() {
        assert_eq!(
            version_in("PgBouncer 1.18.0\nlibevent 2.1.12-stable\n"),
            Some("1.18.0")
        );
        assert_eq!(version_in("pgbouncer: error while loading"), None);
    }

    #[test]
    fn a_program_that_is_none_is_named_in_the_error() {
        let error = Program::inspect(Path::new("/no/such/program"), Vec::new(), &Account::Same).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("no PgBouncer can be run from /no/such/program: "),
            "{error}"
        );
        let error = Program::inspect(Path::new("/bin/sh"), Vec::new(), &Account::Same).unwrap_err();
        assert!(error.to_string().contains("`--version` said"), "{error}");
    }
}
