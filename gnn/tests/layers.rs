//! Layers and encoder in pure Rust: parity with `PyTorch` Geometric, symmetry, weights.

mod common;

use approx::{assert_abs_diff_eq, assert_relative_eq};
use astern_gnn::ndarray::{Array1, Array2, Axis, array};
use astern_gnn::{EncodeError, GcnConv, GcnEncoder, GcnGraph, ParamError, SelfLoops};
use common::{Fixture, Outcome, matrix};
use proptest::prelude::*;

#[test]
fn gcn_equals_pytorch_geometric() -> Outcome {
    let fixture = Fixture::read()?;
    let cases = fixture.cases()?;
    assert_eq!(cases.len(), 4);
    for ready in cases {
        let y = ready.layer.forward(&fixture.x(), &ready.graph)?;
        let expected = matrix(&ready.case.y);
        let worst = (&y - &expected)
            .mapv(f64::abs)
            .into_iter()
            .fold(0.0, f64::max);
        assert!(worst < 1e-10, "{}: off by {worst:e}", ready.name);
    }
    Ok(())
}

#[test]
fn a_node_without_edges_and_loops_hears_nothing_but_the_bias() -> Outcome {
    let graph = GcnGraph::new(2, &[(0, 1)], None, SelfLoops::AsGiven)?;
    let layer = GcnConv::new(array![[3.0]], Some(array![0.5]))?;
    // Degree 0 at the source: its message is 0, not infinite.
    assert_eq!(
        layer.forward(&array![[1.0], [1.0]], &graph)?,
        array![[0.5], [0.5]]
    );
    Ok(())
}

#[test]
fn double_loops_weigh_two_unless_there_is_a_loop() -> Outcome {
    // 0 → 1 with weight .5, a loop of weight .25 at 1: degrees 2 and .75.
    let edges = [(0, 1), (1, 1)];
    let graph = GcnGraph::new(2, &edges, Some(&[0.5, 0.25]), SelfLoops::AddDouble)?;
    let y = GcnConv::new(array![[1.0]], None)?.forward(&array![[3.0], [5.0]], &graph)?;
    assert_relative_eq!(y[[0, 0]], 3.0, max_relative = 1e-12);
    let expected = 0.5 * 3.0 / (2.0f64 * 0.75).sqrt() + 0.25 * 5.0 / 0.75;
    assert_relative_eq!(y[[1, 0]], expected, max_relative = 1e-12);
    Ok(())
}

#[test]
fn shapes_are_checked() -> Outcome {
    let graph = GcnGraph::new(2, &[], None, SelfLoops::Add)?;
    let layer = GcnConv::new(Array2::zeros((3, 2)), None)?;
    let encoder = GcnEncoder::from_layers(vec![layer.clone()])?;
    let features = EncodeError::FeatureCount {
        expected: 2,
        got: 1,
    };
    let nodes = EncodeError::NodeCount {
        expected: 2,
        got: 5,
    };
    assert_eq!(
        layer.forward(&Array2::zeros((2, 1)), &graph),
        Err(features.clone())
    );
    assert_eq!(
        layer.forward(&Array2::zeros((5, 2)), &graph),
        Err(nodes.clone())
    );
    assert_eq!(encoder.embed(&Array2::zeros((2, 1)), &graph), Err(features));
    assert_eq!(encoder.embed(&Array2::zeros((5, 2)), &graph), Err(nodes));
    Ok(())
}

#[test]
fn weights_are_checked() {
    assert_eq!(
        GcnConv::new(Array2::zeros((3, 2)), Some(Array1::zeros(2))),
        Err(ParamError::BiasLength {
            expected: 3,
            got: 2
        })
    );
    let infinite = GcnConv::new(array![[f64::INFINITY]], None);
    assert_eq!(
        infinite,
        Err(ParamError::NonFiniteWeight {
            value: f64::INFINITY
        })
    );
    let bias = GcnConv::new(array![[1.0]], Some(array![f64::NAN]));
    assert!(matches!(bias, Err(ParamError::NonFiniteWeight { .. })));
    let layer = |o, i| GcnConv::new(Array2::zeros((o, i)), None).unwrap();
    assert_eq!(
        GcnEncoder::from_layers(vec![layer(3, 2), layer(1, 4)]),
        Err(ParamError::LayerChain {
            layer: 1,
            expected: 3,
            got: 4
        })
    );
    let none = ParamError::NoLayer { widths: vec![] };
    assert_eq!(GcnEncoder::from_layers(vec![]), Err(none));
}

