//! Laws of rankers over random graphs, with circles, and random series.

use astern_graph_core::{
    EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, TemporalGraph, Timestamp,
};
use astern_rca::ranker::baseline::{
    LinearCounterfactual, MicroHecl, MicroRca, MicroScope, PageRank, RandomWalk, SecondOrderWalk,
};
use astern_rca::{Incident, Ranker};
use proptest::prelude::*;

use crate::world::minutes;

const NODES: usize = 6;
const HEALTHY: usize = 20;
const ABNORMAL: usize = 4;

type Edges = Vec<(usize, usize)>;
type Values = Vec<Vec<f64>>;

fn service(i: usize) -> NodeKey {
    NodeKey::service(format!("{i}"))
}

fn graph(edges: &Edges, values: &Values) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (from, to) in edges {
        builder.declare_edge(service(*from), service(*to), EdgeKind::Calls);
    }
    for (i, series) in values.iter().enumerate() {
        let samples = (0..).zip(series).map(|(minute, value)| {
            let at = Timestamp::from_secs(60 * minute);
            Sample::new(at, service(i), "latency_ms", *value).into()
        });
        builder.extend(samples);
    }
    builder.build()
}

fn incident() -> Incident {
    let (healthy, abnormal) = (minutes(0, HEALTHY), minutes(HEALTHY, HEALTHY + ABNORMAL));
    Incident::new(service(0), "latency_ms".into(), healthy, abnormal)
}

fn edges() -> impl Strategy<Value = Edges> {
    prop::collection::vec((0..NODES, 0..NODES), 0..14)
}

fn values() -> impl Strategy<Value = Values> {
    let series = prop::collection::vec(1.0..100.0f64, HEALTHY + ABNORMAL);
    prop::collection::vec(series, NODES)
}

proptest! {
    #[test]
    fn time_is_shared_out(edges in edges(), values in values()) {
        let graph = graph(&edges, &values);
        for ranker in [&RandomWalk as &dyn Ranker, &SecondOrderWalk, &PageRank, &MicroRca] {
            let causes = ranker.rank(&graph, &incident()).unwrap().causes;
            let total: f64 = causes.iter().map(|cause| cause.score).sum();
            // MicroRCA blames nobody where no edge is anomalous.
            prop_assert!(causes.is_empty() || (total - 1.0).abs() < 1e-6, "{total}");
            prop_assert!(causes.iter().all(|cause| cause.score >= 0.0));
        }
    }

    #[test]
    fn contributions_add_up_to_the_excess(edges in edges(), values in values()) {
        let ranking = LinearCounterfactual.rank(&graph(&edges, &values), &incident()).unwrap();
        let total: f64 = ranking.causes.iter().map(|cause| cause.score).sum();
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (healthy, abnormal) = values[0].split_at(HEALTHY);
        let excess = mean(abnormal) - mean(healthy);
        // Slopes of several regressions in a row can be large, and so can what cancels out.
        let largest = ranking.causes.iter().map(|c| c.score.abs()).fold(1.0, f64::max);
        prop_assert!((total - excess).abs() < 1e-8 * largest, "{total} {excess}");
    }

    #[test]
    fn paths_go_along_calls_to_the_symptom(edges in edges(), values in values()) {
        let graph = graph(&edges, &values);
        for ranker in [&MicroScope as &dyn Ranker, &MicroHecl, &LinearCounterfactual] {
            for cause in ranker.rank(&graph, &incident()).unwrap().causes {
                prop_assert_eq!(cause.path.first(), Some(cause.subject.node()));
                prop_assert_eq!(cause.path.last(), Some(&service(0)));
                for step in cause.path.windows(2) {
                    let [callee, caller] = [0, 1].map(|i| graph.id(&step[i]).unwrap());
                    prop_assert!(graph.callees(caller).any(|id| id == callee));
                }
            }
        }
    }
}
