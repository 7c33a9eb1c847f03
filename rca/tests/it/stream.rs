//! Baselines kept up step by step are those of the whole range.

use std::time::Duration;

use proptest::prelude::*;

use astern_graph_core::codec::Format;
use astern_graph_core::{Call, GraphBuilder, GraphParams, Party, Sample, TemporalGraph, TimeRange};
use astern_rca::ranker::baseline::RobustScorer;
use astern_rca::stream::{BaselineParams, Baselines};
use astern_rca::{Incident, Ranker};
use astern_stats::rng::seeded;
use rand_chacha::rand_core::Rng;

use crate::world::{minute, service};

const STEPS: u32 = 20;

/// Calls and samples of some nodes with gaps; `late` begins at minute 15.
fn feed(builder: &mut GraphBuilder, rng: &mut impl Rng, at: i64, gaps: bool) {
    let slow = if at < 40 { 0 } else { 80 };
    for (i, name) in ["cart", "late", "web"].into_iter().enumerate() {
        let dropped = gaps && rng.next_u32().is_multiple_of(4);
        if dropped || (name == "late" && at < 15) {
            continue;
        }
        let ms = 10 * (i as u64 + 1) + u64::from(rng.next_u32() % 9) + slow;
        let took = Some(Duration::from_millis(ms));
        let call = Call::new(minute(at), Party::new(service(name))).took(took, took);
        let cpu = Sample::new(
            minute(at),
            service(name),
            "cpu_utilisation",
            ms as f64 / 99.0,
        );
        builder.extend([call.into(), cpu.into()]);
    }
}

fn incident(metric: &str, healthy: TimeRange) -> Incident {
    let abnormal = TimeRange::new(minute(40), minute(45)).unwrap();
    Incident::new(service("web"), metric.into(), healthy, abnormal)
}

/// Baselines advanced after every `every` minutes until minute 40, and the graph at minute 45.
fn streamed(seed: u64, every: i64, gaps: bool) -> (Baselines, TemporalGraph) {
    let mut rng = seeded(seed, 0);
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let mut baselines = BaselineParams::default().steps(STEPS).check().unwrap();
    for at in 0..45 {
        feed(&mut builder, &mut rng, at, gaps);
        let now = at + 1;
        if now <= 40 && (now % every == 0 || now == 40) {
            baselines.advance(&builder.build(), minute(now)).unwrap();
        }
    }
    (baselines, builder.build())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_diagnosis_is_that_of_the_batch_to_the_bit(
        seed in any::<u64>(), every in 1..30_i64, gaps in any::<bool>(),
    ) {
        let (baselines, graph) = streamed(seed, every, gaps);
        let healthy = TimeRange::new(minute(20), minute(40)).unwrap();
        prop_assert_eq!(baselines.range(), Some(healthy));
        for metric in ["latency_ms_p95", "request_rate", "cpu_utilisation"] {
            let incident = incident(metric, healthy);
            let batch = RobustScorer.rank(&graph, &incident);
            prop_assert_eq!(baselines.rank(&graph, &incident), batch);
        }
    }
}

#[test]
fn values_too_great_to_be_subtracted_are_left_out_as_in_the_batch() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let mut baselines = BaselineParams::default().steps(STEPS).check().unwrap();
    for at in 0..45 {
        let shift = if at < 40 { 0.0 } else { 30.0 };
        let great = if at < 40 { -1.7e308 } else { 1.7e308 };
        for (name, value) in [
            ("cart", great + f64::from(at % 3) * 1e306),
            ("web", f64::from(at % 5) + shift),
        ] {
            builder.extend([Sample::new(minute(at), service(name), "x", value).into()]);
        }
        if at < 40 {
            baselines.advance(&builder.build(), minute(at + 1)).unwrap();
        }
    }
    let (graph, healthy) = (builder.build(), baselines.range().unwrap());
    let incident = incident("x", healthy);
    let found = baselines.rank(&graph, &incident).unwrap();
    assert_eq!(found.causes.len(), 1);
    assert_eq!(Ok(found), RobustScorer.rank(&graph, &incident));
}

#[test]
fn it_goes_on_from_what_was_written_down() {
    let (baselines, graph) = streamed(1, 3, true);
    let format = Format {
        name: "baselines",
        magic: *b"TESTBASE",
        version: 1,
    };
    let bytes = format.encode(&baselines).unwrap();
    let mut restored: Baselines = format.decode(&bytes).unwrap();
    assert_eq!(restored, baselines);
    let mut went_on = baselines.clone();
    for baselines in [&mut restored, &mut went_on] {
        baselines.advance(&graph, minute(44)).unwrap();
    }
    assert_eq!(restored, went_on);
    assert_ne!(restored, baselines);
}

#[test]
fn a_step_counts_once_and_what_was_wrong_can_be_forgotten() {
    let (mut baselines, graph) = streamed(2, 1, false);
    let before = baselines.clone();
    baselines.advance(&graph, minute(40)).unwrap();
    baselines.advance(&graph, minute(39)).unwrap();
    assert_eq!(baselines, before);
    baselines.restart();
    assert_eq!(baselines.range(), None);
    assert!(
        baselines
            .sample(&service("web"), &"request_rate".into())
            .is_none()
    );
    // Anew from all that the graph holds, as far as it looks back.
    baselines.advance(&graph, minute(40)).unwrap();
    assert_eq!(baselines, before);
}

#[test]
fn a_node_that_went_away_leaves_nothing() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let mut baselines = BaselineParams::default().steps(5).check().unwrap();
    for at in 0..20 {
        let name = if at < 4 { "gone" } else { "web" };
        builder.extend([Sample::new(minute(at), service(name), "x", f64::from(at)).into()]);
        baselines.advance(&builder.build(), minute(at + 1)).unwrap();
    }
    assert!(baselines.sample(&service("gone"), &"x".into()).is_none());
    let web = baselines.sample(&service("web"), &"x".into()).unwrap();
    assert_eq!(web.ascending(), [15.0, 16.0, 17.0, 18.0, 19.0]);
}
