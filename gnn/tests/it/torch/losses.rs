//! Losses: numbers of `PyTorch`, hand-worked numbers, slopes, masks, and what is refused.

use approx::assert_relative_eq;
use astern_gnn::EdgeIndex;
use astern_gnn::torch::TorchError;
use astern_gnn::torch::loss::{
    CrossEntropy, Deviation, DeviationConfig, FocalConfig, FocalMean, SparseReconstruction,
    attribute_errors, focal, focal_items, margin_ranking, one_class_hard, one_class_soft,
    prior_bias, sphere_radius,
};
use astern_gnn::torch::tch::{Device, Kind, Reduction, Tensor};
use serde_json::Value;

use crate::support::{Outcome, parity};

fn fixture(name: &str) -> Value {
    parity::pyg_layers().unwrap()[name].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    parity::numbers(value).unwrap().1
}

fn tensor(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}

fn matrix(value: &Value) -> Tensor {
    let rows = i64::try_from(value.as_array().unwrap().len()).unwrap();
    tensor(&numbers(value)).reshape([rows, -1])
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).reshape(-1)).unwrap()
}

fn value(tensor: &Tensor) -> f64 {
    tensor.double_value(&[])
}

fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert_relative_eq!(a, b, max_relative = 1e-10, epsilon = 1e-12);
    }
}

