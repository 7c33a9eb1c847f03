//! The command line.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt as _};

use crate::fuzz::TARGETS;
use crate::peers::SCRIPTS;
use crate::run::Failure;

const COMMANDS: [&str; 10] = [
    "test",
    "ci",
    "demo",
    "eval",
    "bench",
    "peers",
    "fuzz",
    "libtorch",
    "sample-data",
    "screenshot",
];

pub(crate) const HELP: &str = "\
Astern's commands

Usage: cargo xtask [--dry-run] <command> [options]

  test         set up libtorch, then run every test: default features, then torch
  ci           format, lints, docs, examples, cases, benches in test mode, dependency rules
  demo         set up libtorch, then run the main example in release mode
  eval SUITE   evaluation on real data (petshop, pretrain, rca, traces), or without
               (abstain, cases, explain, sim)
  bench        criterion benches; what follows goes to criterion, first a filter
  peers SCRIPT a public library and Astern in turns on the same inputs (gnn-speed,
               gnn-growth, cora, te-speed); what follows goes to the script, with --out FILE its
               table to a file too
  fuzz         fuzz where bytes enter, one TARGET or each in turn (nightly, cargo-fuzz)
  libtorch     make libtorch in a cache shared by checkouts and link it in here
  sample-data  write the examples' data again
  screenshot   the demo's page as docs/images/incident.png (needs Chromium or Chrome)

Options:
  --dry-run    print what would be run, and run nothing
  --cuda       libtorch: with the GPU's libraries (several GB)
  --minutes N  fuzz: minutes for each target (10)
  --no-torch   test, ci, demo: leave out what needs libtorch
  -h, --help   this text

Environment:
  LIBTORCH      a libtorch 2.11 of your own; wins over the one made here
  ASTERN_CACHE  where libtorch is kept; else $XDG_CACHE_HOME/astern or ~/.cache/astern
  ASTERN_DATA   data for `eval petshop`, `eval pretrain`, `eval rca` and `eval traces`
  CI            when set, libtorch must be had: `test` and `ci` fail without it
";

/// One command with its own options.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Libtorch {
        cuda: bool,
    },
    Test {
        torch: bool,
    },
    Ci {
        torch: bool,
    },
    Demo {
        torch: bool,
    },
    Eval {
        suite: OsString,
        args: Vec<OsString>,
    },
    Bench {
        args: Vec<OsString>,
    },
    Peers {
        script: String,
        args: Vec<OsString>,
    },
    Fuzz {
        target: Option<String>,
        minutes: u32,
    },
    SampleData,
    Screenshot,
}

/// A whole command line.
#[derive(Debug, PartialEq)]
pub(crate) struct Invocation {
    pub(crate) command: Command,
    pub(crate) dry_run: bool,
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Invocation, Failure> {
    let mut parser = Parser::from_args(args);
    read(&mut parser).map_err(|reason| {
        Failure::new(
            2,
            format!("{reason}\n\nTry `cargo xtask --help` for the commands."),
        )
    })
}

fn read(parser: &mut Parser) -> Result<Invocation, lexopt::Error> {
    let mut dry_run = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("dry-run") => dry_run = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(help()),
            Arg::Value(name) => return command(&name.string()?, parser, dry_run),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(help())
}

fn help() -> Invocation {
    Invocation {
        command: Command::Help,
        dry_run: false,
    }
}

fn command(name: &str, parser: &mut Parser, dry_run: bool) -> Result<Invocation, lexopt::Error> {
    if !COMMANDS.contains(&name) {
        return Err(format!("no command `{name}`").into());
    }
    let (mut torch, mut cuda, mut dry_run) = (true, false, dry_run);
    let mut rest = Vec::new();
    let (mut target, mut minutes) = (None, 10);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("dry-run") => dry_run = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(help()),
            Arg::Long("cuda") if name == "libtorch" => cuda = true,
            Arg::Long("no-torch") if ["test", "ci", "demo"].contains(&name) => torch = false,
            Arg::Long("minutes") if name == "fuzz" => minutes = parser.value()?.parse()?,
            Arg::Value(word) if name == "fuzz" && target.is_none() => {
                let word = word.string()?;
                let known = TARGETS.map(|(target, _)| target);
                if !known.contains(&&*word) {
                    return Err(format!("no fuzz target `{word}`: {}", known.join(", ")).into());
                }
                target = Some(word);
            }
            // From here on the words belong to the program that is started.
            Arg::Value(first) if ["eval", "bench", "peers"].contains(&name) => {
                rest.push(first);
                rest.extend(parser.raw_args()?);
            }
            _ => return Err(arg.unexpected()),
        }
    }
    let command = match name {
        "libtorch" => Command::Libtorch { cuda },
        "test" => Command::Test { torch },
        "ci" => Command::Ci { torch },
        "demo" => Command::Demo { torch },
        "bench" => Command::Bench { args: rest },
        "peers" => peers(rest)?,
        "fuzz" if minutes == 0 => return Err("--minutes must be at least 1".into()),
        "fuzz" => Command::Fuzz { target, minutes },
        "eval" if rest.is_empty() => {
            return Err(
                "`eval` needs a suite: abstain, cases, explain, petshop, pretrain, rca, sim or \
                 traces"
                    .into(),
            );
        }
        "eval" => Command::Eval {
            suite: rest.remove(0),
            args: rest,
        },
        "screenshot" => Command::Screenshot,
        _ => Command::SampleData,
    };
    Ok(Invocation { command, dry_run })
}

