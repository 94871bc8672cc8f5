//! What the compiler tells those who make mistakes, and that it tells others nothing.

use std::path::{Path, PathBuf};
use std::{fs, io};

#[test]
fn mistakes_are_reported_where_they_stand_with_the_fix() -> io::Result<()> {
    // The cases are compiled as a crate of their own, and paths in attributes are relative to that crate.
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"),
        &ui_crate().join("tests/fixtures"),
    )?;
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
    Ok(())
}

/// The crate that trybuild makes, under the target directory that this test was built in.
fn ui_crate() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = temporary.parent().unwrap_or(temporary);
    target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
