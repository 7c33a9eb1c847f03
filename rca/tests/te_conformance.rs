//! Transfer entropy against values that JIDT computed and against the closed form.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use astern_rca::te::GaussianTeParams;

/// Coupled autoregressive pair, `X_t = .6 X + e`, `Y_t = .5 Y + .4 X_{t-1} + e'`, N = 2,000.
/// Values: JIDT 1.6.1 (Gaussian calculator), to the 12 digits that it printed.
const SERIES: &str = include_str!("fixtures/gauss_ar_2000.csv");

fn columns() -> (Vec<f64>, Vec<f64>) {
    SERIES
        .lines()
        .map(|line| line.split_once(',').unwrap())
        .map(|(x, y)| (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap()))
        .unzip()
}

#[test]
fn agrees_with_jidt() {
    let (x, y) = columns();
    let te = GaussianTeParams::default();
    let forward = te.estimate(&x, &y).unwrap();
    assert!((forward.nats - 0.095_917_314_619).abs() < 1e-9);
    assert!((forward.effective_nats - 0.095_667_189_557).abs() < 1e-9);
    let longer = te.history(3, 3).estimate(&x, &y).unwrap();
    assert!((longer.nats - 0.095_767_193_947).abs() < 1e-9);
}

#[test]
fn is_near_the_closed_form_and_finds_the_direction() {
    let (x, y) = columns();
    let te = GaussianTeParams::default();
    let forward = te.estimate(&x, &y).unwrap();
    let backward = te.estimate(&y, &x).unwrap();
    // ½ ln(q - g²/q) of the process; the sample's standard error is about .0097.
    assert!((forward.nats - 0.102_074_479_919).abs() < 0.02);
    assert!(forward.p_value < 1e-12 && backward.p_value > 0.05);
}
