//! Where PostgreSQL's programs are looked for, in which order.
//!
//! 1. `PG_BIN_DIR`, which must be right if it is set;
//! 2. the `PATH`;
//! 3. what `pg_config --bindir` says, if the server is really there (Debian's `libpq-dev` names the folder without it);
//! 4. the folders that distributions use, the newest major version first;
//! 5. those that were fetched before.
//!
//! What is older than PostgreSQL 14 or does not run is passed over. Nothing is fetched here.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::error::Error;
use crate::programs::{Programs, holds_programs};

/// Names the folder with PostgreSQL's programs.
pub(crate) const BIN_DIR_VARIABLE: &str = "PG_BIN_DIR";

/// Where distributions install major versions side by side: a folder, what stands before the version in the names of its
/// entries, and where in an entry the programs are.
const DISTRIBUTIONS: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),                       // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                                // Fedora, Red Hat (PostgreSQL's own packages)
    ("/usr/libexec", "postgresql", ""),                       // Alpine
    ("/usr/lib", "postgresql", "bin"),                        // openSUSE
    ("/opt/homebrew/opt", "postgresql@", "bin"),              // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql@", "bin"),                 // Homebrew on Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"), // Homebrew on Linux
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
    ("/opt/local/lib", "postgresql", "bin"),                  // MacPorts
];

/// What a search goes by.
#[derive(Debug, Default)]
pub(crate) struct Search {
    explicit: Option<PathBuf>,
    path: OsString,
    distributions: Vec<PathBuf>,
    cache: Option<PathBuf>,
}

impl Search {
    /// What the environment and the usual folders of this machine have. `cache` is where programs are fetched to.
    pub(crate) fn of_this_machine(cache: Option<PathBuf>) -> Self {
        Self {
            explicit: env::var_os(BIN_DIR_VARIABLE)
                .filter(|dir| !dir.is_empty())
                .map(PathBuf::from),
            path: env::var_os("PATH").unwrap_or_default(),
            distributions: newest_first(DISTRIBUTIONS),
            cache,
        }
    }

    /// The first programs that are of use.
    pub(crate) fn run(&self, account: &Account) -> Result<Programs, Error> {
        if let Some(explicit) = &self.explicit {
            return Programs::inspect(&real_folder(explicit), account);
        }
        self.candidates()
            .find_map(|folder| Programs::inspect(&folder, account).ok())
            .ok_or_else(|| Error::NotFound {
                searched: self.to_words(),
            })
    }

    fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        let path = || env::split_paths(&self.path).filter(|entry| entry.is_absolute());
        let on_path = path()
            .filter(|entry| holds_programs(entry))
            .map(|entry| real_folder(&entry));
        let configured = path()
            .map(|entry| entry.join("pg_config"))
            .filter(|program| program.is_file())
            .filter_map(|program| bindir_of(&program));
        let fetched = self.cache.iter().flat_map(|cache| newest_in(cache, "", "bin"));
        on_path
            .chain(configured)
            .chain(self.distributions.iter().cloned())
            .chain(fetched.map(|(_, folder)| real_folder(&folder)))
            .filter(|folder| holds_programs(folder))
    }

    fn to_words(&self) -> String {
        let cache = match &self.cache {
            Some(cache) => format!(" and {}", cache.display()),
            None => String::new(),
        };
        format!(
            "PG_BIN_DIR (not set), the PATH, the folder that pg_config names, the usual folders of distributions{cache}"
        )
    }
}

/// The folder where the programs really are: a `PATH` may hold links to them, but they look for their files beside
/// themselves.
fn real_folder(folder: &Path) -> PathBuf {
    let real = folder.join("postgres").canonicalize().ok();
    let real = real
        .as_deref()
        .and_then(Path::parent)
        .filter(|real| holds_programs(real));
    real.map_or_else(|| folder.to_owned(), Path::to_owned)
}

fn bindir_of(pg_config: &Path) -> Option<PathBuf> {
    let output = Command::new(pg_config)
        .arg("--bindir")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    (!printed.trim().is_empty()).then(|| PathBuf::from(printed.trim()))
}

