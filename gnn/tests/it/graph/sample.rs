//! Parts of graphs: all that arrives within some hops, and samples of it.

use astern_gnn::graph::{NeighbourSampleError, NeighbourSampler, Subgraph, k_hop};
use astern_gnn::model::PreparedGraph;
use astern_gnn::ndarray::{Array2, ArrayRef2, Axis};
use astern_gnn::{EdgeIndex, Graph};
use proptest::prelude::*;

use super::{Parts, any_graph, graph_of};

/// A graph of at least one node, and some of its nodes, in any order.
fn with_seeds(graph: impl Strategy<Value = Graph>) -> impl Strategy<Value = (Graph, Vec<u32>)> {
    graph
        .prop_filter("a seed needs a node", |graph| graph.n_nodes() > 0)
        .prop_flat_map(|graph| {
            let nodes: Vec<u32> = (0u32..).take(graph.n_nodes()).collect();
            let count = 1..=nodes.len();
            (
                Just(graph),
                prop::sample::subsequence(nodes, count).prop_shuffle(),
            )
        })
}

/// Least number of hops from each node to a seed, against the edges, by plain relaxation.
fn distances(edges: &EdgeIndex, seeds: &[u32]) -> Vec<usize> {
    let mut distance = vec![usize::MAX; edges.n_nodes()];
    for &seed in seeds {
        distance[seed as usize] = 0;
    }
    for _ in 0..edges.n_nodes() {
        for (source, target) in edges.pairs() {
            let through = distance[target as usize].saturating_add(1);
            let source = &mut distance[source as usize];
            *source = through.min(*source);
        }
    }
    distance
}

/// Two layers of mean over what is received, with what the node is itself.
fn mean_layer(x: &ArrayRef2<f64>, edges: &EdgeIndex) -> Array2<f64> {
    let mut y = x.to_owned();
    for i in (0u32..).take(edges.n_nodes()) {
        let into = edges.incoming(i);
        for e in into.clone() {
            let received = x.row(edges.source()[e] as usize);
            y.row_mut(i as usize)
                .scaled_add(1.0 / into.len() as f64, &received);
        }
    }
    y
}

fn gcn(x: &ArrayRef2<f64>, graph: &Graph, layers: usize) -> Array2<f64> {
    let edges = PreparedGraph::new(graph);
    let width = x.ncols();
    let weight = Array2::from_shape_fn((width, width), |(i, j)| {
        0.5 + 0.3 * i as f64 - 0.4 * j as f64
    });
    let layer = super::gcn(&weight);
    (0..layers).fold(x.to_owned(), |x, _| {
        layer.forward(&x, &edges).unwrap().mapv(f64::tanh)
    })
}

fn is_close(part: &Array2<f64>, whole: &Array2<f64>, seeds: &[u32]) -> bool {
    let seeds: Vec<usize> = seeds.iter().map(|&seed| seed as usize).collect();
    let rows: Vec<usize> = (0..seeds.len()).collect();
    let difference = part.select(Axis(0), &rows) - whole.select(Axis(0), &seeds);
    difference.iter().all(|d| d.abs() < 1e-12)
}

/// Edges of the part are edges of the graph, each once, between nodes that are named once.
fn is_part(part: &Subgraph, edges: &EdgeIndex) -> bool {
    let distinct = |ids: &[u32]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.windows(2).all(|pair| pair[0] < pair[1])
    };
    let same = part
        .edge_ids()
        .iter()
        .zip(part.edges().pairs())
        .all(|(&id, (j, i))| {
            let ends = (part.nodes()[j as usize], part.nodes()[i as usize]);
            ends == (edges.source()[id as usize], edges.target()[id as usize])
        });
    same && distinct(part.edge_ids()) && distinct(part.nodes())
}

const FEATURES: Parts = Parts {
    features: 2,
    weight: true,
    attributes: None,
    relations: None,
};

