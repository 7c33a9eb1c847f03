//! Every estimator against values that other tools computed, and against closed forms.
//!
//! Series: seeded, see `te_fixtures.rs`. Values: JIDT 1.6.1 with its noise switched off, to the 12 digits that
//! it printed, unless a test says otherwise.

use crate::te_fixtures::{
    BIN_XOR, DISC8_COPY, GAUSS_AR, GAUSS_DRIVER, LOGISTIC, NULL_LOGNORMAL, numbers, symbols,
};
use astern_rca::te::{
    CopulaParams, Correction, Discrete, DiscreteParams, Estimator, Gaussian, GaussianParams,
    KernelParams, Ksg, KsgForm, KsgParams, Lags, SymbolicParams, equal_width_bins, quantile_bins,
};

fn gaussian() -> Gaussian {
    GaussianParams::default().check().unwrap()
}

fn ksg() -> KsgParams {
    KsgParams::default()
}

fn lags(history: u8) -> Lags {
    Lags::default()
        .target_history(history)
        .source_history(history)
}

/// Both directions of each pair of series, in the units of `value`.
#[track_caller]
fn agree(expected: [(&str, f64, f64); 3], value: impl Fn(&[f64], &[f64]) -> f64) {
    for (series, forward, backward) in expected {
        let [x, y] = numbers(series);
        let (there, back) = (value(&x, &y), value(&y, &x));
        assert!((there - forward).abs() < 1e-9, "{there} is not {forward}");
        assert!((back - backward).abs() < 1e-9, "{back} is not {backward}");
    }
}

#[test]
fn gaussian_agrees() {
    let of = |te: Gaussian| move |x: &[f64], y: &[f64]| te.estimate(x, y).unwrap();
    let nats = |te| move |x: &[f64], y: &[f64]| of(te)(x, y).nats;
    agree(
        [
            (GAUSS_AR, 0.095_917_314_619, 0.000_101_542_854),
            (LOGISTIC, 0.076_913_400_098, 0.000_050_404_352),
            (NULL_LOGNORMAL, 0.000_034_747_671, 0.000_001_450_201),
        ],
        nats(gaussian()),
    );
    agree(
        [
            (GAUSS_AR, 0.095_767_193_947, 0.000_481_376_327),
            (LOGISTIC, 0.093_019_262_199, 0.000_189_217_419),
            (NULL_LOGNORMAL, 0.000_336_124_500, 0.000_046_237_941),
        ],
        nats(gaussian().with_lags(lags(3)).unwrap()),
    );
    let effective = |x: &[f64], y: &[f64]| of(gaussian())(x, y).effective_nats;
    agree(
        [
            (GAUSS_AR, 0.095_667_189_557, -0.000_148_582_208),
            (LOGISTIC, 0.076_663_275_036, -0.000_199_720_710),
            (NULL_LOGNORMAL, -0.000_215_377_392, -0.000_248_674_861),
        ],
        effective,
    );
    let [x, y] = numbers(GAUSS_AR);
    let p_value = gaussian().estimate(&y, &x).unwrap().p_value.unwrap();
    assert!((p_value - 0.524_022_946_620).abs() < 1e-9);
}

#[test]
fn ksg_agrees() {
    let nats = |params: KsgParams| {
        let te: Ksg = params.check().unwrap();
        move |x: &[f64], y: &[f64]| te.estimate(x, y).unwrap().nats
    };
    agree(
        [
            (GAUSS_AR, 0.094_249_330_839, -0.012_488_742_322),
            (LOGISTIC, 1.937_501_158_694, -0.040_357_055_145),
            (NULL_LOGNORMAL, -0.011_295_270_697, -0.000_171_376_319),
        ],
        nats(ksg()),
    );
    agree(
        [
            (GAUSS_AR, 0.118_745_852_242, 0.000_351_368_453),
            (LOGISTIC, 2.163_691_197_182, -0.214_118_994_893),
            (NULL_LOGNORMAL, 0.002_284_264_925, 0.027_258_453_677),
        ],
        nats(ksg().form(KsgForm::Rectangles)),
    );
    agree(
        [
            (GAUSS_AR, 0.089_912_871_796, 0.034_803_353_117),
            (LOGISTIC, 0.752_886_550_534, -0.036_251_145_141),
            (NULL_LOGNORMAL, -0.005_178_048_713, -0.000_710_863_723),
        ],
        nats(ksg().lags(lags(2))),
    );
    agree(
        [
            (GAUSS_AR, 0.093_373_744_325, -0.011_341_043_877),
            (LOGISTIC, 1.927_415_166_611, -0.039_876_114_113),
            (NULL_LOGNORMAL, -0.011_136_253_692, -0.001_016_551_436),
        ],
        nats(ksg().theiler(20)),
    );
}

