//! Kernels and libtorch's operations side by side.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use tch::{Device, Kind, Tensor};

use super::*;
use crate::graph::{EdgeIndex, Propagation, Reduce, SelfLoops};
use crate::torch::Init;
use crate::torch::kernel;

const NODES: i64 = 40;
const HEADS: i64 = 3;
const WIDTH: i64 = 11;

/// Edges with a hub, a node without edges in, one without edges out, and repeated edges.
fn edges() -> Edges {
    let pairs = (0..400u32).map(|k| ((k * k + 3 * k) % 39, 1 + (k * 7 + k / 9) % 39));
    let pairs = pairs.map(|(j, i)| if i % 5 == 0 { (j, 7) } else { (j, i) });
    let index = EdgeIndex::new(40, pairs).unwrap();
    let index = Propagation::new(&index, SelfLoops::AsGiven);
    Edges::new(index.source(), index.target(), index.offsets(), Device::Cpu).unwrap()
}

fn leaf(shape: &[i64], seed: u64) -> Tensor {
    let mut init = Init::new(seed, Kind::Double, Device::Cpu);
    init.uniform(shape, 2.0).unwrap()
}

/// The output of `run` on `leaves`, and the gradients of the sum of its squares.
fn everything(leaves: &[&Tensor], run: impl FnOnce() -> Tensor) -> Vec<Vec<f64>> {
    let y = run();
    y.square().sum(Kind::Double).backward();
    let mut all = vec![crate::torch::tensor::to_values(&y).unwrap()];
    for leaf in leaves {
        let mut gradient = leaf.grad();
        all.push(crate::torch::tensor::to_values(&gradient).unwrap());
        let _ = gradient.zero_();
    }
    all
}

fn assert_close(a: &[Vec<f64>], b: &[Vec<f64>]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} is not {b}");
    }
}

/// The same edges where the kernels do not apply, as on a GPU.
fn by_libtorch(edges: &Edges) -> Edges {
    let mut plain = edges.shared();
    plain.by_libtorch = true;
    plain
}

#[test]
fn kernels_and_libtorch_agree_on_values_and_gradients() {
    let kernels = edges();
    let plain = by_libtorch(&kernels);
    let n_edges = kernels.n_edges();
    let x = leaf(&[NODES, HEADS * WIDTH], 1);
    let right = leaf(&[NODES, HEADS * WIDTH], 2);
    let w = leaf(&[n_edges, HEADS], 3);
    let m = leaf(&[n_edges, HEADS * WIDTH], 4);
    let v = leaf(&[1, HEADS, WIDTH], 5);
    let both = |leaves: &[&Tensor], run: &dyn Fn(&Edges) -> Tensor| {
        let ours = everything(leaves, || run(&kernels));
        assert_close(&ours, &everything(leaves, || run(&plain)));
    };
    both(&[&x, &w], &|e| e.aggregate(&x, Some(&w)).unwrap());
    both(&[&x], &|e| e.aggregate(&x, None).unwrap());
    both(&[&w], &|e| e.softmax(&w).unwrap());
    both(&[&x, &w], &|e| e.attend(&x, &w, 0.0).unwrap());
    both(&[&x], &|e| e.gather_source(&x).unwrap());
    both(&[&x], &|e| e.gather_target(&x).unwrap());
    for how in [Reduce::Sum, Reduce::Mean, Reduce::Max] {
        both(&[&m], &|e| e.reduce(&m, how).unwrap());
    }
    both(&[&x, &right, &v, &m], &|e| {
        e.scores([&x, &right, &v], Some(&m), 0.2).unwrap()
    });
    both(&[&x, &v], &|e| e.scores([&x, &x, &v], None, 0.2).unwrap());
    let mask = leaf(&[n_edges], 6);
    both(&[&x, &w, &mask], &|e| {
        let e = e.masked(mask.shallow_clone());
        e.attend(&x, &w, 0.0).unwrap()
    });
}

