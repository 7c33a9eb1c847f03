//! What became of many runs, as tables.

use std::time::Duration;

use astern_graph_core::signal::Verdict;
use astern_sim::Feed;

use super::looks::{Played, names};
use crate::table::{markdown, share, short};

/// All runs of one kind.
pub(super) struct Row {
    /// Where the calls come from.
    pub(super) source: &'static str,
    /// Instances and traffic.
    pub(super) layout: &'static str,
    /// What sets them apart in the summary.
    pub(super) setting: &'static str,
    pub(super) situation: &'static str,
    /// What the situation is one of in the summary.
    pub(super) kind: &'static str,
    pub(super) feed: Feed,
    pub(super) right: Right,
    /// From one look to the next.
    pub(super) step: Duration,
    pub(super) played: Vec<Played>,
}

/// What a judge should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Regressed,
    Not,
    /// That the new side is not seen: it receives nothing.
    NoData,
}

impl Right {
    fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Not => "not",
            Self::NoData => "no data",
        }
    }
}

/// Sums over runs.
#[derive(Default)]
struct Sums<'a> {
    runs: Vec<(&'a Played, Duration)>,
}

impl<'a> Sums<'a> {
    fn of(rows: &[&'a Row]) -> Self {
        let runs = |row: &&'a Row| {
            let row: &'a Row = row;
            row.played.iter().map(|run| (run, row.step))
        };
        Self {
            runs: rows.iter().flat_map(runs).collect(),
        }
    }

    fn count(&self, is_so: impl Fn(&Played) -> bool) -> usize {
        self.runs.iter().filter(|(run, _)| is_so(run)).count()
    }

    /// Time after the change in all runs.
    fn minutes(&self) -> u64 {
        let of_run = |(run, step): &(&Played, Duration)| minutes(run.looks, *step);
        self.runs.iter().map(of_run).sum()
    }

    fn oracle(&self) -> String {
        let rejects = self.count(|run| run.oracle_at_end);
        short(rejects as f64 / self.runs.len() as f64)
    }

    fn regressed(&self, judge: usize) -> usize {
        self.count(|run| run.judged[judge].regressed.is_some())
    }

    /// Minutes from the change to the first look at which a judge says "regressed", of the runs in which it does.
    fn delay(&self, judge: usize) -> String {
        quantiles(self.runs.iter().filter_map(|(run, step)| {
            let look = run.judged[judge].regressed?;
            Some(minutes(look + 1, *step))
        }))
    }

    /// Minutes after the oracle's first rejection, of the runs that both call regressed.
    fn behind(&self, judge: usize) -> String {
        quantiles(self.runs.iter().filter_map(|(run, step)| {
            let look = run.judged[judge].regressed?;
            Some(minutes(look.saturating_sub(run.oracle?), *step))
        }))
    }

    fn ends(&self, judge: usize) -> String {
        let last = |verdict| {
            let runs = self.count(|run| run.judged[judge].last == Some(verdict));
            short(runs as f64 / self.runs.len() as f64)
        };
        [Verdict::Healthy, Verdict::Inconclusive, Verdict::NoData]
            .map(last)
            .join(" / ")
    }

    /// The cells that every table ends with.
    fn cells(&self, right: Right) -> Vec<String> {
        let runs = self.runs.len();
        let mut cells = vec![runs.to_string(), right.name().to_owned(), self.oracle()];
        cells.push(share(self.regressed(0), runs));
        cells.extend([self.delay(0), self.behind(0)]);
        cells.push(self.ends(0));
        let controls = 1..names().len();
        cells.extend(controls.map(|judge| short(self.regressed(judge) as f64 / runs as f64)));
        cells
    }
}

fn minutes(looks: usize, step: Duration) -> u64 {
    looks as u64 * step.as_secs() / 60
}

/// The median and the 95 % quantile.
fn quantiles(minutes: impl Iterator<Item = u64>) -> String {
    let mut minutes: Vec<u64> = minutes.collect();
    minutes.sort_unstable();
    let quantile = |percent: usize| minutes.get(minutes.len() * percent / 100);
    let both = quantile(50).zip(quantile(95));
    both.map_or("-".to_owned(), |(half, most)| {
        format!("{half}, 95 % {most}")
    })
}

