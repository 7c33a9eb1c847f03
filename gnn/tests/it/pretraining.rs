//! Pairs by hops, and few labels, without libtorch.

use std::collections::{BTreeMap, BTreeSet};

use astern_gnn::train::{FewLabels, HopSampler};
use astern_gnn::{ConfigError, EdgeIndex};
use proptest::prelude::*;

/// Class of every pair, by Floyd and Warshall.
fn classes(n: usize, edges: &[(u32, u32)], cutoff: usize) -> Vec<Vec<usize>> {
    let mut hops = vec![vec![n + cutoff; n]; n];
    for &(a, b) in edges {
        hops[a as usize][b as usize] = 1;
        hops[b as usize][a as usize] = 1;
    }
    for (i, row) in hops.iter_mut().enumerate() {
        row[i] = 0;
    }
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                hops[i][j] = hops[i][j].min(hops[i][k] + hops[k][j]);
            }
        }
    }
    let class = |h: usize| h.min(cutoff).wrapping_sub(1);
    hops.into_iter()
        .map(|row| row.into_iter().map(class).collect())
        .collect()
}

proptest! {
    #[test]
    fn counts_and_draws_are_those_of_all_pairs(
        n in 3usize..12,
        cutoff in 2usize..=3,
        raw in prop::collection::vec((0u32..12, 0u32..12), 0..20),
        seed in any::<u64>(),
    ) {
        let within = |&(a, b): &(u32, u32)| (a as usize) < n && (b as usize) < n;
        let edges: Vec<_> = raw.into_iter().filter(within).collect();
        let truth = classes(n, &edges, cutoff);
        let sampler = HopSampler::new(&EdgeIndex::new(n, edges).unwrap(), cutoff).unwrap();
        let mut counts = vec![0; cutoff];
        for (i, row) in truth.iter().enumerate() {
            for &class in &row[..i] {
                counts[class] += 1;
            }
        }
        prop_assert_eq!(sampler.counts(), counts.clone());
        let pairs = sampler.draw(5, seed);
        let expected = counts.iter().filter(|&&c| c > 0).count() * 5;
        prop_assert_eq!(pairs.class.len(), expected);
        for ((&a, &b), &class) in pairs.first.iter().zip(&pairs.second).zip(&pairs.class) {
            prop_assert!(a != b);
            prop_assert_eq!(truth[a as usize][b as usize], class as usize);
        }
        prop_assert_eq!(&pairs, &sampler.draw(5, seed));
    }
}

#[test]
fn every_pair_of_a_class_is_as_likely() {
    // A star of 5 with a tail: 4 + 1 neighbours; pairs at two hops: 6 among leaves, 1 by the tail.
    let edges = [(0, 1), (0, 2), (0, 3), (0, 4), (4, 5)];
    let sampler = HopSampler::new(&EdgeIndex::new(6, edges).unwrap(), 3).unwrap();
    assert_eq!(sampler.counts(), [5, 7, 3]);
    let pairs = sampler.draw(7000, 1);
    let mut drawn = BTreeMap::new();
    for ((&a, &b), &class) in pairs.first.iter().zip(&pairs.second).zip(&pairs.class) {
        *drawn.entry((class, a.min(b), a.max(b))).or_insert(0) += 1;
    }
    assert_eq!(drawn.len(), 15);
    for ((class, ..), n) in drawn {
        let even = 7000.0 / [5.0, 7.0, 3.0][class as usize];
        assert!(
            (f64::from(n) - even).abs() < 5.0 * even.sqrt(),
            "{class}: {n}"
        );
    }
}

#[test]
fn cutoffs_out_of_range_are_refused() {
    let edges = EdgeIndex::new(4, [(0, 1)]).unwrap();
    for cutoff in [0, 1, 5] {
        let error = HopSampler::new(&edges, cutoff).unwrap_err();
        assert!(matches!(error, ConfigError::OutOfRange { .. }), "{cutoff}");
    }
}

#[test]
fn support_and_query_have_no_node_in_common() {
    let labels = FewLabels::new(30, (0..5).collect(), (10..30).collect()).unwrap();
    for seed in 0..20 {
        let [support, query] = labels.support_and_query(8, seed);
        let nodes: BTreeSet<u32> = support.nodes.iter().chain(&query.nodes).copied().collect();
        assert_eq!(nodes.len(), 2 * (2 + 8));
        for part in [support, query] {
            for (&node, &anomalous) in part.nodes.iter().zip(&part.anomalous) {
                assert_eq!(anomalous, node < 5);
            }
        }
    }
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    for (anomalies, unlabelled) in [
        (vec![0], vec![1, 2]),
        (vec![0, 1], vec![2]),
        (vec![0, 1], vec![1, 2]),
        (vec![0, 1], vec![2, 9]),
        (vec![0, 0], vec![2, 3]),
    ] {
        assert!(FewLabels::new(9, anomalies, unlabelled).is_err());
    }
}
