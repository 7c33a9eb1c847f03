//! Root causes on real and on generated incidents: one configuration, all rankers, the same tables.

mod changes;
mod doubt;
mod evidence;
pub(crate) mod incidents;
mod methods;
mod nezha;
mod score;

use std::ops::RangeInclusive;
use std::path::Path;

use crate::EvalError;
use crate::petshop::data::{self, Split};
use crate::table::markdown;
use changes::Changes;
use doubt::Doubt;
use methods::Method;
use nezha::Part;
use score::Board;

/// Seeds on which the configuration was chosen.
pub const CALIBRATION_SEEDS: RangeInclusive<u64> = 1001..=1150;

/// By how many seconds the time of a generated incident is off in the sweep.
const OFF_S: [i64; 5] = [-120, -60, 0, 60, 120];

/// What may be evaluated alone.
pub const PARTS: [&str; 5] = ["petshop", "nezha", "sim", "machines", "changes"];

/// What to evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Only what a configuration may be chosen on: the pet shop's `train/`, the first third of the
    /// faults of Train Ticket; `seeds` should be of [`CALIBRATION_SEEDS`].
    pub calibration: bool,
    /// Only this one of [`PARTS`]: `petshop`, `nezha`, `sim` (where the cause is), `machines` (the same on
    /// shared ones) and `changes` (which change).
    pub only: Option<String>,
    /// Seeds of the generated incidents.
    pub seeds: RangeInclusive<u64>,
}

/// Evaluates all rankers and returns the report as Markdown. `root` is read for the real incidents.
///
/// # Errors
/// [`EvalError`] when a file of the data is missing or not as documented.
pub fn evaluate(root: &Path, options: &Options) -> Result<String, EvalError> {
    let methods = methods::all()?;
    let wanted = |suite: &str| options.only.as_ref().is_none_or(|only| only == suite);
    let mut report = String::from(
        "95 % Wilson intervals; tied causes share the worst rank. `- without` rows: Astern's ranker with \
         one channel off.\n",
    );
    if wanted("petshop") {
        let split = if options.calibration {
            Split::Train
        } else {
            Split::Test
        };
        let cases = data::read(root, split)?;
        report += &section("Pet shop", &Board::of(&methods, &cases));
    }
    if wanted("nezha") {
        let part = if options.calibration {
            Part::Calibration
        } else {
            Part::Test
        };
        let cases = nezha::read(root, part)?;
        report += &section("Train Ticket (Nezha)", &Board::of(&methods, &cases));
    }
    if wanted("sim") {
        report += &sim(&methods, options.seeds.clone())?;
    }
    if wanted("machines") {
        report += &machines(&methods, options.seeds.clone())?;
    }
    if wanted("changes") {
        report += &changes(options.seeds.clone())?;
    }
    Ok(report)
}

fn section(title: &str, board: &Board<'_>) -> String {
    let (table, by_kind, misses) = (board.table(), board.by_kind(), board.misses());
    format!(
        "\n## {title}\n\n{table}\n\nHits at 1 and at 3 by kind (number of cases):\n\n{by_kind}\n\n\
         Cases whose cause Astern's ranker does not put first:\n\n{misses}\n",
    )
}

/// Generated incidents: where the cause is, with the incident's time right and off.
fn sim(methods: &[Method], seeds: RangeInclusive<u64>) -> Result<String, EvalError> {
    let swept: Vec<Method> = methods::swept()?;
    let mut board = Board::new(methods);
    let mut doubt = Doubt::new()?;
    let mut off: Vec<Board<'_>> = OFF_S.iter().map(|_| Board::new(&swept)).collect();
    let (first, last) = (*seeds.start(), *seeds.end());
    for seed in seeds {
        let run = incidents::simulate(seed)?;
        let graph = run.graph()?;
        doubt.add(&run, &graph)?;
        for (off_s, board) in OFF_S.iter().zip(&mut off) {
            if let Some(case) = run.case(&graph, *off_s)? {
                board.add(&case);
            }
        }
        if let Some(case) = run.case(&graph, 0)? {
            board.add(&case);
        }
    }
    let report = section(&format!("Simulator, seeds {first} to {last}"), &board);
    let mut header = vec!["incident's time is off by".to_owned()];
    header.extend(OFF_S.iter().map(|off_s| format!("{off_s} s")));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let firsts: Vec<Vec<String>> = off.iter().map(Board::firsts).collect();
    let row = |(i, method): (usize, &Method)| {
        let of_method = firsts.iter().map(|of_time| of_time[i].clone());
        std::iter::once(method.name.to_owned())
            .chain(of_method)
            .collect()
    };
    let rows: Vec<Vec<String>> = swept.iter().enumerate().map(row).collect();
    Ok(format!(
        "{report}\nTop-1 where the time of the incident is wrong:\n\n{}\n\n{}",
        markdown(&header, &rows),
        doubt.report()?,
    ))
}

/// Generated incidents on machines that services share.
fn machines(methods: &[Method], seeds: RangeInclusive<u64>) -> Result<String, EvalError> {
    let mut board = Board::new(methods);
    let (first, last) = (*seeds.start(), *seeds.end());
    for seed in seeds {
        let run = incidents::simulate_on_machines(seed)?;
        if let Some(case) = run.case(&run.graph()?, 0)? {
            board.add(&case);
        }
    }
    let title = format!("Shared machines, seeds {first} to {last}");
    Ok(section(&title, &board))
}

/// Generated incidents: which change it was.
fn changes(seeds: RangeInclusive<u64>) -> Result<String, EvalError> {
    let mut changes = Changes::new()?;
    let (first, last) = (*seeds.start(), *seeds.end());
    for seed in seeds {
        changes.add(&incidents::simulate(seed)?)?;
    }
    let title = format!("Which change, seeds {first} to {last}");
    Ok(format!("\n## {title}\n\n{}", changes.table()))
}
