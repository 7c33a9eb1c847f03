//! Calibration of "nothing of this is at fault" on generated incidents: fits the numbers in
//! `rca/src/abstain/fitted.rs` on half of the seeds and reports on the other half.

use std::ops::RangeInclusive;
use std::time::Duration;

use astern_graph_core::schema::{ERROR_RATE, LATENCY_MS_P95};
use astern_graph_core::signal::Abstention;
use astern_graph_core::{
    GraphBuilder, GraphParams, MetricName, NodeKey, NodeKind, Record, TemporalGraph, TimeRange,
    Timestamp,
};
use astern_rca::abstain::{
    AbstentionCoefficients, AbstentionFeatures, ELSEWHERE, FITTED, SHARPNESS, shares,
};
use astern_rca::ranker::ScoreScale;
use astern_rca::{DiagnoserParams, Incident};
use astern_sim::{Preset, Scenario, run};
use astern_stats::reliability::reliability;
use astern_stats::{order, robust};

use crate::EvalError;
use crate::rca::incidents::simulate;
use crate::table::{calibration, markdown, share};

/// Length of what is looked at from the onset on.
const ABNORMAL: Duration = Duration::from_secs(600);
/// Weight of the squares of the coefficients.
const RIDGE: f64 = 0.001;
const STEPS: u32 = 20_000;
const RATE: f64 = 0.5;

/// What is the matter, in the order of the scores of [`AbstentionCoefficients`].
const TRUTHS: [&str; 4] = [
    "a node is at fault",
    "no regression",
    "load",
    "outside the graph",
];

/// One incident.
#[derive(Debug, Clone)]
struct Row {
    features: AbstentionFeatures,
    /// Which of [`TRUTHS`] holds.
    truth: usize,
    /// Which of them the diagnosis says; none where it cannot tell.
    reported: Option<usize>,
    /// Scores of the causes, and the place of the right one.
    scores: Vec<f64>,
    right: Option<usize>,
}

/// Five incidents of each seed: a bad release, benign ones, a surge, and the bad release with all
/// telemetry of its service left out, each as the worst metric of any service shows it; and what the seed
/// stands for in [`rca`](crate::rca), as users of the entry feel it.
///
/// # Errors
/// What the simulator, the graph or the ranker refuses.
pub fn evaluate(seeds: RangeInclusive<u64>) -> Result<String, EvalError> {
    let (first, last) = (*seeds.start(), *seeds.end());
    let (mut odd, mut even) = (Vec::new(), Vec::new());
    for seed in seeds {
        let rows = rows(seed)?;
        if seed % 2 == 1 {
            odd.extend(rows);
        } else {
            even.extend(rows);
        }
    }
    let crossed = [(fit(&odd), &even), (fit(&even), &odd)];
    let mut held_out = Vec::new();
    for (coefficients, rows) in crossed {
        held_out.extend(
            rows.iter()
                .map(|row| (coefficients, row, surest(&coefficients, row))),
        );
    }
    let all: Vec<Row> = odd.iter().chain(&even).cloned().collect();
    let current: Vec<_> = all.iter().map(|row| (FITTED, row, row.reported)).collect();
    let at_fault = all.iter().filter(|row| row.truth == 0);
    let elsewhere = at_fault.clone().filter(|row| row.right.is_none()).count();
    let at_fault = at_fault.count();
    let sharpness = [sharpest(&odd), sharpest(&even), sharpest(&all)];
    Ok(format!(
        "Seeds {first} to {last}; five incidents of each. Coefficients of the constant, `symptom`, \
         `load`, `unexplained` and `best`, fitted on all:\n\n{}\n\nSharpness of causes: {:.2} and {:.2} on the \
         halves, {:.2} on all; built in {SHARPNESS:.2}. The node at fault is none of the causes in {} of {} incidents; \
         built in {ELSEWHERE:.2}.\n\n{}\n\n\
         ## On the half that was not fitted\n\nSaid: with more than 1/2.\n\n{}\n\n\
         ## As built in\n\nSaid: by the diagnosis, which does not doubt where it blames a change.\n\n{}\n\n\
         The cause, where a node is at fault, by its share:\n\n{}\n",
        coefficients(&fit(&all)),
        sharpness[0],
        sharpness[1],
        sharpness[2],
        elsewhere,
        at_fault,
        quartiles(&all),
        report(&held_out)?,
        report(&current)?,
        of_causes(&all)?,
    ))
}

