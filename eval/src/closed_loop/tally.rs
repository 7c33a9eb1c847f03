//! Outcomes as tables.

use astern_stats::robust;

use super::Played;
use super::controller::Kind;
use super::family::Family;
use super::outcome::Outcome;
use crate::table::{markdown, prose, share, short};

const HOW: &str = "Families take turns by seed, and three systems; two requests a second, half an hour without a change and half \
an hour after it. Effects happen at once. A release is *recovered* from when it serves nothing any more; *right deed*: each \
culprit is undone and nothing else is, where there is none nothing is undone; whether a person is called where only a person can \
help (an outage, a forward-only release) is in the tables of those families. Medians are over the runs in which something bad happens and the \
controller acts, or recovers; to act is any effect, right or wrong, from the first culprit's start or, without one, the end of the healthy half hour. *Users*: requests that failed or were slower \
than 99 of 100 before, beyond the share of those before. The oracles know the culprit: one undoes it at the end of the step \
in which it came, the other as soon as a test of its raw calls, new against old, rejects at .005, without a correction for looks. Controls that judge a change get its calls by revision, at their defaults; `the latest back` acts when the \
guard calls the system regressed, once in five minutes.";

/// All tables.
pub(super) fn report(kinds: &[Kind], played: &[Played]) -> String {
    let all = section(kinds, played.iter().collect::<Vec<_>>().as_slice());
    let mut sections = vec![format!("{HOW}\n\n## All families\n\n{all}\n")];
    for family in Family::ALL {
        let of: Vec<&Played> = played.iter().filter(|run| run.family == family).collect();
        if !of.is_empty() {
            sections.push(format!("## {}\n\n{}\n", family.name(), section(kinds, &of)));
        }
    }
    sections.push(misses(played));
    sections.join("\n")
}

fn section(kinds: &[Kind], played: &[&Played]) -> String {
    let header = [
        "",
        "right deed",
        "culprits missed",
        "runs with another undone",
        "benign: anything undone",
        "benign: a person called",
        "pages a run",
        "median s to act",
        "median s to recover",
        "users a run",
    ];
    let rows = kinds.iter().enumerate();
    let rows: Vec<_> = rows
        .map(|(place, kind)| row(*kind, place, played))
        .collect();
    markdown(&header, &rows)
}

fn row(kind: Kind, place: usize, played: &[&Played]) -> Vec<String> {
    let all: Vec<(&Outcome, bool)> = played
        .iter()
        .map(|run| (&run.outcomes[place], run.family.is_benign()))
        .collect();
    let count = |is: &dyn Fn(&Outcome) -> bool| all.iter().filter(|(of, _)| is(of)).count();
    let benign = || all.iter().filter(|(_, is_benign)| *is_benign);
    let bad = || all.iter().filter(|(_, is_benign)| !is_benign);
    let undone = benign().filter(|(of, _)| !of.wrong.is_empty()).count();
    let called = benign().filter(|(of, _)| of.pages > 0).count();
    let mean = |of: fn(&Outcome) -> f64| {
        all.iter().map(|(outcome, _)| of(outcome)).sum::<f64>() / all.len() as f64
    };
    let median = |of: fn(&Outcome) -> Option<f64>| {
        let values: Vec<f64> = bad().filter_map(|(outcome, _)| of(outcome)).collect();
        robust::median(&values).map_or("-".to_owned(), |s| format!("{s:.0}"))
    };
    vec![
        kind.name().to_owned(),
        share(
            count(&|of| of.missed == 0 && of.wrong.is_empty()),
            all.len(),
        ),
        count(&|of| of.missed > 0).to_string(),
        share(
            bad().filter(|(of, _)| !of.wrong.is_empty()).count(),
            bad().count(),
        ),
        share(undone, benign().count()),
        share(called, benign().count()),
        short(mean(|of| of.pages as f64)),
        median(|of| of.acted_s),
        median(|of| of.recovered_s),
        format!("{:.0}", mean(|of| of.users)),
    ]
}

/// What the guard did wrong.
fn misses(played: &[Played]) -> String {
    let wrong = played.iter().filter_map(|run| {
        let of = &run.outcomes[0];
        let is_false_page = run.family.is_benign() && of.pages > 0;
        let is_wrong = of.missed > 0 || !of.wrong.is_empty() || is_false_page;
        let undone: Vec<String> = of.wrong.iter().map(ToString::to_string).collect();
        is_wrong.then(|| {
            vec![
                run.seed.to_string(),
                run.family.name().to_owned(),
                run.faults.clone(),
                of.missed.to_string(),
                undone.join(" "),
                of.pages.to_string(),
            ]
        })
    });
    let header = [
        "seed",
        "family",
        "faults",
        "missed",
        "wrongly undone",
        "pages",
    ];
    let rows: Vec<_> = wrong.collect();
    format!("## What Astern did wrong\n\n{}\n", prose(&header, &rows))
}
