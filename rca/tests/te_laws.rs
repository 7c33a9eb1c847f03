//! What holds for every estimator, whatever the series.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use astern_rca::te::{
    CopulaParams, Correction, DiscreteParams, Estimate, Estimator, GaussianParams, KernelParams,
    KsgForm, KsgParams, Lags, Series, Surrogates, SymbolicParams, TeError, demeaned_by_regime,
    differenced, equal_width_bins, quantile_bins,
};
use proptest::prelude::*;

/// One question that every estimator of numbers is asked.
type Asked<'a> = &'a dyn Fn(&str, Box<dyn Fn(&Three<'_>) -> Result<Estimate, TeError>>);

/// Source, target, given.
type Three<'a> = [&'a [f64]; 3];

fn ask<E: Estimator<Value = f64> + 'static>(name: &str, te: E, asked: Asked<'_>) {
    asked(
        name,
        Box::new(move |[x, y, z]| te.estimate_given(*x, *y, *z)),
    );
}

fn every(lags: Lags, asked: Asked<'_>) {
    ask(
        "gaussian",
        GaussianParams::default().lags(lags).check().unwrap(),
        asked,
    );
    ask(
        "copula",
        CopulaParams::default().lags(lags).check().unwrap(),
        asked,
    );
    ask(
        "kernel",
        KernelParams::default().lags(lags).check().unwrap(),
        asked,
    );
    ask(
        "symbolic",
        SymbolicParams::default().lags(lags).check().unwrap(),
        asked,
    );
    let ksg = KsgParams::default().lags(lags);
    ask("ksg", ksg.check().unwrap(), asked);
    ask("theiler", ksg.theiler(2).check().unwrap(), asked);
    ask(
        "rectangles",
        ksg.form(KsgForm::Rectangles).check().unwrap(),
        asked,
    );
}

/// Bits of whatever a series may hold.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -10.0..10.0f64,
        2 => (-3..3_i8).prop_map(f64::from),
        1 => prop::num::f64::ANY,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::MAX),
    ]
}

