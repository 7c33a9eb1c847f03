//! Changes blamed by their new instances against their old ones.

use std::time::Duration;

use astern_graph_core::signal::{
    Anomaly, Assessment, BlamedChange, Diagnosis, Evidence, StaysBroken, Verdict,
};
use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, Party,
    Reversibility, TemporalGraph,
};
use astern_rca::blame::BlameParams;
use astern_rca::ranker::baseline::NSigma;
use astern_rca::ranker::{Candidates, RankerParams, Ranking, catalogue};
use astern_rca::{DiagnoserParams, Incident, RankError, Ranker};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand_chacha::rand_core::Rng;

use crate::world::{minute, minutes, service};

const RELEASED: i64 = 40;
const END: i64 = 56;
const PODS: i64 = 3;

/// What is wrong on the new instances of `cart`, and what the telemetry leaves out.
#[derive(Clone, Copy, Default)]
struct Case {
    seed: u64,
    slower_ms: u64,
    failing_percent: u32,
    /// Everything is slower since the release, wherever it runs.
    all_slower_ms: u64,
    without_instances: bool,
    /// Callers wait so much longer for `cart` since the release, whichever instance answers.
    late_ms: u64,
}

/// When instance `pod` of a service gets the new revision: one every five minutes.
fn switch(pod: i64) -> i64 {
    RELEASED + 5 * pod
}

fn pod(name: &str, pod: i64) -> NodeKey {
    NodeKey::instance(format!("{name}-{pod}"))
}

fn steps(name: &str) -> Vec<ChangeEvent> {
    let step = |i: i64| {
        let phase = match i {
            0 => ChangePhase::Started,
            2 => ChangePhase::Completed,
            _ => ChangePhase::Progressed,
        };
        let id = format!("{name}-v2");
        let (at, from) = (minute(switch(i)), Some("v1".into()));
        ChangeEvent::new(&*id, at, service(name), from, "v2".into())
            .reached(phase, vec![pod(name, i)])
    };
    (0..PODS).map(step).collect()
}

fn call(case: Case, rng: &mut ChaCha8Rng, name: &str, at: i64, on: i64, second: u64) -> Call {
    let new = at >= switch(on);
    let mut ms = 20 + u64::from(rng.next_u32() % 11) + 3 * u64::try_from(on).unwrap();
    let (mut status, hit) = (CallStatus::Ok, rng.next_u32() % 100);
    if at >= RELEASED {
        ms += case.all_slower_ms;
    }
    if name == "cart" && new {
        ms += case.slower_ms;
        if hit < case.failing_percent {
            status = CallStatus::Error;
        }
    }
    let revision = if new { "v2" } else { "v1" };
    let callee = Party::new(service(name));
    let callee = if case.without_instances {
        callee
    } else {
        callee.on(pod(name, on), revision.into())
    };
    let server = Some(Duration::from_millis(ms));
    let late = if name == "cart" && at >= RELEASED {
        case.late_ms
    } else {
        0
    };
    let client = Some(Duration::from_millis(ms + late));
    Call::new(minute(at).plus(Duration::from_secs(second)), callee)
        .from(Party::new(service("web")))
        .took(client, server)
        .ended(status)
}

fn diagnosis(case: Case, params: BlameParams, assessments: Vec<Assessment>) -> Diagnosis {
    let diagnoser = DiagnoserParams::default().blame(params).check().unwrap();
    let (graph, incident) = incident(case, assessments);
    diagnoser.diagnose(&graph, &incident).unwrap()
}

/// `web` calls `cart` and `ads`, which are released at the same time, an instance every five minutes.
fn incident(case: Case, assessments: Vec<Assessment>) -> (TemporalGraph, Incident) {
    let mut rng = seeded(case.seed, 0);
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for at in 0..END {
        let mut slowest = 0.0_f64;
        for name in ["cart", "ads"] {
            for on in 0..PODS {
                for second in 0..12 {
                    let call = call(case, &mut rng, name, at, on, 5 * second);
                    let ms = call.client.unwrap_or_default().as_secs_f64() * 1e3;
                    let failed = call.status == CallStatus::Error;
                    slowest = slowest.max(ms + if failed { 500.0 } else { 0.0 });
                    builder.extend([call.into()]);
                }
            }
        }
        let took = Some(Duration::from_secs_f64(slowest / 1e3));
        let request = Call::new(minute(at), Party::new(service("web"))).took(took, took);
        builder.extend([request.into()]);
    }
    for name in ["cart", "ads"] {
        let mut steps = steps(name);
        if name == "ads" {
            for step in &mut steps {
                step.reversibility = Reversibility::ForwardOnly {
                    min_compatible: "v2".into(),
                };
            }
        }
        builder.extend(steps.into_iter().map(Into::into));
    }
    let (healthy, abnormal) = (minutes(0, RELEASED - 5), minutes(RELEASED - 5, END));
    let incident = Incident::new(service("web"), "latency_ms_p95".into(), healthy, abnormal);
    (builder.build(), incident.assessed(assessments))
}

