//! Layers on tensors: parity with `PyTorch` Geometric, forward and gradient, and with pure Rust.
#![cfg(feature = "torch")]

mod common;

use std::error::Error;

use astern_gnn::ndarray::{Array2, array};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::{GcnConv, GcnEdges, GcnEncoder};
use astern_gnn::{GcnGraph, SelfLoops};
use common::{Fixture, Outcome, healthy, matrix, snapshots};

fn tensor(x: &Array2<f64>, kind: Kind) -> Result<Tensor, Box<dyn Error>> {
    let shape: Vec<i64> = x
        .shape()
        .iter()
        .map(|&n| n.try_into())
        .collect::<Result<_, _>>()?;
    let values: Vec<f64> = x.iter().copied().collect();
    Ok(Tensor::f_from_slice(&values)?
        .f_reshape(&shape)?
        .f_to_kind(kind)?)
}

fn values(tensor: &Tensor) -> Result<Vec<f64>, Box<dyn Error>> {
    Ok(Vec::try_from(
        &tensor.f_to_kind(Kind::Double)?.f_reshape(-1)?,
    )?)
}

/// Largest difference, relative where numbers are larger than 1.
fn worst(got: &[f64], expected: impl IntoIterator<Item = f64>) -> f64 {
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(got.len(), expected.len());
    let off = |(a, b): (&f64, f64)| (a - b).abs() / b.abs().max(1.0);
    got.iter().zip(expected).map(off).fold(0.0, f64::max)
}

#[test]
fn forward_and_gradient_equal_pytorch_geometric() -> Outcome {
    let fixture = Fixture::read()?;
    for (kind, tolerance) in [(Kind::Double, 1e-10), (Kind::Float, 1e-5)] {
        let x = tensor(&fixture.x(), kind)?;
        for ready in fixture.cases()? {
            let layer = GcnConv::from_layer(&ready.layer, kind, Device::Cpu)?;
            let edges = GcnEdges::new(&ready.graph, kind, Device::Cpu)?;
            let y = layer.forward(&x, &edges)?;
            let off = worst(&values(&y)?, matrix(&ready.case.y));
            assert!(off < tolerance, "{} {kind:?}: y off by {off:e}", ready.name);

            y.f_square()?.f_sum(kind)?.f_backward()?;
            let expected = &ready.case.grad_of_sum_y2;
            let mut gradients = layer.parameters().map(Tensor::f_grad);
            let weight = gradients.next().ok_or("no weight")??;
            let off = worst(&values(&weight)?, matrix(&expected.weight));
            assert!(
                off < tolerance,
                "{} {kind:?}: dW off by {off:e}",
                ready.name
            );
            let bias = gradients.next().transpose()?;
            assert_eq!(bias.is_some(), expected.bias.is_some());
            if let (Some(bias), Some(expected)) = (bias, &expected.bias) {
                let off = worst(&values(&bias)?, expected.clone());
                assert!(
                    off < tolerance,
                    "{} {kind:?}: db off by {off:e}",
                    ready.name
                );
            }
        }
    }
    Ok(())
}

#[test]
fn an_encoder_on_tensors_equals_the_one_in_pure_rust() -> Outcome {
    let data = snapshots(healthy(7, 4))?;
    let graph = GcnGraph::of(&data);
    let encoder = astern_gnn::GcnEncoder::glorot(&[4, 16, 8], 11)?;
    let by_node = data.x().view().permuted_axes([1, 0, 2]);
    let x: Vec<f64> = by_node.iter().map(|v| v / 50.0).collect();
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 1e-5)] {
        let on_tensors = GcnEncoder::from_encoder(&encoder, kind, Device::Cpu)?;
        assert_eq!(
            on_tensors.to_encoder()?,
            encoder,
            "weights go there and back exactly"
        );
        let x = Tensor::f_from_slice(&x)?
            .f_reshape([12, 7, 4])?
            .f_to_kind(kind)?;
        let edges = GcnEdges::new(&graph, kind, Device::Cpu)?;
        let z = on_tensors.forward(&x, &edges)?;
        assert_eq!(z.size(), [12, 7, 8]);
        for (t, x) in (0..).zip(data.x().outer_iter()) {
            let expected = encoder.embed(&x.mapv(|v| v / 50.0), &graph)?;
            let off = worst(&values(&z.f_select(1, t)?)?, expected);
            assert!(off < tolerance, "snapshot {t} {kind:?}: off by {off:e}");
        }
    }
    Ok(())
}

#[test]
fn what_libtorch_refuses_is_an_error_with_shapes() -> Outcome {
    let graph = GcnGraph::new(2, &[(0, 1)], None, SelfLoops::Add)?;
    let pure = astern_gnn::GcnConv::new(array![[1.0, 2.0]], None)?;
    let layer = GcnConv::from_layer(&pure, Kind::Double, Device::Cpu)?;
    let edges = GcnEdges::new(&graph, Kind::Double, Device::Cpu)?;
    let forward = |x: &Array2<f64>, kind| -> Result<_, Box<dyn Error>> {
        Ok(layer.forward(&tensor(x, kind)?, &edges).unwrap_err())
    };
    let nodes = forward(&Array2::zeros((3, 2)), Kind::Double)?;
    assert_eq!(
        nodes.source.to_string(),
        "features of 3 nodes, the graph has 2"
    );
    let features = forward(&Array2::zeros((2, 3)), Kind::Double)?;
    assert_eq!(
        (features.op, features.shapes),
        ("linear", vec![vec![2, 3], vec![1, 2]])
    );
    assert_eq!(forward(&Array2::zeros((2, 2)), Kind::Float)?.op, "linear");
    let scalar = layer
        .forward(&Tensor::f_from_slice(&[1.0, 2.0])?, &edges)
        .unwrap_err();
    assert_eq!(scalar.to_string(), "libtorch refused `gcn` on shapes [[2]]");
    let undefined = layer.forward(&Tensor::new(), &edges).unwrap_err();
    assert_eq!(
        undefined.to_string(),
        "libtorch refused `gcn` on shapes [[]]"
    );
    Ok(())
}