fn numbers(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(any_value(), len.clone()),
        len.prop_flat_map(|n| any_value().prop_map(move |x| vec![x; n])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_series_gives_a_finite_value_or_an_error(
        x in numbers(0..60), y in numbers(0..60), z in numbers(0..60), k in 1..3_u8, l in 1..3_u8,
    ) {
        let n = x.len().min(y.len()).min(z.len());
        every(Lags::default().history(k, l), &|name, te| {
            let finite = |found: Result<Estimate, TeError>| {
                if let Ok(found) = found {
                    assert!(found.nats.is_finite() && found.effective_nats.is_finite(), "{name} {found:?}");
                    assert!(found.p_value.is_none_or(|p| (0.0..=1.0).contains(&p)), "{name} {found:?}");
                }
            };
            finite(te(&[&x, &y, &z]));
            finite(te(&[&x[..n], &y[..n], &z[..n]]));
        });
        prop_assert_eq!(differenced(&x).len(), x.len());
        prop_assert_eq!(demeaned_by_regime(&x, &[k.into(), 99]).len(), x.len());
        for symbols in [equal_width_bins(&x[..n], 4), quantile_bins(&x[..n], 4)] {
            let te = DiscreteParams::default().correction(Correction::PanzeriTreves).check().unwrap();
            if let Ok(found) = te.estimate(&symbols, &equal_width_bins(&y[..n], 3)) {
                prop_assert!(found.nats.is_finite());
            }
        }
    }

    #[test]
    fn scale_and_level_do_not_count(
        x in prop::collection::vec(-1.0..1.0f64, 80), y in prop::collection::vec(-1.0..1.0f64, 80),
        z in prop::collection::vec(-1.0..1.0f64, 80), exponent in -40..40_i32, level in -8..8_i8,
    ) {
        // Powers of two and a level that rounds nothing away worth a rank.
        let moved: Vec<f64> = x.iter().map(|v| (v + f64::from(level)) * 2.0_f64.powi(exponent)).collect();
        every(Lags::default(), &|name, te| {
            let (plain, other) = (te(&[&x, &y, &z]).unwrap(), te(&[&moved, &y, &z]).unwrap());
            assert!((plain.nats - other.nats).abs() < 1e-6, "{name} {} {}", plain.nats, other.nats);
        });
    }

    #[test]
    fn a_copy_of_the_source_leaves_nothing_to_tell(
        x in prop::collection::vec(-1.0..1.0f64, 80), y in prop::collection::vec(-1.0..1.0f64, 80),
    ) {
        every(Lags::default(), &|name, te| {
            // Rectangles have a bias of their own here.
            if name != "rectangles" {
                let nats = te(&[&x, &y, &x]).unwrap().nats;
                assert!(nats.abs() < 1e-9, "{name} {nats}");
            }
        });
    }

    #[test]
    fn names_of_symbols_do_not_count(
        x in prop::collection::vec(0..4_u16, 60), y in prop::collection::vec(0..3_u16, 60),
        names in Just([0_u16, 9, 400, 65_534]).prop_shuffle(),
    ) {
        let renamed: Vec<u16> = x.iter().map(|s| names[usize::from(*s)]).collect();
        for correction in [Correction::None, Correction::MillerMadow, Correction::PanzeriTreves] {
            let te = DiscreteParams::default().correction(correction).check().unwrap();
            let (a, b) = (te.estimate(&x, &y).unwrap(), te.estimate(&renamed, &y).unwrap());
            prop_assert!((a.nats - b.nats).abs() < 1e-9 && a.null == b.null);
            // The supports that Panzeri and Treves search for differ where symbols that never meet could.
            if correction != Correction::PanzeriTreves {
                let given = te.estimate_given(&x, &y, &renamed).unwrap();
                prop_assert!(given.nats.abs() < 1e-9);
            }
        }
    }

    #[test]
    fn p_values_of_surrogates_are_their_ranks(
        x in prop::collection::vec(-1.0..1.0f64, 60), y in prop::collection::vec(-1.0..1.0f64, 60), seed: u64,
    ) {
        let te = KsgParams::default().check().unwrap();
        let full = Surrogates::circular(19).offset_min(4).seed(seed);
        let tested = te.test(&x, &y, &full).unwrap();
        prop_assert_eq!(&tested, &te.test(&x, &y, &full).unwrap());
        let p = tested.p_value.unwrap();
        prop_assert!((1.0 / 20.0..=1.0).contains(&p));
        // Stopping early leaves small p-values as they are.
        let stopped = te.test(&x, &y, &full.stop_after(4)).unwrap().p_value.unwrap();
let is_small = p < 4.0 / 19.0;
        prop_assert!(if is_small { (stopped - p).abs() < 1e-12 } else { stopped >= 4.0 / 19.0 }, "{}", stopped);
    }
}

#[test]
fn every_estimator_says_why_it_can_not() {
    let x: Vec<f64> = (0..40).map(|t| f64::from(t * t % 17)).collect();
    every(Lags::default(), &|name, te| {
        assert!(
            matches!(te(&[&x, &x[1..], &x]), Err(TeError::Lengths { .. })),
            "{name}"
        );
        assert!(
            matches!(
                te(&[&x[..3], &x[..3], &x[..3]]),
                Err(TeError::TooFew { .. })
            ),
            "{name}"
        );
        if name != "symbolic" {
            assert_eq!(
                te(&[&[1.0; 40], &x, &x]),
                Err(TeError::Degenerate),
                "{name}"
            );
        }
    });
    let te = KsgParams::default().check().unwrap();
    assert_eq!(te.estimate(Series::none(), &x), Err(TeError::Degenerate));
    for bad in [
        Surrogates::circular(0),
        Surrogates::circular(9).offset_min(0),
        Surrogates::blocks(9, 0),
        Surrogates::blocks(9, 3).stop_after(0),
    ] {
        assert!(
            matches!(te.test(&x, &x, &bad), Err(TeError::Param(_))),
            "{bad:?}"
        );
    }
}
