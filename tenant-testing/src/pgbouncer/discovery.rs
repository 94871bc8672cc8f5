//! Where PgBouncer is looked for, in which order.
//!
//! 1. `PGBOUNCER`, the path of the program, which must be right if it is set;
//! 2. the `PATH`;
//! 3. the folders that distributions use, which are not on everybody's `PATH`;
//! 4. what was fetched before.
//!
//! What does not run is passed over. Nothing is fetched here.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::fetch;
use super::program::Program;
use crate::account::Account;
use crate::error::Error;

/// Names the program.
const VARIABLE: &str = "PGBOUNCER";

const NAME: &str = "pgbouncer";

const USUAL: &[&str] = &[
    "/usr/sbin",                      // Debian, Ubuntu, openSUSE
    "/usr/bin",                       // Fedora, Alpine, Arch
    "/usr/local/sbin",                // built by hand
    "/usr/local/bin",                 // Homebrew on Intel
    "/opt/homebrew/bin",              // Homebrew on Apple silicon
    "/home/linuxbrew/.linuxbrew/bin", // Homebrew on Linux
    "/opt/local/bin",                 // MacPorts
];

/// What a search goes by.
#[derive(Debug, Default)]
pub(super) struct Search {
    explicit: Option<PathBuf>,
    path: OsString,
    usual: Vec<PathBuf>,
    /// The folder of what was fetched.
    fetched: Option<PathBuf>,
}

impl Search {
    /// What the environment and the usual folders of this machine have.
    pub(super) fn of_this_machine(fetched: PathBuf) -> Self {
        Self {
            explicit: env::var_os(VARIABLE)
                .filter(|program| !program.is_empty())
                .map(PathBuf::from),
            path: env::var_os("PATH").unwrap_or_default(),
            usual: USUAL.iter().map(PathBuf::from).collect(),
            fetched: Some(fetched),
        }
    }

    /// The first program that is of use.
    pub(super) fn run(&self, account: &Account) -> Result<Program, Error> {
        if let Some(explicit) = &self.explicit {
            return Program::inspect(explicit, Vec::new(), account);
        }
        let on_path = env::split_paths(&self.path).filter(|entry| entry.is_absolute());
        on_path
            .chain(self.usual.iter().cloned())
            .map(|folder| folder.join(NAME))
            .filter(|program| program.is_file())
            .find_map(|program| Program::inspect(&program, Vec::new(), account).ok())
            .or_else(|| fetch::program_in(self.fetched.as_deref()?, account).ok())
            .ok_or_else(|| Error::NoPgBouncer {
                attempts: self.to_words(),
            })
    }

    fn to_words(&self) -> String {
        let fetched = self.fetched.as_deref().map(Path::display);
        let fetched = fetched
            .map(|folder| format!(" or in {folder}"))
            .unwrap_or_default();
        format!("{VARIABLE} is not set, and none that runs is on the PATH, in the usual folders{fetched}")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// A program that says it is of that version.
    fn install(folder: &Path, version: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let program = folder.join(NAME);
        // By another process: what a thread of this one has open for writing cannot be run.
        let made = Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
                "sh",
            ])
            .arg(&program)
            .arg(format!("echo 'PgBouncer {version}'"))
            .status();
        assert!(made.unwrap().success());
        program
    }

    #[test]
    fn the_places_are_searched_in_the_order_promised_and_what_does_not_run_is_passed_over() {
        let machine = tempfile::tempdir().unwrap();
        let at = |name: &str| machine.path().join(name);
        let explicit = install(&at("explicit"), "1.1");
        install(&at("on-path"), "1.2");
        install(&at("usual"), "1.3");
        install(&at("fetched/usr/sbin"), "1.4");
        fs::create_dir(at("broken")).unwrap();
        fs::write(at("broken/pgbouncer"), "").unwrap();
        let mut search = Search {
            explicit: Some(explicit),
            path: env::join_paths([at("broken"), at("on-path")]).unwrap(),
            usual: vec![at("usual")],
            fetched: Some(at("fetched")),
        };
        let found = |search: &Search| search.run(&Account::Same).unwrap().version().to_owned();
        assert_eq!(found(&search), "1.1");
        search.explicit = None;
        assert_eq!(found(&search), "1.2");
        search.path = OsString::new();
        assert_eq!(found(&search), "1.3");
        search.usual.clear();
        assert_eq!(found(&search), "1.4");
        search.explicit = Some(at("broken/pgbouncer"));
        assert!(matches!(
            search.run(&Account::Same),
            Err(Error::UnusablePgBouncer { .. })
        ));
    }

    #[test]
    fn without_any_the_message_names_the_remedies() {
        let message = Search::default().run(&Account::Same).unwrap_err().to_string();
        for remedy in [
            "apt-get install pgbouncer",
            "dnf install pgbouncer",
            "brew install pgbouncer",
            "set PGBOUNCER",
        ] {
            assert!(message.contains(remedy), "{message}");
        }
    }
}