fn of<'a>(diagnosis: &'a Diagnosis, change: &str) -> &'a BlamedChange {
    let mut changes = diagnosis.changes.iter();
    changes.find(|c| c.change.as_str() == change).unwrap()
}

fn probability(diagnosis: &Diagnosis, change: &str) -> f64 {
    of(diagnosis, change).probability.unwrap()
}

fn judged(change: &str, verdict: Verdict) -> Assessment {
    Assessment::new(verdict).of_change(change.into())
}

fn falls_back(blamed: &BlamedChange) -> bool {
    let fallback =
        |e: &Evidence| matches!(e, Evidence::Fallback { wanted, .. } if wanted.starts_with("old"));
    blamed.evidence.iter().any(fallback)
}

#[test]
fn of_two_releases_at_once_that_with_worse_instances_is_blamed() {
    for (slower_ms, failing_percent) in [(25, 0), (0, 25)] {
        let case = Case {
            slower_ms,
            failing_percent,
            ..Case::default()
        };
        let found = diagnosis(case, BlameParams::default(), Vec::new());
        assert!(probability(&found, "cart-v2") > 0.9, "{found}");
        assert!(probability(&found, "ads-v2") < 0.05, "{found}");
        assert!(!falls_back(of(&found, "cart-v2")));
        let against_old = |e: &&Evidence| match e {
            Evidence::Contrast { low, p_value, .. } => *low > 1.1 && *p_value < 0.01,
            Evidence::NewAgainstOld {
                new, old, p_value, ..
            } => new > old && *p_value < 0.01,
            _ => false,
        };
        assert!(
            of(&found, "cart-v2")
                .evidence
                .iter()
                .any(|e| against_old(&e)),
            "{found}"
        );
        assert!(
            !of(&found, "ads-v2")
                .evidence
                .iter()
                .any(|e| against_old(&e)),
            "{found}"
        );
    }
}

#[test]
fn what_hits_old_and_new_alike_is_no_change() {
    // All is slower since the release, and a detector that looked again and again says "regressed".
    let case = Case {
        all_slower_ms: 25,
        ..Case::default()
    };
    let diagnosed = |verdict| {
        let judged = ["cart-v2", "ads-v2"].map(|change| judged(change, verdict));
        diagnosis(case, BlameParams::default(), judged.to_vec())
    };
    let (misled, reassured) = (diagnosed(Verdict::Regressed), diagnosed(Verdict::Healthy));
    for change in ["cart-v2", "ads-v2"] {
        assert!(probability(&misled, change) < 0.5, "{misled}");
        assert!((probability(&misled, change) - probability(&reassured, change)).abs() < 1e-12);
    }
}

#[test]
fn by_chance_alone_hardly_any_release_is_blamed() {
    for seed in 0..12 {
        let case = Case {
            seed,
            ..Case::default()
        };
        let found = diagnosis(case, BlameParams::default(), Vec::new());
        for change in ["cart-v2", "ads-v2"] {
            assert!(probability(&found, change) < 0.5, "seed {seed}: {found}");
        }
    }
}

#[test]
fn without_instances_the_past_and_the_assessment_stand_in_and_say_so() {
    let case = Case {
        slower_ms: 25,
        without_instances: true,
        ..Case::default()
    };
    let diagnosed = |verdict| {
        diagnosis(
            case,
            BlameParams::default(),
            vec![judged("cart-v2", verdict)],
        )
    };
    let (bad, good) = (diagnosed(Verdict::Regressed), diagnosed(Verdict::Healthy));
    assert!(falls_back(of(&bad, "cart-v2")), "{bad}");
    assert!(probability(&bad, "cart-v2") > probability(&good, "cart-v2") + 0.2);
    assert!(probability(&bad, "cart-v2") > probability(&bad, "ads-v2"));
}

#[test]
fn the_symptom_follows_the_share_of_the_bad_revision() {
    let case = Case {
        slower_ms: 200,
        ..Case::default()
    };
    let found = diagnosis(case, BlameParams::default(), Vec::new());
    let dose = |e: &Evidence| match e {
        Evidence::Dose { r, .. } => Some(*r),
        _ => None,
    };
    let r = of(&found, "cart-v2")
        .evidence
        .iter()
        .find_map(dose)
        .unwrap();
    assert!(r > 0.5, "{r}");
}