proptest! {
    #[test]
    fn a_ball_holds_what_is_received((graph, seeds) in with_seeds(any_graph()), hops in 0..5usize) {
        let edges = graph.edges();
        let ball = k_hop(edges, &seeds, hops).unwrap();
        prop_assert!(is_part(&ball, edges));
        prop_assert_eq!(ball.seeds(), &seeds);
        let distance = distances(edges, &seeds);
        for h in 0..=hops {
            let near = distance.iter().filter(|&&d| d <= h).count();
            prop_assert_eq!(ball.within(h).len(), near);
            prop_assert!(ball.within(h).iter().all(|&node| distance[node as usize] <= h));
        }
        prop_assert_eq!(ball.within(hops), ball.nodes());
        let carries = |&(_, target): &(u32, u32)| distance[target as usize] < hops;
        prop_assert_eq!(ball.edge_ids().len(), edges.pairs().filter(carries).count());
        let by_layer = |node: &u32| (distance[*node as usize], *node);
        prop_assert!(ball.nodes()[seeds.len()..].is_sorted_by_key(by_layer));
    }

    /// The law of the documentation, for layers that need the edges into each node alone.
    #[test]
    fn as_many_hops_as_layers_give_the_rows_of_the_seeds(
        (graph, seeds) in with_seeds(graph_of(FEATURES)), layers in 0..4usize,
    ) {
        let part = graph.subgraph(&k_hop(graph.edges(), &seeds, layers).unwrap()).unwrap();
        let run = |graph: &Graph| {
            (0..layers).fold(graph.x().clone(), |x, _| mean_layer(&x, graph.edges()))
        };
        prop_assert!(is_close(&run(&part), &run(&graph), &seeds));
    }

    /// A GCN divides by the sender's degree, too.
    #[test]
    fn a_gcn_needs_one_hop_more(
        (graph, seeds) in with_seeds(graph_of(FEATURES)), layers in 0..4usize,
    ) {
        let part = graph.subgraph(&k_hop(graph.edges(), &seeds, layers + 1).unwrap()).unwrap();
        let run = |graph: &Graph| gcn(graph.x(), graph, layers);
        prop_assert!(is_close(&run(&part), &run(&graph), &seeds));
    }

    #[test]
    fn a_part_keeps_what_belongs_to_nodes_and_edges((graph, seeds) in with_seeds(any_graph())) {
        let ball = k_hop(graph.edges(), &seeds, 2).unwrap();
        let part = graph.subgraph(&ball).unwrap();
        for (row, &node) in ball.nodes().iter().enumerate() {
            prop_assert_eq!(part.x().row(row), graph.x().row(node as usize));
        }
        for (e, &id) in ball.edge_ids().iter().enumerate() {
            let id = id as usize;
            prop_assert_eq!(part.edge_weight().map(|w| w[e]), graph.edge_weight().map(|w| w[id]));
            prop_assert_eq!(part.edge_type().map(|t| t[e]), graph.edge_type().map(|t| t[id]));
            let attr = |graph: &Graph, e| graph.edge_attr().map(|attr| attr.row(e).to_owned());
            prop_assert_eq!(attr(&part, e), attr(&graph, id));
        }
        prop_assert_eq!(part.n_edge_types(), graph.n_edge_types());
        let in_order: Vec<u32> = (0u32..).take(part.n_edges()).collect();
        prop_assert_eq!(part.edges().given(), in_order);
    }

    #[test]
    fn a_sample_takes_no_more_than_its_fanout(
        (graph, seeds) in with_seeds(any_graph()),
        fanouts in prop::collection::vec(1..4usize, 0..4),
        (seed, draw) in any::<(u64, u32)>(),
    ) {
        let sampler = NeighbourSampler::new(&fanouts, seed).unwrap();
        let part = sampler.sample(graph.edges(), &seeds, draw).unwrap();
        prop_assert!(is_part(&part, graph.edges()));
        prop_assert_eq!(part.seeds(), &seeds);
        for (row, &node) in (0u32..).zip(part.nodes()) {
            let reached = |&h: &usize| (row as usize) < part.within(h).len();
            let hop = (0..=fanouts.len()).find(reached).unwrap();
            let fanout = fanouts.get(hop).copied().unwrap_or(0);
            let expected = graph.edges().in_degree(node).min(fanout);
            prop_assert_eq!(part.edges().in_degree(row), expected);
        }
        prop_assert_eq!(sampler.sample(graph.edges(), &seeds, draw).unwrap(), part.clone());
        // Neither the order of the seeds nor what was drawn before changes what is drawn.
        let reversed: Vec<u32> = seeds.iter().rev().copied().collect();
        let other = sampler.sample(graph.edges(), &reversed, draw).unwrap();
        let sorted = |part: &Subgraph| {
            let mut ids = part.edge_ids().to_vec();
            ids.sort_unstable();
            ids
        };
        prop_assert_eq!(sorted(&other), sorted(&part));
    }

    #[test]
    fn a_sample_without_limit_is_the_ball(
        (graph, seeds) in with_seeds(any_graph()), hops in 0..4usize, draw in any::<u32>(),
    ) {
        let all = NeighbourSampler::new(&vec![usize::MAX; hops], 1).unwrap();
        let part = all.sample(graph.edges(), &seeds, draw).unwrap();
        prop_assert_eq!(part, k_hop(graph.edges(), &seeds, hops).unwrap());
    }

    #[test]
    fn batches_go_through_every_seed_once(
        (graph, seeds) in with_seeds(any_graph()), size in 1..5usize, draw in any::<u32>(),
    ) {
        let sampler = NeighbourSampler::new(&[2, 2], 3).unwrap();
        let batches = sampler.batches(graph.edges(), &seeds, size, draw).unwrap();
        prop_assert_eq!(batches.len(), seeds.len().div_ceil(size));
        let mut seen = Vec::new();
        for part in batches {
            let expected = size.min(seeds.len() - seen.len());
            prop_assert_eq!(part.seeds().len(), expected);
            let alone = sampler.sample(graph.edges(), part.seeds(), draw).unwrap();
            seen.extend_from_slice(part.seeds());
            prop_assert_eq!(alone, part);
        }
        let mut expected = seeds.clone();
        seen.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(seen, expected);
    }
}

