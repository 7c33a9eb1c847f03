//! Files and folders of the data, with errors that name them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::EvalError;
use crate::error::unreadable;

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, EvalError> {
    fs::read(path).map_err(|e| unreadable(path, e))
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, EvalError> {
    fs::read_to_string(path).map_err(|e| unreadable(path, e))
}

/// What a folder holds, sorted by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
        paths.push(entry.map_err(|e| unreadable(folder, e))?.path());
    }
    paths.sort();
    Ok(paths)
}