#[test]
fn what_undoing_would_not_mend_is_reported() {
    let case = Case {
        slower_ms: 25,
        ..Case::default()
    };
    let since = minute(RELEASED + 1);
    let anomalous = ["web", "cart", "ads"].map(|name| Anomaly::new(service(name), 9.0, since));
    let system = Assessment::new(Verdict::Regressed).with_anomalies(anomalous.to_vec());
    let found = diagnosis(case, BlameParams::default(), vec![system]);
    let cart = of(&found, "cart-v2");
    assert_eq!(cart.collateral, [service("web")]);
    assert_eq!(
        cart.stays_broken,
        [StaysBroken::Unexplained(service("ads"))]
    );
    let data = StaysBroken::Data {
        min_compatible: "v2".into(),
    };
    let ads = &of(&found, "ads-v2").stays_broken;
    assert_eq!(*ads, [StaysBroken::Unexplained(service("cart")), data]);
}

#[test]
fn every_weight_of_instances_has_its_effect() {
    let with = BlameParams::default;
    let slower = Case {
        slower_ms: 25,
        ..Case::default()
    };
    let p = |case, params| probability(&diagnosis(case, params, Vec::new()), "cart-v2");
    assert!(p(slower, with().contrast_limit(0.0)) < p(slower, with()));
    assert!(p(slower, with().dose(0.0)) < p(slower, with()));
    assert!(p(slower, with().depth(5.0)) > p(slower, with()));
    let blind = Case {
        without_instances: true,
        ..slower
    };
    assert!(p(blind, with().uncontrolled_limit(0.0)) < p(blind, with()));
}

#[test]
fn new_instances_that_are_worse_speak_for_their_service_as_the_cause() {
    let slower = Case {
        slower_ms: 30,
        ..Case::default()
    };
    let found = diagnosis(slower, BlameParams::default(), Vec::new());
    let contrasted = |name: &str| {
        let mut causes = found.causes.iter();
        let cause = causes.find(|c| *c.subject.node() == service(name)).unwrap();
        let contrast = |e: &Evidence| matches!(e, Evidence::Contrast { .. });
        cause.evidence.iter().any(contrast)
    };
    assert!(contrasted("cart") && !contrasted("ads"), "{found}");
    assert_eq!(*found.causes[0].subject.node(), service("cart"), "{found}");
}

#[test]
fn a_release_that_fails_is_reported_as_failing_and_not_as_slow() {
    let failing = Case {
        failing_percent: 30,
        ..Case::default()
    };
    let found = diagnosis(failing, BlameParams::default(), Vec::new());
    let mut causes = found.causes.iter();
    let cart = causes.find(|c| *c.subject.node() == service("cart"));
    let contrast = |e: &&Evidence| {
        matches!(
            e,
            Evidence::Contrast { .. } | Evidence::NewAgainstOld { .. }
        )
    };
    let evidence = cart.unwrap().evidence.iter().find(contrast).unwrap();
    let fails = |e: &Evidence| match e {
        Evidence::NewAgainstOld { new, old, .. } => *new > 0.2 && *old < 0.05,
        _ => false,
    };
    assert!(fails(evidence), "{evidence}");
    // At the first hop of the explanation it speaks for the service.
    let mut hops = found
        .explanations
        .iter()
        .map(|explanation| &explanation.hops[0]);
    let hop = hops.find(|hop| hop.node == service("cart")).unwrap();
    assert!(hop.supporting.iter().any(fails), "{hop:?}");
}

#[test]
fn what_a_blamed_change_leaves_for_the_alternatives_is_the_rest() {
    let slower = Case {
        slower_ms: 25,
        ..Case::default()
    };
    for case in [slower, Case::default()] {
        let found = diagnosis(case, BlameParams::default(), Vec::new());
        let sum = |p: &mut dyn Iterator<Item = f64>| p.sum::<f64>();
        // Changes that are less likely than none take nothing from the alternatives.
        let each = found.changes.iter().map(|c| c.probability.unwrap());
        let likely = sum(&mut each.filter(|p| *p > 0.5));
        let others = sum(&mut found.alternatives.iter().map(|a| a.probability));
        let causes = sum(&mut found.causes.iter().map(|c| c.probability.unwrap()));
        assert!(likely + others <= 1.0 + 1e-9, "{found}");
        assert!(causes + others <= 1.0 + 1e-9, "{found}");
        let most = found
            .causes
            .iter()
            .all(|c| c.probability <= found.causes[0].probability);
        assert!(most, "{found}");
    }
}

