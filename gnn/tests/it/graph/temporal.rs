//! Graphs of telemetry: which way messages go, what is missing, and which step it is.

use std::time::Duration;

use astern_gnn::graph::{GraphWindow, MessageFlow, Missing, WindowError, message_edges};
use astern_gnn::model::PreparedGraph;
use astern_gnn::ndarray::{Array2, Array3, array};
use astern_gnn::{Graph, GraphDataError, GraphSnapshots};
use astern_graph_core::{
    Call, EdgeKind, EdgeWindow, GraphBuilder, GraphParams, NodeKey, NodeKind, Party, Sample,
    TemporalGraph, TimeRange, Timestamp, Window,
};
use proptest::prelude::*;

use super::gcn;

const FLOWS: [MessageFlow; 3] = [
    MessageFlow::AlongFaults,
    MessageFlow::AgainstFaults,
    MessageFlow::Both,
];

fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(
        Timestamp::from_secs(60 * from),
        Timestamp::from_secs(60 * to),
    )
    .unwrap()
}

fn builder() -> GraphBuilder {
    GraphBuilder::new(GraphParams::default().step(Duration::from_secs(60))).unwrap()
}

fn sample(builder: &mut GraphBuilder, minute: i64, name: &str, value: f64) {
    let at = Timestamp::from_secs(60 * minute);
    builder.extend([Sample::new(at, service(name), "load", value).into()]);
}

/// `a` calls `b`, `b` calls `c`; the load of the leaf rises from 0 to 1 in the second minute.
fn chain() -> (TemporalGraph, Window) {
    let mut builder = builder();
    for (from, to) in [("a", "b"), ("b", "c")] {
        builder.declare_edge(service(from), service(to), EdgeKind::Calls);
    }
    for name in ["a", "b", "c"] {
        sample(&mut builder, 0, name, 0.0);
        sample(&mut builder, 1, name, f64::from(name == "c"));
    }
    let graph = builder.build();
    let window = graph.window(NodeKind::Service, minutes(0, 2)).unwrap();
    (graph, window)
}

/// Two layers that add what is received to what is.
fn received(graph: &Graph, relation: Option<u32>) -> Vec<bool> {
    let wanted = |e: usize| relation.is_none_or(|r| graph.edge_type().unwrap()[e] == r);
    let pairs = graph.edges().pairs().enumerate();
    let pairs: Vec<_> = pairs
        .filter(|(e, _)| wanted(*e))
        .map(|(_, pair)| pair)
        .collect();
    let edges = PreparedGraph::new(&Graph::new(graph.x().clone(), pairs).unwrap());
    let layer = gcn(&array![[1.0]]);
    let once = layer.forward(graph.x(), &edges).unwrap();
    let twice = layer.forward(&once, &edges).unwrap();
    twice.iter().map(|&y| y > 0.0).collect()
}

#[test]
fn a_fault_at_the_leaf_reaches_the_callers() {
    let (graph, window) = chain();
    let source = GraphWindow::new(&graph, &window);
    let at = |flow| source.clone().flow(flow).at(1).unwrap();
    assert_eq!(
        received(&at(MessageFlow::AlongFaults), None),
        [true, true, true]
    );
    assert_eq!(
        received(&at(MessageFlow::AgainstFaults), None),
        [false, false, true]
    );
    let both = at(MessageFlow::Both);
    assert_eq!(received(&both, Some(0)), [true, true, true]);
    assert_eq!(received(&both, Some(1)), [false, false, true]);
    assert_eq!(both.n_edge_types(), 2);
    let pairs: Vec<_> = both.edges().pairs().collect();
    assert_eq!(pairs, [(1, 0), (0, 1), (2, 1), (1, 2)]);
    assert_eq!(both.edge_type(), Some(&[0, 1, 0, 1][..]));
    assert_eq!(received(&source.at(0).unwrap(), None), [false; 3]);
    assert_eq!(at(MessageFlow::AlongFaults).edge_type(), None);
}

#[test]
fn messages_go_both_ways_where_faults_do() {
    let mut builder = builder();
    builder.declare_edge(service("a"), service("b"), EdgeKind::Calls);
    builder.declare_edge(service("b"), service("c"), EdgeKind::Publishes);
    let store = NodeKey::new(NodeKind::Database, "store");
    builder.declare_edge(service("a"), store, EdgeKind::Writes);
    let graph = builder.build();
    let edges = |kind| message_edges(&graph, &graph.window(kind, minutes(0, 1)).unwrap());
    assert_eq!(edges(NodeKind::Service), [(1, 0), (1, 2), (2, 1)]);
    assert_eq!(edges(NodeKind::Database), []);
}

