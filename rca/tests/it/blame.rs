//! Which change is blamed for the cause, and which is not.

use std::time::Duration;

use proptest::prelude::*;

use astern_graph_core::signal::{
    Abstention, Anomaly, Assessment, BlamedChange, Diagnosis, Evidence, MissingEvidence, Verdict,
};
use astern_graph_core::{
    ChangeEvent, ChangePhase, EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, TemporalGraph,
};
use astern_rca::blame::BlameParams;
use astern_rca::{DiagnoserParams, Incident};

use crate::world::{minute, minutes, service};

const HEALTHY: i64 = 120;
const ONSET: i64 = HEALTHY + 3;
const END: i64 = HEALTHY + 10;

/// `a → b → c → d`, with `c` slow from minute 123 on, which `b` and `a` suffer from.
fn graph(changes: impl IntoIterator<Item = ChangeEvent>) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let names = ["a", "b", "c", "d"];
    for pair in names.windows(2) {
        builder.declare_edge(service(pair[0]), service(pair[1]), EdgeKind::Calls);
    }
    for at in 0..END {
        for (i, name) in names.iter().enumerate() {
            let slow = at >= ONSET && i <= 2;
            let noise = (at * at % (7 + 2 * i64::try_from(i).unwrap())) as f64;
            let value = 10.0 + noise / 4.0 + if slow { 40.0 } else { 0.0 };
            builder.extend([Sample::new(minute(at), service(name), "latency_ms", value).into()]);
        }
    }
    builder.extend(changes.into_iter().map(Into::into));
    builder.build()
}

fn release(name: &str, at: i64) -> ChangeEvent {
    let id = format!("{name}-v2");
    ChangeEvent::new(
        &*id,
        minute(at),
        service(name),
        Some("v1".into()),
        "v2".into(),
    )
}

fn anomaly(name: &str, since: i64) -> Anomaly {
    Anomaly::new(service(name), 9.0, minute(since))
}

fn system(anomalies: impl Into<Vec<Anomaly>>) -> Assessment {
    Assessment::new(Verdict::Regressed).with_anomalies(anomalies.into())
}

fn diagnosis(
    blame: BlameParams,
    changes: impl IntoIterator<Item = ChangeEvent>,
    assessments: Vec<Assessment>,
) -> Diagnosis {
    let (healthy, abnormal) = (minutes(20, HEALTHY), minutes(HEALTHY, END));
    let incident = Incident::new(service("a"), "latency_ms".into(), healthy, abnormal);
    let diagnoser = DiagnoserParams::default().blame(blame).check().unwrap();
    diagnoser
        .diagnose(&graph(changes), &incident.assessed(assessments))
        .unwrap()
}

