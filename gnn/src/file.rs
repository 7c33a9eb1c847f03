//! Files that are there whole or not at all. The only file of the crate that opens others.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::FileError;

/// Writes beside `path`, then renames: a crash leaves the old file or the new one. A symbolic link at
/// `path` stays, and what it points at is written.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    written(path, bytes).map_err(|cause| failed(path, cause))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|cause| failed(path, cause))
}

fn written(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &behind_link(path)?;
    let (mut file, temporary) = created_beside(path)?;
    // Without the first sync the rename may reach the disk before the content does.
    let renamed = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    renamed.inspect_err(|_| {
        // The first error is the one to report; what is left behind has a name of its own.
        drop(fs::remove_file(&temporary));
    })?;
    sync_folder(path)
}

/// Where a symbolic link leads: a rename onto the link would replace it.
fn behind_link(path: &Path) -> io::Result<PathBuf> {
    if fs::symlink_metadata(path).is_ok_and(|file| file.is_symlink()) {
        return fs::canonicalize(path);
    }
    Ok(path.to_owned())
}

/// A new file in the same folder, since a rename works within one file system only. Names that are taken are
/// passed over: a process that crashed can have had the same id, which in a container is always 1.
fn created_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        name.push(format!(".{}.{count}.tmp", process::id()));
        let temporary = path.with_file_name(name);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
        {
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {}
            created => return created.map(|file| (file, temporary)),
        }
    }
}

/// Until the folder is on disk too, a crash can take the rename back.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn failed(path: &Path, cause: io::Error) -> FileError {
    FileError::Io {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]

    use super::*;

    /// What `run` leaves of a folder that is gone at the end.
    fn in_folder(name: &str, run: impl FnOnce(&Path)) {
        let folder = std::env::temp_dir().join(format!("astern-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        run(&folder);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn names_that_are_taken_are_passed_over_and_left_alone() {
        in_folder("taken", |folder| {
            let left = |k: u64| folder.join(format!(".a.{}.{k}.tmp", process::id()));
            // Other tests of this process count too.
            for k in 0..100 {
                fs::write(left(k), "half").unwrap();
            }
            write_atomic(&folder.join("a"), b"whole").unwrap();
            assert_eq!(fs::read(folder.join("a")).unwrap(), b"whole");
            assert!((0..100).all(|k| fs::read(left(k)).unwrap() == b"half"));
            assert_eq!(fs::read_dir(folder).unwrap().count(), 101);
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_its_target_is_written() {
        use std::os::unix::fs::symlink;

        in_folder("linked", |folder| {
            let [link, target] = ["link", "target"].map(|name| folder.join(name));
            fs::write(&target, "old").unwrap();
            symlink("target", &link).unwrap();
            write_atomic(&link, b"new").unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read(&target).unwrap(), b"new");
            fs::remove_file(&target).unwrap();
            // A link that leads nowhere is not replaced either.
            write_atomic(&link, b"new").unwrap_err();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        });
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        in_folder("failure", |folder| {
            fs::create_dir_all(folder.join("a/b")).unwrap();
            write_atomic(&folder.join("a"), b"whole").unwrap_err();
            assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
        });
    }
}
