//! Starting processes: every one is printed before it runs and timed after it.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The link to libtorch inside the checkout; `.cargo/config.toml` names it too.
pub(crate) const LIBTORCH_LINK: &str = ".libtorch";

/// Why a command stops, and the exit status it stops with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// Empty when the process that failed has printed it all.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// For `map_err`: what was tried, then the system's reason.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |reason| Self::new(1, format!("{what}: {reason}"))
    }
}

/// Runs the stages of one command in the root of the checkout.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) root: PathBuf,
    pub(crate) dry_run: bool,
    timings: Vec<(String, Duration)>,
}

impl Runner {
    pub(crate) fn new(dry_run: bool) -> Result<Self, Failure> {
        Ok(Self {
            root: root(std::env::var_os(MANIFEST_DIR).as_deref())?,
            dry_run,
            timings: Vec::new(),
        })
    }

    /// A cargo process that behaves as one typed by hand in the checkout.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(&self.root).args(args);
        // `cargo run` handed us the value from `.cargo/config.toml`. The inner cargo reads it there
        // itself; passed on as a variable it would look like a change and rebuild torch-sys.
        if std::env::var_os("LIBTORCH").is_some_and(|path| Path::new(&path) == self.link()) {
            command.env_remove("LIBTORCH");
        }
        if in_ci() {
            // Nobody attaches a debugger there; the same in every stage, or caches are lost.
            command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        }
        command
    }

    /// The checkout's own link to libtorch, there or not.
    pub(crate) fn link(&self) -> PathBuf {
        self.root.join(LIBTORCH_LINK)
    }

    /// Runs one stage to its end; a failure stops the command with status 1.
    pub(crate) fn stage(&mut self, name: &str, command: &mut Command) -> Result<(), Failure> {
        match self.status(name, command)? {
            0 => Ok(()),
            _ => Err(Failure::new(
                1,
                format!("stage `{name}` failed: {}", shown(command)),
            )),
        }
    }

    /// Runs one stage and passes its exit status on as ours.
    pub(crate) fn passed_on(&mut self, name: &str, command: &mut Command) -> Result<(), Failure> {
        match self.status(name, command)? {
            0 => Ok(()),
            code => Err(Failure::new(code, "")),
        }
    }

    fn status(&mut self, name: &str, command: &mut Command) -> Result<u8, Failure> {
        eprintln!("$ {}", shown(command));
        if self.dry_run {
            return Ok(0);
        }
        let start = Instant::now();
        let status = command.status().map_err(Failure::io(format!(
            "cannot start {}",
            command.get_program().to_string_lossy()
        )))?;
        self.timings.push((name.to_owned(), start.elapsed()));
        // A process ended by a signal has no status of its own.
        Ok(status
            .code()
            .map_or(1, |code| u8::try_from(code).unwrap_or(1)))
    }

    /// Prints how long each stage took; for commands of several stages.
    pub(crate) fn summary(&self) {
        if self.timings.is_empty() {
            return;
        }
        let width = self
            .timings
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0);
        eprintln!();
        for (name, took) in &self.timings {
            eprintln!("  {name:width$}  {:7.1} s", took.as_secs_f64());
        }
        let total: Duration = self.timings.iter().map(|(_, took)| *took).sum();
        eprintln!("  {:width$}  {:7.1} s", "all", total.as_secs_f64());
    }
}

/// A line that nobody can overlook: something was left out.
pub(crate) fn loud(message: &str) {
    let bar = "!".repeat(78);
    eprintln!("\n{bar}\n!! {}\n{bar}\n", message.replace('\n', "\n!! "));
}

/// Whether `CI` is set to anything but a plain no.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The command as one would type it: variables that it sets, file name, arguments.
fn shown(command: &Command) -> String {
    let mut line = String::new();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            let _ = write!(line, "{}={} ", key.to_string_lossy(), quoted(value));
        }
    }
    let program = Path::new(command.get_program());
    line.push_str(&quoted(program.file_name().unwrap_or(program.as_os_str())));
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&quoted(arg));
    }
    line
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.contains('\n') {
        return "'…'".to_owned();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{word}'")
    }
}

/// What cargo sets for a program that it runs: the folder of the package.
const MANIFEST_DIR: &str = "CARGO_MANIFEST_DIR";

/// The root of the checkout that cargo runs this program for, or that it is started in by hand.
///
/// Never the one that it was compiled in: with one target folder for several checkouts that may be
/// another.
fn root(package: Option<&OsStr>) -> Result<PathBuf, Failure> {
    if let Some(root) = package.and_then(|path| Path::new(path).parent()) {
        return Ok(root.to_path_buf());
    }
    let mut cargo = Command::new(cargo());
    let output = cargo
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .output()
        .map_err(Failure::io("cannot start cargo"))?;
    let manifest = String::from_utf8_lossy(&output.stdout);
    let root = Path::new(manifest.trim_end()).parent();
    root.filter(|_| output.status.success())
        .map(Path::to_path_buf)
        .ok_or_else(|| Failure::new(1, "start this in a checkout, or by `cargo xtask`"))
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("/opt/bin/cargo");
        command
            .args(["doc", "--config", "a b"])
            .env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            shown(&command),
            "RUSTDOCFLAGS='-D warnings' cargo doc --config 'a b'"
        );
    }

    #[test]
    fn an_inline_script_is_not_printed() {
        let mut command = Command::new("python3");
        command.args(["-c", "import sys\nprint(1)\n", "x"]);
        assert_eq!(shown(&command), "python3 -c '…' x");
    }

    #[test]
    fn the_root_is_that_of_who_runs_it_and_not_of_who_compiled_it() {
        let other = root(Some(OsStr::new("/checkouts/second/xtask"))).unwrap();
        assert_eq!(other, Path::new("/checkouts/second"));
        // Tests run in the folder of their package: cargo finds the checkout from there.
        let here = root(std::env::var_os(MANIFEST_DIR).as_deref()).unwrap();
        assert_eq!(root(None).unwrap(), here);
        assert!(here.join("xtask/src/run.rs").is_file());
    }

    #[test]
    fn a_dry_run_starts_nothing() {
        let mut runner = Runner::new(true).unwrap();
        let outcome = runner.stage("none", &mut Command::new("no-such-program"));
        assert!(outcome.is_ok());
        assert!(runner.timings.is_empty());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let mut runner = Runner::new(false).unwrap();
        let failure = runner
            .stage("none", &mut Command::new("no-such-program"))
            .unwrap_err();
        assert!(
            failure.message.contains("cannot start no-such-program"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn an_exit_status_is_passed_on() {
        let mut runner = Runner::new(false).unwrap();
        let cargo = &mut runner.cargo(["no-such-subcommand-here"]);
        let failure = runner.passed_on("none", cargo).unwrap_err();
        assert_eq!(failure.code, 101);
        assert!(failure.message.is_empty());
    }
}
