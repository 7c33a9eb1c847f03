//! `cargo xtask eval <suite>`: evaluates on real data and prints the table as Markdown.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command speaks to its user"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use astern_benches::petshop::{self, Splits};
use astern_benches::{abstain, simulated, traces};
use lexopt::{Arg, ValueExt};

const USAGE: &str =
    "usage: cargo xtask eval <suite> [--train-only] [--from N] [--seeds N] [--out FILE]

suites
  petshop   root causes of 26 issues of a pet shop on AWS; reads $ASTERN_DATA/petshop
  traces    public documents of traces to calls; reads $ASTERN_DATA/traces and
            $ASTERN_DATA/nezha-trainticket
  abstain   when to blame nothing: fits and checks the numbers on the simulator; needs no data
  sim       bad and benign releases of the simulator; needs no data
  pretrain  what pre-training and meta-learning add to graph networks, paired over seeds; reads
            $ASTERN_DATA/graph-anomaly and $ASTERN_DATA/telemetry-anomaly (feature `torch`)

options
  --train-only   petshop: leave the test half unread
  --from N       sim: first seed (3001; the configuration was chosen on others)
  --seeds N      sim: number of seeds (100); pretrain: 10
  --out FILE     write the table to FILE as well
";

const SIMULATED_SEEDS: u64 = 100;
const PAIRED_SEEDS: u64 = 10;
/// Seeds of the calibration; never those of `sim`.
const CALIBRATION_FROM: u64 = 1001;
const CALIBRATION_SEEDS: u64 = 150;

struct Args {
    suite: String,
    splits: Splits,
    from: u64,
    seeds: Option<u64>,
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
        from: 3001,
        seeds: None,
        out: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(suite) if args.suite.is_empty() => args.suite = suite.string()?,
            Arg::Long("train-only") => args.splits = Splits::Train,
            Arg::Long("from") => args.from = parser.value()?.parse()?,
            Arg::Long("seeds") => args.seeds = Some(parser.value()?.parse()?),
            Arg::Long("out") => args.out = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    if args.seeds == Some(0) {
        return Err("--seeds must be at least 1".into());
    }
    if args.suite.is_empty() {
        Err("which suite?".into())
    } else {
        Ok(args)
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
        "abstain" => {
            let seeds = args.seeds.unwrap_or(CALIBRATION_SEEDS);
            let last = CALIBRATION_FROM.saturating_add(seeds - 1);
            abstain::evaluate(CALIBRATION_FROM..=last)?
        }
        "sim" => {
            let seeds = args.seeds.unwrap_or(SIMULATED_SEEDS);
            let last = args.from.saturating_add(seeds - 1);
            simulated::evaluate(args.from..=last)?
        }
        "pretrain" => {
            let Some(root) = data("graph-anomaly/` and `telemetry-anomaly/") else {
                return Ok(ExitCode::from(2));
            };
            pretrain(&root, args.seeds.unwrap_or(PAIRED_SEEDS))?
        }
        other => {
            eprintln!("there is no suite `{other}`\n\n{USAGE}");
            return Ok(ExitCode::from(2));
        }
    };
    let version = env!("CARGO_PKG_VERSION");
    let suite = &args.suite;
    let options = match (suite.as_str(), args.splits) {
        ("sim", _) => {
            let seeds = args.seeds.unwrap_or(SIMULATED_SEEDS);
            format!(" --from {} --seeds {seeds}", args.from)
        }
        ("pretrain", _) => format!(" --seeds {}", args.seeds.unwrap_or(PAIRED_SEEDS)),
        (_, Splits::Train) => " --train-only".to_owned(),
        (_, Splits::All) => String::new(),
    };
    let command = format!("cargo xtask eval {suite}{options}");
    let report = format!("# {suite}\n\n`{command}`, Astern {version}.\n\n{body}");
    println!("{report}");
    if let Some(path) = &args.out {
        std::fs::write(path, &report)?;
        eprintln!("written to {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "torch")]
fn pretrain(root: &Path, seeds: u64) -> Result<String, Box<dyn std::error::Error>> {
    astern_benches::gnn::pretrain::evaluate(root, 0..seeds)
}

#[cfg(not(feature = "torch"))]
fn pretrain(_: &Path, _: u64) -> Result<String, Box<dyn std::error::Error>> {
    Err("this program was built without libtorch (feature `torch`)".into())
}
