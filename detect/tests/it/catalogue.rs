//! Every detector and release judge by name: read from files, handed a model, stored, and held to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use astern_detect::catalogue::{
    AnyDetector, AnyFitted, DetectionError, DetectionParams, DetectorParams, Models,
};
use astern_detect::pipeline::{Calibrated, Pipeline, PipelineParams};
use astern_detect::release::{ReleaseJudgeParams, SequentialParams};
use astern_detect::score::RobustZParams;
use astern_graph_core::EdgeKind;
use astern_graph_core::codec::Format;
use astern_graph_core::signal::Verdict;
use serde::Serialize;

use crate::fixtures::{HEALTHY, healthy, latency, minutes, service};

/// Each model that a detector may ask for by default.
fn models() -> Models {
    #[cfg(feature = "gnn")]
    {
        use astern_graph_core::NodeKind;
        let graph = latency(0.0, HEALTHY);
        let window = graph.window(NodeKind::Service, healthy()).unwrap();
        let params = astern_detect::learned::HypersphereParams::default();
        let model = params.untrained(&graph, &window).unwrap();
        Models::default().with("model", model.to_bytes().unwrap())
    }
    #[cfg(not(feature = "gnn"))]
    Models::default()
}

fn all() -> Vec<(AnyDetector, Pipeline)> {
    let models = models();
    let check = |method| DetectionParams::default().method(method).check(&models);
    DetectorParams::all()
        .into_iter()
        .map(|method| check(method).unwrap())
        .collect()
}

#[test]
fn every_detector_finds_a_regression_and_nothing_where_there_is_none() {
    for (detector, pipeline) in all() {
        let newest = minutes(HEALTHY, HEALTHY + 10);
        for (slow, verdict) in [(0.0, Verdict::Healthy), (30.0, Verdict::Regressed)] {
            let graph = latency(slow, HEALTHY);
            let fitted = pipeline.fit(&detector, &graph, healthy()).unwrap();
            let judged = pipeline.assess(&fitted, &graph, newest).unwrap();
            assert_eq!(judged.verdict, verdict, "{detector:?}");
            for anomaly in &judged.anomalies {
                assert_eq!(anomaly.subject, service(2).into());
                assert_eq!(anomaly.metric, Some("latency_ms".into()), "{detector:?}");
                assert_eq!(anomaly.threshold, Some(3.0));
            }
        }
    }
}

#[test]
fn every_fitted_form_can_be_stored() {
    const FORMAT: Format = Format {
        name: "a fitted detector",
        magic: *b"ASTNTEST",
        version: 1,
    };
    let graph = latency(30.0, HEALTHY);
    for (detector, pipeline) in all() {
        let fitted = pipeline.fit(&detector, &graph, healthy()).unwrap();
        let bytes = FORMAT.encode(&fitted).unwrap();
        let read: Calibrated<AnyFitted> = FORMAT.decode(&bytes).unwrap();
        assert_eq!(read, fitted);
        let newest = minutes(HEALTHY, HEALTHY + 10);
        let judge = |fitted| pipeline.assess(fitted, &graph, newest).unwrap();
        assert_eq!(judge(&read), judge(&fitted));
    }
}

#[test]
fn parameters_are_read_in_part_and_written_whole() {
    let text = r#"
        [latency]
        [edges.method.robust_z]
        subjects = { edges = "calls" }
        [edges.pipeline]
        score_min = 4.5
    "#;
    let read: BTreeMap<String, DetectionParams> = toml::from_str(text).unwrap();
    assert_eq!(read["latency"], DetectionParams::default());
    let edges = RobustZParams::default().subjects(EdgeKind::Calls);
    let expected = DetectionParams::default()
        .method(DetectorParams::RobustZ(edges))
        .pipeline(PipelineParams::default().score_min(4.5));
    assert_eq!(read["edges"], expected);
    for method in DetectorParams::all() {
        let params = DetectionParams::default().method(method);
        let json = serde_json::to_string(&params).unwrap();
        assert_eq!(
            serde_json::from_str::<DetectionParams>(&json).unwrap(),
            params
        );
        let text = toml::to_string(&params).unwrap();
        assert_eq!(toml::from_str::<DetectionParams>(&text).unwrap(), params);
    }
}

