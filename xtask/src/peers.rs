//! `cargo xtask peers <script>`: a public library and Astern in turns, on one libtorch.
//!
//! The library lives in a Python environment of its own under `target/peers`, made once and made
//! anew when the list of its packages changes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::libtorch;
use crate::libtorch::pip::Python;
use crate::run::{Failure, Runner};
use crate::torch::TORCH;

/// Names of scripts on the command line, and their files.
pub(crate) const SCRIPTS: [(&str, &str); 3] = [
    ("gnn-speed", "gnn_speed.py"),
    ("gnn-growth", "gnn_growth.py"),
    ("cora", "cora.py"),
];

/// The folder of the scripts.
const FOLDER: &str = "benches/peers";
/// Where the environment is.
const TARGET: &str = "target/peers";
/// Where [`TORCH`] builds the program.
const PROGRAM: &str = "target/torch/release/gnn_peer";

/// The script's own exit status is passed on, so that a caller can tell bad arguments (2) from a
/// failure.
pub(crate) fn command(runner: &mut Runner, script: &str, args: &[OsString]) -> Result<(), Failure> {
    libtorch::set_up(runner)?;
    let python = environment(runner)?;
    let mut build = runner.cargo(["build", "--release", "-p", "astern-benches"]);
    build.args(["--bin", "gnn_peer"]).args(TORCH);
    runner.stage("build", &mut build)?;
    let file = SCRIPTS.iter().find(|(name, _)| *name == script);
    let file = file.map_or(script, |(_, file)| file);
    let mut run = Command::new(python);
    run.current_dir(&runner.root)
        .arg(Path::new(FOLDER).join(file))
        .arg(runner.root.join(PROGRAM))
        .args(args);
    runner.passed_on(script, &mut run)
}

/// The Python of an environment that holds the peers.
fn environment(runner: &mut Runner) -> Result<PathBuf, Failure> {
    let target = runner.root.join(TARGET);
    let venv = target.join("venv");
    let python = venv.join("bin").join("python");
    let list = runner.root.join(FOLDER).join("requirements.txt");
    let wanted = fs::read_to_string(&list)
        .map_err(Failure::io(format!("cannot read {}", list.display())))?;
    let installed = target.join("installed.txt");
    if is_ready(&python, &installed, &wanted) {
        return Ok(python);
    }
    let system = Python::find(&runner.root)
        .map_err(|failure| Failure::new(failure.code, "the peers need Python 3.10 or newer"))?;
    let mut make = system.command();
    make.args(["-m", "venv", "--clear"]).arg(&venv);
    runner.stage("Python environment", &mut make).map_err(|_| {
        because(
            "Python could not make an environment; its own lines above say why (on Debian and \
             Ubuntu: apt install python3-venv)",
        )
    })?;
    let mut pip = Command::new(&python);
    pip.current_dir(&runner.root)
        .args(["-m", "pip", "install", "--disable-pip-version-check", "-r"])
        .arg(&list);
    runner.stage("pip install", &mut pip).map_err(|_| {
        because(
            "pip could not install the peers; its own lines above say why. Most often: no way to \
             the package index (pip goes by its own configuration, see `pip config list`) or a full \
             disk (torch and the GPU's libraries that it asks for take 5 GB)",
        )
    })?;
    if !runner.dry_run {
        fs::write(&installed, wanted)
            .map_err(Failure::io(format!("cannot write {}", installed.display())))?;
    }
    Ok(python)
}

fn because(message: &str) -> Failure {
    Failure::new(1, message)
}

/// Whether the environment was made to its end, from the same list of packages.
fn is_ready(python: &Path, installed: &Path, wanted: &str) -> bool {
    let list = fs::read_to_string(installed);
    python.is_file() && list.is_ok_and(|list| list == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_there() {
        let folder = Runner::new(true).root.join(FOLDER);
        for (name, file) in SCRIPTS {
            assert!(folder.join(file).is_file(), "{name}: {file}");
        }
    }

    #[test]
    fn an_environment_is_ready_once_its_list_is_installed() {
        let folder = std::env::temp_dir().join(format!("astern-peers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (python, list) = (folder.join("python"), folder.join("installed.txt"));
        assert!(!is_ready(&python, &list, "a==1"), "nothing there");
        fs::write(&python, "").unwrap();
        assert!(!is_ready(&python, &list, "a==1"), "pip did not finish");
        fs::write(&list, "a==1").unwrap();
        assert!(is_ready(&python, &list, "a==1"));
        assert!(!is_ready(&python, &list, "a==2"), "another list");
        fs::remove_dir_all(&folder).unwrap();
    }
}