#[test]
fn snapshots_keep_what_is_missing_and_graphs_say_what_becomes_of_it() {
    let mut builder = builder();
    builder.declare_edge(service("a"), service("b"), EdgeKind::Calls);
    sample(&mut builder, 0, "a", 1.0);
    sample(&mut builder, 1, "b", 2.0);
    let graph = builder.build();
    let window = graph.window(NodeKind::Service, minutes(0, 2)).unwrap();
    let source = GraphWindow::new(&graph, &window);

    let snapshots = source.snapshots().unwrap();
    assert_eq!(
        (snapshots.missing(), snapshots.features()),
        (2, &["load".to_owned()][..])
    );
    assert_eq!(snapshots.edges(), [(1, 0)]);
    assert!(snapshots.x()[[0, 1, 0]].is_nan());
    let both = source.clone().flow(MessageFlow::Both).snapshots().unwrap();
    assert_eq!(both.edges(), [(0, 1), (1, 0)]);

    let refused = |error| {
        matches!(
            error,
            WindowError::Graph(GraphDataError::NotFinite { name: "x", row: 1, column: 0, value })
                if value.is_nan()
        )
    };
    assert!(refused(source.at(0).unwrap_err()));
    assert!(refused(snapshots.at(0, Missing::Refuse).unwrap_err()));
    let filled = source.clone().missing(Missing::Fill(-3.0)).at(0).unwrap();
    assert_eq!(filled.x(), array![[1.0], [-3.0]]);
    assert_eq!(snapshots.at(0, Missing::Fill(-3.0)).unwrap(), filled);
    assert!(refused(
        source.missing(Missing::Fill(f64::NAN)).at(0).unwrap_err()
    ));
}

#[test]
fn a_step_that_is_not_there_is_an_error() {
    let (graph, window) = chain();
    let source = GraphWindow::new(&graph, &window);
    let none = |step| WindowError::NoStep { step, steps: 2 };
    assert_eq!(source.at(2).unwrap_err(), none(2));
    let snapshots = source.snapshots().unwrap();
    assert_eq!(
        snapshots.at(usize::MAX, Missing::Refuse).unwrap_err(),
        none(usize::MAX)
    );
    let mut short = window.clone();
    short.times.truncate(1);
    let steps = WindowError::NoStep { step: 1, steps: 1 };
    assert_eq!(GraphWindow::new(&graph, &short).at(1).unwrap_err(), steps);
}

#[test]
fn sequences_go_node_by_node() {
    let x = Array3::from_shape_fn((4, 2, 3), |(t, n, f)| (100 * t + 10 * n + f) as f64);
    let data = GraphSnapshots::new(x, []).unwrap();
    let part = data.sequences(1..3).unwrap();
    assert_eq!(part.dim(), (2, 2, 3));
    let expected =
        Array3::from_shape_fn((2, 2, 3), |(n, t, f)| (100 * (t + 1) + 10 * n + f) as f64);
    assert_eq!(part, expected);
    for (start, end) in [(0, 5), (2, 2), (3, 1), (0, usize::MAX)] {
        assert!(data.sequences(start..end).is_none());
    }
}

/// `a` calls `b` in the first two minutes; `b` publishes to `c`.
fn calls() -> (TemporalGraph, Window, EdgeWindow) {
    let mut builder = builder();
    for minute in 0..2 {
        let took = Some(Duration::from_millis(if minute == 0 { 30 } else { 90 }));
        let call = Call::new(Timestamp::from_secs(60 * minute), Party::new(service("b")));
        builder.extend([call.from(Party::new(service("a"))).took(took, took).into()]);
    }
    for name in ["a", "b", "c"] {
        (0..3).for_each(|minute| sample(&mut builder, minute, name, 1.0));
    }
    builder.declare_edge(service("b"), service("c"), EdgeKind::Publishes);
    let graph = builder.build();
    let load = ["load".into()];
    let nodes = graph
        .window_of(NodeKind::Service, &load, minutes(0, 3))
        .unwrap();
    let edges = graph.edge_window(EdgeKind::Calls, minutes(1, 2)).unwrap();
    (graph, nodes, edges)
}

