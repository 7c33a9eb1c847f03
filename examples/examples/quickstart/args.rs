//! Arguments of the example.

use std::path::PathBuf;

use anstream::println;
use lexopt::{Arg, ValueExt};

const USAGE: &str = "\
Tells the story of the sample data: verdict, causes, blamed change, plan, dry run.

  --seed N      another simulated run in place of the committed one
  --benign      with --seed: none of its releases is bad
  --html FILE   write the story as a page as well";

/// What the user asked for.
#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) seed: Option<u64>,
    pub(crate) benign: bool,
    pub(crate) html: Option<PathBuf>,
}

impl Args {
    /// Reads the command line; `None` when only help was asked for.
    pub(crate) fn parse() -> Result<Option<Self>, lexopt::Error> {
        let mut args = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("seed") => args.seed = Some(parser.value()?.parse()?),
                Arg::Long("benign") => args.benign = true,
                Arg::Long("html") => args.html = Some(parser.value()?.into()),
                Arg::Long("help") | Arg::Short('h') => {
                    println!("{USAGE}");
                    return Ok(None);
                }
                other => return Err(other.unexpected()),
            }
        }
        if args.benign && args.seed.is_none() {
            return Err("--benign needs --seed".into());
        }
        Ok(Some(args))
    }
}