#[test]
fn delayed_and_conditional_forms_agree() {
    let [x, y, z] = numbers(GAUSS_DRIVER);
    let near = |value: f64, expected: f64| {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    };
    let later = Lags::default().delay(2);
    let given = Lags::default().given_delay(2);
    near(gaussian().estimate(&x, &y).unwrap().nats, 0.108_557_449_013);
    let te = gaussian().with_lags(later).unwrap();
    near(te.estimate(&z, &y).unwrap().nats, 0.275_278_732_932);
    let te = gaussian().with_lags(given).unwrap();
    near(
        te.estimate_given(&x, &y, &z).unwrap().nats,
        0.000_876_212_479,
    );
    let te = ksg().check().unwrap();
    near(te.estimate(&x, &y).unwrap().nats, 0.105_477_306_451);
    let te = ksg().lags(later).check().unwrap();
    near(te.estimate(&z, &y).unwrap().nats, 0.266_087_509_085);
    let te = ksg().lags(given).check().unwrap();
    near(
        te.estimate_given(&x, &y, &z).unwrap().nats,
        -0.020_719_887_563,
    );
}

#[test]
fn gaussian_is_near_the_closed_form_and_finds_the_direction() {
    let [x, y] = numbers(GAUSS_AR);
    let forward = gaussian().estimate(&x, &y).unwrap();
    let backward = gaussian().estimate(&y, &x).unwrap();
    // ½ ln(q - g²/q) of the process; the sample's standard error is about .0097.
    assert!((forward.nats - 0.102_074_479_919).abs() < 0.02);
    assert!(forward.p_value.unwrap() < 1e-12 && backward.p_value.unwrap() > 0.05);
}

fn discrete(history: u8, correction: Correction) -> Discrete {
    let params = DiscreteParams::default().lags(
        Lags::default()
            .target_history(history)
            .source_history(history),
    );
    params.correction(correction).check().unwrap()
}

#[test]
fn discrete_agrees() {
    let [x, y] = symbols(DISC8_COPY);
    let bits = |te: Discrete, x: &[u8], y: &[u8]| te.estimate(x, y).unwrap().bits();
    let te = discrete(1, Correction::None);
    let mut cases = vec![
        (bits(te, &x, &y), 0.993_831_894_705),
        (bits(te, &y, &x), 0.160_883_937_339),
    ];
    // Two other tools agree on these digits.
    let corrected = bits(discrete(1, Correction::MillerMadow), &x, &y);
    assert!((corrected - 0.879_441).abs() < 5e-7, "{corrected}");
    let [x, y] = symbols(BIN_XOR);
    cases.extend([
        (bits(te, &x, &y), 0.531_022_646_504),
        (bits(te, &y, &x), 0.000_244_240_318),
        (
            bits(discrete(2, Correction::None), &x, &y),
            0.533_189_380_647,
        ),
    ]);
    for (found, expected) in cases {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }
    // In nats: JIDT takes the value in bits for one in nats, so its own p-value (.6137) is too small.
    let found = te.estimate(&y, &x).unwrap();
    // χ² with two degrees of freedom.
    let expected = (-1_999.0 * found.nats).exp();
    assert!((found.p_value.unwrap() - expected).abs() < 1e-9);
}

