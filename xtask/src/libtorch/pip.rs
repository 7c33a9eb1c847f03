//! Python and pip: they fetch the wheels, by the user's own configuration, and unpack them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::VERSION;
use super::cache::Flavour;
use super::wheels::{SCRIPT, SUMS};
use crate::run::{Failure, Runner};

/// Built against by `libtorch_cpu.so` itself, whatever it runs on.
const RUNTIME: [&str; 2] = ["nvidia-cuda-runtime==13.0.96", "nvidia-cuda-cupti==13.0.85"];

/// The exit status when the machine lacks a program that the set-up needs.
const MISSING: u8 = 3;

/// A Python that has pip.
#[derive(Debug)]
pub(crate) struct Python {
    program: &'static str,
    version: String,
    root: PathBuf,
}

impl Python {
    pub(crate) fn find(root: &Path) -> Result<Self, Failure> {
        let mut seen = Vec::new();
        for program in ["python3", "python"] {
            let Some(version) = output(program, &["--version"]) else {
                continue;
            };
            if output(program, &["-m", "pip", "--version"]).is_some() {
                return Ok(Self {
                    program,
                    version,
                    root: root.to_path_buf(),
                });
            }
            seen.push(format!("{program} ({version}) has no pip"));
        }
        if seen.is_empty() {
            seen.push("neither python3 nor python was found".to_owned());
        }
        let message = format!(
            "libtorch comes as Python wheels, and {}. Install Python 3.10 to 3.14 with pip (on \
             Debian and Ubuntu: apt install python3-pip), or set LIBTORCH to a libtorch of your own",
            seen.join(", ")
        );
        Err(Failure::new(MISSING, message))
    }

    /// Fetches every wheel that `flavour` needs; those that are there already are kept.
    pub(crate) fn download(
        &self,
        runner: &mut Runner,
        flavour: Flavour,
        wheels: &Path,
    ) -> Result<(), Failure> {
        let (download, kept, peak) = match flavour {
            Flavour::Cpu => ("0.55 GB", "0.5 GB", "1.1 GB"),
            Flavour::Cuda => ("2.5 GB", "3.8 GB", "6.3 GB"),
        };
        eprintln!(
            "fetching libtorch {VERSION} ({}): {download} to download, {kept} on disk, {peak} while \
             at work in {}",
            flavour.name(),
            wheels.display()
        );
        let mut wanted = vec![format!("torch=={VERSION}")];
        wanted.extend(RUNTIME.map(str::to_owned));
        let mut pip = self.pip(wheels);
        pip.arg("--no-deps").args(wanted);
        self.fetched(runner, "pip download", &mut pip)?;
        self.check(runner, Flavour::Cpu, wheels)?;
        if flavour == Flavour::Cuda && !runner.dry_run {
            let mut pip = self.pip(wheels);
            // With dependencies: one of the names is a meta-package that pins the rest.
            pip.args(self.cuda_wheels(wheels)?);
            self.fetched(runner, "pip download (CUDA)", &mut pip)?;
            self.check(runner, flavour, wheels)?;
        }
        Ok(())
    }

    fn pip(&self, wheels: &Path) -> Command {
        let mut command = self.command();
        command.args(["-m", "pip", "download", "--disable-pip-version-check"]);
        command.arg("--only-binary=:all:").arg("--dest").arg(wheels);
        command
    }

    fn fetched(&self, runner: &mut Runner, name: &str, pip: &mut Command) -> Result<(), Failure> {
        runner.stage(name, pip).map_err(|_| {
            Failure::new(
                1,
                format!(
                    "pip could not fetch the wheels; its own lines above say why. Most often: no \
                     way to the package index (pip goes by its own configuration, see `pip config \
                     list`), a full disk, or no wheel for this Python (there are wheels for 3.10 \
                     to 3.14 on Linux x86_64; this is {}). A second run goes on with what has \
                     arrived",
                    self.version
                ),
            )
        })
    }

    /// Compares what was fetched with the checksums of what was published: pip takes whatever the index that it
    /// is configured for offers under the name.
    fn check(&self, runner: &mut Runner, flavour: Flavour, wheels: &Path) -> Result<(), Failure> {
        let mut command = self.command();
        command.args(["-c", SCRIPT, "check", SUMS]);
        if !runner.dry_run {
            command.args(needed(wheels, flavour)?);
        }
        runner
            .stage("checksums of wheels", &mut command)
            .map_err(|failure| {
                Failure::new(
                    failure.code,
                    "a wheel is not one of those that Astern links; see above. To link another libtorch \
                     2.11, set LIBTORCH to it",
                )
            })
    }