#[test]
fn threads_do_not_change_a_bit() {
    let edges = edges();
    let x = leaf(&[NODES, 4096], 1);
    let v = leaf(&[1, 1, 4096], 2);
    let run = || {
        everything(&[&x, &v], || {
            let scores = edges.scores([&x, &x, &v], None, 0.2).unwrap();
            edges.attend(&x, &scores, 0.0).unwrap()
        })
    };
    let threads = tch::get_num_threads();
    tch::set_num_threads(1);
    let one = run();
    tch::set_num_threads(2);
    let two = run();
    tch::set_num_threads(threads);
    assert_eq!(one, two);
}

#[test]
fn weights_of_more_axes_are_refused_by_both() {
    let kernels = edges();
    let x = leaf(&[NODES, HEADS * WIDTH], 1);
    for last in [0, 1, 2] {
        let w = Tensor::ones(
            [kernels.n_edges(), HEADS, last],
            (Kind::Double, Device::Cpu),
        );
        for edges in [&kernels, &by_libtorch(&kernels)] {
            assert!(edges.aggregate(&x, Some(&w)).is_err(), "{last}");
        }
    }
}

#[test]
fn ids_in_other_hands_do_not_change_the_edges() {
    let edges = edges();
    let x = leaf(&[NODES, WIDTH], 1);
    let sum = |e: &Edges| crate::torch::tensor::to_values(&e.aggregate(&x, None).unwrap()).unwrap();
    let before = sum(&edges);
    for ids in [edges.source(), edges.target()] {
        let _ = ids.unwrap().fill_(1 << 40);
    }
    assert_eq!(before, sum(&edges));
}

#[test]
fn an_input_may_take_another_shape_before_the_gradient() {
    let edges = edges();
    let w = leaf(&[edges.n_edges(), HEADS], 2);
    let gradient = |shape: &[i64]| {
        let mut x = leaf(&[NODES, HEADS * WIDTH], 1).detach();
        let y = edges.aggregate(&x, Some(&w)).unwrap();
        // libtorch notices a resized tensor, and not one that takes the place of another.
        x.set_data(&leaf(shape, 3).detach());
        y.sum(Kind::Double).backward();
        let mut gradient = w.grad();
        let values = crate::torch::tensor::to_values(&gradient).unwrap();
        let _ = gradient.zero_();
        values
    };
    let whole = gradient(&[NODES, HEADS * WIDTH]);
    for shape in [&[1, 1][..], &[NODES, HEADS], &[0]] {
        assert_eq!(gradient(shape), whole, "{shape:?}");
    }
}

#[test]
fn kernels_check_shapes_themselves() {
    let edges = edges();
    let (heads, n_edges) = (HEADS, edges.n_edges());
    let x = leaf(&[NODES, HEADS * WIDTH], 1);
    let other = [
        leaf(&[NODES, WIDTH], 2),
        leaf(&[NODES - 1, HEADS * WIDTH], 3),
        leaf(&[n_edges - 1, HEADS], 4),
        leaf(&[n_edges, HEADS - 1], 5),
        leaf(&[WIDTH], 6),
        x.to_kind(Kind::Float),
    ];
    let vector = leaf(&[1, HEADS, WIDTH], 7);
    for t in &other {
        let sorted = || edges.sorted();
        let scores = |l, r, v, m| kernel::scores([l, r, v], m, sorted(), heads, 0.2);
        assert!(
            kernel::aggregate(&x, Some(t), sorted(), heads).is_err(),
            "{t:?}"
        );
        assert!(scores(&x, t, &vector, None).is_err(), "{t:?}");
        assert!(scores(&x, &x, t, None).is_err(), "{t:?}");
        assert!(scores(&x, &x, &vector, Some(t)).is_err(), "{t:?}");
    }
    assert!(kernel::aggregate(&other[1], None, edges.sorted(), heads).is_err());
    assert!(kernel::aggregate(&x, None, edges.sorted(), 0).is_err());
}