#[test]
fn a_fault_that_is_older_vetoes_a_release_whatever_its_instances_say() {
    let slower = Case {
        slower_ms: 60,
        ..Case::default()
    };
    let since = |at| {
        let anomaly = Anomaly::new(service("cart"), 9.0, minute(at));
        Assessment::new(Verdict::Regressed).with_anomalies(vec![anomaly])
    };
    let p = |at| {
        let params = BlameParams::default();
        probability(&diagnosis(slower, params, vec![since(at)]), "cart-v2")
    };
    assert!(p(RELEASED + 1) > 0.9);
    assert!(p(RELEASED - 9) < 0.05, "{}", p(RELEASED - 9));
}

#[test]
fn what_only_callers_wait_for_is_rather_the_network_than_the_release() {
    let late = Case {
        late_ms: 150,
        ..Case::default()
    };
    let p = |params| probability(&diagnosis(late, params, Vec::new()), "cart-v2");
    let (with, without) = (
        p(BlameParams::default()),
        p(BlameParams::default().between(0.0)),
    );
    assert!(with < 0.5 && with < without, "{with} {without}");
    let found = diagnosis(late, BlameParams::default(), Vec::new());
    let waited = |e: &Evidence| matches!(e, Evidence::Gap { to, .. } if *to == service("cart"));
    assert!(of(&found, "cart-v2").evidence.iter().any(waited), "{found}");
    // Where its own work is slower too, the wait is no excuse.
    let slower = Case {
        slower_ms: 30,
        ..late
    };
    let found = diagnosis(slower, BlameParams::default(), Vec::new());
    assert!(
        !of(&found, "cart-v2").evidence.iter().any(waited),
        "{found}"
    );
}

/// Knows of no cause.
struct Clueless;

impl Ranker for Clueless {
    fn rank(&self, _: &TemporalGraph, _: &Incident) -> Result<Ranking, RankError> {
        Ok(Ranking::default())
    }
}

#[test]
fn whichever_ranker_is_asked_the_bad_release_is_blamed_and_no_other() {
    let slower = Case {
        slower_ms: 25,
        ..Case::default()
    };
    let anomaly = Anomaly::new(service("web"), 9.0, minute(RELEASED + 1));
    let system = Assessment::new(Verdict::Regressed).with_anomalies(vec![anomaly]);
    let (graph, incident) = incident(slower, vec![system]);
    let mut found = Vec::new();
    for params in catalogue() {
        if params.candidates() != Candidates::Traced {
            let diagnoser = DiagnoserParams::default().ranker(params).check().unwrap();
            found.push((
                params.name(),
                diagnoser.diagnose(&graph, &incident).unwrap(),
            ));
        }
    }
    let own = DiagnoserParams::default()
        .check()
        .unwrap()
        .with_ranker(Clueless);
    found.push(("one's own", own.diagnose(&graph, &incident).unwrap()));
    for (name, found) in found {
        let p = |change| probability(&found, change);
        assert!(p("cart-v2") > 0.7 && p("ads-v2") < 0.2, "{name}: {found}");
        assert_eq!(of(&found, "cart-v2").collateral, [service("web")], "{name}");
    }
}

#[test]
fn scores_that_are_no_log_odds_give_no_lead_and_no_probability_of_causes() {
    let slower = Case {
        slower_ms: 25,
        ..Case::default()
    };
    let (graph, incident) = incident(slower, Vec::new());
    let diagnosis = |ranker: RankerParams, blame: BlameParams| {
        let params = DiagnoserParams::default().ranker(ranker).blame(blame);
        params.check().unwrap().diagnose(&graph, &incident).unwrap()
    };
    let (with, without) = (
        BlameParams::default(),
        BlameParams::default().cause_limit(0.0),
    );
    let p = |ranker, blame| probability(&diagnosis(ranker, blame), "cart-v2");
    let fused = RankerParams::default();
    assert!(p(fused, with) > p(fused, without));
    let n_sigma = RankerParams::NSigma(NSigma::default());
    assert!((p(n_sigma, with) - p(n_sigma, without)).abs() < 1e-12);
    // The rest of the evidence is the same, but for what only the fused ranker says of the service.
    let found = diagnosis(n_sigma, with);
    assert!(
        found.causes.iter().all(|cause| cause.probability.is_none()),
        "{found}"
    );
    let says = |e: &Evidence| matches!(e, Evidence::Fallback { reason, .. } if reason.contains("log-odds"));
    assert_eq!(found.alternatives.len(), 3);
    assert!(
        found
            .alternatives
            .iter()
            .all(|a| a.evidence.iter().any(says)),
        "{found}"
    );
    assert!(!found.explanations.is_empty());
}
