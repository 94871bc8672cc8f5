//! A cluster to copy from, since `initdb` takes ten times as long as a copy of what it makes.
//!
//! There is one for each installation of PostgreSQL and account, in the cache of this user. It is made under a lock and
//! renamed into place when it is complete. Its superuser's password is random and lies beside it, for this user's eyes
//! alone; each cluster that is copied from it gets a password of its own before anybody learns its address.

use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{Error, IoContext};
use crate::folders;
use crate::programs::Programs;
use crate::random;

/// The superuser of every cluster.
pub(crate) const SUPERUSER: &str = "postgres";

/// To be changed when `INITDB` or the layout of a template changes: older templates are then no longer used.
const LAYOUT: u32 = 1;

/// Options of `initdb`: small files, no collation that depends on the machine, no waiting for the disk.
const INITDB: &[&str] = &[
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--wal-segsize=1",
    "--no-sync",
    "--no-instructions",
];

/// A cluster that is never started.
#[derive(Debug)]
pub(crate) struct Template {
    folder: PathBuf,
    password: String,
}

impl Template {
    /// The template for these programs, made if there is none.
    pub(crate) fn of(programs: &Programs, account: &Account) -> Result<Self, Error> {
        let templates = folders::cache(account)?.join("templates");
        folders::private_folder(&templates, account)?;
        let key = key(programs, account);
        let folder = templates.join(&key);
        let _alone = folders::lock(&templates.join(format!("{key}.lock")))?;
        if let Some(template) = Self::open(&folder) {
            return Ok(template);
        }
        // An incomplete one, or what a process left that was killed. Under the lock, neither is in use.
        let _ = fs::remove_dir_all(&folder);
        folders::sweep(&templates, &format!(".{key}-"));
        let private = templates.join(format!(".{key}-{}", random::hex::<8>()?));
        Self::make(programs, account, &private).inspect_err(|_| {
            let _ = fs::remove_dir_all(&private);
        })?;
        fs::rename(&private, &folder).attempted("rename to", &folder)?;
        Self::open(&folder)
            .ok_or(io::ErrorKind::NotFound.into())
            .attempted("read the template in", &folder)
    }

    /// The template in `folder`, unless it is missing or has lost files (caches get cleaned).
    fn open(folder: &Path) -> Option<Self> {
        let password = fs::read_to_string(folder.join("password")).ok()?;
        let files: u64 = fs::read_to_string(folder.join("files")).ok()?.parse().ok()?;
        let complete = count(&folder.join("data")).is_ok_and(|found| found == files);
        complete.then(|| Self {
            folder: folder.to_owned(),
            password,
        })
    }

    fn make(programs: &Programs, account: &Account, folder: &Path) -> Result<(), Error> {
        folders::private_folder(folder, account)?;
        let data = folder.join("data");
        private_data(&data, account)?;
        let password = random::password()?;
        let password_file = folder.join("password");
        folders::write_secret(&password_file, &password)?;
        // `initdb` reads the password as the server's account, which does not read this user's file.
        let loan = folder.join("loan");
        folders::write_secret(&loan, &password)?;
        account.own(&loan)?;
        let output = programs
            .command("initdb", account)
            .args(INITDB)
            .arg("--pwfile")
            .arg(&loan)
            .arg("--pgdata")
            .arg(&data)
            .current_dir(folder)
            .output()
            .attempted("run `initdb` of", programs.bin_dir())?;
        if !output.status.success() {
            let printed = [output.stdout, output.stderr].concat();
            return Err(Error::InitDb {
                version: programs.version().to_owned(),
                output: String::from_utf8_lossy(&printed).trim().to_owned(),
            });
        }
        fs::remove_file(&loan).attempted("remove", &loan)?;
        let files = count(&data).attempted("look through", &data)?;
        folders::write_secret(&folder.join("files"), &files.to_string())
    }

    /// Copies the cluster to `data`, which must not exist, for the server's account.
    pub(crate) fn copy_to(&self, data: &Path, account: &Account) -> Result<(), Error> {
        private_data(data, account)?;
        copy_folder(&self.folder.join("data"), data, account)
    }

    /// The password of the superuser in a fresh copy.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

/// Names a template after all that its content depends on, with the version in front for people who look at the cache.
fn key(programs: &Programs, account: &Account) -> String {
    let mut hasher = DefaultHasher::new();
    (
        LAYOUT,
        INITDB,
        programs.bin_dir(),
        programs.version(),
        account.name(),
    )
        .hash(&mut hasher);
    format!("{}-{:016x}", programs.version(), hasher.finish())
}

/// A folder that the server's account owns and nobody else enters; PostgreSQL insists on that.
fn private_data(data: &Path, account: &Account) -> Result<(), Error> {
    DirBuilder::new()
        .mode(0o700)
        .create(data)
        .attempted("make the folder", data)?;
    account.own(data)
}

fn copy_folder(from: &Path, to: &Path, account: &Account) -> Result<(), Error> {
    for entry in fs::read_dir(from).attempted("read the template in", from)? {
        let entry = entry.attempted("read the template in", from)?;
        let target = to.join(entry.file_name());
        if entry.file_type().attempted("look at", entry.path())?.is_dir() {
            private_data(&target, account)?;
            copy_folder(&entry.path(), &target, account)?;
        } else {
            let copy = || {
                // `fs::copy` would ask for the modes of both files, twice for each of a thousand files.
                let mut source = File::open(entry.path())?;
                let mut copy = File::create_new(&target)?;
                io::copy(&mut source, &mut copy)?;
                copy.set_permissions(Permissions::from_mode(0o600))
            };
            copy().attempted("copy the template to", &target)?;
            account.own(&target)?;
        }
    }
    Ok(())
}

fn count(folder: &Path) -> io::Result<u64> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() {
            count(&entry.path())?
        } else {
            1
        };
    }
    Ok(files)
}
