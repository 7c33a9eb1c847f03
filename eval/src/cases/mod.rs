//! Ordinary situations with a known right outcome, each played by the code as it is.
//!
//! `cargo xtask eval cases` prints for each what is expected and what happens today, and fails
//! while any is wrong. `eval/cases-wrong.txt` lists those that are wrong today; a stage of
//! `cargo xtask ci` fails when the list and the outcomes differ, either way.
//!
//! To add one, write a [`Situation`] in the file of its family and name it in [`ALL`]. No outcome
//! depends on a clock.
//!
//! # Not run here
//!
//! | id | situation | why not |
//! |---|---|---|
//! | `torch_out_of_bounds` | an edge's sender is overwritten through another handle of the tensor that `Edges::source` returns | needs libtorch; where it is wrong, it reads memory that is not its own, and what happens then is undefined |
//! | `tmpfile_pid` | a crashed process with the same process id has left a temporary file where a training's checkpoint is saved | needs libtorch, which makes such a checkpoint |
//! | `c13` | size of a stored guard | only measures: `benches/benches/state.rs` |
//! | `c14` | memory of many durations that differ | only measures: `benches/benches/state.rs` |
//! | `c22` | days of new instances | only measures: `benches/benches/state.rs` |

mod again;
mod canary;
mod clock;
mod files;
mod limits;
mod one_id;
mod plans;
mod records;
mod replies;
mod report;
mod rolling;
mod runs;
mod spans;
mod text;
mod world;

use std::panic;

use crate::EvalError;

pub use report::{difference, table};

/// What a step of a situation returns.
type Played<T> = Result<T, EvalError>;

/// What happened, and whether it is what should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOutcome {
    /// Whether it is the expected outcome.
    pub right: bool,
    /// What happened.
    pub seen: String,
}

impl CaseOutcome {
    fn new(right: bool, seen: impl Into<String>) -> Self {
        let seen = seen.into();
        Self { right, seen }
    }
}

/// A situation and its right outcome.
#[derive(Debug)]
pub struct Situation {
    /// What it is called.
    pub name: &'static str,
    /// Other names by which it can be selected; several situations may share one.
    pub ids: &'static [&'static str],
    /// The right outcome.
    pub expected: &'static str,
    /// Where it was reported, or how it was found.
    pub source: &'static str,
    play: fn() -> Played<CaseOutcome>,
}

impl Situation {
    /// Whether it is selected by this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.ids.contains(&name)
    }

    /// Plays it. An error or a panic is an outcome too, and never the right one.
    pub fn play(&self) -> CaseOutcome {
        match panic::catch_unwind(self.play) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => CaseOutcome::new(false, format!("error: {error}")),
            Err(_) => CaseOutcome::new(false, "it panics"),
        }
    }
}

/// Every situation, by family.
pub const ALL: &[&Situation] = &[
    &canary::ALL_FAILED,
    &canary::CLIENT_ERRORS,
    &canary::WITHOUT_CALLS,
    &canary::SLOW_FIRST_MINUTE,
    &canary::TINY_LATENCY,
    &canary::BASELINE_WITHOUT_CALLS,
    &rolling::TWO_RELEASES,
    &rolling::TO_A_BAD_REVISION,
    &rolling::OLD_TELEMETRY,
    &rolling::RETRY,
    &spans::ONE_MESSAGE,
    &spans::HALF_A_TRACE_ID,
    &spans::NEGATIVE_DURATION,
    &spans::RENAMED_STATUS,
    &spans::FALSE_ERROR,
    &spans::LOST_PARENT,
    &runs::LOST_REPLY,
    &runs::RELEASE_BETWEEN_STEPS,
    &runs::FENCED_LOOK,
    &runs::GONE_LOOK,
    &runs::FORBIDDEN_LOOK,
    &runs::BUSY_FOR_EVER,
    &runs::GOOD_BY_ANOTHER,
    &plans::SHARED_ID_CART,
    &plans::SHARED_ID_PAY,
    &plans::CONTRADICTION,
    &plans::KNOWN_BAD,
    &clock::BEFORE_A_RELEASE,
    &clock::DURING_A_RUN,
    &clock::FIRST_IN_WRONG_UNIT,
    &again::WITH_A_CONFIG,
    &again::WITH_A_RELEASE,
    &again::SILENT_PLATFORM,
    &again::REPORTED_BACK,
    &one_id::OWN_IDS,
    &one_id::ONE_ID,
    &one_id::BAD_FIRST,
    &one_id::BAD_LAST,
    &replies::HANDLED,
    &replies::DROPPED,
    &replies::REFUSED,
    &limits::CHURN,
    &limits::BAD_BELOW_LIMIT,
    &limits::BAD_OVER_LIMIT,
    &limits::LONG_NAMES,
    &limits::LONG_LISTS,
    &limits::FEW_HEALTHY_STEPS,
    &records::MOVED_INSTANCE,
    &records::TWO_CONTENTS,
    &text::PLAN,
    &text::NODE,
    &text::DRAWING,
    &files::ESCAPE,
];

/// Plays those that a name selects, or all without one; nothing where there is no such name.
pub fn play(only: Option<&str>) -> Vec<(&'static Situation, CaseOutcome)> {
    let wanted = |situation: &&Situation| only.is_none_or(|name| situation.is_called(name));
    let selected = ALL.iter().copied().filter(wanted);
    selected
        .map(|situation| (situation, situation.play()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::misshapen;

    #[test]
    fn a_name_selects_one_and_is_no_id() {
        for situation in ALL {
            let called = ALL.iter().filter(|other| other.is_called(situation.name));
            assert_eq!(called.count(), 1, "{}", situation.name);
            let texts = [situation.name, situation.expected, situation.source];
            assert!(texts.iter().all(|text| !text.is_empty()), "{texts:?}");
        }
    }

    #[test]
    fn an_id_selects_all_that_share_it() {
        let of_c3 = ALL.iter().filter(|situation| situation.is_called("c3"));
        assert_eq!(of_c3.count(), 3);
        assert!(play(Some("no-such-name")).is_empty());
    }

    #[test]
    fn an_error_and_a_panic_are_wrong() {
        let situation = |play| Situation {
            name: "a",
            ids: &[],
            expected: "b",
            source: "c",
            play,
        };
        let failing = situation(|| Err(misshapen(Path::new("file"), "no table")));
        let error = CaseOutcome::new(false, "error: file: no table");
        assert_eq!(failing.play(), error);
        let panicking = situation(|| panic::panic_any(0));
        assert_eq!(panicking.play(), CaseOutcome::new(false, "it panics"));
    }
}