fn peers(mut words: Vec<OsString>) -> Result<Command, lexopt::Error> {
    let known = || SCRIPTS.map(|script| script.name).join(", ");
    if words.is_empty() {
        return Err(format!("`peers` needs a script: {}", known()).into());
    }
    let script = words.remove(0).string()?;
    if !SCRIPTS.iter().any(|known| known.name == script) {
        return Err(format!("no script `{script}`: {}", known()).into());
    }
    let args = words;
    Ok(Command::Peers { script, args })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, Failure> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn command(line: &str) -> Command {
        parsed(line).unwrap().command
    }

    #[test]
    fn each_command_is_read_with_its_options() {
        assert_eq!(command("libtorch --cuda"), Command::Libtorch { cuda: true });
        assert_eq!(command("libtorch"), Command::Libtorch { cuda: false });
        assert_eq!(command("test"), Command::Test { torch: true });
        assert_eq!(command("ci --no-torch"), Command::Ci { torch: false });
        assert_eq!(command("demo"), Command::Demo { torch: true });
        assert_eq!(command("sample-data"), Command::SampleData);
        assert_eq!(command("screenshot"), Command::Screenshot);
        let target = Some("csv".to_owned());
        assert_eq!(
            command("fuzz csv --minutes 2"),
            Command::Fuzz { target, minutes: 2 }
        );
        let each = Command::Fuzz {
            target: None,
            minutes: 10,
        };
        assert_eq!(command("fuzz"), each);
    }

    #[test]
    fn words_after_the_suite_are_not_ours() {
        let args = vec!["--seed".into(), "3".into(), "--dry-run".into()];
        let expected = Command::Eval {
            suite: "sim".into(),
            args,
        };
        assert_eq!(command("eval sim --seed 3 --dry-run"), expected);
        let args = vec!["rank".into(), "--quick".into()];
        assert_eq!(command("bench rank --quick"), Command::Bench { args });
        let args = vec!["--out".into(), "speed.md".into()];
        let script = "gnn-speed".to_owned();
        let expected = Command::Peers { script, args };
        assert_eq!(command("peers gnn-speed --out speed.md"), expected);
    }

    #[test]
    fn a_dry_run_may_be_asked_for_on_either_side() {
        assert!(parsed("--dry-run test").unwrap().dry_run);
        assert!(parsed("test --dry-run").unwrap().dry_run);
        assert!(parsed("eval --dry-run sim").unwrap().dry_run);
        assert!(!parsed("test").unwrap().dry_run);
    }

    #[test]
    fn nothing_and_help_give_the_help_text() {
        for line in ["", "-h", "--help", "test --help"] {
            assert_eq!(command(line), Command::Help, "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_with_status_2() {
        for line in [
            "tset",
            "test --cuda",
            "libtorch --no-torch",
            "eval",
            "peers",
            "peers citeseer",
            "peers --out speed.md gnn-speed",
            "ci extra",
            "--cuda",
            "fuzz xml",
            "fuzz csv zipkin",
            "fuzz --minutes 0",
            "test --minutes 1",
        ] {
            assert_eq!(parsed(line).unwrap_err().code, 2, "{line}");
        }
    }

    #[test]
    fn every_command_is_in_the_help_text() {
        for name in COMMANDS {
            assert!(HELP.contains(&format!("\n  {name}")), "{name}");
        }
    }
}
