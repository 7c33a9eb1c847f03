//! What holds for every estimator, whatever the series.

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

/// Which questions an estimator is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Questions {
    Estimate,
    All,
}

fn ask<E: Estimator<Value = f64> + 'static>(
    name: &str,
    te: E,
    questions: Questions,
    asked: Asked<'_>,
) {
    asked(
        name,
        Box::new(move |[x, y, z]| te.estimate_given(*x, *y, *z)),
    );
    if questions == Questions::Estimate {
        return;
    }
    for surrogates in [
        Surrogates::circular(3).offset_min(2),
        Surrogates::blocks(3, 5),
    ] {
        asked(
            name,
            Box::new(move |[x, y, z]| te.test_given(*x, *y, *z, &surrogates)),
        );
    }
    asked(name, Box::new(move |[_, y, _]| te.active_storage(*y)));
    asked(
        name,
        Box::new(move |[_, y, z]| te.active_storage(vec![*y, *z])),
    );
}

fn every(lags: Lags, questions: Questions, asked: Asked<'_>) {
    let gaussian = GaussianParams::default().lags(lags).check().unwrap();
    ask("gaussian", gaussian, questions, asked);
    let copula = CopulaParams::default().lags(lags).check().unwrap();
    ask("copula", copula, questions, asked);
    let kernel = KernelParams::default().lags(lags).check().unwrap();
    ask("kernel", kernel, questions, asked);
    let symbolic = SymbolicParams::default().lags(lags).check().unwrap();
    ask("symbolic", symbolic, questions, asked);
    let ksg = KsgParams::default().lags(lags);
    let rectangles = ksg.form(KsgForm::Rectangles);
    let mut forms = vec![
        ("ksg", ksg),
        ("theiler", ksg.theiler(2)),
        ("rectangles", rectangles),
    ];
    if questions == Questions::All {
        // Not one that scales leave alone.
        forms.extend([
            ("raw", ksg.raw(true)),
            ("raw rectangles", rectangles.raw(true)),
        ]);
    }
    for (name, params) in forms {
        ask(name, params.check().unwrap(), questions, asked);
    }
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

/// A series of that length: mostly one that can be estimated.
fn numbers(len: usize) -> impl Strategy<Value = Vec<f64>> {
    let missing = prop_oneof![Just(f64::NAN), Just(f64::NEG_INFINITY)];
    let tame = prop_oneof![40 => -10.0..10.0f64, 1 => missing];
    prop_oneof![
        4 => prop::collection::vec(tame, len),
        2 => prop::collection::vec((-2..3_i8).prop_map(f64::from), len),
        1 => prop::collection::vec(any_value(), len),
        1 => any_value().prop_map(move |x| vec![x; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_series_gives_a_finite_value_or_an_error(
        [x, y, z] in (40..120_usize).prop_flat_map(|n| [numbers(n), numbers(n), numbers(n)]),
        k in 1..3_u8, l in 1..3_u8,
    ) {
        every(Lags::default().target_history(k).source_history(l), Questions::All, &|name, te| {
            if let Ok(found) = te(&[&x, &y, &z]) {
                assert!(found.nats.is_finite() && found.effective_nats.is_finite(), "{name} {found:?}");
                assert!(found.p_value.is_none_or(|p| (0.0..=1.0).contains(&p)), "{name} {found:?}");
            }
        });
        prop_assert_eq!(differenced(&x).len(), x.len());
        prop_assert_eq!(demeaned_by_regime(&x, &[k.into(), 99]).len(), x.len());
        for symbols in [equal_width_bins(&x, 4), quantile_bins(&x, 4)] {
            let te = DiscreteParams::default().correction(Correction::PanzeriTreves).check().unwrap();
            if let Ok(found) = te.estimate(&symbols, &equal_width_bins(&y, 3)) {
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
        every(Lags::default(), Questions::Estimate, &|name, te| {
            let (plain, other) = (te(&[&x, &y, &z]).unwrap(), te(&[&moved, &y, &z]).unwrap());
            assert!((plain.nats - other.nats).abs() < 1e-6, "{name} {} {}", plain.nats, other.nats);
        });
    }

    #[test]
    fn a_copy_of_the_source_leaves_nothing_to_tell(
        x in prop::collection::vec(-1.0..1.0f64, 80), y in prop::collection::vec(-1.0..1.0f64, 80),
    ) {
        every(Lags::default(), Questions::Estimate, &|name, te| {
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
    every(Lags::default(), Questions::Estimate, &|name, te| {
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