#[test]
fn bins_and_patterns_agree() {
    let te = discrete(1, Correction::None);
    let binned = |bins: fn(&[f64], u16) -> Vec<u16>, count: u16| {
        move |x: &[f64], y: &[f64]| {
            te.estimate(&bins(x, count), &bins(y, count))
                .unwrap()
                .bits()
        }
    };
    agree(
        [
            (GAUSS_AR, 0.294_772_912_589, 0.155_295_631_559),
            (LOGISTIC, 1.486_396_120_189, 0.035_047_409_632),
            (NULL_LOGNORMAL, 0.122_193_985_437, 0.130_422_053_361),
        ],
        binned(quantile_bins, 8),
    );
    agree(
        [
            (GAUSS_AR, 0.128_929_187_694, 0.015_006_946_627),
            (LOGISTIC, 0.894_922_366_407, 0.010_738_573_589),
            (NULL_LOGNORMAL, 0.015_816_854_451, 0.011_994_257_104),
        ],
        binned(quantile_bins, 4),
    );
    agree(
        [
            (GAUSS_AR, 0.185_868_856_963, 0.059_155_142_710),
            (LOGISTIC, 1.206_522_197_091, 0.032_422_410_180),
            (NULL_LOGNORMAL, 0.008_306_207_349, 0.010_638_022_793),
        ],
        binned(equal_width_bins, 8),
    );
    let te = SymbolicParams::default().check().unwrap();
    agree(
        [
            (GAUSS_AR, 0.066_626_964_787, 0.031_541_815_640),
            (LOGISTIC, 0.486_218_795_665, 0.089_938_837_814),
            (NULL_LOGNORMAL, 0.019_075_405_185, 0.017_148_143_402),
        ],
        |x, y| te.estimate(x, y).unwrap().bits(),
    );
}

/// The unit tests of the inform library, in bits, source first.
#[test]
fn discrete_agrees_with_inform() {
    let digits = |text: &str| text.bytes().map(|b| b - b'0').collect::<Vec<u8>>();
    let (third, half) = (2.0 / 3.0, 0.5);
    for (a, b, [ba2, ab2, ba1, ab1]) in [
        ("11100", "11001", [third, 0.0, 0.688_721_876, half]),
        (
            "0011100001",
            "1100000011",
            [half, 0.106_844_122, 0.306_098_611, 0.127_249_670],
        ),
        (
            "0101001100",
            "0010111011",
            [0.344_360_938, 0.25, 0.455_540_608, 0.539_416_997],
        ),
    ] {
        let (a, b) = (digits(a), digits(b));
        for (history, ba, ab) in [(2, ba2, ab2), (1, ba1, ab1)] {
            let te = DiscreteParams::default().lags(Lags::default().target_history(history));
            let te = te.check().unwrap();
            let bits = |x: &[u8], y: &[u8]| te.estimate(x, y).unwrap().bits();
            assert!((bits(&b, &a) - ba).abs() < 1e-8);
            assert!((bits(&a, &b) - ab).abs() < 1e-8);
        }
    }
}

/// JIDT's demonstration that a longer history of the target explains the source away.
#[test]
fn a_longer_history_explains_the_source_away() {
    let target: Vec<u8> = (0..101).map(|t| u8::from(t % 4 < 2)).collect();
    let source: Vec<u8> = (0..101).map(|t| u8::from(t % 2 == 0)).collect();
    for (history, expected) in [(1, 1.0), (2, 0.0)] {
        let te = DiscreteParams::default().lags(Lags::default().target_history(history));
        let found = te.check().unwrap().estimate(&source, &target).unwrap();
        assert!((found.bits() - expected).abs() < 1e-3, "{found:?}");
    }
}

#[test]
fn kernel_agrees() {
    let te = KernelParams::default().check().unwrap();
    agree(
        [
            (GAUSS_AR, 0.166_361_369_806, 0.036_559_774_446),
            (LOGISTIC, 0.871_102_351_234, 0.003_312_839_263),
            (NULL_LOGNORMAL, 0.030_106_818_216, 0.032_292_903_188),
        ],
        |x, y| te.estimate(x, y).unwrap().bits(),
    );
}

/// Against the formula in numpy, with scipy's mean ranks and normal quantiles.
#[test]
fn copula_agrees() {
    let te = CopulaParams::default().check().unwrap();
    agree(
        [
            (GAUSS_AR, 0.094_795_132_868, 0.000_110_464_644),
            (LOGISTIC, 0.056_579_380_502, 0.000_016_826_814),
            (NULL_LOGNORMAL, 0.000_115_123_090, 0.000_052_801_866),
        ],
        |x, y| te.estimate(x, y).unwrap().nats,
    );
}
