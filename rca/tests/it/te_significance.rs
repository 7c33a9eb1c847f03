//! How often influence is found where there is none, and that it is found where there is some.
//!
//! Seeded runs; the bounds are those of a binomial at the stated rate, to one run in a thousand or less.

use astern_rca::te::{
    DiscreteParams, Estimator, GaussianParams, KsgParams, Lags, Surrogates, demeaned_by_regime,
    differenced, quantile_bins,
};

/// Standard normal values, nearly: the sum of twelve uniform ones.
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n)
        .map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
        .collect()
}

/// `x(t) = Σ a_i x(t-i) + e`.
fn autoregressive(seed: u64, n: usize, a: &[f64]) -> Vec<f64> {
    let mut x = noise(seed, n + 50);
    for t in a.len()..x.len() {
        x[t] += a
            .iter()
            .enumerate()
            .map(|(i, a)| a * x[t - 1 - i])
            .sum::<f64>();
    }
    x.split_off(50)
}

/// How many of the runs find influence at 5 %.
fn rejected(runs: u64, p_value: impl Fn(u64) -> Option<f64>) -> usize {
    (0..runs)
        .filter(|run| p_value(*run).unwrap() <= 0.05)
        .count()
}

#[test]
fn simultaneous_level_shifts_are_no_influence_once_removed() {
    let te = GaussianParams::default().check().unwrap();
    // Two independent series that rise by three standard deviations; the second one a little later.
    let shifted = |run: u64, late: usize| {
        let rise = |seed: u64, at: usize| {
            let x = autoregressive(seed, 600, &[0.5]);
            (0..600)
                .map(|t| x[t] + if t < at { 0.0 } else { 3.5 })
                .collect::<Vec<f64>>()
        };
        (rise(2 * run, 300), rise(2 * run + 1, 300 + late))
    };
    for late in [0, 5] {
        let raw = rejected(40, |run| {
            let (x, y) = shifted(run, late);
            te.estimate(&x, &y).unwrap().p_value
        });
        assert!(raw >= 38, "{raw} of 40 with the shifts in");
        let of_steps = rejected(200, |run| {
            let (x, y) = shifted(run, late);
            te.estimate(&differenced(&x), &differenced(&y))
                .unwrap()
                .p_value
        });
        let of_levels = rejected(200, |run| {
            let (x, y) = shifted(run, late);
            let y = demeaned_by_regime(&y, &[300 + late]);
            te.estimate(&demeaned_by_regime(&x, &[300]), &y)
                .unwrap()
                .p_value
        });
        // 10 of 200 on average.
        assert!(
            (1..=22).contains(&of_steps),
            "{of_steps} of 200 after differencing"
        );
        assert!(
            (1..=22).contains(&of_levels),
            "{of_levels} of 200 after demeaning"
        );
    }
}

#[test]
fn circular_shifts_hold_their_level_where_the_history_is_too_short() {
    let te = GaussianParams::default().check().unwrap();
    let p_value = |run: u64, surrogates: Surrogates| {
        let (x, y) = (2 * run, 2 * run + 1);
        let series = |seed| autoregressive(seed, 300, &[1.2, -0.4]);
        te.test(&series(x), &series(y), &surrogates)
            .unwrap()
            .p_value
    };
    let circular = rejected(200, |run| p_value(run, Surrogates::circular(99).seed(run)));
    let blocks = rejected(200, |run| {
        p_value(run, Surrogates::blocks(99, 20).seed(run))
    });
    assert!(
        circular <= 22 && blocks <= 22,
        "{circular} and {blocks} of 200"
    );
}

#[test]
fn the_chi_square_of_symbols_is_in_nats() {
    // Taken in bits the same statistic rejects nearly half of these.
    let te = DiscreteParams::default().check().unwrap();
    let found = rejected(200, |run| {
        let symbols = |seed| quantile_bins(&noise(seed, 1_000), 4);
        te.estimate(&symbols(2 * run), &symbols(2 * run + 1))
            .unwrap()
            .p_value
    });
    assert!((1..=22).contains(&found), "{found} of 200");
}

#[test]
fn stopping_early_keeps_the_level() {
    let te = GaussianParams::default().check().unwrap();
    let surrogates = Surrogates::circular(99).stop_after(10);
    let found = rejected(200, |run| {
        let series = |seed| autoregressive(seed, 250, &[0.7]);
        te.test(
            &series(2 * run),
            &series(2 * run + 1),
            &surrogates.seed(run),
        )
        .unwrap()
        .p_value
    });
    assert!((1..=22).contains(&found), "{found} of 200");
}

#[test]
fn influence_is_found_in_its_direction() {
    let ksg = KsgParams::default().check().unwrap();
    let x = autoregressive(1, 300, &[0.5]);
    let own = noise(2, 300);
    let y: Vec<f64> = (0..300)
        .map(|t| x[t.max(1) - 1].powi(2) + 0.3 * own[t])
        .collect();
    let surrogates = Surrogates::circular(39).seed(5);
    let there = ksg.test(&x, &y, &surrogates).unwrap();
    let back = ksg.test(&y, &x, &surrogates).unwrap();
    assert!((there.p_value.unwrap() - 1.0 / 40.0).abs() < 1e-12 && there.effective_nats > 0.3);
    assert!(back.p_value.unwrap() > 0.05, "{back:?}");
}

#[test]
fn differences_of_noise_take_a_longer_history() {
    let found = |history: u8| {
        let te = GaussianParams::default().lags(Lags::default().target_history(history));
        let te = te.check().unwrap();
        rejected(1_000, |run| {
            let series = |seed| differenced(&noise(seed, 150));
            te.estimate(&series(2 * run), &series(2 * run + 1))
                .unwrap()
                .p_value
        })
    };
    let (short, long) = (found(1), found(3));
    assert!(short > 62 && long <= 62, "{short} and {long} of 1,000");
}