fn rows(seed: u64) -> Result<Vec<Row>, EvalError> {
    let bad = run(&Scenario::releases(seed))?;
    let culprit = bad.truth.service.clone();
    let silenced: Vec<Record> = bad
        .records
        .iter()
        .filter(|r| !names(r, culprit.as_ref()))
        .cloned()
        .collect();
    let onset = bad.truth.onset;
    let benign = run(&Scenario::benign(seed))?;
    let surge = Scenario::preset(Preset::Surge, seed);
    let starts = surge
        .load
        .surges
        .first()
        .map(|s| surge.start.plus(s.starts));
    let step = surge.step;
    let surge = run(&surge)?;
    let cases = [
        (0, &bad.records, onset),
        (1, &benign.records, None),
        (2, &surge.records, starts),
        (3, &silenced, onset),
    ];
    let mut rows = Vec::new();
    for (truth, records, onset) in cases {
        let began = onset.unwrap_or(bad.healthy_until);
        let hit = culprit.as_ref().filter(|_| truth == 0);
        if let Some(row) = row(records, (bad.start, began), step, (truth, hit))? {
            rows.push(row);
        }
    }
    let run = simulate(seed)?;
    let Some(truth) = place(run.plot.instead_of_a_cause().as_ref()) else {
        return Ok(rows);
    };
    let graph = run.graph()?;
    let culprit = run.simulation.truth.service.as_ref();
    rows.extend(ranked(&graph, &run.incident(&graph, 0)?, truth, culprit)?);
    Ok(rows)
}

fn names(record: &Record, hidden: Option<&NodeKey>) -> bool {
    match (record, hidden) {
        (Record::Call(call), Some(hidden)) => {
            call.callee.service == *hidden
                || call
                    .caller
                    .as_ref()
                    .is_some_and(|caller| caller.service == *hidden)
        }
        (Record::Sample(sample), Some(hidden)) => {
            let of = sample.subject.node();
            of == hidden || of.name.starts_with(&*hidden.name)
        }
        (Record::Change(change), Some(hidden)) => change.service == *hidden,
        _ => false,
    }
}

/// The incident whose symptom is what got worse most; `None` where nothing is seen.
fn row(
    records: &[Record],
    (start, began): (Timestamp, Timestamp),
    step: Duration,
    (truth, culprit): (usize, Option<&NodeKey>),
) -> Result<Option<Row>, EvalError> {
    let mut builder = GraphBuilder::new(GraphParams::default().step(step))?;
    builder.extend(records.iter().cloned());
    let graph = builder.build();
    let at = graph.step_end(began);
    let healthy = TimeRange::new(start, at)?;
    let abnormal = TimeRange::new(at, at.plus(ABNORMAL))?;
    let mut worst: Option<(f64, NodeKey, MetricName)> = None;
    let services = graph.keys().iter().filter(|k| k.kind == NodeKind::Service);
    for node in services {
        for name in [ERROR_RATE, LATENCY_MS_P95] {
            let metric = MetricName::from(name);
            let z = z(&graph, node, &metric, (healthy, abnormal));
            if worst.as_ref().is_none_or(|(most, ..)| z > *most) {
                worst = Some((z, node.clone(), metric));
            }
        }
    }
    let Some((_, node, metric)) = worst else {
        return Ok(None);
    };
    let incident = Incident::new(node, metric, healthy, abnormal);
    ranked(&graph, &incident, truth, culprit)
}