#[test]
fn attributes_are_those_of_the_call_at_the_same_time() {
    let (graph, nodes, edges) = calls();
    let column = edges.column(&"latency_ms_p50".into()).unwrap();
    let source = GraphWindow::new(&graph, &nodes).edges(&edges);
    let none = WindowError::NoEdgeStep {
        at: Timestamp::from_secs(0),
    };
    assert_eq!(source.at(0).unwrap_err(), none);
    // The publication is no call: it has no attributes.
    let refused = source.at(1).unwrap_err();
    let name = "edge_attr";
    assert!(
        matches!(refused, WindowError::Graph(GraphDataError::NotFinite { name: n, .. }) if n == name),
        "{refused}"
    );
    let filled = source.missing(Missing::Fill(-1.0));
    let latency = |flow| {
        let graph = filled.clone().flow(flow).at(1).unwrap();
        let attr = graph.edge_attr().unwrap();
        assert_eq!(attr.ncols(), edges.schema.len());
        let pairs = graph.edges().pairs().enumerate();
        let is_call = |e: usize| (attr[[e, column]] - 90.0).abs() < 2.0;
        pairs
            .filter(|(e, _)| is_call(*e))
            .map(|(_, pair)| pair)
            .collect::<Vec<_>>()
    };
    assert_eq!(latency(MessageFlow::AlongFaults), [(1, 0)]);
    assert_eq!(latency(MessageFlow::AgainstFaults), [(0, 1)]);
    assert_eq!(latency(MessageFlow::Both), [(1, 0), (0, 1)]);
}

#[test]
fn a_link_whose_faults_go_both_ways_serves_both_messages() {
    let mut builder = builder();
    let (writer, queue) = (service("b"), service("c"));
    builder.declare_edge(writer.clone(), queue.clone(), EdgeKind::Publishes);
    for (minute, name) in [(0, "b"), (0, "c")] {
        sample(&mut builder, minute, name, 1.0);
    }
    let graph = builder.build();
    let nodes = graph.window(NodeKind::Service, minutes(0, 1)).unwrap();
    let mut edges = graph
        .edge_window(EdgeKind::Publishes, minutes(0, 1))
        .unwrap();
    edges.values = Array3::from_elem((1, 1, 1), 5.0);
    let source = GraphWindow::new(&graph, &nodes).edges(&edges);
    let step = source.at(0).unwrap();
    assert_eq!(step.edges().pairs().collect::<Vec<_>>(), [(1, 0), (0, 1)]);
    assert_eq!(step.edge_attr(), Some(&array![[5.0], [5.0]]));
    // A call only carries faults to its caller: its link serves no other message.
    edges.kind = EdgeKind::Calls;
    edges.rows[0].kind = EdgeKind::Calls;
    let source = GraphWindow::new(&graph, &nodes)
        .edges(&edges)
        .missing(Missing::Fill(0.0));
    assert_eq!(
        source.at(0).unwrap().edge_attr(),
        Some(&array![[5.0], [0.0]])
    );
}

proptest! {
    /// Messages along faults are those of the table; against faults and both are their reverse.
    #[test]
    fn flows_are_reverses_of_each_other(
        links in prop::collection::vec((0..5usize, 0..5usize, 0..6usize), 0..12),
    ) {
        let kinds = [
            EdgeKind::Calls, EdgeKind::RunsOn, EdgeKind::Reads,
            EdgeKind::Writes, EdgeKind::Publishes, EdgeKind::Consumes,
        ];
        let names = ["a", "b", "c", "d", "e"];
        let mut builder = builder();
        for &(from, to, kind) in &links {
            builder.declare_edge(service(names[from]), service(names[to]), kinds[kind]);
        }
        for name in names {
            sample(&mut builder, 0, name, 1.0);
        }
        let graph = builder.build();
        let window = graph.window(NodeKind::Service, minutes(0, 1)).unwrap();
        let [along, against, both] = FLOWS.map(|flow| {
            GraphWindow::new(&graph, &window).flow(flow).at(0).unwrap()
        });
        let mut expected = Vec::new();
        for (from, to, kind) in graph.edges() {
            let [from, to] = [from, to].map(|id| window.row(graph.key(id).unwrap()).unwrap());
            let [from, to] = [from, to].map(|row| u32::try_from(row).unwrap());
            expected.push((to, from));
            if matches!(kind, EdgeKind::Writes | EdgeKind::Publishes) {
                expected.push((from, to));
            }
        }
        let sorted = |graph: &Graph| {
            let mut pairs: Vec<_> = graph.edges().pairs().collect();
            pairs.sort_unstable();
            pairs
        };
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(sorted(&along), expected);
        prop_assert_eq!(along.edges().reversed().pairs().collect::<Vec<_>>(),
            against.edges().pairs().collect::<Vec<_>>());
        let of = |relation| {
            let typed = both.edges().pairs().zip(both.edge_type().unwrap());
            let typed = typed.filter(move |(_, r)| **r == relation);
            typed.map(|(pair, _)| pair).collect::<Vec<_>>()
        };
        prop_assert_eq!(of(0), along.edges().pairs().collect::<Vec<_>>());
        prop_assert_eq!(of(1), against.edges().pairs().collect::<Vec<_>>());
        prop_assert_eq!(along.x(), Array2::<f64>::ones((5, 1)));
    }
}
