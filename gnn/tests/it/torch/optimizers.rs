//! Optimisers: equal to libtorch's own, and resumed exactly.

use astern_gnn::torch::tch::{COptimizer, Kind, Tensor, no_grad};
use astern_gnn::torch::train::{Gradients, Optimizer};
use astern_gnn::torch::{Module, Visitor, state_of};
use astern_gnn::train::{AdamConfig, OptimizerConfig, RmsPropConfig, SgdConfig};

use crate::support::{Outcome, noise};

/// Two parameters of a least-squares problem that is not round, so that every entry moves.
struct Toy {
    a: Tensor,
    b: Tensor,
    unused: Tensor,
}

fn random(shape: &[i64], seed: u64, kind: Kind) -> Tensor {
    let n = usize::try_from(shape.iter().product::<i64>()).unwrap();
    let mut next = noise(seed);
    let values: Vec<f64> = (0..n).map(|_| next()).collect();
    Tensor::from_slice(&values).reshape(shape).to_kind(kind)
}

impl Toy {
    fn new(kind: Kind) -> Self {
        let parameter = |shape: &[i64], seed| random(shape, seed, kind).set_requires_grad(true);
        Self {
            a: parameter(&[3, 4], 1),
            b: parameter(&[4], 2),
            unused: parameter(&[2], 3),
        }
    }

    fn loss(&self, step: u64) -> Tensor {
        let x = random(&[5, 3], 10 + step, self.a.kind());
        let y = x.matmul(&self.a).tanh() + &self.b;
        (y - 0.3).square().mean(self.a.kind()) + self.b.pow_tensor_scalar(4).sum(self.a.kind())
    }
}

impl Module for Toy {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("a", &self.a);
        visitor.tensor("b", &self.b);
        visitor.tensor("unused", &self.unused);
    }
}

fn ours(config: &OptimizerConfig, steps: u64) -> Toy {
    let toy = Toy::new(Kind::Double);
    let mut optimizer = Optimizer::new(config, &toy).unwrap();
    for step in 0..steps {
        let gradients = Gradients::of(&toy.loss(step), &toy).unwrap();
        optimizer.step(&gradients, config.learning_rate()).unwrap();
    }
    toy
}

fn theirs(mut optimizer: COptimizer, steps: u64) -> Toy {
    let toy = Toy::new(Kind::Double);
    for tensor in [&toy.a, &toy.b, &toy.unused] {
        optimizer.add_parameters(tensor, 0).unwrap();
    }
    for step in 0..steps {
        optimizer.zero_grad().unwrap();
        toy.loss(step).backward();
        optimizer.step().unwrap();
    }
    toy
}

fn furthest(a: &Toy, b: &Toy) -> f64 {
    let off = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
    off(&a.a, &b.a)
        .max(off(&a.b, &b.b))
        .max(off(&a.unused, &b.unused))
}

#[test]
fn fifty_steps_equal_libtorch() -> Outcome {
    let sgd = |momentum, damp, decay, nesterov| {
        let config = SgdConfig::new(0.05).momentum(momentum).dampening(damp);
        OptimizerConfig::Sgd(config.weight_decay(decay).nesterov(nesterov))
    };
    let rms = |decay, momentum, centered| {
        let config = RmsPropConfig::new(0.01).alpha(0.9).weight_decay(decay);
        OptimizerConfig::RmsProp(config.momentum(momentum).centered(centered))
    };
    let adam = AdamConfig::new(0.02).beta1(0.8).beta2(0.95).eps(1e-6);
    let cases = [
        (
            OptimizerConfig::sgd(0.05),
            COptimizer::sgd(0.05, 0.0, 0.0, 0.0, false)?,
        ),
        (
            sgd(0.9, 0.0, 0.0, false),
            COptimizer::sgd(0.05, 0.9, 0.0, 0.0, false)?,
        ),
        (
            sgd(0.9, 0.3, 0.01, false),
            COptimizer::sgd(0.05, 0.9, 0.3, 0.01, false)?,
        ),
        (
            sgd(0.8, 0.0, 0.02, true),
            COptimizer::sgd(0.05, 0.8, 0.0, 0.02, true)?,
        ),
        (
            OptimizerConfig::adam(0.02),
            COptimizer::adam(0.02, 0.9, 0.999, 0.0, 1e-8, false)?,
        ),
        (
            OptimizerConfig::Adam(adam.weight_decay(0.1)),
            COptimizer::adam(0.02, 0.8, 0.95, 0.1, 1e-6, false)?,
        ),
        (
            OptimizerConfig::adam_w(0.02),
            COptimizer::adamw(0.02, 0.9, 0.999, 0.01, 1e-8, false)?,
        ),
        (
            OptimizerConfig::AdamW(adam.weight_decay(0.2)),
            COptimizer::adamw(0.02, 0.8, 0.95, 0.2, 1e-6, false)?,
        ),
        (
            OptimizerConfig::rms_prop(0.01),
            COptimizer::rms_prop(0.01, 0.99, 1e-8, 0.0, 0.0, false)?,
        ),
        (
            rms(0.1, 0.0, true),
            COptimizer::rms_prop(0.01, 0.9, 1e-8, 0.1, 0.0, true)?,
        ),
        (
            rms(0.0, 0.7, false),
            COptimizer::rms_prop(0.01, 0.9, 1e-8, 0.0, 0.7, false)?,
        ),
        (
            rms(0.1, 0.7, true),
            COptimizer::rms_prop(0.01, 0.9, 1e-8, 0.1, 0.7, true)?,
        ),
    ];
    let start = Toy::new(Kind::Double);
    for (config, optimizer) in cases {
        let (ours, theirs) = (ours(&config, 50), theirs(optimizer, 50));
        let off = furthest(&ours, &theirs);
        assert!(off < 1e-12, "{config:?}: {off}");
        assert!(furthest(&ours, &start) > 0.01, "{config:?} did not move");
    }
    Ok(())
}

