//! Where things lie: servers in a temporary folder, what is worth keeping in a cache, and the locks over both.
//!
//! Both folders belong to the asking user alone. A folder that somebody else put under our name is refused, not used.
//! When the server runs as another account, only folders that this account can pass through are chosen.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{Error, IoContext};
use crate::random;

/// Names another folder for fetched programs and templates.
pub(crate) const CACHE_VARIABLE: &str = "TENANT_TESTING_CACHE";

/// A memory file system smaller than this is not there for databases (containers often have one of 64 MB).
const ROOMY: u64 = 1 << 30;

/// The folder under which clusters of this user lie.
///
/// It is on this machine (a cache in a home folder may be shared by several), so that locks and FIFOs in it work, and in
/// memory where there is room and no other place was asked for: a start is mostly the making of a thousand files, and a
/// disk that others keep busy can make that take twenty times as long.
pub(crate) fn scratch(account: &Account) -> Result<PathBuf, Error> {
    let name = format!("tenant-testing-{}", rustix::process::geteuid().as_raw());
    let chosen = env::var_os("TMPDIR")
        .filter(|chosen| !chosen.is_empty())
        .map(PathBuf::from);
    let memory = Path::new("/dev/shm");
    let memory = (cfg!(target_os = "linux") && is_roomy(memory)).then(|| memory.to_owned());
    let usual = [env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    let place = chosen
        .into_iter()
        .chain(memory)
        .chain(usual)
        .filter_map(|place| place.canonicalize().ok())
        .find(|place| account.reaches(place))
        .ok_or_else(|| Error::NoTemporaryFolder {
            account: account.name().to_owned(),
        })?;
    let scratch = place.join(name);
    private_folder(&scratch, account)?;
    Ok(scratch)
}

fn is_roomy(memory: &Path) -> bool {
    let can_be_written = rustix::fs::access(memory, rustix::fs::Access::WRITE_OK).is_ok();
    can_be_written
        && rustix::fs::statvfs(memory).is_ok_and(|found| {
            // Not only what is left: processes of one run must choose alike while it fills.
            found.f_blocks * found.f_frsize >= ROOMY && found.f_bavail * found.f_frsize >= ROOMY / 4
        })
}

/// The folder for what is worth keeping: fetched programs, and clusters to copy from.
pub(crate) fn cache(account: &Account) -> Result<PathBuf, Error> {
    if let Some(chosen) = env::var_os(CACHE_VARIABLE).filter(|chosen| !chosen.is_empty()) {
        let chosen = PathBuf::from(chosen);
        private_folder(&chosen, account)?;
        return chosen.canonicalize().attempted("find", &chosen);
    }
    for place in usual_caches(account) {
        let cache = place.join("tenant-testing");
        // A read-only or missing home is no reason to give up: the temporary folder is left.
        let usable = fs::create_dir_all(&place).is_ok()
            && account.reaches(&place)
            && private_folder(&cache, account).is_ok()
            && lock(&cache.join("lock")).is_ok();
        if usable {
            return cache.canonicalize().attempted("find", &cache);
        }
    }
    let cache = scratch(account)?.join("cache");
    private_folder(&cache, account)?;
    Ok(cache)
}

fn usual_caches(account: &Account) -> Vec<PathBuf> {
    // Homes are often closed to other accounts, and the server's account must get at what lies there.
    if matches!(account, Account::Other { .. }) {
        return vec![PathBuf::from("/var/cache")];
    }
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let in_home = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    let places = [
        absolute("XDG_CACHE_HOME"),
        absolute("HOME").map(|home| home.join(in_home)),
    ];
    places.into_iter().flatten().collect()
}

/// Makes a folder that belongs to this user alone, or checks that the one there does.
pub(crate) fn private_folder(path: &Path, account: &Account) -> Result<(), Error> {
    let mode = account.passage();
    match DirBuilder::new().mode(mode).create(path) {
        // The umask may have taken bits away that the server's account needs.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)).attempted("open", path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(path).attempted("look at", path)?;
            let ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
            if !ours || found.mode() & 0o022 != 0 {
                return Err(Error::ForeignFolder {
                    path: path.to_owned(),
                });
            }
            if found.mode() & mode != mode {
                fs::set_permissions(path, Permissions::from_mode(mode)).attempted("open", path)?;
            }
            Ok(())
        }
        Err(source) => Err(source).attempted("make the folder", path),
    }
}

/// The place of one server, in which nothing is yet.
#[derive(Debug)]
pub(crate) struct Place {
    /// To be made once somebody looks after it.
    pub(crate) folder: PathBuf,
    /// A file beside it that stays locked as long as somebody does.
    pub(crate) mark: File,
}

impl Place {
    /// The FIFO beside a server's folder that processes open to keep the server.
    pub(crate) fn line(folder: &Path) -> PathBuf {
        folder.with_extension("line")
    }

    fn mark(folder: &Path) -> PathBuf {
        folder.with_extension("mark")
    }

    /// A new place. Those that nobody looks after any more are cleared: a machine that was switched off leaves some.
    ///
    /// Its name begins with what it is a place for.
    pub(crate) fn new(what: &str, account: &Account) -> Result<Self, Error> {
        let scratch = scratch(account)?;
        let _alone = lock(&scratch.join("lock"))?;
        for entry in fs::read_dir(&scratch).attempted("read", &scratch)?.flatten() {
            let mark = entry.path();
            let abandoned = mark.extension().is_some_and(|extension| extension == "mark")
                && File::open(&mark).is_ok_and(|mark| mark.try_lock().is_ok());
            if abandoned {
                // A server that were still running would notice within a minute and end.
                let _ = fs::remove_dir_all(mark.with_extension(""));
                let _ = fs::remove_file(Self::line(&mark));
                let _ = fs::remove_file(mark);
            }
        }
        let folder = scratch.join(format!("{what}-{}", random::hex::<8>()?));
        let mark = lock(&Self::mark(&folder))?;
        Ok(Self { folder, mark })
    }
}

/// Removes the folders in `folder` whose names begin so: what killed processes left half made.
pub(crate) fn sweep(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Waits for the lock of that name. It is let go when the file is dropped, or this process ends in whatever way.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = open_lock(path)?;
    file.lock().attempted("lock", path)?;
    Ok(file)
}

/// Opens a file to be locked.
pub(crate) fn open_lock(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .attempted("open", path)
}

/// Writes a file that only this user may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .attempted("make", path)?;
    io::Write::write_all(&mut file, text.as_bytes()).attempted("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty_folder() -> PathBuf {
        let name = format!("tenant-testing-unit-{}", random::hex::<8>().unwrap());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        path
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let path = empty_folder();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let refused = private_folder(&path, &Account::Same);
        fs::remove_dir(&path).unwrap();
        assert!(matches!(refused, Err(Error::ForeignFolder { .. })), "{refused:?}");
    }

    #[test]
    fn a_link_under_our_name_is_refused() {
        let path = empty_folder();
        let link = path.join("link");
        std::os::unix::fs::symlink(env::temp_dir(), &link).unwrap();
        let refused = private_folder(&link, &Account::Same);
        fs::remove_dir_all(&path).unwrap();
        assert!(matches!(refused, Err(Error::ForeignFolder { .. })), "{refused:?}");
    }

    #[test]
    fn a_folder_made_twice_stays_private() {
        let path = empty_folder().join("inner");
        private_folder(&path, &Account::Same).unwrap();
        private_folder(&path, &Account::Same).unwrap();
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert_eq!(mode, 0o700);
    }
}
