//! Files that come from outside.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

use super::{CaseOutcome, Played, Situation};
use crate::error::unreadable;

/// What takes libtorch out of the wheels that pip has loaded.
const UNPACK: &str = include_str!("../../../xtask/src/libtorch/wheels.py");
/// Makes a wheel with one member, whose name leads three folders up.
const MAKE: &str = "import sys, zipfile
zipfile.ZipFile(sys.argv[1], 'w').writestr('torch/include/../../../escaped', 'x')";

pub(super) const ESCAPE: Situation = Situation {
    name: "wheel-with-a-member-outside",
    ids: &["zipslip"],
    expected: "nothing is written outside the folder that libtorch is unpacked to",
    source: "found by attacking `cargo xtask libtorch`",
    play: || {
        let folder = env::temp_dir().join(format!("astern-wheel-{}", process::id()));
        let outcome = unpacked(&folder);
        // Whatever came out, nothing is left behind.
        drop(fs::remove_dir_all(&folder));
        outcome
    },
};

fn unpacked(folder: &Path) -> Played<CaseOutcome> {
    let target: PathBuf = folder.join("deep/target");
    fs::create_dir_all(&target).map_err(|e| unreadable(&target, e))?;
    let wheel = folder.join("a.whl");
    python(MAKE, &[wheel.as_path()])?;
    // It fails in the end: the wheel has no libraries.
    python(UNPACK, &[Path::new("cpu"), &target, &wheel])?;
    let escaped = folder.join("escaped").exists();
    let seen = if escaped {
        "a file outside is written"
    } else {
        "nothing is written outside"
    };
    Ok(CaseOutcome::new(!escaped, seen))
}

fn python(script: &str, args: &[&Path]) -> Played<()> {
    let mut command = Command::new("python3");
    let output = command.arg("-c").arg(script).args(args).output();
    output.map_err(|e| unreadable(Path::new("python3"), e))?;
    Ok(())
}