fn star(leaves: u32) -> EdgeIndex {
    EdgeIndex::new(leaves as usize + 1, (1..=leaves).map(|leaf| (leaf, 0))).unwrap()
}

#[test]
fn draws_differ_and_every_neighbour_has_the_same_chance() {
    let (leaves, fanout, draws) = (20, 5, 4000u32);
    let sampler = NeighbourSampler::new(&[fanout], 11).unwrap();
    let edges = star(leaves);
    let mut counts = vec![0u32; leaves as usize];
    for draw in 0..draws {
        for &id in sampler.sample(&edges, &[0], draw).unwrap().edge_ids() {
            counts[id as usize] += 1;
        }
    }
    // Binomial(4000, 1/4): mean 1000, standard deviation 27.
    assert!(
        counts.iter().all(|&count| count.abs_diff(1000) < 140),
        "{counts:?}"
    );
    let one = |draw| sampler.sample(&edges, &[0], draw).unwrap();
    assert_ne!(one(0), one(1));
    let other = NeighbourSampler::new(&[fanout], 12).unwrap();
    assert_ne!(one(0), other.sample(&edges, &[0], 0).unwrap());
    let order = |draw| {
        let seeds: Vec<u32> = (0..=leaves).collect();
        let batches = sampler.batches(&edges, &seeds, 21, draw).unwrap();
        batches
            .flat_map(|part| part.seeds().to_vec())
            .collect::<Vec<u32>>()
    };
    assert_ne!(order(0), order(1));
}

#[test]
fn a_gcn_at_the_rim_needs_the_degree_of_its_sender() {
    // 0 receives from 1, and 1 from two others: as many hops as layers would not know that.
    let x = Array2::from_elem((4, 1), 1.0);
    let graph = Graph::new(x, [(1, 0), (2, 1), (3, 1)]).unwrap();
    let run = |hops| {
        let part = graph
            .subgraph(&k_hop(graph.edges(), &[0], hops).unwrap())
            .unwrap();
        gcn(part.x(), &part, 1)[[0, 0]]
    };
    let whole = gcn(graph.x(), &graph, 1)[[0, 0]];
    assert!((run(1) - whole).abs() > 1e-3);
    assert!((run(2) - whole).abs() < 1e-12);
}

#[test]
fn endless_hops_end() {
    let ring = EdgeIndex::new(5, (0..5).map(|i| (i, (i + 1) % 5))).unwrap();
    let all = k_hop(&ring, &[2], usize::MAX).unwrap();
    assert_eq!(all.nodes(), [2, 1, 0, 4, 3]);
    assert_eq!(all.within(usize::MAX), all.nodes());
    let nobody = EdgeIndex::new(0, []).unwrap();
    let nothing = k_hop(&nobody, &[], 3).unwrap();
    assert_eq!((nothing.nodes().len(), nothing.edges().n_edges()), (0, 0));
    let lone = k_hop(&EdgeIndex::new(1, [(0, 0), (0, 0)]).unwrap(), &[0], 3).unwrap();
    assert_eq!((lone.nodes(), lone.edge_ids()), (&[0][..], &[0, 1][..]));
}

#[test]
fn every_rule_is_held() {
    let edges = star(3);
    let absent = NeighbourSampleError::SeedOutOfRange {
        position: 1,
        node: 4,
        n_nodes: 4,
    };
    assert_eq!(k_hop(&edges, &[0, 4], 1), Err(absent.clone()));
    let twice = NeighbourSampleError::RepeatedSeed {
        position: 2,
        node: 1,
    };
    assert_eq!(k_hop(&edges, &[1, 0, 1], 1), Err(twice.clone()));
    let sampler = NeighbourSampler::new(&[1], 0).unwrap();
    assert_eq!(sampler.sample(&edges, &[0, 4], 0), Err(absent));
    let zero = |name| NeighbourSampleError::Zero { name };
    assert_eq!(NeighbourSampler::new(&[1, 0], 0), Err(zero("fanout")));
    let refused = |seeds: &[u32], size| sampler.batches(&edges, seeds, size, 0).err();
    assert_eq!(refused(&[0], 0), Some(zero("batch size")));
    assert_eq!(refused(&[1, 0, 1], 1), Some(twice));
    assert_eq!(refused(&[], 1), None);
}

#[test]
fn a_part_of_another_graph_is_refused() {
    let of = |n, edges: &[(u32, u32)]| {
        Graph::of_edges(EdgeIndex::new(n, edges.iter().copied()).unwrap())
    };
    let graph = of(3, &[(1, 0), (2, 1)]);
    let part = k_hop(graph.edges(), &[0], 2).unwrap();
    assert!(graph.subgraph(&part).is_ok());
    let other = |what, id| Err(NeighbourSampleError::OtherGraph { what, id });
    assert_eq!(of(2, &[(1, 0)]).subgraph(&part), other("node", 2));
    assert_eq!(of(3, &[(1, 0)]).subgraph(&part), other("edge", 1));
    assert_eq!(of(3, &[(2, 0), (2, 1)]).subgraph(&part), other("edge", 0));
}
