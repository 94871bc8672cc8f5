//! PgBouncer for machines that have none: Debian's or Ubuntu's own package, without root and without installing it.
//!
//! `apt-get` downloads it, with lists and caches of its own in a private folder, from the sources of this machine, whose
//! signatures it checks; `dpkg-deb` unpacks it. The libraries it needs are mostly there; those that are not come the same
//! way. None of the packages' own scripts are run.
//!
//! As with PostgreSQL, a download goes to a private folder which is renamed when it is complete, under a lock.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::program::Program;
use crate::account::Account;
use crate::error::{Error, IoContext};
use crate::fetch::{chain, open_to_all, run};
use crate::{folders, random};

const PACKAGE: &str = "pgbouncer";

/// Libraries have libraries; more than these rounds have never been needed.
const ROUNDS: usize = 4;

/// How the names of folders begin into which a download goes first.
const PRIVATE: &str = ".fetching-";

/// The folder below which the program is fetched.
pub(super) fn cache(account: &Account) -> Result<PathBuf, Error> {
    let poolers = folders::cache(account)?.join("poolers");
    folders::private_folder(&poolers, account)?;
    Ok(poolers)
}

/// Where in the cache the unpacked packages are.
pub(super) fn unpacked_in(cache: &Path) -> PathBuf {
    cache.join(PACKAGE)
}

/// The program in unpacked packages.
pub(super) fn program_in(unpacked: &Path, account: &Account) -> Result<Program, Error> {
    let program = unpacked.join("usr/sbin").join(PACKAGE);
    Program::inspect(&program, libraries_in(unpacked), account)
}

/// The folders of unpacked packages where libraries may be: `lib` and `usr/lib`, and those of a platform in them.
fn libraries_in(unpacked: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for lib in ["usr/lib", "lib"].map(|lib| unpacked.join(lib)) {
        let entries = fs::read_dir(&lib).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
        found.push(lib);
    }
    found.retain(|folder| {
        let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().contains(".so"))
    });
    found
}

/// The programs that fetch and unpack.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients {
    /// Where they are, if not on the `PATH`.
    folder: Option<PathBuf>,
}

impl Clients {
    fn command(&self, name: &str) -> Command {
        let program = self
            .folder
            .as_ref()
            .map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    fn has(&self, name: &str) -> bool {
        run(self.command(name).arg("--version")).is_ok()
    }

    fn unpack(&self, package: &Path, folder: &Path) -> io::Result<String> {
        run(self.command("dpkg-deb").arg("-x").arg(package).arg(folder))
    }

    fn depends(&self, package: &Path) -> io::Result<String> {
        run(self.command("dpkg-deb").arg("-f").arg(package).arg("Depends"))
    }

    fn is_installed(&self, package: &str) -> bool {
        let mut query = self.command("dpkg-query");
        query.args(["-W", "-f", "${db:Status-Status}", package]);
        run(&mut query).is_ok_and(|status| status == "installed")
    }
}

/// The program from below `cache`, fetched if it is missing or does not run (any more: the system may have been upgraded).
pub(super) fn fetch(
    clients: &Clients,
    cache: &Path,
    account: &Account,
    notice: &dyn Fn(&str),
) -> Result<Program, Error> {
    let _alone = folders::lock(&cache.join("lock"))?;
    let target = unpacked_in(cache);
    if let Ok(program) = program_in(&target, account) {
        return Ok(program);
    }
    let failed = |attempts: String| Error::NoPgBouncer { attempts };
    for tool in ["apt-get", "dpkg-deb"] {
        if !clients.has(tool) {
            return Err(failed(format!(
                "none is installed, and without `{tool}` none can be fetched"
            )));
        }
    }
    notice(&format!(
        "found no PgBouncer; fetching this system's package with apt-get into {} (once)",
        target.display()
    ));
    download(clients, cache, &target, account).map_err(|error| {
        failed(format!(
            "none is installed, and fetching it with apt-get failed: {}",
            chain(&error)
        ))
    })
}

/// Downloads to a private folder, tries what is in it, and renames it to `target`.
fn download(clients: &Clients, cache: &Path, target: &Path, account: &Account) -> Result<Program, Error> {
    folders::sweep(cache, PRIVATE);
    let private = cache.join(format!("{PRIVATE}{}", random::hex::<8>()?));
    folders::private_folder(&private, account)?;
    let unpacked = private.join("root");
    let fetched = Apt::new(clients, &private)
        .and_then(|apt| assemble(&apt, &unpacked, account))
        .and_then(|()| {
            // An earlier attempt may be there.
            let _ = fs::remove_dir_all(target);
            fs::rename(&unpacked, target).attempted("rename to", target)?;
            program_in(target, account)
        });
    // What is left is of no use: lists of packages, packages, or a failure.
    let _ = fs::remove_dir_all(&private);
    fetched
}

/// Unpacks the package, and then what it depends on, until the program runs.
fn assemble(apt: &Apt<'_>, unpacked: &Path, account: &Account) -> Result<(), Error> {
    let mut wanted = vec![PACKAGE.to_owned()];
    let mut seen = wanted.clone();
    for _ in 0..ROUNDS {
        let packages = apt
            .download(&wanted)
            .attempted("fetch packages into", apt.folder)?;
        wanted.clear();
        for package in packages {
            apt.clients
                .unpack(&package, unpacked)
                .attempted("unpack", &package)?;
            let depends = apt.clients.depends(&package).attempted("read", &package)?;
            wanted.extend(libraries_among(&depends));
        }
        open_to_all(unpacked).attempted("open", unpacked)?;
        let Err(complaint) = program_in(unpacked, account) else {
            return Ok(());
        };
        wanted.sort();
        wanted.dedup();
        wanted.retain(|name| !seen.contains(name) && !apt.clients.is_installed(name));
        if wanted.is_empty() {
            return Err(complaint);
        }
        seen.extend(wanted.iter().cloned());
    }
    program_in(unpacked, account).map(drop)
}

/// The libraries in a package's dependencies, `libc-ares2 (>= 1.12), libssl3 | libssl4, postgresql-common`.
fn libraries_among(depends: &str) -> Vec<String> {
    depends
        .split(',')
        // Of several that will do, Debian names first what it has itself.
        .filter_map(|one_of| one_of.split('|').next()?.split_whitespace().next())
        .map(|name| name.split(':').next().unwrap_or(name))
        // The C library goes with the loader, which is the system's.
        .filter(|name| name.starts_with("lib") && *name != "libc6")
        .map(str::to_owned)
        .collect()
}

/// `apt-get` with all that it writes in a private folder.
struct Apt<'f> {
    clients: &'f Clients,
    folder: &'f Path,
}

