//! The closed loop on generated incidents: who detects, undoes what, when, and how many users feel it meanwhile.

mod controller;
mod family;
mod outcome;
mod tally;

use std::ops::RangeInclusive;

use astern_sim::AnyFault;

use crate::EvalError;
use crate::parallel::play_all;
use controller::Kind;
use family::{Family, Story, story};
use outcome::Outcome;

/// What `--only` may name: the guard without the controls.
pub const PARTS: [&str; 1] = ["guard"];

/// One run by the controllers that take part, in the order of [`Kind::ALL`].
struct Played {
    seed: u64,
    family: Family,
    /// What is wrong, for people.
    faults: String,
    outcomes: Vec<Outcome>,
}

/// Plays the incident of each seed with the guard and, unless a part is named, each control, and reports as Markdown.
///
/// # Errors
/// [`EvalError`] when a scenario, a control or the guard is refused.
pub fn evaluate(seeds: RangeInclusive<u64>, only: Option<&str>) -> Result<String, EvalError> {
    let kinds = only.map_or(&Kind::ALL[..], |_| &[Kind::Guard]);
    let played = play_all(seeds, |seed| {
        let story = story(seed)?;
        let outcomes = kinds.iter().map(|kind| outcome::play(&story, *kind));
        Ok(Played {
            seed,
            family: story.family,
            faults: faults(&story),
            outcomes: outcomes.collect::<Result<_, _>>()?,
        })
    })?;
    Ok(tally::report(kinds, &played))
}

/// Each fault with the service or change that has it.
fn faults(story: &Story) -> String {
    let faults = story.scenario.faults();
    let texts = faults.iter().map(|fault| match fault {
        AnyFault::Release(fault) => format!("{:?} by {}", fault.kind, fault.change),
        AnyFault::Place(fault) => format!("{:?} at {}", fault.kind, fault.subject),
        _ => format!("{fault:?}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}
