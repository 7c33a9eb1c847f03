//! `cargo xtask eval <suite>`: evaluates on real data and prints the table as Markdown.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command speaks to its user"
)]

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use astern_eval::petshop::{self, Splits};
use astern_eval::{abstain, cases, closed_loop, door, rca, simulated, traces};
use lexopt::{Arg, ValueExt};

const USAGE: &str =
    "usage: cargo xtask eval <suite> [--train-only] [--calibration] [--only PART] [--from N] [--seeds N]
                                 [--wrong FILE] [--out FILE]

suites
  petshop   root causes of 26 issues of a pet shop on AWS; reads $ASTERN_DATA/petshop
  rca       root causes by all rankers: the pet shop's test/, the last two thirds of the faults of
            Train Ticket, generated incidents; reads $ASTERN_DATA/petshop and
            $ASTERN_DATA/nezha-trainticket
  traces    public documents of traces to calls; reads $ASTERN_DATA/traces and
            $ASTERN_DATA/nezha-trainticket
  abstain   when to blame nothing: fits and checks the numbers on the simulator; needs no data
  door      is this release bad? real requests split at random, with faults laid over, releases of
            the simulator, and the whole guard on real requests; reads $ASTERN_DATA/real-traffic
  sim       bad and benign releases of the simulator; needs no data
  loop      the closed loop on generated incidents: the guard, controls and an oracle act on a
            simulated platform; needs no data
  cases     ordinary situations whose right outcome is known; fails while any is wrong; needs no data
  explain   exact ablation beside a learned mask on random graphs: time and agreement (feature
            `torch`); needs no data
  pretrain  what pre-training and meta-learning add to graph networks, paired over seeds; reads
            $ASTERN_DATA/graph-anomaly and $ASTERN_DATA/telemetry-anomaly (feature `torch`)

options
  --train-only   petshop: leave the test half unread
  --calibration  rca: only what a configuration may be chosen on; the rest is left unread
  --only PART    rca: only petshop, nezha, sim, machines or changes; the last three need no data
                 cases: only the situations of this name or id
                 door: only alike, faults, rates, feeds, sim (needs no data) or guard
                 loop: only guard, without the controls
  --from N       first seed (rca, sim: 3001, the configuration was chosen on 1001 to 1150;
                 explain, pretrain: 0)
  --seeds N      number of seeds (door and loop: 1000, rca: 500, sim: 100,
                 explain and pretrain: 10)
  --wrong FILE   cases: fail where what is wrong is not what FILE lists, a name a line
  --out FILE     write the table to FILE as well
";