#[test]
fn widths_are_checked() {
    for widths in [vec![], vec![4], vec![4, 0, 2]] {
        let error = GcnEncoder::glorot(&widths, 0).unwrap_err();
        assert_eq!(error, ParamError::NoLayer { widths });
    }
    for widths in [vec![1 << 14, 1 << 13], vec![usize::MAX, 2]] {
        let error = GcnEncoder::glorot(&widths, 0).unwrap_err();
        assert_eq!(
            error,
            ParamError::TooManyWeights {
                widths,
                limit: 1 << 26
            }
        );
    }
}

#[test]
fn initial_weights_are_pinned() -> Outcome {
    let encoder = GcnEncoder::glorot(&[4, 16, 8], 7)?;
    assert_eq!(encoder, GcnEncoder::glorot(&[4, 16, 8], 7)?);
    assert_ne!(encoder, GcnEncoder::glorot(&[4, 16, 8], 8)?);
    assert_eq!((encoder.n_inputs(), encoder.n_outputs()), (4, 8));
    let all = || encoder.layers().iter().flat_map(|l| l.weight().to_owned());
    let bits = all().fold(0u64, |hash, w| hash.rotate_left(5) ^ w.to_bits());
    assert_eq!(
        bits, PINNED,
        "the generator or its order changed: old seeds mean new weights"
    );
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the question is whether it is exact"
    )]
    let exact = all().all(|w| f64::from(w as f32).to_bits() == w.to_bits());
    assert!(exact, "training in f32 starts from other weights");
    Ok(())
}

/// Folded bits of the weights above.
const PINNED: u64 = 9_296_700_788_396_780_852;

#[test]
fn initial_weights_are_glorots() -> Outcome {
    let encoder = GcnEncoder::glorot(&[300, 200], 3)?;
    let weight = encoder.layers()[0].weight().to_owned();
    assert_eq!(weight.dim(), (200, 300));
    assert!(encoder.layers()[0].bias().is_none());
    let bound = (6.0 / 500.0f64).sqrt();
    assert!(weight.iter().all(|w| w.abs() <= bound));
    assert_abs_diff_eq!(weight.mean().ok_or("empty")?, 0.0, epsilon = 0.01 * bound);
    assert_relative_eq!(weight.std(0.0), bound / 3f64.sqrt(), max_relative = 0.01);
    Ok(())
}

#[test]
fn missing_numbers_are_not_hidden_by_the_activation() -> Outcome {
    let graph = GcnGraph::new(2, &[], None, SelfLoops::Add)?;
    let z = GcnEncoder::glorot(&[1, 4, 2], 0)?.embed(&array![[f64::NAN], [1.0]], &graph)?;
    assert!(z.row(0).iter().all(|v| v.is_nan()));
    assert!(z.row(1).iter().all(|v| v.is_finite()));
    Ok(())
}

prop_compose! {
    /// A graph, its features, and a new numbering of its nodes.
    fn renumbered()(n in 1u32..12)(
        edges in prop::collection::vec((0..n, 0..n), 0..40),
        x in prop::collection::vec(-5.0..5.0f64, n as usize * 3),
        order in Just((0..n).collect::<Vec<_>>()).prop_shuffle(),
    ) -> (Vec<(u32, u32)>, Vec<f64>, Vec<u32>) {
        (edges, x, order)
    }
}

proptest! {
    #[test]
    fn renumbering_the_nodes_renumbers_the_rows((edges, x, order) in renumbered()) {
        let n = order.len();
        let x = Array2::from_shape_vec((n, 3), x)?;
        let rows: Vec<usize> = order.iter().map(|&i| i as usize).collect();
        let mut new_number = vec![0u32; n];
        (0u32..).zip(&rows).for_each(|(new, &old)| new_number[old] = new);
        let moved: Vec<_> = edges
            .iter()
            .map(|&(j, i)| (new_number[j as usize], new_number[i as usize]))
            .collect();
        let encoder = GcnEncoder::glorot(&[3, 5, 4], 1)?;
        let embed = |x: &Array2<f64>, edges: &[(u32, u32)]| {
            encoder.embed(x, &GcnGraph::new(n, edges, None, SelfLoops::Add).unwrap()).unwrap()
        };
        let before = embed(&x, &edges).select(Axis(0), &rows);
        let after = embed(&x.select(Axis(0), &rows), &moved);
        prop_assert!((before - after).iter().all(|d| d.abs() < 1e-12));
    }
}