fn header<'a>(first: &[&'a str], columns: &'a [String]) -> Vec<&'a str> {
    let columns = columns.iter().map(String::as_str);
    first.iter().copied().chain(columns).collect()
}

/// The headers of [`Sums::cells`].
fn columns() -> Vec<String> {
    let names = names();
    let first = ["runs", "right", "oracle"].map(str::to_owned);
    let default = [
        format!("{}: regressed", names[0]),
        "minutes after the change".to_owned(),
        "minutes behind the oracle".to_owned(),
        "at the end healthy / inconclusive / no data".to_owned(),
    ];
    let controls = names.iter().skip(1).map(|name| (*name).to_owned());
    first.into_iter().chain(default).chain(controls).collect()
}

/// The rows of each kind, in the order in which the kinds come first.
fn grouped<K: PartialEq>(rows: &[Row], kind: impl Fn(&Row) -> K) -> Vec<Vec<&Row>> {
    let mut groups: Vec<(K, Vec<&Row>)> = Vec::new();
    for row in rows {
        let kind = kind(row);
        match groups.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((kind, vec![row])),
        }
    }
    groups.into_iter().map(|(_, rows)| rows).collect()
}

/// One line for all sources and layouts of a kind.
pub(super) fn summary(rows: &[Row]) -> String {
    let kind = |row: &'_ Row| (row.kind, row.setting, row.feed.name());
    let lines = grouped(rows, kind).into_iter().map(|rows| {
        let first = rows[0];
        let sums = Sums::of(&rows);
        let mut line = vec![
            first.kind.to_owned(),
            first.setting.to_owned(),
            first.feed.name().to_owned(),
            sums.minutes().to_string(),
        ];
        line.extend(sums.cells(first.right));
        line
    });
    let first = ["situation", "setting", "feed", "minutes watched"];
    markdown(&header(&first, &columns()), &lines.collect::<Vec<_>>())
}

/// A section for each source with a line for each kind of runs.
pub(super) fn details(rows: &[Row]) -> String {
    let section = |rows: Vec<&Row>| {
        let lines = rows.iter().map(|row| {
            let mut line = vec![
                row.layout.to_owned(),
                row.situation.to_owned(),
                row.feed.name().to_owned(),
            ];
            line.extend(Sums::of(&[row]).cells(row.right));
            line
        });
        let first = ["layout", "situation", "feed"];
        let table = markdown(&header(&first, &columns()), &lines.collect::<Vec<_>>());
        format!("## {}\n\n{table}\n", rows[0].source)
    };
    let sources = grouped(rows, |row| row.source);
    let sections: Vec<String> = sources.into_iter().map(section).collect();
    sections.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::looks::Judged;
    use super::*;

    fn row(source: &'static str, regressed: [Option<usize>; 2]) -> Row {
        let played = regressed.map(|regressed| Played {
            judged: vec![
                Judged {
                    regressed,
                    last: Some(Verdict::Healthy),
                };
                names().len()
            ],
            oracle: Some(2),
            oracle_at_end: true,
            looks: 60,
        });
        Row {
            source,
            layout: "1 beside 1",
            setting: "beside old ones",
            situation: "fails",
            kind: "fails",
            feed: Feed::Calls,
            right: Right::Regressed,
            step: Duration::from_secs(30),
            played: played.into(),
        }
    }

    #[test]
    fn the_summary_joins_sources_and_the_details_do_not() {
        let rows = [row("a", [Some(5), None]), row("b", [Some(9), None])];
        let summary = summary(&rows);
        assert_eq!(summary.lines().count(), 3);
        let cells: Vec<&str> = summary
            .lines()
            .skip(2)
            .flat_map(|line| line.split('|'))
            .map(str::trim)
            .collect();
        // Four runs of 60 looks, each half a minute after the other.
        for cell in ["120", "4", ".500 [.150, .850]", "5, 95 % 5", "3, 95 % 3"] {
            assert!(cells.contains(&cell), "{cell}: {summary}");
        }
        let details = details(&rows);
        assert!(details.contains("## a\n") && details.contains("## b\n"));
        assert!(details.contains(".500 [.095, .905]"), "{details}");
    }
}
