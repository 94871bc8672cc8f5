//! Which account the server runs as.
//!
//! PostgreSQL refuses root, so a process of root starts it as `postgres` or `nobody` (an account of its own must be in
//! /etc/passwd, or the server refuses too). Every other user runs it as itself.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, IoContext};

/// The account that the server runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The user that this process runs as.
    Same,
    /// Another account, since this process is root's.
    Other { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// The account for the server of this process.
    pub(crate) fn of_this_process() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Same);
        }
        let accounts = fs::read_to_string("/etc/passwd").attempted("read", "/etc/passwd")?;
        find(&accounts, "postgres")
            .or_else(|| find(&accounts, "nobody"))
            .ok_or(Error::NoAccount)
    }

    /// Lets `command` run as this account.
    pub(crate) fn put_on<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        match self {
            Self::Same => command,
            // Also clears root's supplementary groups.
            Self::Other { uid, gid, .. } => command.uid(*uid).gid(*gid),
        }
    }

    /// Gives `path` to this account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Same => Ok(()),
            Self::Other { uid, gid, .. } => chown(path, Some(*uid), Some(*gid)).attempted("hand over", path),
        }
    }

    /// The mode of a folder of this process through which the account must pass.
    pub(crate) fn passage(&self) -> u32 {
        match self {
            Self::Same => 0o700,
            Self::Other { .. } => 0o711,
        }
    }

    /// Whether this account may pass through `folder` and all folders above it.
    pub(crate) fn reaches(&self, folder: &Path) -> bool {
        let Self::Other { uid, gid, .. } = self else {
            return true;
        };
        folder.ancestors().all(|folder| {
            fs::metadata(folder).is_ok_and(|found| {
                let allowed = match (found.uid() == *uid, found.gid() == *gid) {
                    (true, _) => 0o100,
                    (false, true) => 0o010,
                    (false, false) => 0o001,
                };
                found.mode() & allowed != 0
            })
        })
    }

    /// For messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Same => "of this process",
            Self::Other { name, .. } => name,
        }
    }
}

/// The account of that name in the text of /etc/passwd. Root under another name is of no use.
fn find(accounts: &str, name: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [found, _, uid, gid, ..] = fields[..] else {
            return None;
        };
        let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
        (found == name && uid != 0).then(|| Account::Other {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n\nbroken\n";

    #[test]
    fn the_account_postgres_is_preferred_to_nobody() {
        let accounts = format!("{ACCOUNTS}postgres:x:101:104::/var/lib/postgresql:/bin/sh\n");
        let found = find(&accounts, "postgres").or_else(|| find(&accounts, "nobody"));
        let expected = Account::Other {
            name: "postgres".to_owned(),
            uid: 101,
            gid: 104,
        };
        assert_eq!(found, Some(expected));
        assert_eq!(find(ACCOUNTS, "postgres"), None);
        assert!(find(ACCOUNTS, "nobody").is_some());
    }

    #[test]
    fn root_under_the_name_postgres_is_no_account() {
        assert_eq!(find("postgres:x:0:0::/:/bin/sh", "postgres"), None);
    }

    #[test]
    fn a_private_folder_is_out_of_reach_for_another_account() {
        let stranger = Account::Other {
            name: "stranger".to_owned(),
            uid: 54_321,
            gid: 54_321,
        };
        assert!(stranger.reaches(Path::new("/usr/bin")));
        assert!(!stranger.reaches(Path::new("/no/such/folder")));
        assert!(Account::Same.reaches(Path::new("/no/such/folder")));
    }
}