/// What the ranker says of an incident; `None` where it has no answer.
fn ranked(
    graph: &TemporalGraph,
    incident: &Incident,
    truth: usize,
    culprit: Option<&NodeKey>,
) -> Result<Option<Row>, EvalError> {
    let Ok(diagnosis) = DiagnoserParams::default()
        .check()?
        .diagnose(graph, incident)
    else {
        return Ok(None);
    };
    let best = diagnosis.causes.first();
    let scale = ScoreScale::FittedLogOdds;
    let found = best.and_then(|best| AbstentionFeatures::of(graph, incident, best, scale));
    Ok(found.map(|(features, _)| {
        let mut causes = diagnosis.causes.iter();
        Row {
            features,
            truth,
            reported: place(diagnosis.abstained.as_ref()),
            scores: diagnosis.causes.iter().map(|cause| cause.score).collect(),
            right: causes.position(|cause| Some(cause.subject.node()) == culprit),
        }
    }))
}

/// Which of [`TRUTHS`] is stated by not naming a cause, or by naming one; `None` where it is none of them.
fn place(instead_of_a_cause: Option<&Abstention>) -> Option<usize> {
    match instead_of_a_cause {
        None | Some(Abstention::NoChangeExplains) => Some(0),
        Some(Abstention::NoRegression) => Some(1),
        Some(Abstention::Load) => Some(2),
        Some(Abstention::OutsideGraph) => Some(3),
        Some(_) => None,
    }
}

/// What the model alone gives more than 1/2.
fn surest(model: &AbstentionCoefficients, row: &Row) -> Option<usize> {
    let p = of_truths(model, &row.features);
    p.iter().position(|p| *p > 0.5)
}

/// The sharpness that makes the right causes most likely, of 1/100 to 3 in steps of 1/100.
fn sharpest(rows: &[Row]) -> f64 {
    let likelihood = |sharpness: f64| -> f64 {
        let likelihoods = rows.iter().filter_map(|row| {
            let share = *shares(&row.scores, sharpness).get(row.right?)?;
            Some(share.max(f64::MIN_POSITIVE).ln())
        });
        likelihoods.sum()
    };
    let tried = (1..=300_u32).map(|i| 0.01 * f64::from(i));
    let best = tried.max_by(|a, b| order::ascending(likelihood(*a), likelihood(*b)));
    best.unwrap_or(SHARPNESS)
}

/// How true the shares of causes are where a node is at fault.
fn of_causes(rows: &[Row]) -> Result<String, EvalError> {
    let at_fault = rows.iter().filter(|row| row.truth == 0);
    let stated = at_fault.flat_map(|row| {
        let shares = shares(&row.scores, SHARPNESS).into_iter().enumerate();
        shares.map(|(i, p)| ((1.0 - ELSEWHERE) * p, row.right == Some(i)))
    });
    let found = reliability(&stated.collect::<Vec<_>>(), 5)?;
    Ok(found.map_or_else(String::new, |found| calibration(&found)))
}

fn z(
    graph: &TemporalGraph,
    node: &NodeKey,
    metric: &MetricName,
    (healthy, abnormal): (TimeRange, TimeRange),
) -> f64 {
    let series = |range| graph.series(node, metric, range).unwrap_or_default();
    let values = series(healthy);
    let median = robust::median(&values).unwrap_or(0.0);
    let floor = graph.feature(metric).noise_floor(median);
    let spread = robust::spread(&values).unwrap_or(0.0).max(floor);
    (robust::quantile(&series(abnormal), 0.9).unwrap_or(median) - median) / spread
}

/// Which coefficients may differ from 0, by alternative: few, each with a meaning.
const FREE: [[bool; 5]; 3] = [
    [true, false, false, false, true],
    [true, true, true, false, true],
    [true, false, false, true, true],
];

/// Set, not fitted: a symptom far from health is a regression, whatever is found of its cause. Generated
/// incidents hold few such symptoms without a cause, so they do not tell.
const BY_SYMPTOM: f64 = -1.0;

/// Most likely coefficients under a small ridge, by gradient ascent.
fn fit(rows: &[Row]) -> AbstentionCoefficients {
    let mut w = [[0.0_f64; 5]; 3];
    w[0][1] = BY_SYMPTOM;
    let n = rows.len().max(1) as f64;
    for _ in 0..STEPS {
        let model = model(&w);
        let mut gradient = w.map(|of| of.map(|x| -RIDGE * x));
        for Row {
            features, truth, ..
        } in rows
        {
            let p = of_truths(&model, features);
            for (k, of) in gradient.iter_mut().enumerate() {
                let residual = f64::from(u8::from(*truth == k + 1)) - p[k + 1];
                for (slot, x) in of.iter_mut().zip(features.row()) {
                    *slot += residual * x / n;
                }
            }
        }
        for (k, of) in w.iter_mut().enumerate() {
            for (i, x) in of.iter_mut().enumerate() {
                if FREE[k][i] {
                    *x += RATE * gradient[k][i];
                }
            }
        }
    }
    model(&w)
}

