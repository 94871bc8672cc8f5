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

/// The program from below `cache`, fetched if it is missing or does not run (any more: the system may have been upgraded).
pub(super) fn fetch(cache: &Path, account: &Account, notice: &dyn Fn(&str)) -> Result<Program, Error> {
    let _alone = folders::lock(&cache.join("lock"))?;
    let target = unpacked_in(cache);
    if let Ok(program) = program_in(&target, account) {
        return Ok(program);
    }
    let failed = |attempts: String| Error::NoPgBouncer { attempts };
    for tool in ["apt-get", "dpkg-deb"] {
        if !is_there(tool) {
            return Err(failed(format!(
                "none is installed, and without `{tool}` none can be fetched"
            )));
        }
    }
    notice(&format!(
        "found no PgBouncer; fetching this system's package with apt-get into {} (once)",
        target.display()
    ));
    download(cache, &target, account).map_err(|error| {
        failed(format!(
            "none is installed, and fetching it with apt-get failed: {}",
            chain(&error)
        ))
    })
}

fn is_there(tool: &str) -> bool {
    let answer = Command::new(tool)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    answer.is_ok_and(|status| status.success())
}

/// Downloads to a private folder, tries what is in it, and renames it to `target`.
fn download(cache: &Path, target: &Path, account: &Account) -> Result<Program, Error> {
    folders::sweep(cache, PRIVATE);
    let private = cache.join(format!("{PRIVATE}{}", random::hex::<8>()?));
    folders::private_folder(&private, account)?;
    let unpacked = private.join("root");
    let fetched = Apt::new(&private)
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
            run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(unpacked))
                .attempted("unpack", &package)?;
            let depends = run(Command::new("dpkg-deb").arg("-f").arg(&package).arg("Depends"))
                .attempted("read", &package)?;
            wanted.extend(libraries_among(&depends));
        }
        open_to_all(unpacked).attempted("open", unpacked)?;
        let Err(complaint) = program_in(unpacked, account) else {
            return Ok(());
        };
        wanted.sort();
        wanted.dedup();
        wanted.retain(|name| !seen.contains(name) && !is_installed(name));
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

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${db:Status-Status}", package]);
    run(&mut query).is_ok_and(|status| status == "installed")
}

/// `apt-get` with all that it writes in a private folder.
struct Apt<'f> {
    folder: &'f Path,
}

impl<'f> Apt<'f> {
    fn new(folder: &'f Path) -> Result<Self, Error> {
        for needed in ["lists/partial", "cache/archives/partial", "packages", "root"] {
            let path = folder.join(needed);
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&path)
                .attempted("make the folder", &path)?;
        }
        let apt = Self { folder };
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
        let mut command = Command::new(name);
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
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
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
    use super::*;

    #[test]
    fn libraries_are_told_from_other_dependencies() {
        let depends = "lsb-base (>= 3.1), postgresql-common (>= 26), libc-ares2 (>= 1.12), libc6 (>= 2.36), \
                       libssl3:any (>= 3.0.0) | libssl1.1, libsystemd0\n";
        assert_eq!(libraries_among(depends), ["libc-ares2", "libssl3", "libsystemd0"]);
        assert_eq!(libraries_among("\n"), [""; 0]);
    }
}