impl<'f> Apt<'f> {
    fn new(clients: &'f Clients, folder: &'f Path) -> Result<Self, Error> {
        for needed in ["lists/partial", "cache/archives/partial", "packages", "root"] {
            let path = folder.join(needed);
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&path)
                .attempted("make the folder", &path)?;
        }
        let apt = Self { clients, folder };
        // What cannot be reached of several sources is not always needed; if it was, the download says so.
        let updated = run(apt.command().arg("update"));
        match updated {
            Err(error) if !apt.knows(PACKAGE) => Err(error).attempted("have `apt-get update` fill", folder),
            _ => Ok(apt),
        }
    }

    fn command(&self) -> Command {
        self.tool("apt-get")
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = self.clients.command(name);
        let set = |option: &str, path: &str| format!("{option}={}", self.folder.join(path).display());
        command
            .arg("-q")
            .args(["-o", &set("Dir::State::lists", "lists")])
            .args(["-o", &set("Dir::Cache", "cache")])
            // Names of packages are all that is wanted of the lists.
            .args(["-o", "Acquire::Languages=none"])
            .args(["-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"])
            // The account that root would download as does not reach a private folder.
            .args(["-o", "APT::Sandbox::User=root"])
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    fn knows(&self, package: &str) -> bool {
        run(self.tool("apt-cache").args(["show", package])).is_ok()
    }

    /// The files of these packages.
    fn download(&self, packages: &[String]) -> io::Result<Vec<PathBuf>> {
        let folder = self.folder.join("packages");
        let files = || -> io::Result<Vec<PathBuf>> {
            fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect()
        };
        // Those of the last round are unpacked.
        for unpacked in files()? {
            fs::remove_file(unpacked)?;
        }
        run(self.command().arg("download").args(packages).current_dir(&folder))?;
        files()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A machine with made-up clients. A package is a text with what it depends on.
    struct Machine(tempfile::TempDir);

    /// Downloads what is asked for, and counts the calls.
    const APT_GET: &str = r#"
echo "$*" >>"$0.calls"
while [ $# -gt 0 ] && [ "$1" != download ]; do shift; done
for package in "$@"; do
    case $package in
    download) ;;
    pgbouncer) echo 'adduser, liba1 (>= 2) | liba0, libc6, libb1' >pgbouncer.deb ;;
    *) echo >"$package.deb" ;;
    esac
done
"#;

    /// Unpacks a program that runs only where the library is.
    const DPKG_DEB: &str = r#"
case $1 in
-f) cat "$2" ;;
-x)
    mkdir -p "$3/usr/sbin" "$3/usr/lib/some-platform"
    case $2 in
    */liba1.deb) echo >"$3/usr/lib/some-platform/liba.so.1" ;;
    */pgbouncer.deb)
        cat >"$3/usr/sbin/pgbouncer" <<'END'