#[test]
fn an_unknown_field_or_method_is_named() {
    let refused = |json| {
        serde_json::from_str::<DetectionParams>(json)
            .unwrap_err()
            .to_string()
    };
    for (json, name) in [
        (r#"{"pipline": {}}"#, "pipline"),
        (r#"{"pipeline": {"score_mim": 3}}"#, "score_mim"),
        (r#"{"method": {"robust_zz": {}}}"#, "robust_zz"),
        (r#"{"method": {"robust_z": {"subject": {}}}}"#, "subject"),
    ] {
        assert!(refused(json).contains(name), "{json}");
    }
    let judge = serde_json::from_str::<ReleaseJudgeParams>(r#"{"comparison": {"alfa": 1}}"#);
    assert!(judge.unwrap_err().to_string().contains("alfa"));
}

#[test]
fn what_is_read_is_checked_before_it_runs() {
    let bad: DetectionParams = serde_json::from_str(r#"{"pipeline": {"ema_weight": 0}}"#).unwrap();
    let refused = bad.check::<()>(&Models::default());
    assert!(matches!(refused, Err(DetectionError::Param(_))));
    let bad: ReleaseJudgeParams = serde_json::from_str(r#"{"comparison": {"alpha": 0}}"#).unwrap();
    assert!(bad.check().is_err());
    for params in ReleaseJudgeParams::all() {
        assert!(params.check().is_ok());
    }
    let of_params = ReleaseJudgeParams::from(SequentialParams::default());
    assert_eq!(of_params, ReleaseJudgeParams::default());
}

#[cfg(feature = "gnn")]
#[test]
fn a_model_that_is_missing_or_damaged_is_named() {
    use astern_detect::learned::ModelParams;

    let method = DetectorParams::Hypersphere(ModelParams::new("shop"));
    assert_eq!(method.model().map(|name| &**name), Some("shop"));
    let params = DetectionParams::default().method(method);
    let refused = |models: &Models| params.clone().check::<()>(models).unwrap_err();
    let missing = refused(&models());
    assert!(matches!(&missing, DetectionError::NoModel { model } if &**model == "shop"));
    assert_eq!(missing.to_string(), "there is no model `shop`");
    let damaged = refused(&Models::default().with("shop", *b"no model"));
    assert!(matches!(damaged, DetectionError::Model { .. }));
    let text = damaged.to_string();
    assert!(
        text.starts_with("model `shop`: ") && text.contains("hypersphere"),
        "{text}"
    );
    // The text shows the cause, so the source does not say it again.
    assert!(std::error::Error::source(&damaged).is_none());
}

#[test]
fn models_show_their_sizes_and_not_their_bytes() {
    let models = Models::default().with("shop", [7u8; 2_000]);
    assert_eq!(format!("{models:?}"), r#"{"shop": 2000}"#);
}

/// Holds a list of all methods of a catalogue to the table of their names in files: the default comes first, and
/// each stands there under a name of its own.
fn is_on_page<T: PartialEq + Debug + Default + Serialize>(all: &[T], page: &str) {
    assert_eq!(all.first(), Some(&T::default()));
    let mut names = BTreeSet::new();
    for method in all {
        let json = serde_json::to_value(method).unwrap();
        let name = json.as_object().unwrap().keys().next().unwrap().clone();
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        assert!(names.insert(name), "{method:?}");
    }
}

#[test]
fn each_method_is_in_the_table_under_a_name_of_its_own() {
    is_on_page(&DetectorParams::all(), include_str!("../../README.md"));
    let judges = include_str!("../../src/release/mod.rs");
    is_on_page(&ReleaseJudgeParams::all(), judges);
}
