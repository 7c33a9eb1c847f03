//! `cargo xtask peers <script>`: a public library and Astern in turns, where it needs libtorch on one.
//!
//! The library lives in a Python environment of its own under `target/`, made once and rebuilt when
//! the list of its packages changes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::libtorch;
use crate::libtorch::pip::Python;
use crate::run::{Failure, Runner};
use crate::torch::TORCH;

/// A script and what it needs.
pub(crate) struct Script {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    file: &'static str,
    /// The Python packages of the peers.
    requirements: &'static str,
    /// Where their environment is.
    target: &'static str,
    /// The program that it asks.
    program: &'static str,
    /// Whether both sides need libtorch.
    torch: bool,
}

pub(crate) const SCRIPTS: [Script; 4] = [
    graph_layers("gnn-speed", "gnn_speed.py"),
    graph_layers("gnn-growth", "gnn_growth.py"),
    graph_layers("cora", "cora.py"),
    Script {
        name: "te-speed",
        file: "te_speed.py",
        requirements: "te_requirements.txt",
        target: "target/peers-te",
        program: "te_peer",
        torch: false,
    },
];

const fn graph_layers(name: &'static str, file: &'static str) -> Script {
    Script {
        name,
        file,
        requirements: "requirements.txt",
        target: "target/peers",
        program: "gnn_peer",
        torch: true,
    }
}

/// The folder of the scripts.
const FOLDER: &str = "benches/peers";

/// The script's own exit status is passed on, so that a caller can tell bad arguments (2) from a
/// failure.
pub(crate) fn command(runner: &mut Runner, name: &str, args: &[OsString]) -> Result<(), Failure> {
    let known = SCRIPTS.iter().find(|script| script.name == name);
    let script = known.ok_or_else(|| Failure::new(2, format!("no script `{name}`")))?;
    if script.torch {
        libtorch::set_up(runner)?;
    }
    let python = environment(runner, script)?;
    let mut build = runner.cargo(["build", "--release", "-p", "astern-benches"]);
    build.args(["--bin", script.program]);
    // Named, since a setting of the user may have cargo build elsewhere.
    let folder = if script.torch {
        build.args(TORCH);
        "target/torch/release"
    } else {
        build.args(["--target-dir", "target"]);
        "target/release"
    };
    runner.stage("build", &mut build)?;
    let mut run = Command::new(python);
    run.current_dir(&runner.root)
        .arg(Path::new(FOLDER).join(script.file))
        .arg(runner.root.join(folder).join(script.program))
        .args(args);
    runner.passed_on(name, &mut run)
}

/// The Python of an environment that holds the peers.
fn environment(runner: &mut Runner, script: &Script) -> Result<PathBuf, Failure> {
    let target = runner.root.join(script.target);
    let venv = target.join("venv");
    let python = venv.join("bin").join("python");
    let list = runner.root.join(FOLDER).join(script.requirements);
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
        let folder = Runner::new(true).unwrap().root.join(FOLDER);
        for script in SCRIPTS {
            for file in [script.file, script.requirements] {
                assert!(folder.join(file).is_file(), "{}: {file}", script.name);
            }
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
