//! The table of what was played, and what differs from the list of what is wrong.

use std::fmt::Write as _;

use super::{ALL, CaseOutcome, Situation};
use crate::table::prose;

/// A row for each situation: expected, seen, right or wrong, and where it comes from.
pub fn table(played: &[(&Situation, CaseOutcome)]) -> String {
    let rows: Vec<Vec<String>> = played
        .iter()
        .map(|(situation, outcome)| {
            let verdict = if outcome.right { "right" } else { "wrong" };
            vec![
                situation.name.to_owned(),
                situation.expected.to_owned(),
                outcome.seen.clone(),
                verdict.to_owned(),
                situation.source.to_owned(),
            ]
        })
        .collect();
    let wrong = played.iter().filter(|(_, outcome)| !outcome.right).count();
    let header = ["situation", "expected", "today", "", "from"];
    format!(
        "{}\n\n{wrong} of {} are wrong.",
        prose(&header, &rows),
        played.len()
    )
}

/// The names of a list, a line each; `#` begins a comment.
fn listed(list: &str) -> Vec<&str> {
    let lines = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).collect()
}

/// What to do where the outcomes are not those of the list of what is wrong; `None` where they are.
pub fn difference(played: &[(&Situation, CaseOutcome)], list: &str) -> Option<String> {
    let listed = listed(list);
    let mut text = String::new();
    for (situation, outcome) in played {
        let name = situation.name;
        let what = match (outcome.right, listed.contains(&name)) {
            (false, false) => {
                "is wrong and was right: mend it. Only a new situation may join the list"
            }
            (true, true) => "is right now: take it off the list",
            _ => continue,
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  {name} {what}\n    expected: {}\n    today: {}",
            situation.expected, outcome.seen
        );
    }
    for name in listed {
        if !ALL.iter().any(|situation| situation.name == name) {
            let _ = writeln!(
                text,
                "  {name} is on the list and is no situation: take it off"
            );
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(right: bool) -> Vec<(&'static Situation, CaseOutcome)> {
        let outcome = |seen: &str, right| CaseOutcome::new(right, seen);
        vec![(ALL[0], outcome("a", right)), (ALL[1], outcome("b", true))]
    }

    #[test]
    fn the_list_and_the_outcomes_must_agree_both_ways() {
        let (name, other) = (ALL[0].name, ALL[1].name);
        let list = format!("# Why.\n\n{name} # since ever\n");
        assert_eq!(difference(&played(false), &list), None);
        assert_eq!(difference(&played(true), "# none\n"), None);
        let better = difference(&played(true), &list).unwrap();
        assert!(better.contains(&format!("{name} is right now")), "{better}");
        let worse = difference(&played(false), "").unwrap();
        assert!(worse.contains(&format!("{name} is wrong")), "{worse}");
        assert!(!worse.contains(other), "{worse}");
        let unknown = difference(&played(true), "no-such-situation").unwrap();
        assert!(unknown.contains("no situation"), "{unknown}");
    }

    #[test]
    fn a_table_counts_what_is_wrong() {
        let table = table(&played(false));
        assert!(table.ends_with("1 of 2 are wrong."), "{table}");
        assert!(table.contains(ALL[0].expected), "{table}");
    }
}