/// What is reported of the only change.
fn only(changes: Vec<ChangeEvent>, assessments: Vec<Assessment>) -> BlamedChange {
    let mut found = diagnosis(BlameParams::default(), changes, assessments).changes;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn is_vetoed(blamed: &BlamedChange) -> bool {
    let older = |e: &Evidence| matches!(e, Evidence::OlderThanChange { .. });
    blamed.evidence.iter().any(older)
}

fn is_timed(blamed: &BlamedChange) -> bool {
    let before = |e: &Evidence| matches!(e, Evidence::ChangedBefore { .. });
    is_vetoed(blamed) || blamed.evidence.iter().any(before)
}

#[test]
fn the_change_of_the_cause_is_blamed_with_its_collateral() {
    let of_b = Assessment::new(Verdict::Healthy).of_change("b-v2".into());
    let of_c = Assessment::new(Verdict::Regressed).of_change("c-v2".into());
    let anomalies = ["a", "b", "c"].map(|name| anomaly(name, ONSET));
    let diagnosis = diagnosis(
        BlameParams::default(),
        [release("b", HEALTHY), release("c", HEALTHY + 2)],
        vec![system(anomalies), of_b, of_c],
    );
    let first = &diagnosis.changes[0];
    assert_eq!(first.change.as_str(), "c-v2");
    assert!(first.probability.unwrap() > 0.9, "{diagnosis}");
    assert_eq!(first.collateral, ["a", "b"].map(service));
    assert!(diagnosis.changes[1].probability.unwrap() < 0.1);
    assert_eq!(diagnosis.abstained, None);
}

#[test]
fn where_no_edge_is_known_blame_says_so_and_not_that_no_fault_can_come() {
    let known = only(vec![release("d", 122)], Vec::new());
    let unknown = only(vec![release("e", 122)], Vec::new());
    let distance = |blamed: &BlamedChange| {
        blamed
            .evidence
            .iter()
            .any(|e| matches!(e, Evidence::Distance { .. }))
    };
    assert!(distance(&known) && !distance(&unknown), "{unknown:?}");
    let says = |e: &Evidence| e.to_string().starts_with("no edge of service/e is known");
    assert!(unknown.evidence.iter().any(says), "{unknown:?}");
}

#[test]
fn a_change_after_the_onset_is_not_blamed() {
    let late = [release("c", HEALTHY + 9)];
    let since = system([anomaly("c", ONSET)]);
    let diagnosis = diagnosis(BlameParams::default(), late, vec![since]);
    assert!(is_vetoed(&diagnosis.changes[0]));
    assert!(
        diagnosis.changes[0].probability.unwrap() < 0.5,
        "{diagnosis}"
    );
    assert_eq!(diagnosis.abstained, Some(Abstention::NoChangeExplains));
}

#[test]
fn only_old_trouble_that_the_change_can_have_made_vetoes() {
    let load = anomaly("c", 30).in_metric("request_rate".into(), 1e-6);
    let errors = anomaly("a", 30).in_metric("error_rate".into(), 1e-6);
    let of_cause = anomaly("c", ONSET);
    let blamed_by =
        |anomalies: Vec<Anomaly>| only(vec![release("c", 122)], vec![system(anomalies)]);
    for (old, vetoes) in [
        (load.clone(), false),
        // A callee, and a node that the graph does not know.
        (anomaly("d", 30), false),
        (anomaly("unknown", 30), false),
        (errors, true),
        (anomaly("b", 30), true),
    ] {
        let blamed = blamed_by(vec![old, of_cause.clone()]);
        assert!(is_timed(&blamed));
        assert_eq!(is_vetoed(&blamed), vetoes, "{blamed:?}");
    }
    assert!(!is_timed(&blamed_by(vec![load, anomaly("d", 30)])));
    assert!(!is_timed(&blamed_by(Vec::new())));
}

#[test]
fn an_anomaly_of_an_instance_is_one_of_its_service() {
    let canary = NodeKey::instance("c-1");
    let deployed = release("c", 122).reached(ChangePhase::Started, vec![canary.clone()]);
    let found = |since| {
        let anomaly = Anomaly::new(canary.clone(), 9.0, minute(since));
        only(vec![deployed.clone()], vec![system([anomaly])])
    };
    assert!(is_timed(&found(ONSET)) && !is_vetoed(&found(ONSET)));
    assert!(is_vetoed(&found(30)));
}

#[test]
fn a_long_canary_began_with_its_first_step() {
    // It began before the incident's time, which is from minute 20 on, and went on after the onset.
    let step = |phase, at| release("c", at).reached(phase, Vec::new());
    let canary = vec![release("c", 5), step(ChangePhase::Progressed, END - 1)];
    let since = || vec![system([anomaly("c", ONSET)])];
    assert!(!is_vetoed(&only(canary.clone(), since())));
    // Undone and rolled out again, it began again.
    let again = |phase| {
        let undone = [release("c", 5), step(ChangePhase::RolledBack, 50)];
        undone.into_iter().chain([step(phase, END - 1)]).collect()
    };
    assert!(is_vetoed(&only(again(ChangePhase::Started), since())));
    // Undone at the end, it is not active; without a step in the incident's time neither, nor by a late step of what was
    // undone.
    let mut undone = canary.clone();
    undone.push(release("c", END - 1).reached(ChangePhase::RolledBack, Vec::new()));
    let late = again(ChangePhase::Progressed);
    let undone = [undone, vec![release("c", 5)], late];
    for changes in undone {
        let found = diagnosis(BlameParams::default(), changes, since());
        assert_eq!(found.changes, []);
        assert_eq!(found.abstained, None);
    }
}

#[test]
fn only_the_last_assessment_of_a_change_counts() {
    let judged = |verdict| Assessment::new(verdict).of_change("c-v2".into());
    let probability = |verdicts: Vec<Verdict>| {
        let assessments = verdicts.into_iter().map(judged).collect();
        only(vec![release("c", 122)], assessments).probability
    };
    let once = probability(vec![Verdict::Regressed]);
    assert_eq!(probability(vec![Verdict::Regressed; 400]), once);
    let corrected = vec![Verdict::Healthy, Verdict::Healthy, Verdict::Regressed];
    assert_eq!(probability(corrected), once);
    assert!(probability(vec![Verdict::Regressed, Verdict::Healthy]) < once);
}

#[test]
fn a_change_that_a_judge_compared_and_did_not_find_worse_is_less_likely_than_none() {
    let of_c = |verdict, missing: Vec<MissingEvidence>| {
        let of_c = Assessment::new(verdict).of_change("c-v2".into());
        let since = system([anomaly("c", ONSET)]);
        // All that time, place and rank say speaks for it.
        let eager = BlameParams::default().prior(3.0).recent(3.0);
        let assessments = vec![since, of_c.without(missing)];
        diagnosis(eager, [release("c", 121)], assessments)
            .changes
            .remove(0)
    };
    let is_said = |blamed: &BlamedChange| {
        let said = |e: &Evidence| matches!(e, Evidence::NotFoundWorse { .. });
        blamed.evidence.iter().any(said)
    };
    let calls = || MissingEvidence::Calls {
        metric: "error_rate".into(),
        have: 40,
        need: Some(300),
        steps: Some(9),
    };
    let starts = MissingEvidence::StartUp { until: minute(140) };
    let looks_worse = MissingEvidence::Certainty {
        metric: "error_rate".into(),
        p_value: 0.02,
    };
    let alike = [
        (Verdict::Healthy, vec![]),
        (Verdict::Inconclusive, vec![calls()]),
        (Verdict::Inconclusive, vec![starts, calls()]),
    ];
    for (verdict, missing) in alike {
        let blamed = of_c(verdict, missing);
        assert!(is_said(&blamed) && blamed.probability.unwrap() < 0.5);
    }
    let unknown = [
        (Verdict::NoData, vec![MissingEvidence::NewSide]),
        (Verdict::Inconclusive, vec![MissingEvidence::OldSide]),
        (Verdict::Inconclusive, vec![MissingEvidence::Application]),
        (Verdict::Inconclusive, vec![calls(), looks_worse]),
        (Verdict::Inconclusive, vec![]),
        (Verdict::Regressed, vec![]),
    ];
    for (verdict, missing) in unknown {
        let blamed = of_c(verdict, missing);
        assert!(!is_said(&blamed) && blamed.probability.unwrap() > 0.9);
    }
}

#[test]
fn every_parameter_has_its_effect() {
    let with = BlameParams::default;
    let probability = |params, at, verdict| {
        let of_c = Assessment::new(verdict).of_change("c-v2".into());
        let since = system([anomaly("c", ONSET)]);
        let found = diagnosis(params, [release("c", at)], vec![since, of_c]);
        found.changes[0].probability.unwrap()
    };
    let unjudged = |params| probability(params, 121, Verdict::NoData);
    let usual = unjudged(with());
    assert!(unjudged(with().prior(-2.0)) < usual);
    assert!(unjudged(with().cause_limit(0.0)) < usual);
    assert!(unjudged(with().recent(0.0)) < usual);
    assert!(unjudged(with().recent_half_life(Duration::from_secs(1))) < usual);
    let regressed = |params| probability(params, 121, Verdict::Regressed);
    assert!(regressed(with().regressed(0.0)) < regressed(with()));
    let healthy = |params| probability(params, 121, Verdict::Healthy);
    assert!(healthy(with().healthy(-9.0)) < healthy(with()));
    let eager = || with().prior(3.0).healthy(0.0);
    assert!(healthy(eager()) < healthy(eager().not_worse(5.0)));
    let late = |params| probability(params, END - 1, Verdict::NoData);
    assert!(late(with().veto(-9.0)) < late(with()));
    assert!(late(with().steps_slack(60)) > late(with()));
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Regressed),
        1 => Just(Verdict::Healthy),
        1 => Just(Verdict::NoData),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn probabilities_are_finite_shares(
        verdicts in prop::collection::vec((0..40_usize, verdict()), 0..600),
        count in 0..40_usize,
        extreme in any::<bool>(),
    ) {
        let id = |i: usize| format!("change-{i}");
        let changes: Vec<ChangeEvent> = (0..count)
            .map(|i| {
                let of = service(["b", "c", "d"][i % 3]);
                ChangeEvent::new(&*id(i), minute(122), of, None, "v2".into())
            })
            .collect();
        let of_change = |(i, verdict): &(usize, Verdict)| {
            Assessment::new(*verdict).of_change(id(*i).as_str().into())
        };
        let params = if extreme {
            BlameParams::default().prior(20.0).regressed(20.0).recent(20.0).cause_limit(20.0)
        } else {
            BlameParams::default()
        };
        let assessments = verdicts.iter().map(of_change).collect();
        let found = diagnosis(params, changes, assessments);
        prop_assert_eq!(found.changes.len(), count);
        let each: Vec<f64> = found.changes.iter().map(|c| c.probability.unwrap()).collect();
        prop_assert!(each.iter().all(|p| (0.0..=1.0).contains(p)));
        // What is left is the probability of no change.
        let sum: f64 = each.iter().sum();
        prop_assert!(sum <= 1.0 + 1e-9 && (count == 0 || sum > 0.0));
    }
}
