//! From what is known of an incident to what is to be explained.

use astern_graph_core::signal::{Anomaly, Assessment, Verdict};
use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, TemporalGraph};
use astern_rca::symptom::IncidentError;
use astern_rca::{Incident, Symptom};

use crate::world::{minute, minutes, service};

const ONSET: i64 = 60;
const END: i64 = 70;

/// Services that call each other, of which these are slow since minute 60, each by another amount.
fn graph(edges: &[(&str, &str)], slow: &[(&str, f64)]) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (from, to) in edges {
        builder.declare_edge(service(from), service(to), EdgeKind::Calls);
    }
    let keys: Vec<NodeKey> = builder.build().keys().to_vec();
    for at in 0..END {
        for key in &keys {
            let by = slow.iter().find(|(name, _)| *key.name == **name);
            let more = by.map_or(0.0, |(_, ms)| if at < ONSET { 0.0 } else { *ms });
            let ms = 20.0 + (at * at % 7) as f64 + more;
            builder.extend([
                Sample::new(minute(at), key.clone(), "latency_ms", ms).into(),
                Sample::new(minute(at), key.clone(), "cpu_utilisation", 0.5 + more).into(),
            ]);
        }
    }
    builder.build()
}

fn chain() -> TemporalGraph {
    let slow = [("web", 60.0), ("cart", 90.0), ("db", 90.0)];
    graph(&[("web", "cart"), ("cart", "db"), ("web", "ads")], &slow)
}

fn anomaly(name: &str, score: f64, since: i64) -> Anomaly {
    Anomaly::new(service(name), score, minute(since)).in_metric("latency_ms".into(), 1e-6)
}

fn of_system(anomalies: &[Anomaly]) -> Assessment {
    Assessment::new(Verdict::Regressed).with_anomalies(anomalies.to_vec())
}

#[test]
fn what_shows_nearest_to_the_users_is_the_symptom() {
    let incident = Incident::builder().since(&chain(), minute(ONSET)).unwrap();
    assert_eq!(incident.symptom, Symptom::new(service("web"), "latency_ms"));
    assert_eq!(incident.healthy, minutes(0, ONSET - 8));
    assert_eq!(incident.abnormal, minutes(ONSET - 8, END));
    // In a circle each has an anomalous caller: then it is what deviates most.
    let slow = [("a", 60.0), ("b", 90.0)];
    let circle = graph(&[("a", "b"), ("b", "a")], &slow);
    let incident = Incident::builder().since(&circle, minute(ONSET)).unwrap();
    assert_eq!(incident.symptom.node, service("b"));
}

#[test]
fn what_is_known_is_taken() {
    let known = Incident::builder()
        .symptom(Symptom::new(service("cart"), "latency_ms"))
        .healthy(minutes(10, END))
        .until(minute(END - 2))
        .steps_before(3);
    let incident = known.since(&chain(), minute(ONSET)).unwrap();
    assert_eq!(incident.symptom.node, service("cart"));
    assert_eq!(incident.healthy, minutes(10, ONSET - 3));
    assert_eq!(incident.abnormal, minutes(ONSET - 3, END - 2));
    // What detectors reported goes before what is measured here.
    let assessments = vec![of_system(&[anomaly("cart", 5.0, ONSET)])];
    let known = Incident::builder().assessments(assessments.clone());
    let incident = known.since(&chain(), minute(ONSET)).unwrap();
    assert_eq!(incident.symptom.node, service("cart"));
    assert_eq!(incident.assessments, assessments);
}

#[test]
fn too_little_before_or_after_has_typed_errors() {
    let since = |graph: &TemporalGraph, at| Incident::builder().since(graph, minute(at));
    let empty = GraphBuilder::new(GraphParams::default()).unwrap().build();
    assert_eq!(since(&empty, ONSET), Err(IncidentError::NoTelemetry));
    let late = since(&chain(), END);
    assert!(matches!(late, Err(IncidentError::AfterTelemetry { .. })));
    let early = since(&chain(), 8);
    assert!(matches!(early, Err(IncidentError::NoHealthyTime { .. })));
    let fine = graph(&[("web", "cart")], &[]);
    let refused = since(&fine, ONSET).unwrap_err();
    assert!(
        matches!(refused, IncidentError::NoSymptom { .. }),
        "{refused}"
    );
    let named = Incident::builder().symptom(Symptom::new(service("web"), "latency_ms"));
    let first = named.since(&fine, minute(9)).unwrap();
    assert_eq!(first.healthy, minutes(0, 1));
}

#[test]
fn detectors_tell_the_symptom_and_the_onset() {
    let busy = Anomaly::new(service("web"), 99.0, minute(20));
    let busy = busy.in_metric("cpu_utilisation".into(), 1e-6);
    let system = of_system(&[
        busy.clone(),
        anomaly("web", 6.0, 62),
        anomaly("cart", 9.0, 61),
    ]);
    let known = Incident::builder()
        .healthy(minutes(0, 30))
        .until(minute(END));
    let detected = |assessments: Vec<Assessment>| {
        let known = known.clone().assessments(assessments);
        known.detected(&chain()).unwrap()
    };
    let incident = detected(vec![system.clone()]).unwrap();
    assert_eq!(incident.symptom.node, service("web"));
    assert_eq!(incident.healthy, minutes(0, 30));
    assert_eq!(incident.abnormal, minutes(61 - 8, END));
    // Resources alone are no symptom.
    assert_eq!(detected(vec![of_system(&[busy])]), None);
    assert_eq!(detected(Vec::new()), None);
    // A regressed change speaks only where the system shows nothing.
    let of_change = of_system(&[anomaly("ads", 99.0, 50)]).of_change("ads@2".into());
    let both = detected(vec![of_change.clone(), system]).unwrap();
    assert_eq!(both.symptom.node, service("web"));
    let alone = detected(vec![of_change]).unwrap();
    assert_eq!(alone.symptom.node, service("ads"));
    assert_eq!(alone.abnormal.start, minute(50 - 8));
}
