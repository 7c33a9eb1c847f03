//! Inputs: every rule of snapshots, graphs and scaling, and what is done with missing values.

use approx::assert_relative_eq;
use astern_gnn::ndarray::{Array2, Array3, array};
use astern_gnn::{EncodeError, Graph, GraphDataError, GraphSnapshots, ScaleError, Scaler};

fn zeros(shape: (usize, usize, usize)) -> Array3<f64> {
    Array3::zeros(shape)
}

#[test]
fn edges_are_canonical_whatever_the_order_they_came_in() {
    let edges = [(2, 1), (0, 2), (2, 1), (1, 1)];
    let data = GraphSnapshots::new(zeros((1, 3, 1)), edges).unwrap();
    assert_eq!(data.edges(), [(0, 2), (1, 1), (2, 1)]);
    let reversed = edges.into_iter().rev();
    assert_eq!(
        GraphSnapshots::new(zeros((1, 3, 1)), reversed).unwrap(),
        data
    );
}

#[test]
fn an_empty_axis_is_refused() {
    for (axis, shape) in [
        ("snapshots", (0, 3, 2)),
        ("nodes", (4, 0, 2)),
        ("features", (4, 3, 0)),
    ] {
        let error = GraphSnapshots::new(zeros(shape), []).unwrap_err();
        assert_eq!(
            error,
            GraphDataError::EmptyAxis {
                axis,
                shape: shape.into()
            }
        );
    }
}

#[test]
fn an_edge_to_nowhere_is_refused() {
    let expected = GraphDataError::NodeOutOfRange {
        edge: 1,
        node: 3,
        n_nodes: 3,
    };
    assert_eq!(
        GraphSnapshots::new(zeros((1, 3, 1)), [(0, 1), (3, 0)]).unwrap_err(),
        expected
    );
    assert_eq!(
        Graph::new(Array2::zeros((3, 0)), [(0, 1), (0, 3)]).unwrap_err(),
        expected
    );
}

#[test]
fn infinities_are_refused_and_missing_values_counted() {
    let mut x = zeros((2, 3, 2));
    x[[0, 1, 0]] = f64::NAN;
    x[[1, 1, 1]] = f64::NAN;
    assert_eq!(GraphSnapshots::new(x.clone(), []).unwrap().missing(), 2);
    x[[1, 2, 0]] = f64::NEG_INFINITY;
    let error = GraphSnapshots::new(x, []).unwrap_err();
    let value = f64::NEG_INFINITY;
    assert_eq!(
        error,
        GraphDataError::Infinite {
            snapshot: 1,
            node: 2,
            feature: 0,
            value
        }
    );
}

#[test]
fn one_name_per_feature() {
    let data = GraphSnapshots::new(zeros((1, 1, 2)), []).unwrap();
    assert_eq!(data.features(), ["x0", "x1"]);
    let error = data.with_feature_names(["cpu"]).unwrap_err();
    assert_eq!(
        error,
        GraphDataError::FeatureNames {
            expected: 2,
            got: 1
        }
    );
}

#[test]
fn nodes_must_fit_an_edge_end() {
    let n_nodes = u32::MAX as usize + 1;
    let error = Graph::new(Array2::zeros((n_nodes, 0)), []).unwrap_err();
    assert_eq!(
        error,
        GraphDataError::TooManyNodes {
            n_nodes,
            limit: u32::MAX as usize - 1
        }
    );
}

#[test]
fn edge_weights_are_checked() {
    let graph = |weights: &[f64]| {
        let graph = Graph::new(Array2::zeros((2, 0)), [(0, 1)]).unwrap();
        graph.with_edge_weight(weights)
    };
    assert_eq!(
        graph(&[]).unwrap_err(),
        GraphDataError::EdgeCount {
            name: "edge_weight",
            edges: 1,
            got: 0
        }
    );
    assert_eq!(
        graph(&[-1.0]).unwrap_err(),
        GraphDataError::Weight {
            edge: 0,
            value: -1.0
        }
    );
    assert!(matches!(
        graph(&[f64::NAN]),
        Err(GraphDataError::Weight { edge: 0, .. })
    ));
    assert!(matches!(
        graph(&[f64::INFINITY]),
        Err(GraphDataError::Weight { edge: 0, .. })
    ));
    assert_eq!(graph(&[0.0]).unwrap().n_edges(), 1);
}

#[test]
fn scaling_ignores_missing_values_and_leaves_constants() {
    let x = array![
        [[1.0, 193_978.1, f64::NAN], [3.0, 193_978.1, f64::NAN]],
        [[f64::NAN, 193_978.1, f64::NAN], [5.0, 193_978.1, f64::NAN]],
    ];
    let data = GraphSnapshots::new(x, []).unwrap();
    let scaler = Scaler::fit(&data).unwrap();
    assert_relative_eq!(scaler.mean()[0], 3.0);
    assert_relative_eq!(scaler.scale()[0], (8.0f64 / 3.0).sqrt());
    assert_relative_eq!(scaler.scale()[1], 1.0);
    assert_relative_eq!(scaler.mean()[2], 0.0);
    assert_relative_eq!(scaler.scale()[2], 1.0);
    let z = scaler.transform(data.x()).unwrap();
    assert_relative_eq!(z[[1, 0, 0]], 0.0);
    assert_relative_eq!(z[[1, 1, 0]], 2.0 / (8.0f64 / 3.0).sqrt());
    assert!(z.iter().all(|v| v.abs() < 1.5));
}

#[test]
fn far_values_are_cut_off() {
    let data = GraphSnapshots::new(array![[[0.0], [1.0]]], []).unwrap();
    let scaler = Scaler::fit(&data).unwrap();
    let z = scaler.transform(&array![[[1e300], [-1e300]]]).unwrap();
    assert_eq!(z, array![[[1e6], [-1e6]]]);
}

#[test]
fn scaling_says_what_it_cannot_take() {
    let data = GraphSnapshots::new(array![[[1e300], [-1e300]]], []).unwrap();
    let error = Scaler::fit(&data).unwrap_err();
    assert!(matches!(error, ScaleError::Overflow { ref feature, .. } if feature == "x0"));
    let scaler = Scaler::fit(&GraphSnapshots::new(zeros((1, 2, 3)), []).unwrap()).unwrap();
    let error = scaler.transform(&zeros((1, 2, 2))).unwrap_err();
    assert_eq!(
        error,
        EncodeError::FeatureCount {
            expected: 3,
            got: 2
        }
    );
}