struct Args {
    suite: String,
    splits: Splits,
    calibration: bool,
    only: Option<String>,
    from: Option<u64>,
    seeds: Option<u64>,
    wrong: Option<PathBuf>,
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = match parse() {
        Ok(args) => args,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Args, lexopt::Error> {
    let mut args = Args {
        suite: String::new(),
        splits: Splits::All,
        calibration: false,
        only: None,
        from: None,
        seeds: None,
        wrong: None,
        out: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(suite) if args.suite.is_empty() => args.suite = suite.string()?,
            Arg::Long("train-only") => args.splits = Splits::Train,
            Arg::Long("calibration") => args.calibration = true,
            Arg::Long("only") => args.only = Some(parser.value()?.string()?),
            Arg::Long("from") => args.from = Some(parser.value()?.parse()?),
            Arg::Long("seeds") => args.seeds = Some(parser.value()?.parse()?),
            Arg::Long("wrong") => args.wrong = Some(parser.value()?.into()),
            Arg::Long("out") => args.out = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    if args.seeds == Some(0) {
        return Err("--seeds must be at least 1".into());
    }
    if args.suite.is_empty() {
        return Err("which suite?".into());
    }
    if let Some(part) = &args.only {
        check_part(&args.suite, part)?;
    }
    Ok(args)
}

/// What `--only` may name.
fn check_part(suite: &str, part: &str) -> Result<(), lexopt::Error> {
    let known = match suite {
        "cases" => cases::ALL.iter().any(|situation| situation.is_called(part)),
        "door" => door::PARTS.contains(&part),
        "loop" => closed_loop::PARTS.contains(&part),
        "rca" => rca::PARTS.contains(&part),
        _ => true,
    };
    if known {
        return Ok(());
    }
    Err(format!("{suite} has no part `{part}`").into())
}

impl Args {
    /// Seeds of generated incidents.
    fn seeds(&self) -> RangeInclusive<u64> {
        let (first, count) = match (self.suite.as_str(), self.calibration) {
            (_, true) | ("abstain", _) => (*rca::CALIBRATION_SEEDS.start(), 150),
            ("rca", false) => (3001, 500),
            ("door" | "loop", false) => (3001, 1_000),
            ("explain" | "pretrain", false) => (0, 10),
            _ => (3001, 100),
        };
        let first = self.from.unwrap_or(first);
        first..=first.saturating_add(self.seeds.unwrap_or(count).saturating_sub(1))
    }

    /// What was asked for beyond the suite, as it was typed.
    fn options(&self) -> String {
        let train = (self.splits == Splits::Train).then(|| " --train-only".to_owned());
        let calibration = self.calibration.then(|| " --calibration".to_owned());
        let only = self.only.as_ref().map(|part| format!(" --only {part}"));
        let seeded = [
            "abstain", "door", "explain", "loop", "pretrain", "rca", "sim",
        ]
        .contains(&&*self.suite);
        let seeds = seeded.then(|| {
            let seeds = self.seeds();
            let (first, last) = (seeds.start(), seeds.end());
            format!(" --from {first} --seeds {}", last - first + 1)
        });
        let options = [train, calibration, only, seeds];
        options.into_iter().flatten().collect()
    }

    /// Prints the report, and writes it to where it was asked for.
    fn publish(&self, body: &str) -> std::io::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        let suite = &self.suite;
        let options = self.options();
        let command = format!("cargo xtask eval {suite}{options}");
        let report = format!("# {suite}\n\n`{command}`, Astern {version}.\n\n{body}");
        println!("{report}");
        if let Some(path) = &self.out {
            std::fs::write(path, &report)?;
            eprintln!("written to {}", path.display());
        }
        Ok(())
    }
}

/// The folder of the data; says what to do where it is not named.
fn data(folders: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ASTERN_DATA");
    if root.is_none() {
        eprintln!(
            "ASTERN_DATA is not set. Set it to the folder that holds `{folders}`; \
             docs/datasets.md says where the data comes from."
        );
    }
    root.map(PathBuf::from)
}

fn run(args: &Args) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let body = match args.suite.as_str() {
        "petshop" => {
            let Some(root) = data("petshop/") else {
                return Ok(ExitCode::from(2));
            };
            petshop::evaluate(&root, args.splits)?
        }
        "traces" => {
            let Some(root) = data("traces/` and `nezha-trainticket/") else {
                return Ok(ExitCode::from(2));
            };
            traces::evaluate(&root)?
        }
        "cases" => return play(args),
        "door" => {
            let root = if args.only.as_deref() == Some(door::SIMULATED) {
                Some(PathBuf::new()) // nothing is read
            } else {
                data("real-traffic/")
            };
            let Some(root) = root else {
                return Ok(ExitCode::from(2));
            };
            door::evaluate(&root, args.seeds(), args.only.as_deref())?
        }
        "abstain" => abstain::evaluate(args.seeds())?,
        "loop" => closed_loop::evaluate(args.seeds(), args.only.as_deref())?,
        "sim" => simulated::evaluate(args.seeds())?,
        "rca" => {
            let generated = matches!(args.only.as_deref(), Some("sim" | "machines" | "changes"));
            let root = if generated {
                Some(PathBuf::new()) // nothing is read
            } else {
                data("petshop/` and `nezha-trainticket/")
            };
            let Some(root) = root else {
                return Ok(ExitCode::from(2));
            };
            let options = rca::Options {
                calibration: args.calibration,
                only: args.only.clone(),
                seeds: args.seeds(),
            };
            rca::evaluate(&root, &options)?
        }
        "explain" => explain(args.seeds())?,
        "pretrain" => {
            let Some(root) = data("graph-anomaly/` and `telemetry-anomaly/") else {
                return Ok(ExitCode::from(2));
            };
            pretrain(&root, args.seeds())?
        }
        other => {
            eprintln!("there is no suite `{other}`\n\n{USAGE}");
            return Ok(ExitCode::from(2));
        }
    };
    args.publish(&body)?;
    Ok(ExitCode::SUCCESS)
}

/// Plays the situations: fails while any is wrong, or where others are than are listed.
fn play(args: &Args) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let played = cases::play(args.only.as_deref());
    args.publish(&cases::table(&played))?;
    let Some(path) = &args.wrong else {
        let right = played.iter().all(|(_, outcome)| outcome.right);
        return Ok(ExitCode::from(u8::from(!right)));
    };
    let list = std::fs::read_to_string(path)?;
    let Some(difference) = cases::difference(&played, &list) else {
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("outcomes differ from {}:\n{difference}", path.display());
    Ok(ExitCode::FAILURE)
}

#[cfg(feature = "torch")]
fn explain(seeds: RangeInclusive<u64>) -> Result<String, Box<dyn std::error::Error>> {
    astern_eval::gnn::explain::evaluate(seeds)
}

#[cfg(feature = "torch")]
fn pretrain(root: &Path, seeds: RangeInclusive<u64>) -> Result<String, Box<dyn std::error::Error>> {
    astern_eval::gnn::pretrain::evaluate(root, seeds)
}

#[cfg(not(feature = "torch"))]
const NO_TORCH: &str = "this program was built without libtorch (feature `torch`)";

#[cfg(not(feature = "torch"))]
fn explain(_: RangeInclusive<u64>) -> Result<String, Box<dyn std::error::Error>> {
    Err(NO_TORCH.into())
}

#[cfg(not(feature = "torch"))]
fn pretrain(_: &Path, _: RangeInclusive<u64>) -> Result<String, Box<dyn std::error::Error>> {
    Err(NO_TORCH.into())
}