fn newest_first(distributions: &[(&str, &str, &str)]) -> Vec<PathBuf> {
    let mut found: Vec<_> = distributions
        .iter()
        .flat_map(|(folder, prefix, bin)| newest_in(Path::new(folder), prefix, bin))
        .collect();
    // Stable, so that the order of the list above decides between equals.
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The entries of `folder` named by a version after `prefix`, the newest first, each with `bin` added.
fn newest_in(folder: &Path, prefix: &str, bin: &str) -> Vec<((u32, u32), PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?;
            // Fetched programs carry their origin after the version: `18.4-npm`.
            let version = version.split('-').next()?;
            let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
            let version = (major.parse().ok()?, minor.parse().ok()?);
            Some((version, entry.path().join(bin)))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder for made-up programs, removed at the end.
    struct Machine(PathBuf);

    impl Machine {
        fn new() -> Self {
            let name = format!("tenant-testing-unit-{}", crate::random::hex::<8>().unwrap());
            let folder = env::temp_dir().canonicalize().unwrap().join(name);
            fs::create_dir(&folder).unwrap();
            Self(folder)
        }

        /// Programs that say they are of that version.
        fn install(&self, folder: &str, version: &str) -> PathBuf {
            let folder = self.0.join(folder);
            let answer = format!("echo 'postgres (PostgreSQL) {version}'");
            program(&folder, "postgres", &answer);
            program(&folder, "initdb", &answer);
            folder
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn program(folder: &Path, name: &str, script: &str) {
        fs::create_dir_all(folder).unwrap();
        // By another process: what a thread of this one has open for writing, a program that another thread starts
        // would hold open for a moment, and what is open for writing cannot be run.
        let made = Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
                "sh",
            ])
            .arg(folder.join(name))
            .arg(script)
            .status();
        assert!(made.unwrap().success());
    }

    fn found(search: &Search) -> PathBuf {
        search.run(&Account::Same).unwrap().bin_dir().to_owned()
    }

    fn path<const N: usize>(entries: [&Path; N]) -> OsString {
        env::join_paths(entries).unwrap()
    }

    #[test]
    fn the_places_are_searched_in_the_order_promised() {
        let machine = Machine::new();
        let explicit = machine.install("explicit", "14.1");
        let on_path = machine.install("on-path", "15.1");
        let configured = machine.install("configured", "16.1");
        let distribution = machine.install("usr/lib/postgresql/17/bin", "17.1");
        let cached = machine.install("cache/18.1-npm/bin", "18.1");
        let tools = machine.0.join("tools");
        program(&tools, "pg_config", &format!("echo {}", configured.display()));

        let mut search = Search {
            explicit: Some(explicit.clone()),
            path: path([&tools, &on_path]),
            distributions: vec![distribution.clone()],
            cache: Some(machine.0.join("cache")),
        };
        assert_eq!(found(&search), explicit);
        search.explicit = None;
        assert_eq!(found(&search), on_path);
        search.path = path([&tools]);
        assert_eq!(found(&search), configured);
        search.path = OsString::new();
        assert_eq!(found(&search), distribution);
        search.distributions.clear();
        assert_eq!(found(&search), cached);
    }

    #[test]
    fn links_on_the_path_lead_to_the_folder_of_the_programs() {
        let machine = Machine::new();
        let real = machine.install("usr/lib/postgresql/15/bin", "15.1");
        let links = machine.0.join("usr/local/bin");
        fs::create_dir_all(&links).unwrap();
        for name in ["postgres", "initdb"] {
            symlink(real.join(name), links.join(name)).unwrap();
        }
        let search = Search {
            path: path([&links]),
            ..Search::default()
        };
        assert_eq!(found(&search), real);
    }

    #[test]
    fn a_path_entry_with_one_of_the_two_programs_is_passed_over() {
        let machine = Machine::new();
        let half = machine.0.join("half");
        program(&half, "postgres", "echo 'postgres (PostgreSQL) 18.1'");
        let whole = machine.install("whole", "16.1");
        let search = Search {
            path: path([&half, &whole]),
            ..Search::default()
        };
        assert_eq!(found(&search), whole);
    }

    #[test]
    fn a_pg_config_without_a_server_is_passed_over() {
        let machine = Machine::new();
        let tools = machine.0.join("tools");
        program(&tools, "pg_config", "echo /no/such/folder");
        let distribution = machine.install("usr/lib/postgresql/17/bin", "17.1");
        let search = Search {
            path: path([&tools]),
            distributions: vec![distribution.clone()],
            ..Search::default()
        };
        assert_eq!(found(&search), distribution);
    }

    #[test]
    fn an_old_or_broken_installation_is_passed_over_unless_it_was_named() {
        let machine = Machine::new();
        let old = machine.install("old", "13.9");
        let broken = machine.0.join("broken");
        program(&broken, "postgres", "echo 'cannot find a library' >&2; exit 127");
        program(&broken, "initdb", "exit 127");
        let good = machine.install("good", "14.0");
        let mut search = Search {
            path: path([&old, &broken, &good]),
            ..Search::default()
        };
        assert_eq!(found(&search), good);

        search.explicit = Some(old);
        assert!(matches!(search.run(&Account::Same), Err(Error::TooOld { .. })));
        search.explicit = Some(broken);
        let error = search.run(&Account::Same).unwrap_err().to_string();
        assert!(error.contains("cannot find a library"), "{error}");
    }

    #[test]
    fn the_newest_major_version_of_a_distribution_is_first() {
        let machine = Machine::new();
        for major in ["9.6", "14", "18", "17", "15"] {
            machine.install(&format!("lib/postgresql/{major}/bin"), &format!("{major}.1"));
        }
        machine.install("pgsql-16/bin", "16.1");
        machine.install("lib/postgresql/contrib/bin", "99.1");
        let lib = machine.0.join("lib/postgresql");
        let folders = newest_first(&[
            (machine.0.to_str().unwrap(), "pgsql-", "bin"),
            (lib.to_str().unwrap(), "", "bin"),
        ]);
        let expected = [
            "lib/postgresql/18/bin",
            "lib/postgresql/17/bin",
            "pgsql-16/bin",
            "lib/postgresql/15/bin",
        ];
        assert_eq!(folders[..4], expected.map(|folder| machine.0.join(folder)));
        assert_eq!(folders.len(), 6);
    }

    #[test]
    fn without_any_the_message_names_three_remedies() {
        let message = Search::default().run(&Account::Same).unwrap_err().to_string();
        for remedy in [
            "apt-get install postgresql",
            "dnf install postgresql-server",
            "brew install postgresql",
        ] {
            assert!(message.contains(remedy), "{message}");
        }
    }
}
