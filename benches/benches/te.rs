//! Speed of transfer entropy by estimator and length.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_rca::te::{
    CopulaParams, DiscreteParams, Estimator, GaussianParams, KernelParams, KsgForm, KsgParams,
    Lags, Surrogates, SymbolicParams, quantile_bins,
};
use astern_stats::rng::seeded;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::RngExt;

const LENGTHS: [usize; 3] = [200, 2_000, 20_000];

/// A source, and a target that follows it one step later.
fn pair(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rng = seeded(n as u64, 0);
    let mut noise = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let (mut x, mut y) = (vec![0.0; n], vec![0.0; n]);
    for t in 1..n {
        x[t] = 0.6 * x[t - 1] + noise();
        y[t] = 0.5 * y[t - 1] + 0.4 * x[t - 1] + noise();
    }
    (x, y)
}

fn by_length<E: Estimator<Value = f64>>(c: &mut Criterion, name: &str, te: E) {
    let mut group = c.benchmark_group(format!("te_{name}"));
    group.sample_size(10);
    for n in LENGTHS {
        let (x, y) = pair(n);
        group.bench_with_input(BenchmarkId::from_parameter(n), &n, |b, _| {
            b.iter(|| te.estimate(black_box(&x), &y).unwrap());
        });
    }
    group.finish();
}

fn estimators(c: &mut Criterion) {
    by_length(c, "gaussian", GaussianParams::default().check().unwrap());
    by_length(c, "copula", CopulaParams::default().check().unwrap());
    by_length(c, "symbolic", SymbolicParams::default().check().unwrap());
    by_length(c, "kernel", KernelParams::default().check().unwrap());
    let ksg = KsgParams::default();
    by_length(c, "ksg1", ksg.check().unwrap());
    by_length(c, "ksg2", ksg.form(KsgForm::Rectangles).check().unwrap());
    let longer = ksg.lags(Lags::default().target_history(2).source_history(2));
    by_length(c, "ksg1_history_2", longer.check().unwrap());
}

fn discrete(c: &mut Criterion) {
    let te = DiscreteParams::default().check().unwrap();
    let mut group = c.benchmark_group("te_discrete_8");
    for n in LENGTHS {
        let (x, y) = pair(n);
        let (x, y) = (quantile_bins(&x, 8), quantile_bins(&y, 8));
        group.bench_with_input(BenchmarkId::from_parameter(n), &n, |b, _| {
            b.iter(|| te.estimate(black_box(&x), &y).unwrap());
        });
    }
    group.finish();
}

/// One pair with 100 circular surrogates at N = 2,000.
fn surrogates(c: &mut Criterion) {
    let (x, y) = pair(2_000);
    let drawn = Surrogates::circular(100);
    let gaussian = GaussianParams::default().check().unwrap();
    let ksg = KsgParams::default().check().unwrap();
    let mut group = c.benchmark_group("te_surrogates_100");
    group.sample_size(10);
    group.bench_function("gaussian", |b| {
        b.iter(|| gaussian.test(black_box(&x), &y, &drawn).unwrap());
    });
    group.bench_function("ksg1", |b| {
        b.iter(|| ksg.test(black_box(&x), &y, &drawn).unwrap());
    });
    group.finish();
}

criterion_group!(te, estimators, discrete, surrogates);
criterion_main!(te);
