//! Graph convolutions in pure Rust: parity with `PyTorch` Geometric, symmetry, weights.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use astern_gnn::layer::GcnConfig;
use astern_gnn::model::PreparedGraph;
use astern_gnn::ndarray::{Array1, Array2, Axis, array};
use astern_gnn::{Checkpoint, ConfigError, EncodeError, Graph, Network, NetworkConfig, SelfLoops};
use proptest::prelude::*;

use crate::support::{Fixture, Outcome, gcn, matrix, untrained};

fn run(checkpoint: &Checkpoint, graph: &Graph) -> Result<Array2<f64>, Box<dyn std::error::Error>> {
    let network = Network::new(checkpoint)?;
    Ok(network.forward(graph.x(), &PreparedGraph::new(graph))?)
}

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
    let graph = Graph::new(array![[1.0], [1.0]], [(0, 1)])?;
    let layer = gcn(&array![[3.0]], Some(&[0.5]), SelfLoops::AsGiven)?;
    // Degree 0 at the source: its message is 0, not infinite.
    assert_eq!(run(&layer, &graph)?, array![[0.5], [0.5]]);
    Ok(())
}

#[test]
fn double_loops_weigh_two_unless_there_is_a_loop() -> Outcome {
    // 0 → 1 with weight .5, a loop of weight .25 at 1: degrees 2 and .75.
    let graph =
        Graph::new(array![[3.0], [5.0]], [(0, 1), (1, 1)])?.with_edge_weight(&[0.5, 0.25])?;
    let y = run(&gcn(&array![[1.0]], None, SelfLoops::AddDouble)?, &graph)?;
    assert_relative_eq!(y[[0, 0]], 3.0, max_relative = 1e-12);
    let expected = 0.5 * 3.0 / (2.0f64 * 0.75).sqrt() + 0.25 * 5.0 / 0.75;
    assert_relative_eq!(y[[1, 0]], expected, max_relative = 1e-12);
    Ok(())
}

#[test]
fn shapes_are_checked() -> Outcome {
    let graph = PreparedGraph::new(&Graph::new(Array2::zeros((2, 2)), [])?);
    let layer = Network::<f64>::new(&gcn(&Array2::zeros((3, 2)), None, SelfLoops::Add)?)?;
    let (expected, got) = (2, 1);
    assert_eq!(
        layer.forward(&Array2::zeros((2, 1)), &graph),
        Err(EncodeError::FeatureCount { expected, got })
    );
    let (expected, got) = (2, 5);
    assert_eq!(
        layer.forward(&Array2::zeros((5, 2)), &graph),
        Err(EncodeError::NodeCount { expected, got })
    );
    Ok(())
}

#[test]
fn weights_are_checked() {
    let short = gcn(&Array2::zeros((3, 2)), Some(&[0.0; 2]), SelfLoops::Add);
    assert_eq!(
        short,
        Err(ConfigError::Tensor {
            name: "0.bias".into(),
            expected: vec![3],
            got: Some(vec![2])
        })
    );
    let value = f64::INFINITY;
    let infinite = gcn(&array![[value]], None, SelfLoops::Add);
    assert_eq!(infinite, Err(ConfigError::NonFiniteWeight { value }));
    let bias = gcn(&array![[1.0]], Some(&[f64::NAN]), SelfLoops::Add);
    assert!(matches!(bias, Err(ConfigError::NonFiniteWeight { .. })));
}

#[test]
fn widths_are_checked() {
    let none = ConfigError::NoLayer { widths: vec![] };
    for widths in [vec![], vec![4]] {
        assert_eq!(untrained(&widths, 0).unwrap_err(), none);
    }
    let error = untrained(&[4, 0, 2], 0).unwrap_err();
    let name = "outputs";
    assert!(
        matches!(error, ConfigError::OutOfRange { name: of, .. } if of == name),
        "{error}"
    );
    for widths in [vec![1 << 14, 1 << 13], vec![usize::MAX, 2]] {
        let error = untrained(&widths, 0).unwrap_err();
        let limit = 1 << 26;
        assert_eq!(error, ConfigError::TooManyWeights { widths, limit });
    }
}

/// All weights, layer by layer and row by row.
fn weights(checkpoint: &Checkpoint) -> impl Iterator<Item = f64> {
    checkpoint
        .state()
        .iter()
        .flat_map(|(_, tensor)| tensor.values.iter().copied())
}

#[test]
fn initial_weights_are_pinned() -> Outcome {
    let network = untrained(&[4, 16, 8], 7)?;
    assert_eq!(network, untrained(&[4, 16, 8], 7)?);
    assert_ne!(network, untrained(&[4, 16, 8], 8)?);
    assert_eq!(
        (network.config().inputs(), network.config().outputs()),
        (4, 8)
    );
    let bits = weights(&network).fold(0u64, |hash, w| hash.rotate_left(5) ^ w.to_bits());
    assert_eq!(
        bits, PINNED,
        "the generator or its order changed: old seeds mean new weights"
    );
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the question is whether it is exact"
    )]
    let exact = weights(&network).all(|w| f64::from(w as f32).to_bits() == w.to_bits());
    assert!(exact, "training in f32 starts from other weights");
    Ok(())
}

/// Folded bits of the weights above.
const PINNED: u64 = 9_296_700_788_396_780_852;

#[test]
fn initial_weights_are_glorots() -> Outcome {
    let network = untrained(&[300, 200], 3)?;
    let tensor = network.state().get("0.lin.weight").ok_or("no weight")?;
    assert_eq!(
        (&tensor.shape[..], network.state().iter().len()),
        (&[200, 300][..], 1)
    );
    let weight = Array1::from(tensor.values.clone());
    let bound = (6.0 / 500.0f64).sqrt();
    assert!(weight.iter().all(|w| w.abs() <= bound));
    assert_abs_diff_eq!(weight.mean().ok_or("empty")?, 0.0, epsilon = 0.01 * bound);
    assert_relative_eq!(weight.std(0.0), bound / 3f64.sqrt(), max_relative = 0.01);
    let with_bias = NetworkConfig::new().layer(GcnConfig::new(2, 3));
    let with_bias = Checkpoint::glorot(with_bias, 3)?;
    let bias = with_bias.state().get("0.bias").ok_or("no bias")?;
    assert_eq!(bias.values, [0.0; 3]);
    Ok(())
}

#[test]
fn missing_numbers_are_not_hidden_by_the_activation() -> Outcome {
    let graph = PreparedGraph::new(&Graph::new(array![[0.0], [1.0]], [])?);
    let network = Network::new(&untrained(&[1, 4, 2], 0)?)?;
    let z = network.forward(&array![[f64::NAN], [1.0]], &graph)?;
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
        let network = untrained(&[3, 5, 4], 1)?;
        let embed = |x: &Array2<f64>, edges: &[(u32, u32)]| {
            run(&network, &Graph::new(x.clone(), edges.iter().copied()).unwrap()).unwrap()
        };
        let before = embed(&x, &edges).select(Axis(0), &rows);
        let after = embed(&x.select(Axis(0), &rows), &moved);
        prop_assert!((before - after).iter().all(|d| d.abs() < 1e-12));
    }
}
