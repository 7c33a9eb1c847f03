//! Splits: disjoint, of the sizes asked for, and the same for the same seed.

use astern_gnn::graph::{NodeSplit, SplitError};
use proptest::prelude::*;

const SHARES: [f64; 3] = [0.6, 0.2, 0.2];

fn sizes(split: &NodeSplit) -> [usize; 3] {
    [split.train(), split.validation(), split.test()].map(<[u32]>::len)
}

/// Each node at most once, each part ascending, masks that agree.
fn is_sound(split: &NodeSplit, n: usize) -> bool {
    let parts = [split.train(), split.validation(), split.test()];
    let masks = [
        split.train_mask(),
        split.validation_mask(),
        split.test_mask(),
    ];
    let ascending = parts.iter().all(|part| part.is_sorted_by(|a, b| a < b));
    let agree = parts.iter().zip(&masks).all(|(part, mask)| {
        let set = (0u32..)
            .zip(mask)
            .filter_map(|(node, &is_in)| is_in.then_some(node));
        mask.len() == n && set.eq(part.iter().copied())
    });
    let once = (0..n).all(|node| masks.iter().filter(|mask| mask[node]).count() <= 1);
    ascending && agree && once && split.n_nodes() == n
}

proptest! {
    #[test]
    fn a_random_split_deals_the_shares(
        n in 0..60usize, cut in (0.0..1.0f64, 0.0..1.0f64), seed in any::<u64>(),
    ) {
        let (low, high) = (cut.0.min(cut.1), cut.0.max(cut.1));
        let shares = [low, high - low, 1.0 - high];
        let split = NodeSplit::random(n, shares, seed).unwrap();
        prop_assert!(is_sound(&split, n));
        prop_assert_eq!(sizes(&split).iter().sum::<usize>(), n);
        for (size, share) in sizes(&split).into_iter().zip(shares) {
            prop_assert!((size as f64 - share * n as f64).abs() <= 1.0 + 1e-9);
        }
        prop_assert_eq!(NodeSplit::random(n, shares, seed).unwrap(), split);
    }

    #[test]
    fn a_stratified_split_deals_every_class(
        labels in prop::collection::vec(0..4u32, 0..60), seed in any::<u64>(),
    ) {
        let split = NodeSplit::stratified(&labels, SHARES, seed).unwrap();
        prop_assert!(is_sound(&split, labels.len()));
        prop_assert_eq!(sizes(&split).iter().sum::<usize>(), labels.len());
        let parts = [split.train(), split.validation(), split.test()];
        for class in 0..4 {
            let of = |nodes: &[u32]| nodes.iter().filter(|&&n| labels[n as usize] == class).count();
            let all = labels.iter().filter(|&&label| label == class).count() as f64;
            for (part, share) in parts.iter().zip(SHARES) {
                prop_assert!((of(part) as f64 - share * all).abs() <= 1.0 + 1e-9);
            }
        }
    }

    #[test]
    fn a_split_per_class_labels_as_many_of_each(
        labels in prop::collection::vec(0..3u32, 0..60), k in 0..6usize, seed in any::<u64>(),
    ) {
        let count = |class| labels.iter().filter(|&&label| label == class).count();
        match NodeSplit::per_class(&labels, k, 3, 4, seed) {
            Ok(split) => {
                prop_assert!(is_sound(&split, labels.len()));
                prop_assert_eq!((split.validation().len(), split.test().len()), (3, 4));
                for class in 0..3 {
                    let of_class = |n: &&u32| labels[**n as usize] == class;
                    let train = split.train().iter().filter(of_class).count();
                    prop_assert_eq!(train, k.min(count(class)));
                }
            }
            Err(SplitError::SmallClass { class, size, wanted }) => {
                prop_assert_eq!((size, wanted), (count(class), k));
                prop_assert!(size < k);
            }
            Err(SplitError::TooFewLeft { wanted, left }) => {
                prop_assert_eq!(wanted, 7);
                prop_assert!(left < 7);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn the_seed_decides() {
    let split = |seed| NodeSplit::random(100, SHARES, seed).unwrap();
    assert_ne!(split(1), split(2));
    let labels = [0; 100];
    let few = |seed| NodeSplit::per_class(&labels, 10, 20, 30, seed).unwrap();
    assert_eq!(few(1), few(1));
    assert_ne!(few(1), few(2));
}

#[test]
fn every_rule_is_held() {
    for shares in [
        [0.6, 0.3, 0.2],
        [-0.1, 0.5, 0.5],
        [f64::NAN, 0.5, 0.5],
        [f64::INFINITY, 0.0, 0.0],
    ] {
        let refused = NodeSplit::random(10, shares, 0).unwrap_err();
        assert!(matches!(refused, SplitError::Shares { .. }), "{refused}");
        let refused = NodeSplit::stratified(&[0; 10], shares, 0).unwrap_err();
        assert!(matches!(refused, SplitError::Shares { .. }), "{refused}");
    }
    let n_nodes = u32::MAX as usize;
    let many = Err(SplitError::TooManyNodes { n_nodes });
    assert_eq!(NodeSplit::random(n_nodes, SHARES, 0), many);
    assert_eq!(NodeSplit::new(n_nodes, vec![], vec![], vec![]), many);
    let small = SplitError::SmallClass {
        class: 7,
        size: 1,
        wanted: 2,
    };
    assert_eq!(NodeSplit::per_class(&[3, 7, 3], 2, 0, 0, 0), Err(small));
    let few = |n| NodeSplit::per_class(&[3, 7, 3], 1, n, 1, 0);
    assert_eq!(few(1), Err(SplitError::TooFewLeft { wanted: 2, left: 1 }));
    let wanted = usize::MAX;
    assert_eq!(few(wanted), Err(SplitError::TooFewLeft { wanted, left: 1 }));
}

#[test]
fn a_split_made_elsewhere_is_checked() {
    let split = NodeSplit::new(5, vec![3, 0], vec![4], vec![]).unwrap();
    assert_eq!(split.train(), [0, 3]);
    assert_eq!(split.validation_mask(), [false, false, false, false, true]);
    let twice = |train, test| NodeSplit::new(5, train, vec![], test).unwrap_err();
    assert_eq!(twice(vec![1], vec![1]), SplitError::Repeated { node: 1 });
    assert_eq!(twice(vec![2, 2], vec![]), SplitError::Repeated { node: 2 });
    let absent = SplitError::NodeOutOfRange {
        node: 5,
        n_nodes: 5,
    };
    assert_eq!(twice(vec![1], vec![5]), absent);
}