fn model(w: &[[f64; 5]; 3]) -> AbstentionCoefficients {
    AbstentionCoefficients {
        no_regression: w[0],
        load: w[1],
        outside_graph: w[2],
    }
}

fn of_truths(model: &AbstentionCoefficients, features: &AbstentionFeatures) -> [f64; 4] {
    let p = model.probabilities(features);
    [p.node_at_fault, p.no_regression, p.load, p.outside_graph]
}

fn coefficients(fitted: &AbstentionCoefficients) -> String {
    let line = |name: &str, w: &[f64; 5]| {
        let digits: Vec<String> = w.iter().map(|x| format!("{x:.2}")).collect();
        format!("    {name}: [{}],", digits.join(", "))
    };
    let lines = [
        line("no_regression", &fitted.no_regression),
        line("load", &fitted.load),
        line("outside_graph", &fitted.outside_graph),
    ];
    format!("```text\n{}\n```", lines.join("\n"))
}

/// Quartiles of the features by what is the matter.
fn quartiles(rows: &[Row]) -> String {
    let lines = TRUTHS.iter().enumerate().map(|(k, name)| {
        let of = |i: usize| {
            let values = rows.iter().filter(|row| row.truth == k);
            let values: Vec<f64> = values.map(|row| row.features.row()[i]).collect();
            let q = |q| robust::quantile(&values, q).unwrap_or(f64::NAN);
            format!("{:.2} {:.2} {:.2}", q(0.25), q(0.5), q(0.75))
        };
        vec![(*name).to_owned(), of(1), of(2), of(3), of(4)]
    });
    let header = ["quartiles", "symptom", "load", "unexplained", "best"];
    markdown(&header, &lines.collect::<Vec<_>>())
}

/// The diagnosis of each incident, and how true the probabilities of the model were.
fn report(outcomes: &[(AbstentionCoefficients, &Row, Option<usize>)]) -> Result<String, EvalError> {
    let mut sums = [[0_usize; 5]; 4];
    let mut predictions = Vec::new();
    for (model, row, reported) in outcomes {
        let p = of_truths(model, &row.features);
        predictions.extend(p.iter().enumerate().map(|(k, p)| (*p, k == row.truth)));
        sums[row.truth][reported.unwrap_or(4)] += 1;
    }
    let rows: Vec<Vec<String>> = TRUTHS
        .iter()
        .zip(&sums)
        .map(|(name, counts)| {
            let all = counts.iter().sum();
            let cells = counts.iter().map(|n| share(*n, all));
            std::iter::once((*name).to_owned()).chain(cells).collect()
        })
        .collect();
    let header = [
        "what is the matter",
        "said: node",
        "no regression",
        "load",
        "outside",
        "cannot tell",
    ];
    let table = reliability(&predictions, 5)?.map_or(String::new(), |r| calibration(&r));
    Ok(format!("{}\n\n{table}", markdown(&header, &rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_finds_what_sets_surges_apart() {
        let row = |load, truth| {
            let features = AbstentionFeatures {
                symptom: 1.5,
                load,
                unexplained: 0.0,
                best: 0.5,
            };
            Row {
                features,
                truth,
                reported: None,
                scores: Vec::new(),
                right: None,
            }
        };
        let rows: Vec<Row> = (0..40)
            .map(|i| if i % 2 == 0 { row(0.1, 0) } else { row(1.0, 2) })
            .collect();
        let fitted = fit(&rows);
        let p = |load| of_truths(&fitted, &row(load, 0).features);
        assert!(p(1.0)[2] > 0.8 && p(0.1)[0] > 0.8, "{fitted:?}");
        assert!(fitted.outside_graph[1].abs() < 1e-12);
    }
}