#!/bin/sh
[ -e "${LD_LIBRARY_PATH%%:*}/liba.so.1" ] || { echo 'cannot open liba.so.1' >&2; exit 127; }
echo 'PgBouncer 1.18.0'
END
        chmod 755 "$3/usr/sbin/pgbouncer"
        ;;
    esac
    ;;
esac
"#;

    impl Machine {
        fn new(apt_get: &str, dpkg_deb: &str) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            machine.install("apt-get", apt_get);
            machine.install("apt-cache", "");
            machine.install("dpkg-deb", dpkg_deb);
            machine.install("dpkg-query", r#"[ "$4" = libb1 ] && printf installed"#);
            machine
        }

        fn install(&self, client: &str, script: &str) {
            // By another process: what a thread of this one has open for writing cannot be run.
            let made = Command::new("/bin/sh")
                .args([
                    "-c",
                    r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
                    "sh",
                ])
                .arg(self.0.path().join(client))
                .arg(script)
                .status();
            assert!(made.unwrap().success());
        }

        /// What came of it, and the notices.
        fn fetch(&self) -> (Result<Program, Error>, Vec<String>) {
            let clients = Clients {
                folder: Some(self.0.path().to_owned()),
            };
            let cache = self.0.path().join("cache");
            folders::private_folder(&cache, &Account::Same).unwrap();
            let notices = RefCell::new(Vec::new());
            let notice = |line: &str| notices.borrow_mut().push(line.to_owned());
            let fetched = fetch(&clients, &cache, &Account::Same, &notice);
            (fetched, notices.into_inner())
        }

        fn calls(&self) -> String {
            fs::read_to_string(self.0.path().join("apt-get.calls")).unwrap()
        }

        fn cached(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.path().join("cache")).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        }
    }

    #[test]
    fn the_program_is_fetched_once_with_the_libraries_that_are_missing() {
        let machine = Machine::new(APT_GET, DPKG_DEB);
        let (program, notices) = machine.fetch();
        assert_eq!(program.unwrap().version(), "1.18.0");
        assert!(notices[0].contains("fetching"), "{notices:?}");
        let calls = machine.calls();
        assert!(
            calls.lines().last().unwrap().ends_with("download liba1"),
            "{calls}"
        );
        assert_eq!(machine.cached(), ["lock", "pgbouncer"]);
        // The second time there is nothing to say, nor to do.
        let (program, notices) = machine.fetch();
        assert_eq!(program.unwrap().version(), "1.18.0");
        assert_eq!((notices, machine.calls()), (Vec::new(), calls));
    }

    #[test]
    fn what_does_not_run_any_more_is_fetched_again() {
        let machine = Machine::new(APT_GET, DPKG_DEB);
        machine.fetch().0.unwrap();
        let library = "cache/pgbouncer/usr/lib/some-platform/liba.so.1";
        fs::remove_file(machine.0.path().join(library)).unwrap();
        let (program, notices) = machine.fetch();
        assert_eq!(program.unwrap().version(), "1.18.0");
        assert_eq!(notices.len(), 1);
    }

    #[test]
    fn a_client_that_fails_is_quoted_with_the_remedies_and_leaves_nothing() {
        let fails = r#"[ "$1" = --version ] || { echo 'no network here' >&2; exit 100; }"#;
        let machine = Machine::new(fails, DPKG_DEB);
        let error = machine.fetch().0.unwrap_err().to_string();
        for part in ["no network here", "apt-get install pgbouncer", "set PGBOUNCER"] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(machine.cached(), ["lock"]);
    }

    #[test]
    fn a_program_that_does_not_run_with_all_its_libraries_says_why() {
        let no_library = DPKG_DEB.replace("*/liba1.deb)", "*/another.deb)");
        let machine = Machine::new(APT_GET, &no_library);
        let error = machine.fetch().0.unwrap_err().to_string();
        assert!(error.contains("cannot open liba.so.1"), "{error}");
        assert_eq!(machine.cached(), ["lock"]);
    }

    #[test]
    fn without_the_clients_the_error_says_which_is_missing() {
        let machine = Machine::new(APT_GET, DPKG_DEB);
        fs::remove_file(machine.0.path().join("dpkg-deb")).unwrap();
        let error = machine.fetch().0.unwrap_err().to_string();
        assert!(error.contains("without `dpkg-deb`"), "{error}");
    }

    #[test]
    fn libraries_are_told_from_other_dependencies() {
        let depends = "lsb-base (>= 3.1), postgresql-common (>= 26), libc-ares2 (>= 1.12), libc6 (>= 2.36), \
                       libssl3:any (>= 3.0.0) | libssl1.1, libsystemd0\n";
        assert_eq!(libraries_among(depends), ["libc-ares2", "libssl3", "libsystemd0"]);
        assert_eq!(libraries_among("\n"), [""; 0]);
    }
}