#[test]
fn state_is_put_back_exactly() -> Outcome {
    for config in [
        OptimizerConfig::Sgd(SgdConfig::new(0.05).momentum(0.9)),
        OptimizerConfig::adam(0.02),
        OptimizerConfig::adam_w(0.02),
        OptimizerConfig::RmsProp(RmsPropConfig::new(0.01).momentum(0.5).centered(true)),
    ] {
        for kind in [Kind::Float, Kind::Double] {
            let toy = Toy::new(kind);
            let mut optimizer = Optimizer::new(&config, &toy)?;
            for step in 0..5 {
                optimizer.step(&Gradients::of(&toy.loss(step), &toy)?, 0.02)?;
            }
            let copy = Toy::new(kind);
            no_grad(|| {
                for ((_, to), (_, from)) in copy.parameters().into_iter().zip(toy.parameters()) {
                    to.shallow_clone().copy_(from);
                }
            });
            let mut resumed = Optimizer::new(&config, &copy)?;
            resumed.load_state(&optimizer.state()?)?;
            assert_eq!(resumed.state()?, optimizer.state()?);
            for step in 5..10 {
                optimizer.step(&Gradients::of(&toy.loss(step), &toy)?, 0.02)?;
                resumed.step(&Gradients::of(&copy.loss(step), &copy)?, 0.02)?;
            }
            assert_eq!(state_of(&copy)?, state_of(&toy)?);
            assert_ne!(state_of(&copy)?, state_of(&Toy::new(kind))?);
        }
    }
    Ok(())
}

#[test]
fn state_of_something_else_is_refused() -> Outcome {
    let toy = Toy::new(Kind::Double);
    let mut adam = Optimizer::new(&OptimizerConfig::adam(0.1), &toy)?;
    adam.step(&Gradients::of(&toy.loss(0), &toy)?, 0.1)?;
    let state = adam.state()?;
    let names: Vec<&str> = state.iter().map(|(name, _)| name).collect();
    let expected = [
        "a.exp_avg",
        "a.exp_avg_sq",
        "a.step",
        "b.exp_avg",
        "b.exp_avg_sq",
        "b.step",
    ];
    assert_eq!(names, expected, "`unused` took no step");

    let text = |e: astern_gnn::torch::TorchError| e.cause.to_string();
    let mut sgd = Optimizer::new(&OptimizerConfig::sgd(0.1), &toy)?;
    let error = text(sgd.load_state(&state).unwrap_err());
    assert!(
        error.contains("4 entries belong to no parameter"),
        "{error}"
    );

    let mut other = state.clone();
    other.insert("a.exp_avg", &[2], vec![0.0; 2]);
    let error = text(adam.load_state(&other).unwrap_err());
    assert!(error.contains("`a.exp_avg` has shape [2]"), "{error}");
    for bad in [0.0, -1.0, 0.5, 1e300, f64::NAN] {
        let mut other = state.clone();
        other.insert("b.step", &[1], vec![bad]);
        let error = text(adam.load_state(&other).unwrap_err());
        assert!(error.contains("`b.step`"), "{error}");
    }
    // Nothing was changed.
    assert_eq!(adam.state()?, state);
    Ok(())
}

#[test]
fn gradients_may_share_memory_and_be_absent() -> Outcome {
    let toy = Toy::new(Kind::Double);
    // The gradients of both are views of one tensor of ones.
    let loss = toy.b.sum(Kind::Double) + toy.a.sum(Kind::Double);
    let mut gradients = Gradients::of(&loss, &toy)?;
    let norms = gradients.norms()?;
    let total = norms.iter().map(|n| n * n).sum::<f64>().sqrt();
    assert!(
        (total - 4.0).abs() < 1e-12 && norms[2].abs() < 1e-300,
        "{norms:?}"
    );
    gradients.clip(astern_gnn::train::Clip::Norm(1.0), total)?;
    let clipped: f64 = gradients.norms()?.iter().map(|n| n * n).sum();
    assert!(
        (clipped.sqrt() - 1.0 / (1.0 + 0.25e-6)).abs() < 1e-9,
        "{clipped}"
    );
    gradients.clip(astern_gnn::train::Clip::Value(0.1), 1.0)?;
    let cut = gradients.norms()?;
    assert!((cut[1] - 0.2).abs() < 1e-12, "{cut:?}");

    let not_one = toy.b.shallow_clone();
    assert!(Gradients::of(&not_one, &toy).is_err());
    let constant = Tensor::from_slice(&[1.0]);
    assert!(Gradients::of(&constant, &toy).is_err());
    let frozen = Toy {
        a: toy.a.detach(),
        ..Toy::new(Kind::Double)
    };
    let gradients = Gradients::of(&frozen.loss(0), &frozen)?;
    assert!(gradients.norms()?[0].abs() < 1e-300 && gradients.norms()?[1] > 0.0);
    Ok(())
}