    /// The wheels of the GPU's libraries that torch's own wheel asks for.
    fn cuda_wheels(&self, wheels: &Path) -> Result<Vec<String>, Failure> {
        let mut command = self.command();
        let torch = needed(wheels, Flavour::Cpu)?.into_iter().take(1);
        command.args(["-c", SCRIPT, "requires"]).args(torch);
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(Failure::io(format!("cannot start {}", self.program)))?;
        if !output.status.success() {
            return Err(Failure::new(1, "cannot read what the torch wheel requires"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter_map(cuda_requirement).collect())
    }

    /// Unpacks headers and libraries, and nothing else, into `target`.
    pub(crate) fn unpack(
        &self,
        runner: &mut Runner,
        flavour: Flavour,
        wheels: &Path,
        target: &Path,
    ) -> Result<(), Failure> {
        let mut command = self.command();
        command.args(["-c", SCRIPT, flavour.name()]).arg(target);
        if !runner.dry_run {
            command.args(needed(wheels, flavour)?);
        }
        runner.stage("unpack", &mut command).map_err(|failure| {
            Failure::new(
                failure.code,
                format!(
                    "the wheels could not be unpacked; see above. If one is damaged, remove {} and \
                     run again",
                    wheels.display()
                ),
            )
        })
    }

    /// This Python, to be started in the checkout.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.current_dir(&self.root);
        command
    }
}

/// Standard output of a program that is there and succeeds.
fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// The wheels of `folder` that `flavour` is made of, torch's first.
fn needed(folder: &Path, flavour: Flavour) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder)
        .map_err(Failure::io(format!("cannot read {}", folder.display())))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut chosen = Vec::new();
    for wanted in std::iter::once(format!("torch=={VERSION}")).chain(RUNTIME.map(str::to_owned)) {
        let name = names
            .iter()
            .find(|name| is_wheel_of(name, &wanted))
            .ok_or_else(|| {
                Failure::new(
                    1,
                    format!("pip left no wheel of {wanted} in {}", folder.display()),
                )
            })?;
        chosen.push(name.clone());
    }
    if flavour == Flavour::Cuda {
        names.retain(|name| name.starts_with("nvidia_") && !chosen.contains(name));
        names.retain(|name| wheel_name(name).is_some());
        chosen.append(&mut names);
    }
    Ok(chosen.into_iter().map(|name| folder.join(name)).collect())
}

/// Distribution and version in a wheel's file name.
fn wheel_name(file: &str) -> Option<(&str, &str)> {
    let mut parts = file.strip_suffix(".whl")?.split('-');
    let (name, version) = (parts.next()?, parts.next()?);
    // Python, ABI and platform tags follow; some wheels have a build number before them.
    (3..=4).contains(&parts.count()).then_some((name, version))
}

/// Whether a file is the wheel of a pinned requirement; `-`, `_` and `.` mean the same in names.
fn is_wheel_of(file: &str, pinned: &str) -> bool {
    let (Some((name, version)), Some((wanted, pin))) = (wheel_name(file), pinned.split_once("=="))
    else {
        return false;
    };
    let plain = |name: &str| name.replace(['-', '.'], "_").to_lowercase();
    // A local part (`+cu130`) does not make it another version.
    plain(name) == plain(wanted) && version.split('+').next() == Some(pin)
}

/// A line of the wheel's requirements, as pip takes it, when it is one of the GPU's libraries.
fn cuda_requirement(line: &str) -> Option<String> {
    let (requirement, marker) = line.split_once(';').unwrap_or((line, ""));
    let gpu = requirement.starts_with("nvidia-") || requirement.starts_with("cuda-toolkit");
    let here = marker.trim().is_empty() || marker.contains("\"Linux\"");
    (gpu && here && !marker.contains("extra")).then(|| requirement.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheel_names_are_read() {
        let file = "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl";
        assert_eq!(wheel_name(file), Some(("torch", "2.11.0")));
        assert_eq!(wheel_name("a-1-2build-py3-none-any.whl"), Some(("a", "1")));
        for file in [
            "torch-2.11.0.tar.gz",
            "torch.whl",
            "torch-2.11.0.whl",
            "dl.log",
        ] {
            assert_eq!(wheel_name(file), None, "{file}");
        }
    }

    #[test]
    fn a_wheel_is_distinguished_from_others() {
        let file = "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl";
        assert!(is_wheel_of(file, "nvidia-cuda-cupti==13.0.85"));
        assert!(!is_wheel_of(file, "nvidia-cuda-cupti==13.0.8"));
        assert!(!is_wheel_of(file, "nvidia-cuda-runtime==13.0.85"));
        assert!(is_wheel_of(
            "torch-2.11.0+cu130-cp311-cp311-linux_x86_64.whl",
            "torch==2.11.0"
        ));
        assert!(!is_wheel_of(
            "torchvision-2.11.0-cp311-cp311-any.whl",
            "torch==2.11.0"
        ));
    }

    #[test]
    fn only_the_gpus_libraries_are_taken_from_the_requirements() {
        let linux = "nvidia-nccl-cu13==2.28.9; platform_system == \"Linux\"";
        assert_eq!(
            cuda_requirement(linux).as_deref(),
            Some("nvidia-nccl-cu13==2.28.9")
        );
        let meta = "cuda-toolkit[cublas,cudart]==13.0.2; platform_system == \"Linux\"";
        assert_eq!(
            cuda_requirement(meta).as_deref(),
            Some("cuda-toolkit[cublas,cudart]==13.0.2")
        );
        for other in [
            "filelock",
            "triton==3.6.0; platform_system == \"Linux\"",
            "nvidia-foo==1; platform_system == \"Windows\"",
            "nvidia-foo==1; extra == \"foo\"",
        ] {
            assert_eq!(cuda_requirement(other), None, "{other}");
        }
    }

    #[test]
    fn a_wheel_that_did_not_arrive_is_named() {
        let empty = std::env::temp_dir().join(format!("xtask-wheels-{}", std::process::id()));
        std::fs::create_dir_all(&empty).unwrap();
        let failure = needed(&empty, Flavour::Cpu).unwrap_err();
        std::fs::remove_dir(&empty).unwrap();
        assert!(
            failure.message.contains("no wheel of torch==2.11.0"),
            "{}",
            failure.message
        );
    }
}
