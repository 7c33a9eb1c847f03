//! Releases of which only metrics speak.

use astern_graph_core::schema::{
    ERROR_RATE, Feature, FeatureCatalogue, FeatureClass, LATENCY_MS_P99, REQUEST_RATE, Unit, Worse,
};
use astern_graph_core::signal::{Assessment, MissingEvidence, Verdict};
use astern_graph_core::{
    CallBatch, ChangePhase, GraphBuilder, GraphParams, NodeKey, Party, Record, Sample,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;

use super::{RELEASED, judge};
use crate::fixtures::{minute, minutes};
use crate::traffic::{cart, change, judged};

/// What is sampled of one side in a minute: metrics with their values.
type Values<'a> = &'a dyn Fn(bool, &mut ChaCha8Rng) -> Vec<(&'static str, f64)>;

/// An hour before a release and so many minutes after it, each part of the service sampled once a minute.
fn play(parts: &[(Party, bool)], after: i64, values: Values<'_>) -> Assessment {
    let feature = |name, class, worse| Feature::new(name, Unit::Count, class, worse);
    let catalogue = FeatureCatalogue::default()
        .with(feature(
            "abandoned_carts",
            FeatureClass::Application,
            Worse::Up,
        ))
        .with(feature("sales", FeatureClass::Application, Worse::Down))
        .with(feature("threads", FeatureClass::Infrastructure, Worse::Up));
    let mut rng = seeded(7, 0);
    let instances = parts.iter().filter(|(_, is_new)| *is_new);
    let instances = instances.filter_map(|(party, _)| party.instance.clone());
    let started = change(ChangePhase::Started, RELEASED, instances.collect());
    let mut records: Vec<Record> = vec![started.into()];
    for at in 0..RELEASED + after {
        for (party, is_new) in parts.iter().filter(|(_, is_new)| !is_new || at >= RELEASED) {
            for (metric, value) in values(*is_new, &mut rng) {
                records.push(Sample::new(minute(at), party.clone(), metric, value).into());
            }
        }
    }
    let mut builder = GraphBuilder::new(GraphParams::default().catalogue(catalogue)).unwrap();
    assert_eq!(builder.extend(records).dropped(), 0);
    judged(
        &judge(),
        &builder.build(),
        RELEASED + after,
        minutes(0, RELEASED),
    )
}

/// Four old instances and a new one.
fn instances() -> Vec<(Party, bool)> {
    let on = |i: usize, revision: &str| {
        Party::new(cart()).on(NodeKey::instance(format!("cart-{i}")), revision.into())
    };
    (0..4)
        .map(|i| (on(i, "v1"), false))
        .chain([(on(9, "v2"), true)])
        .collect()
}

/// Two revisions.
fn revisions() -> Vec<(Party, bool)> {
    let of = |revision: &str| Party::new(cart()).running(revision.into());
    vec![(of("v1"), false), (of("v2"), true)]
}

#[test]
fn a_metric_of_the_new_side_is_compared_with_that_of_the_old_side() {
    use Verdict::{Healthy, Regressed};
    for (metric, by, expected) in [
        ("abandoned_carts", 1.0, Some(Healthy)),
        ("abandoned_carts", 1.05, Some(Healthy)),
        ("abandoned_carts", 1.6, Some(Regressed)),
        ("abandoned_carts", 0.5, Some(Healthy)),
        ("sales", 1.6, Some(Healthy)),
        ("sales", 0.6, Some(Regressed)),
        // What is used up: more of it has to change, and it says nothing good.
        ("threads", 1.3, None),
        ("threads", 2.0, Some(Regressed)),
        // Nobody said what it means.
        ("undeclared", 9.0, None),
    ] {
        let said = play(&instances(), 40, &|is_new, rng| {
            let level = if is_new { by } else { 1.0 };
            vec![(metric, 100.0 * level * (0.9 + 0.2 * rng.random::<f64>()))]
        });
        match expected {
            Some(expected) => assert_eq!(said.verdict, expected, "{metric} {by}: {said}"),
            None => assert_ne!(said.verdict, Regressed, "{metric} {by}: {said}"),
        }
        let names = said
            .anomalies
            .iter()
            .filter_map(|anomaly| anomaly.metric.as_ref());
        assert!(
            names.into_iter().all(|name| name.as_str() == metric),
            "{said}"
        );
    }
}

#[test]
fn values_that_are_missing_are_named() {
    let said = play(&instances(), 4, &|_, rng| {
        vec![("abandoned_carts", 100.0 + rng.random::<f64>())]
    });
    assert_eq!(said.verdict, Verdict::Inconclusive);
    assert!(
        matches!(&said.missing[..], [MissingEvidence::Values { metric, have: 2, need: Some(need) }]
            if metric.as_str() == "abandoned_carts" && *need > 2),
        "{said}"
    );
}

#[test]
fn one_old_instance_that_differs_is_a_measure_of_what_instances_differ_by() {
    let of_instance = std::cell::Cell::new(0);
    let said = play(&instances(), 120, &|is_new, rng| {
        // In the order of the parts: the third old one has twice as many, always, as the new one.
        let place = of_instance.get();
        of_instance.set(if is_new || place == 3 { 0 } else { place + 1 });
        let level = if is_new || place == 2 { 2.0 } else { 1.0 };
        vec![("abandoned_carts", 100.0 * level + rng.random::<f64>())]
    });
    assert_ne!(said.verdict, Verdict::Regressed, "{said}");
}

#[test]
fn rates_by_revision_are_counted_as_calls() {
    let said = |after, rate: f64, errors: f64, slower: f64| {
        play(&revisions(), after, &|is_new, rng| {
            let noise = 0.9 + 0.2 * rng.random::<f64>();
            let (rate, errors, slower) = if is_new {
                (rate, errors, slower)
            } else {
                (2.0, 0.0, 1.0)
            };
            vec![
                (REQUEST_RATE, rate * noise),
                (ERROR_RATE, errors),
                (LATENCY_MS_P99, 80.0 * slower * noise),
            ]
        })
    };
    let alike = said(180, 0.5, 0.0, 1.0);
    assert_eq!(alike.verdict, Verdict::Healthy, "{alike}");
    for (name, bad) in [
        ("all fail", said(3, 0.5, 1.0, 1.0)),
        ("5 % fail", said(12, 0.5, 0.05, 1.0)),
        ("5 times slower", said(25, 0.5, 0.0, 5.0)),
    ] {
        assert_eq!(bad.verdict, Verdict::Regressed, "{name}: {bad}");
    }
    assert_eq!(said(1, 0.5, 0.0, 1.0).verdict, Verdict::Inconclusive);
    let unserved = said(6, 0.0, 0.0, 1.0);
    assert_eq!(unserved.verdict, Verdict::NoData, "{unserved}");
}

#[test]
fn what_was_not_seen_is_not_ruled_out() {
    // Rates without outcomes, and what is used up without what users feel.
    let of_rates = play(&revisions(), 180, &|_, rng| {
        vec![
            (REQUEST_RATE, 5.0),
            (LATENCY_MS_P99, 80.0 + rng.random::<f64>()),
        ]
    });
    assert_eq!(of_rates.verdict, Verdict::Inconclusive);
    assert_eq!(of_rates.missing, [MissingEvidence::Outcomes]);
    let of_threads = play(&instances(), 180, &|_, rng| {
        vec![("threads", 100.0 + rng.random::<f64>())]
    });
    assert_eq!(of_threads.verdict, Verdict::Inconclusive);
    assert_eq!(of_threads.missing, [MissingEvidence::Application]);
}

#[test]
fn calls_by_revision_beside_samples_of_instances_are_judged() {
    let batch = |revision: &str, at, failed| {
        let party = Party::new(cart()).running(revision.into());
        Record::from(CallBatch::new(minute(at), party, 20).failed(failed))
    };
    let cpu = |revision: &str, at| {
        let pod = NodeKey::instance(format!("cart-{revision}"));
        let party = Party::new(cart()).on(pod, revision.into());
        Record::from(Sample::new(minute(at), party, "cpu_utilisation", 0.5))
    };
    let judge_by = |failed, later: bool| {
        let started = change(ChangePhase::Started, RELEASED, Vec::new());
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        builder.extend([started.into()]);
        for at in 0..RELEASED + 10 {
            builder.extend([batch("v1", at, 0), cpu("v1", at)]);
            if at >= RELEASED {
                builder.extend([batch("v2", at, failed), cpu("v2", at)]);
            }
            // A fix of the next revision is no measure of this one.
            if later && at >= RELEASED {
                builder.extend([batch("v3", at, 20)]);
            }
        }
        let graph = builder.build();
        judged(&judge(), &graph, RELEASED + 10, minutes(0, RELEASED)).verdict
    };
    assert_eq!(judge_by(20, false), Verdict::Regressed);
    assert_eq!(judge_by(20, true), Verdict::Regressed);
    assert_eq!(judge_by(0, false), Verdict::Inconclusive);
}