/// Slope of `loss` at `x` by autograd, held against central differences.
fn check_slope(x: &[f64], loss: impl Fn(&Tensor) -> Tensor) {
    let at = tensor(x).set_requires_grad(true);
    loss(&at).backward();
    let slopes = values(&at.grad());
    for (i, slope) in slopes.into_iter().enumerate() {
        let moved = |by: f64| {
            let mut x = x.to_vec();
            x[i] += by;
            value(&loss(&tensor(&x)))
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert_relative_eq!(slope, expected, max_relative = 1e-6, epsilon = 1e-9);
    }
}

fn says(error: &TorchError, part: &str) {
    let text = error.to_string();
    assert!(text.contains(part), "{text}");
}

#[test]
fn focal_equals_the_fixture() -> Outcome {
    let case = fixture("focal");
    let (logits, targets) = (numbers(&case["logit"]), numbers(&case["target"]));
    let expected = numbers(&case["per_item"]);
    let config = FocalConfig::default();
    assert_relative_eq!(config.alpha, case["alpha"].as_f64().unwrap());
    assert_relative_eq!(config.gamma, case["gamma"].as_f64().unwrap());
    let (x, y) = (tensor(&logits), tensor(&targets));
    close(&values(&focal_items(&x, &y, &config)?), &expected);
    let sum: f64 = expected.iter().sum();
    close(&[value(&focal(&x, &y, &config, None)?)], &[sum / 8.0]);
    let by_positives = config.mean(FocalMean::Positives);
    let positives: f64 = targets.iter().sum();
    close(
        &[value(&focal(&x, &y, &by_positives, None)?)],
        &[sum / positives],
    );
    // Masked: as if the others were not there.
    let mask = tensor(&[1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    let some = expected[0] + expected[1] + expected[4];
    close(
        &[value(&focal(&x, &y, &config, Some(&mask))?)],
        &[some / 3.0],
    );
    close(
        &[value(&focal(&x, &y, &by_positives, Some(&mask))?)],
        &[some / 2.0],
    );
    for gamma in [0.0, 0.5, 2.0] {
        check_slope(&logits, |x| {
            focal(x, &y, &config.gamma(gamma), None).unwrap()
        });
    }
    Ok(())
}

#[test]
fn focal_is_finite_everywhere_and_checked() -> Outcome {
    let logits = tensor(&[800.0, -800.0, 800.0, -800.0, 0.0]).set_requires_grad(true);
    let targets = tensor(&[1.0, 1.0, 0.0, 0.0, 1.0]);
    for gamma in [0.0, 0.5, 2.0, 5.0] {
        let config = FocalConfig::default()
            .gamma(gamma)
            .mean(FocalMean::Positives);
        let loss = focal(&logits, &targets, &config, None)?;
        assert!(value(&loss).is_finite());
        loss.backward();
        assert!(values(&logits.grad()).iter().all(|g| g.is_finite()));
    }
    // gamma 0 is cross entropy, weighted.
    let config = FocalConfig::default().gamma(0.0).alpha(0.5);
    let half = values(&focal_items(&tensor(&[0.0]), &tensor(&[1.0]), &config)?);
    close(&half, &[0.5 * 2f64.ln()]);
    let none = focal(
        &logits,
        &targets.zeros_like(),
        &config.mean(FocalMean::Positives),
        None,
    )?;
    assert!(value(&none).is_finite(), "no positive: divided by 1");
    for (config, name) in [
        (FocalConfig::default().alpha(1.1), "alpha"),
        (FocalConfig::default().alpha(f64::NAN), "alpha"),
        (FocalConfig::default().gamma(-1.0), "gamma"),
    ] {
        says(&focal(&logits, &targets, &config, None).unwrap_err(), name);
    }
    let short = focal(&logits, &tensor(&[1.0]), &FocalConfig::default(), None);
    says(&short.unwrap_err(), "shapes must be equal");
    close(&[prior_bias(0.01)?], &[-(99f64.ln())]);
    for bad in [0.0, 1.0, f64::NAN] {
        assert!(prior_bias(bad).is_err());
    }
    Ok(())
}

#[test]
fn cross_entropy_is_weighted_by_class_and_item() -> Outcome {
    let logits = tensor(&[1.0, 0.0, -1.0, 0.5, 0.2, 0.1, 0.0, 0.0, 3.0]).reshape([3, 3]);
    let log_softmax = values(&logits.log_softmax(-1, Kind::Double));
    let items = [-log_softmax[2], -log_softmax[3], -log_softmax[8]];
    let plain = CrossEntropy::new(&[2, 0, 2], 3, Device::Cpu)?;
    close(&values(&plain.items(&logits)?), &items);
    let sum: f64 = items.iter().sum();
    close(&[value(&plain.loss(&logits, None)?)], &[sum / 3.0]);
    let weighted =
        CrossEntropy::new(&[2, 0, 2], 3, Device::Cpu)?.class_weights(&[3.0, 0.0, 0.5])?;
    let both = 0.5 * items[0] + 3.0 * items[1] + 0.5 * items[2];
    close(&[value(&weighted.loss(&logits, None)?)], &[both / 4.0]);
    let mask = tensor(&[0.0, 2.0, 1.0]);
    let some = 6.0 * items[1] + 0.5 * items[2];
    close(
        &[value(&weighted.loss(&logits, Some(&mask))?)],
        &[some / 6.5],
    );
    let even = CrossEntropy::new(&[2, 0, 2], 3, Device::Cpu)?.balanced()?;
    let each = f64::midpoint(items[0], items[2]) + items[1];
    close(&[value(&even.loss(&logits, None)?)], &[each / 2.0]);
    let x: Vec<f64> = values(&logits);
    check_slope(&x, |x| {
        weighted.loss(&x.reshape([3, 3]), Some(&mask)).unwrap()
    });

    let nan = tensor(&[f64::NAN, 0.0, 0.0, 0.5, 0.2, 0.1, 0.0, 0.0, 3.0]).reshape([3, 3]);
    assert!(
        value(&weighted.loss(&nan, Some(&mask))?).is_finite(),
        "masked out"
    );
    says(
        &CrossEntropy::new(&[3], 3, Device::Cpu).unwrap_err(),
        "label is 3",
    );
    let one = || CrossEntropy::new(&[0], 2, Device::Cpu).unwrap();
    says(&one().class_weights(&[1.0]).unwrap_err(), "class_weights");
    says(
        &one().class_weights(&[1.0, -1.0]).unwrap_err(),
        "class_weights",
    );
    says(
        &plain.items(&logits.narrow(0, 0, 2)).unwrap_err(),
        "expected [3, 3]",
    );
    let none = plain.loss(&logits, Some(&mask.zeros_like()));
    says(&none.unwrap_err(), "weights sum to 0");
    let wide = plain.loss(&logits, Some(&tensor(&[1.0, 1.0])));
    says(&wide.unwrap_err(), "shapes must be equal");
    let empty = CrossEntropy::new(&[], 2, Device::Cpu)?.balanced()?;
    assert!(empty.loss(&tensor(&[]).reshape([0, 2]), None).is_err());
    Ok(())
}

#[test]
fn margins_equal_torch() -> Outcome {
    let (a, b) = (tensor(&[1.0, -0.5, 0.3]), tensor(&[0.2, 0.5, 0.2]));
    let theirs = Tensor::margin_ranking_loss(&a, &b, &a.ones_like(), 0.5, Reduction::Mean);
    close(
        &[value(&margin_ranking(&a, &b, 0.5, None)?)],
        &[value(&theirs)],
    );
    let mask = tensor(&[1.0, 1.0, 0.0]);
    close(
        &[value(&margin_ranking(&a, &b, 0.5, Some(&mask))?)],
        &[0.75],
    );
    check_slope(&[1.0, -0.5, 0.3], |a| {
        margin_ranking(a, &b, 0.5, None).unwrap()
    });
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        says(&margin_ranking(&a, &b, bad, None).unwrap_err(), "margin");
    }
    assert!(margin_ranking(&a, &tensor(&[1.0]), 0.5, None).is_err());
    Ok(())
}

#[test]
fn deviations_are_from_a_standard_normal() -> Outcome {
    let loss = Deviation::new(&DeviationConfig::default())?;
    let at =
        |score: f64, y: f64| value(&loss.loss(&tensor(&[score]), &tensor(&[y]), None).unwrap());
    // Mean and deviation of 5,000 draws are near 0 and 1.
    assert!((at(2.0, 0.0) - 2.0).abs() < 0.1 && (at(-2.0, 0.0) - 2.0).abs() < 0.1);
    assert!((at(2.0, 1.0) - 3.0).abs() < 0.15 && at(6.0, 1.0).abs() < 1e-12);
    let deviations = values(&loss.deviations(&tensor(&[0.0, 1.0]))?);
    let (mean, std) = (-deviations[0], deviations[1] - deviations[0]);
    assert!(mean.abs() < 0.05 && (std - 1.0).abs() < 0.05);
    let scores = [0.5, -1.0, 1.0, 2.0];
    let y = tensor(&[0.0, 0.0, 1.0, 1.0]);
    check_slope(&scores, |s| loss.loss(s, &y, None).unwrap());
    let dev = |s: f64| (s - -deviations[0] / std) * std;
    let expected = dev(0.5).abs() + dev(-1.0).abs() + 5.0 - dev(1.0) + 5.0 - dev(2.0);
    close(
        &[value(&loss.loss(&tensor(&scores), &y, None)?)],
        &[expected / 4.0],
    );

    let other = Deviation::new(&DeviationConfig::default().seed(1))?;
    assert_ne!(loss, other);
    assert_eq!(loss, Deviation::new(&DeviationConfig::default())?);
    for (config, name) in [
        (DeviationConfig::default().margin(0.0), "margin"),
        (DeviationConfig::default().draws(1), "draws"),
    ] {
        assert!(
            Deviation::new(&config)
                .unwrap_err()
                .to_string()
                .contains(name)
        );
    }
    assert!(loss.loss(&tensor(&[1.0]), &y, None).is_err());
    Ok(())
}

#[test]
fn one_class_losses_equal_the_fixture() -> Outcome {
    let case = fixture("oc");
    let (distances, nu) = (numbers(&case["dist"]), case["beta"].as_f64().unwrap());
    let squared = tensor(&distances);
    let radius = sphere_radius(&squared, nu)?;
    close(&[radius], &[case["r_quantile_sqrt"].as_f64().unwrap()]);
    let over = |d: &f64| (d - radius * radius).max(0.0);
    let expected = radius * radius + distances.iter().map(over).sum::<f64>() / 6.0 / nu;
    close(
        &[value(&one_class_soft(&squared, radius, nu, None)?)],
        &[expected],
    );
    let mean = distances.iter().sum::<f64>() / 6.0;
    close(&[value(&one_class_hard(&squared, None)?)], &[mean]);
    let mask = tensor(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    let two = f64::midpoint(distances[0], distances[5]);
    close(&[value(&one_class_hard(&squared, Some(&mask))?)], &[two]);
    check_slope(&distances, |d| one_class_soft(d, radius, nu, None).unwrap());
    for bad in [0.0, 1.5, f64::NAN] {
        says(&one_class_soft(&squared, 1.0, bad, None).unwrap_err(), "nu");
        says(&sphere_radius(&squared, bad).unwrap_err(), "nu");
    }
    assert!(one_class_hard(&tensor(&[]), None).is_err());
    Ok(())
}

/// `y = w |x - x'| + (1 - w) |s - s'|` by rows: the part of the attributes is ours.
#[test]
fn attribute_errors_equal_the_fixture() -> Outcome {
    let case = fixture("double_recon");
    let (x, guess) = (matrix(&fixture("x")), matrix(&case["x_"]));
    let w = case["weight"].as_f64().unwrap();
    let structure = attribute_errors(&matrix(&case["s"]), &matrix(&case["s_"]))?;
    let both = attribute_errors(&x, &guess)? * w + structure * (1.0 - w);
    close(&values(&both), &numbers(&case["y"]));
    let from = values(&guess);
    check_slope(&from, |g| {
        let g = g.reshape([6, 3]);
        attribute_errors(&x, &g).unwrap().sum(Kind::Double)
    });
    // No error, no slope.
    let same = x.copy().set_requires_grad(true);
    let none = attribute_errors(&x, &same)?;
    none.sum(Kind::Double).backward();
    assert!(values(&none).iter().all(|e| *e < 1e-11));
    assert!(values(&same.grad()).iter().all(|g| g.abs() < 1e-300));
    Ok(())
}

#[test]
fn structure_errors_are_means_over_the_pairs_of_a_node() -> Outcome {
    // 0 - 1 - 2, a loop and a repeat; 3 knows nobody.
    let edges = EdgeIndex::new(4, [(0, 1), (1, 0), (1, 2), (1, 2), (2, 2)])?;
    let z = [0.3, 1.0, -0.5, 2.0];
    let error = |a: usize, b: usize, edge: bool| {
        let logit: f64 = z[a] * z[b];
        let logit = if edge { -logit } else { logit };
        logit.exp().ln_1p()
    };
    let loss = SparseReconstruction::new(&edges, 0.25, 0, Device::Cpu)?;
    let rows = tensor(&z).reshape([4, 1]);
    let x = tensor(&[1.0, 2.0, 3.0, 4.0]).reshape([4, 1]);
    let errors = loss.errors(&x, &(&x + 2.0), &rows, 1)?;
    let expected = [
        error(0, 1, true),
        f64::midpoint(error(1, 0, true), error(1, 2, true)),
        error(2, 1, true),
        0.0,
    ];
    close(&values(&errors.structure), &expected);
    close(&values(&errors.attribute), &[2.0; 4]);
    let scores: Vec<f64> = expected.iter().map(|s| 0.5 + 0.75 * s).collect();
    close(&values(&errors.score), &scores);
    let mask = tensor(&[1.0, 0.0, 0.0, 1.0]);
    let masked = loss.loss(&x, &(&x + 2.0), &rows, 1, Some(&mask))?;
    close(&[value(&masked)], &[f64::midpoint(scores[0], scores[3])]);

    // Node 1 has only 3 left, node 0 has 2 and 3.
    let with = SparseReconstruction::new(&edges, 0.25, 50, Device::Cpu)?;
    let seen = values(&with.structure_errors(&rows, 1)?);
    let of_1 = (error(1, 0, true) + error(1, 2, true) + 50.0 * error(1, 3, false)) / 52.0;
    assert_relative_eq!(seen[1], of_1, max_relative = 1e-10);
    let (least, most) = (error(0, 2, false), error(0, 3, false));
    assert!(51.0 * seen[0] - error(0, 1, true) < 50.0 * least.max(most));
    assert!(51.0 * seen[0] - error(0, 1, true) > 50.0 * least.min(most));
    close(&values(&with.structure_errors(&rows, 1)?), &seen);
    assert_ne!(values(&with.structure_errors(&rows, 2)?), seen);
    check_slope(&z, |z| {
        let z = z.reshape([4, 1]);
        with.loss(&x, &(&x + 1.0), &z, 1, None).unwrap()
    });

    for bad in [-0.1, 1.1, f64::NAN] {
        let error = SparseReconstruction::new(&edges, bad, 1, Device::Cpu).unwrap_err();
        says(&error, "attribute_weight");
    }
    says(
        &with.structure_errors(&rows.narrow(0, 0, 3), 1).unwrap_err(),
        "expected [4, d]",
    );
    assert!(with.errors(&x, &rows.narrow(0, 0, 2), &rows, 1).is_err());
    let none = EdgeIndex::new(2, [])?;
    let alone = SparseReconstruction::new(&none, 0.5, 0, Device::Cpu)?;
    let two = tensor(&[1.0, 2.0]).reshape([2, 1]);
    close(&values(&alone.structure_errors(&two, 0)?), &[0.0, 0.0]);
    Ok(())
}

#[test]
fn nothing_and_too_much_are_refused() {
    let weights = tensor(&[1.0]);
    for weights in [None, Some(&weights)] {
        let error = one_class_hard(&Tensor::new(), weights).unwrap_err();
        assert_eq!(error.cause.to_string(), "there is no tensor");
    }
    let error = CrossEntropy::new(&[], usize::MAX, Device::Cpu).unwrap_err();
    assert!(error.cause.to_string().contains("at most 2^24"), "{error}");
}
