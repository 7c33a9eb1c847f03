//! Explanations for any scorer: exact by hand, and laws.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod common;

use astern_gnn::explain::{AblationParams, ExplainError};
use astern_gnn::ndarray::{Array2, array};
use astern_gnn::{Graph, SampleError};
use common::{Outcome, any_graph};
use proptest::prelude::*;

/// `layers` rounds of `h_i ← h_i + Σ w_ji h_j`, from the sum of the features.
fn sums(layers: usize) -> impl Fn(&Graph) -> Result<Vec<f64>, ExplainError> {
    move |g| {
        let mut h: Vec<f64> = g.x().rows().into_iter().map(|row| row.sum()).collect();
        for _ in 0..layers {
            let before = h.clone();
            for (e, (j, i)) in g.edges().pairs().enumerate() {
                let weight = g.edge_weight().map_or(1.0, |w| w[e]);
                h[i as usize] += weight * before[j as usize];
            }
        }
        Ok(h)
    }
}

/// A node hears two others of different weight; node 3 hears but is not heard.
fn star() -> Graph {
    let x = array![[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [8.0, 0.0]];
    let graph = Graph::new(x, [(2, 0), (1, 0), (0, 3)]).unwrap();
    graph.with_edge_weight(&[0.5, 3.0, 1.0]).unwrap()
}

#[test]
fn ablation_by_hand() -> Outcome {
    let why = AblationParams::default().hops(1).run(&star(), 0, sums(1))?;
    // 1 + 3 (2 + 1) + 0.5 * 4.
    assert!((why.score - 12.0).abs() < 1e-12);
    let edges: Vec<_> = why
        .edges
        .iter()
        .map(|e| (e.edge, e.source, e.change))
        .collect();
    assert_eq!(edges, [(0, 1, -9.0), (1, 2, -2.0)]);
    let features: Vec<_> = why
        .features
        .iter()
        .map(|f| (f.node, f.feature, f.change))
        .collect();
    let expected = [
        (1, 0, -6.0),
        (1, 1, -3.0),
        (2, 0, -2.0),
        (0, 0, -1.0),
        (0, 1, 0.0),
        (2, 1, 0.0),
    ];
    assert_eq!(features, expected);
    // Once as it is, two edges, four values that are not 0.
    assert_eq!(why.forwards, 7);
    assert!(why.to_string().contains("without edge 1 -> 0: -9.0000"));
    let json = serde_json::to_string(&why)?;
    assert_eq!(
        serde_json::from_str::<astern_gnn::explain::Ablation>(&json)?,
        why
    );

    let shifted = AblationParams::default()
        .baseline(&[2.0, 0.0])
        .run(&star(), 0, sums(1))?;
    assert_eq!(
        (shifted.features[0].node, shifted.features[0].change),
        (1, -3.0)
    );
    assert_eq!(shifted.edges.len(), 3);
    Ok(())
}

#[test]
fn ablation_refuses() {
    let run = |node, params: AblationParams| params.run(&star(), node, sums(1));
    let absent = run(4, AblationParams::default());
    assert!(matches!(
        absent,
        Err(ExplainError::Sample(SampleError::SeedOutOfRange { .. }))
    ));
    let short = run(0, AblationParams::default().baseline(&[0.0]));
    assert!(matches!(
        short,
        Err(ExplainError::FeatureCount {
            expected: 2,
            got: 1,
            ..
        })
    ));
    let nan = run(0, AblationParams::default().baseline(&[f64::NAN, 0.0]));
    assert!(matches!(nan, Err(ExplainError::Graph(_))));
    let params = AblationParams::default();
    let few = params.run(&star(), 0, |_| Ok::<_, ExplainError>(vec![0.0]));
    assert!(matches!(
        few,
        Err(ExplainError::ScoreCount {
            expected: 4,
            got: 1
        })
    ));
    let bad = params.run(&star(), 0, |_| {
        Ok::<_, ExplainError>(vec![0.0, f64::NAN, 0.0, 0.0])
    });
    assert!(matches!(bad, Err(ExplainError::NotFinite { node: 1, .. })));
    let failed = params.run(&star(), 0, |_| Err::<Vec<f64>, _>("no"));
    assert!(matches!(failed, Err(ExplainError::Scorer { .. })));
}

proptest! {
    /// The ball says what the whole graph says; outside of it nothing matters.
    #[test]
    fn ablation_of_the_ball_is_that_of_the_graph(graph in any_graph(1..9)) {
        let ball = AblationParams::default().hops(2).run(&graph, 0, sums(2)).unwrap();
        let whole = AblationParams::default().run(&graph, 0, sums(2)).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
        for e in &whole.edges {
            let inside = ball.edges.iter().find(|b| b.edge == e.edge);
            prop_assert!(close(e.change, inside.map_or(0.0, |b| b.change)));
        }
        for f in &whole.features {
            let inside = ball.features.iter().find(|b| (b.node, b.feature) == (f.node, f.feature));
            prop_assert!(close(f.change, inside.map_or(0.0, |b| b.change)));
        }
        let sizes: Vec<f64> = ball.edges.iter().map(|e| e.change.abs()).collect();
        prop_assert!(sizes.is_sorted_by(|a, b| a >= b));
    }
}

#[test]
fn a_graph_without_features_or_edges() -> Outcome {
    let graph = Graph::new(Array2::zeros((1, 0)), [])?;
    let why = AblationParams::default().hops(3).run(&graph, 0, sums(1))?;
    assert_eq!(
        (why.edges.len(), why.features.len(), why.forwards),
        (0, 0, 1)
    );
    Ok(())
}
