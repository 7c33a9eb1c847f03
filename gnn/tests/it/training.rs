//! What training needs without libtorch: settings, schedules, checkpoints, samplers, searches.

use std::collections::BTreeSet;

use approx::assert_relative_eq;
use astern_gnn::search::{Fold, Grid, GridReport, SearchError, k_fold, stratified_k_fold};
use astern_gnn::train::{
    AdamConfig, Clip, EarlyStop, Goal, MinDelta, NegativeSampler, OptimizerConfig, RmsPropConfig,
    Schedule, Scheduler, SgdConfig, TrainParams,
};
use astern_gnn::{ConfigError, EdgeIndex};
use proptest::prelude::*;

use crate::support::Outcome;

/// Name of the setting that is refused.
fn refused(params: &TrainParams) -> &'static str {
    match params.check().unwrap_err() {
        ConfigError::OutOfRange { name, .. } => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_setting_has_its_range() -> Outcome {
    let good = || TrainParams::new(OptimizerConfig::adam(0.01));
    good().check()?;
    let paced = |schedule| good().schedule(schedule);
    let plateau = |factor, min_delta, floor| Schedule::ReduceOnPlateau {
        factor,
        patience: 3,
        min_delta,
        floor,
    };
    let any = MinDelta::Absolute(0.0);
    let cosine = |warm_up, epochs, floor| Schedule::Cosine {
        warm_up,
        epochs,
        floor,
    };
    let nan = f64::NAN;
    let cases = [
        (good().epochs(0), "epochs"),
        (good().batches(0), "batches"),
        (good().clip(Clip::Norm(0.0)), "clip"),
        (good().clip(Clip::Value(f64::INFINITY)), "clip"),
        (
            good().early_stop(EarlyStop::after(0)),
            "early_stop.patience",
        ),
        (
            good().early_stop(EarlyStop::after(1).min_delta(MinDelta::Absolute(-1.0))),
            "min_delta",
        ),
        (
            good().early_stop(EarlyStop::after(1).min_delta(MinDelta::Relative(1.0))),
            "min_delta",
        ),
        (
            paced(Schedule::Step {
                every: 0,
                factor: 0.5,
            }),
            "schedule.every",
        ),
        (
            paced(Schedule::Step {
                every: 1,
                factor: 0.0,
            }),
            "schedule.factor",
        ),
        (
            paced(Schedule::Exponential { factor: 1.1 }),
            "schedule.factor",
        ),
        (
            paced(cosine(5, 5, 0.0)),
            "schedule.epochs - schedule.warm_up",
        ),
        (paced(cosine(1, 5, -1.0)), "schedule.floor"),
        (paced(plateau(0.0, any, 0.0)), "schedule.factor"),
        (
            paced(plateau(0.5, MinDelta::Relative(-0.1), 0.0)),
            "min_delta",
        ),
        (paced(plateau(0.5, any, nan)), "schedule.floor"),
    ];
    for (params, name) in cases {
        assert_eq!(refused(&params), name, "{params:?}");
    }
    Ok(())
}

#[test]
fn every_setting_of_an_optimiser_has_its_range() {
    let with = |optimizer| TrainParams::new(optimizer);
    let adam = || AdamConfig::new(0.01);
    let sgd = || SgdConfig::new(0.01);
    let rms = || RmsPropConfig::new(0.01);
    let nan = f64::NAN;
    let cases = [
        (with(OptimizerConfig::sgd(0.0)), "learning_rate"),
        (with(OptimizerConfig::adam(nan)), "learning_rate"),
        (
            with(OptimizerConfig::adam_w(f64::INFINITY)),
            "learning_rate",
        ),
        (with(OptimizerConfig::rms_prop(-1.0)), "learning_rate"),
        (with(OptimizerConfig::Sgd(sgd().momentum(1.0))), "momentum"),
        (
            with(OptimizerConfig::Sgd(sgd().dampening(-0.1))),
            "dampening",
        ),
        (
            with(OptimizerConfig::Sgd(sgd().weight_decay(nan))),
            "weight_decay",
        ),
        (with(OptimizerConfig::Sgd(sgd().nesterov(true))), "nesterov"),
        (
            with(OptimizerConfig::Sgd(
                sgd().nesterov(true).momentum(0.9).dampening(0.1),
            )),
            "nesterov",
        ),
        (with(OptimizerConfig::Adam(adam().beta1(1.0))), "beta1"),
        (with(OptimizerConfig::AdamW(adam().beta2(-0.1))), "beta2"),
        (with(OptimizerConfig::Adam(adam().eps(0.0))), "eps"),
        (
            with(OptimizerConfig::Adam(adam().weight_decay(-1.0))),
            "weight_decay",
        ),
        (with(OptimizerConfig::RmsProp(rms().alpha(1.0))), "alpha"),
        (with(OptimizerConfig::RmsProp(rms().eps(nan))), "eps"),
        (
            with(OptimizerConfig::RmsProp(rms().weight_decay(-1.0))),
            "weight_decay",
        ),
        (
            with(OptimizerConfig::RmsProp(rms().momentum(1.5))),
            "momentum",
        ),
    ];
    for (params, name) in cases {
        assert_eq!(refused(&params), name, "{params:?}");
    }
}

// Rates of `torch.optim.lr_scheduler` in torch 2.11.0 from .1 on: StepLR(3, .5), ExponentialLR(.9),
// CosineAnnealingLR(8, .01), ReduceLROnPlateau(factor=.5, patience=2, threshold=.1, min_lr=.02).
const STEP: [f64; 9] = [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025];
const EXPONENTIAL: [f64; 9] = [
    0.1,
    0.09,
    0.081,
    0.0729,
    0.065_61,
    0.059_049,
    0.053_144_1,
    0.047_829_69,
    0.043_046_721,
];
const COSINE: [f64; 9] = [
    0.1,
    0.096_574_578_963_007_9,
    0.086_819_805_153_394_6,
    0.072_220_754_456_429,
    0.055,
    0.037_779_245_543_571,
    0.023_180_194_846_605_4,
    0.013_425_421_036_992_1,
    0.01,
];
const PLATEAU_VALUES: [f64; 16] = [
    1.0, 0.95, 0.92, 0.91, 0.8, 0.79, 0.78, 0.77, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9,
];
const PLATEAU: [f64; 16] = [
    0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.02, 0.02, 0.02, 0.02, 0.02,
];

#[test]
fn rates_equal_torch() {
    let step = Schedule::Step {
        every: 3,
        factor: 0.5,
    };
    let exponential = Schedule::Exponential { factor: 0.9 };
    let cosine = Schedule::Cosine {
        warm_up: 0,
        epochs: 8,
        floor: 0.01,
    };
    let expected: [(Schedule, [f64; 9]); 3] =
        [(step, STEP), (exponential, EXPONENTIAL), (cosine, COSINE)];
    for (schedule, rates) in expected {
        for (t, rate) in rates.into_iter().enumerate() {
            assert_relative_eq!(schedule.rate(0.1, t), rate, max_relative = 1e-12);
        }
    }
    let plateau = Schedule::ReduceOnPlateau {
        factor: 0.5,
        patience: 2,
        min_delta: MinDelta::Relative(0.1),
        floor: 0.02,
    };
    let mut scheduler = Scheduler::new(plateau, 0.1, Goal::Minimize);
    for (value, rate) in PLATEAU_VALUES.into_iter().zip(PLATEAU) {
        scheduler.observe(value);
        assert_relative_eq!(scheduler.rate(0), rate, max_relative = 1e-12);
    }
}

#[test]
fn a_floor_above_the_rate_does_not_raise_it() {
    let plateau = Schedule::ReduceOnPlateau {
        factor: 0.5,
        patience: 0,
        min_delta: MinDelta::Absolute(0.0),
        floor: 0.5,
    };
    let mut scheduler = Scheduler::new(plateau, 0.1, Goal::Maximize);
    for _ in 0..3 {
        scheduler.observe(1.0);
        assert_relative_eq!(scheduler.rate(0), 0.1);
    }
}

#[test]
fn settings_survive_json() -> Outcome {
    let params = TrainParams::new(OptimizerConfig::Sgd(
        SgdConfig::new(0.1).momentum(0.9).nesterov(true),
    ))
    .schedule(Schedule::Cosine {
        warm_up: 3,
        epochs: 90,
        floor: 1e-5,
    })
    .clip(Clip::Value(0.5))
    .goal(Goal::Maximize)
    .early_stop(EarlyStop::after(7).min_delta(MinDelta::Relative(0.01)))
    .seed(u64::MAX);
    let text = serde_json::to_string(&params)?;
    assert_eq!(serde_json::from_str::<TrainParams>(&text)?, params);
    Ok(())
}

fn check_folds(folds: &[Fold], n: usize, k: usize) {
    assert_eq!(folds.len(), k);
    let mut seen: Vec<u32> = Vec::new();
    for (index, fold) in folds.iter().enumerate() {
        assert_eq!(fold.index, index);
        assert!(fold.train.is_sorted() && fold.validation.is_sorted());
        let both: BTreeSet<_> = fold.train.iter().chain(&fold.validation).collect();
        assert_eq!(
            (both.len(), fold.train.len() + fold.validation.len()),
            (n, n)
        );
        assert!(fold.validation.len().abs_diff(n / k) <= 1);
        seen.extend(&fold.validation);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0u32..).take(n).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn folds_divide_the_items(n in 2usize..60, k in 2usize..9, seed: u64) {
        let k = k.min(n);
        let folds = k_fold(n, k, seed).unwrap();
        check_folds(&folds, n, k);
        prop_assert_eq!(folds, k_fold(n, k, seed).unwrap());
    }

    #[test]
    fn strata_have_their_share(
        labels in proptest::collection::vec(0u32..3, 30..80), k in 2usize..4, seed: u64,
    ) {
        let count = |items: &[u32], class| {
            items.iter().filter(|&&i| labels[i as usize] == class).count()
        };
        let all: Vec<u32> = (0u32..).take(labels.len()).collect();
        let folds = stratified_k_fold(&labels, k, seed);
        let small = (0..3).find(|&c| (1..k).contains(&count(&all, c)));
        let Ok(folds) = folds else {
            prop_assert!(small.is_some());
            return Ok(());
        };
        check_folds(&folds, labels.len(), k);
        for class in 0..3 {
            for fold in &folds {
                let share = count(&all, class) / k;
                prop_assert!(count(&fold.validation, class).abs_diff(share) <= 1);
            }
        }
    }

    #[test]
    fn negatives_are_never_edges(
        edges in proptest::collection::vec((0u32..9, 0u32..9), 0..60), k in 0usize..5, seed: u64,
    ) {
        let index = EdgeIndex::new(9, edges.iter().copied()).unwrap();
        let sampler = NegativeSampler::new(&index);
        let pairs = sampler.draw(k, seed);
        prop_assert_eq!(pairs.node.len(), pairs.other.len());
        for (&a, &b) in pairs.node.iter().zip(&pairs.other) {
            prop_assert!(a != b && !edges.contains(&(a, b)) && !edges.contains(&(b, a)));
        }
        for node in 0..9 {
            let near = |&o: &u32| edges.contains(&(node, o)) || edges.contains(&(o, node));
            let free = (0..9).filter(|&o| o != node && !near(&o)).count();
            let drawn = pairs.node.iter().filter(|&&n| n == node).count();
            prop_assert_eq!(drawn, if free == 0 { 0 } else { k });
        }
        prop_assert_eq!(&pairs, &sampler.draw(k, seed));
    }
}

#[test]
fn every_non_edge_is_drawn_evenly() -> Outcome {
    // Node 0 of 10 knows 1 and 2: trials; node 0 of 4 does: the list.
    for n in [10, 4] {
        let sampler = NegativeSampler::new(&EdgeIndex::new(n, [(0, 1), (2, 0), (0, 1), (0, 0)])?);
        let draws = 14_000;
        let pairs = sampler.draw(draws, 3);
        let mut counts = vec![0usize; n];
        for &other in &pairs.other[..draws] {
            counts[other as usize] += 1;
        }
        assert_eq!(counts[..3], [0, 0, 0]);
        let even = draws / (n - 3);
        assert!(
            counts[3..].iter().all(|c| c.abs_diff(even) < 200),
            "{counts:?}"
        );
    }
    Ok(())
}

#[test]
fn folds_that_cannot_be_are_refused() {
    for (n, k) in [(0, 2), (5, 1), (5, 0), (5, 6)] {
        let expected = SearchError::Folds { folds: k, items: n };
        assert_eq!(k_fold(n, k, 0).unwrap_err(), expected);
        assert_eq!(stratified_k_fold(&vec![0; n], k, 0).unwrap_err(), expected);
    }
    let error = stratified_k_fold(&[0, 0, 0, 7], 2, 0).unwrap_err();
    let (class, items, folds) = (7, 1, 2);
    assert_eq!(
        error,
        SearchError::SmallClass {
            class,
            items,
            folds
        }
    );
}

#[test]
fn a_grid_is_walked_in_order() -> Outcome {
    let grid = Grid::new()
        .axis("rate", [0.1, 0.01])?
        .axis("kind", ["a", "b", "c"])?
        .axis("width", [8u32])?;
    let names: Vec<String> = grid.points().map(|p| p.to_string()).collect();
    assert_eq!(names.len(), grid.n_points());
    assert_eq!(names[0], "rate=0.1 kind=a width=8");
    assert_eq!(names[1], "rate=0.1 kind=b width=8");
    assert_eq!(names[5], "rate=0.01 kind=c width=8");
    let point = grid.points().next().ok_or("empty")?;
    assert_eq!((point.count("width")?, point.text("kind")?), (8, "a"));
    for error in [
        point.count("rate").unwrap_err(),
        point.number("kind").unwrap_err(),
        point.text("rate").unwrap_err(),
        point.number("absent").unwrap_err(),
    ] {
        assert!(matches!(error, SearchError::Value { .. }));
    }
    assert_eq!(Grid::new().points().count(), 1);
    Ok(())
}

#[test]
fn a_search_reports_every_point_and_the_best() -> Outcome {
    let folds = k_fold(6, 3, 0)?;
    let grid = Grid::new().axis("x", [1.0, 2.0, 3.0, 2.0, 4.0])?;
    let report = grid.search(&folds, |point, fold| {
        let x = point.number("x")?;
        let bend = if x > 3.5 {
            f64::NAN
        } else {
            -(x - 2.0) * (x - 2.0)
        };
        Ok::<_, SearchError>(bend + fold.index as f64)
    })?;
    assert_eq!(report.results.len(), 5);
    assert_eq!(report.results[0].scores, [-1.0, 0.0, 1.0]);
    assert_relative_eq!(report.results[0].mean, 0.0);
    assert_relative_eq!(report.results[0].std, 1.0);
    assert!(report.results[4].mean.is_nan());
    // The first of equal ones.
    assert!(std::ptr::eq(
        report.best().ok_or("none")?,
        &raw const report.results[1]
    ));
    let text = report.to_string();
    let marked: Vec<&str> = text.lines().filter(|l| l.starts_with('*')).collect();
    assert_eq!(marked, ["* 1.0000 ± 1.0000  x=2"]);

    let json = serde_json::to_string(&report)?;
    let back: GridReport = serde_json::from_str(&json)?;
    assert_eq!(back.results[..4], report.results[..4]);
    assert!(back.results[4].mean.is_nan());

    let stopped = grid.search(&folds, |point, _| match point.number("x")? {
        x if x < 3.0 => Ok(x),
        _ => point.number("y"),
    });
    assert!(matches!(stopped, Err(SearchError::Value { .. })));
    let nothing = grid.search(&folds, |_, _| Ok::<_, SearchError>(f64::INFINITY))?;
    assert!(nothing.best().is_none());
    Ok(())
}

#[test]
fn grids_that_cannot_be_are_refused() -> Outcome {
    let empty = Grid::new().axis("x", Vec::<f64>::new());
    assert_eq!(empty.unwrap_err(), SearchError::Axis { name: "x".into() });
    let twice = Grid::new().axis("x", [1.0])?.axis("x", [2.0]);
    assert_eq!(twice.unwrap_err(), SearchError::Axis { name: "x".into() });
    let wide = || (0..1001u32).collect::<Vec<_>>();
    let large = Grid::new().axis("x", wide())?.axis("y", wide());
    assert!(matches!(large, Err(SearchError::TooManyPoints { .. })));
    Ok(())
}
