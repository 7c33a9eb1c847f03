//! Laws that hold for every graph layer, on random graphs with loops, repeated edges and lonely nodes.

use std::error::Error;

use astern_gnn::layer::{
    AttentionReadoutConfig, GatConfig, GatV2Config, GcnConfig, GraphNormConfig, RgcnConfig,
    SageAggregation, SageConfig, SubtractiveConfig, Subtrahend, TgcnConfig,
};
use astern_gnn::ndarray::{Array2, Axis, concatenate};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::{
    AttentionReadout, ForwardMode, GatConv, GatV2Conv, GcnConv, GraphLayer, GraphNorm,
    GraphTensors, Init, NodeBatch, Reduce, RgcnConv, SageConv, SubtractiveConv, TgcnCell,
    TorchError,
};
use astern_gnn::{Graph, SelfLoops};
use proptest::prelude::*;

use crate::support::Outcome;
use crate::support::parity::worst;
use crate::support::torch::values;

const FEATURES: usize = 3;
const TYPES: usize = 2;

type Named = (&'static str, Box<dyn GraphLayer>);

fn boxed<L: GraphLayer + 'static>(
    name: &'static str,
    layer: Result<L, TorchError>,
) -> Result<Named, TorchError> {
    Ok((name, Box::new(layer?)))
}

/// Every layer that passes messages, in every form that has code of its own.
fn layers() -> Result<Vec<Named>, TorchError> {
    let init = &mut Init::new(9, Kind::Double, Device::Cpu);
    let f = FEATURES;
    let gcn = GcnConfig::new(f, 4);
    let sage = SageConfig::new(f, 4);
    let gat = GatConfig::new(f, 2).heads(2).edge_features(1);
    let gatv2 = GatV2Config::new(f, 2).heads(2).edge_features(1);
    let away = SubtractiveConfig::new(f, 4);
    let attention = away.clone().subtrahend(Subtrahend::Attention);
    Ok(vec![
        boxed("gcn", GcnConv::new(&gcn, init))?,
        boxed(
            "gcn as given, narrow",
            GcnConv::new(&GcnConfig::new(f, 2).loops(SelfLoops::AsGiven), init),
        )?,
        boxed("sage", SageConv::new(&sage, init))?,
        boxed(
            "sage max",
            SageConv::new(&sage.aggregation(SageAggregation::Max), init),
        )?,
        boxed("gat", GatConv::new(&gat, init))?,
        boxed(
            "gat as given",
            GatConv::new(&gat.loops(SelfLoops::AsGiven).concat(false), init),
        )?,
        boxed("gatv2", GatV2Conv::new(&gatv2, init))?,
        boxed(
            "gatv2 as given",
            GatV2Conv::new(&gatv2.loops(SelfLoops::AsGiven).concat(false), init),
        )?,
        boxed("rgcn", RgcnConv::new(&RgcnConfig::new(f, 4, TYPES), init))?,
        boxed(
            "rgcn bases, narrow",
            RgcnConv::new(&RgcnConfig::new(f, 2, TYPES).bases(3), init),
        )?,
        boxed("subtractive", SubtractiveConv::new(&away, init))?,
        boxed(
            "subtractive attention",
            SubtractiveConv::new(&attention, init),
        )?,
        boxed("tgcn", TgcnCell::new(&TgcnConfig::new(f, 4), init))?,
    ])
}

/// What an edge carries: source, target, weight and attribute, relation.
type Edge = (u32, u32, f64, u32);

#[derive(Debug, Clone)]
struct Case {
    x: Array2<f64>,
    edges: Vec<Edge>,
}

impl Case {
    fn graph(&self) -> Result<Graph, Box<dyn Error>> {
        let ends = self.edges.iter().map(|&(j, i, ..)| (j, i));
        let weights: Vec<f64> = self.edges.iter().map(|e| e.2).collect();
        let types: Vec<u32> = self.edges.iter().map(|e| e.3).collect();
        let attr = Array2::from_shape_vec((weights.len(), 1), weights.clone())?;
        Ok(Graph::new(self.x.clone(), ends)?
            .with_edge_weight(&weights)?
            .with_edge_attr(&attr)?
            .with_edge_type(&types, TYPES)?)
    }

    fn tensors(&self) -> Result<GraphTensors, Box<dyn Error>> {
        Ok(GraphTensors::new(
            &self.graph()?,
            Kind::Double,
            Device::Cpu,
        )?)
    }

    fn n_nodes(&self) -> u32 {
        u32::try_from(self.x.nrows()).unwrap()
    }

    /// Both graphs, without an edge between them.
    fn beside(&self, other: &Self) -> Result<Self, Box<dyn Error>> {
        let by = self.n_nodes();
        let moved = other
            .edges
            .iter()
            .map(|&(j, i, w, r)| (j + by, i + by, w, r));
        Ok(Self {
            x: concatenate(Axis(0), &[self.x.view(), other.x.view()])?,
            edges: self.edges.iter().copied().chain(moved).collect(),
        })
    }
}

fn rows(layer: &dyn GraphLayer, case: &Case) -> Result<Tensor, Box<dyn Error>> {
    let graph = case.tensors()?;
    Ok(layer.forward(graph.x(), &graph, ForwardMode::Eval)?)
}

/// Loops of a node once at most: which of several a layer keeps depends on the order given.
fn case() -> impl Strategy<Value = Case> {
    (1usize..7, 0usize..14).prop_flat_map(|(n, e)| {
        let x = prop::collection::vec(-2.0..2.0f64, n * FEATURES);
        let ends = 0..u32::try_from(n).unwrap();
        let edge = (ends.clone(), ends, 0.1..2.0f64, 0..2u32);
        (x, prop::collection::vec(edge, e)).prop_map(move |(x, mut edges)| {
            let mut has_loop = vec![false; n];
            edges.retain(|&(j, i, ..)| {
                j != i || !std::mem::replace(&mut has_loop[i as usize], true)
            });
            let x = Array2::from_shape_vec((n, FEATURES), x).unwrap();
            Case { x, edges }
        })
    })
}

/// A case, new numbers of its nodes, and a new order of its edges.
fn relabelled() -> impl Strategy<Value = (Case, Vec<u32>, Vec<Edge>)> {
    case().prop_flat_map(|case| {
        let numbers: Vec<u32> = (0..case.n_nodes()).collect();
        let edges = case.edges.clone();
        let shuffled = (Just(numbers).prop_shuffle(), Just(edges).prop_shuffle());
        (Just(case), shuffled).prop_map(|(case, (numbers, edges))| (case, numbers, edges))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn names_of_nodes_and_order_of_edges_do_not_matter(
        (case, to, edges) in relabelled(),
    ) {
        let mut x = case.x.clone();
        for (from, &to) in to.iter().enumerate() {
            x.row_mut(to as usize).assign(&case.x.row(from));
        }
        let edges = edges
            .iter()
            .map(|&(j, i, w, r)| (to[j as usize], to[i as usize], w, r))
            .collect();
        let moved = Case { x, edges };
        let to: Vec<i64> = to.iter().map(|&i| i.into()).collect();
        let to = Tensor::f_from_slice(&to).unwrap();
        for (name, layer) in layers().unwrap() {
            let y = rows(layer.as_ref(), &case).unwrap();
            let moved = rows(layer.as_ref(), &moved).unwrap();
            let back = moved.f_index_select(0, &to).unwrap();
            let off = worst(&values(&back).unwrap(), values(&y).unwrap());
            prop_assert!(off < 1e-12, "{name}: off by {off:e}");
        }
    }

    #[test]
    fn graphs_side_by_side_are_the_graphs_alone(a in case(), b in case()) {
        let both = a.beside(&b).unwrap();
        for (name, layer) in layers().unwrap() {
            let y = values(&rows(layer.as_ref(), &both).unwrap()).unwrap();
            let mut alone = values(&rows(layer.as_ref(), &a).unwrap()).unwrap();
            alone.extend(values(&rows(layer.as_ref(), &b).unwrap()).unwrap());
            let off = worst(&y, alone);
            prop_assert!(off < 1e-12, "{name}: off by {off:e}");
        }
    }

    #[test]
    fn norms_and_readouts_of_a_batch_are_those_of_its_graphs(a in case(), b in case()) {
        let kind = Kind::Double;
        let init = &mut Init::new(4, kind, Device::Cpu);
        let norm = GraphNorm::new(&GraphNormConfig::new(FEATURES), init).unwrap();
        let config = AttentionReadoutConfig::new(FEATURES).outputs(4);
        let readout = AttentionReadout::new(&config, init).unwrap();
        // A graph without nodes lies between the two.
        let of = |case: &Case, graph: i64| vec![graph; case.x.nrows()];
        let batch = |of: &[i64], n| NodeBatch::new(&Tensor::f_from_slice(of).unwrap(), n).unwrap();
        let both = a.beside(&b).unwrap().tensors().unwrap();
        let in_both = batch(&[of(&a, 0), of(&b, 2)].concat(), 3);

        let normed = values(&norm.apply(both.x(), Some(&in_both)).unwrap()).unwrap();
        let read = values(&readout.forward(both.x(), &in_both).unwrap()).unwrap();
        let reduce = |x: &Tensor, batch: &NodeBatch, how| values(&batch.reduce(x, how).unwrap()).unwrap();
        let (mut normed_alone, mut read_alone) = (Vec::new(), Vec::new());
        for (case, row) in [(&a, 0), (&b, 2)] {
            let x = case.tensors().unwrap();
            let alone = batch(&of(case, 0), 1);
            normed_alone.extend(values(&norm.apply(x.x(), None).unwrap()).unwrap());
            read_alone.push(values(&readout.forward(x.x(), &alone).unwrap()).unwrap());
            for how in [Reduce::Sum, Reduce::Mean, Reduce::Max] {
                let together = reduce(both.x(), &in_both, how);
                let together = &together[row * FEATURES..][..FEATURES];
                prop_assert!(worst(together, reduce(x.x(), &alone, how)) < 1e-12, "{how:?}");
            }
        }
        prop_assert!(worst(&normed, normed_alone) < 1e-9);
        let expected = [read_alone[0].clone(), vec![0.0; 4], read_alone[1].clone()].concat();
        prop_assert!(worst(&read, expected) < 1e-12);
    }
}

#[test]
fn graphs_without_edges_or_nodes_work() -> Outcome {
    for n in [0, 1, 4] {
        let case = Case {
            x: Array2::from_elem((n, FEATURES), 0.5),
            edges: Vec::new(),
        };
        for (name, layer) in layers()? {
            let y = rows(layer.as_ref(), &case).map_err(|e| format!("{name} {n}: {e:?}"))?;
            assert_eq!(y.size()[0], i64::try_from(n)?, "{name}");
            assert!(values(&y)?.iter().all(|v| v.is_finite()), "{name}");
            // Gradients too: a model must be trainable on such a graph.
            y.f_sum(Kind::Double)?.f_backward()?;
            for (parameter, tensor) in layer.parameters() {
                let grad = tensor.f_grad()?;
                let is_finite = !grad.defined() || values(&grad)?.iter().all(|v| v.is_finite());
                assert!(is_finite, "{name} {parameter}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_lonely_node_hears_nobody_among_others() -> Outcome {
    let x = Array2::from_shape_fn((3, FEATURES), |(i, f)| (i + 2 * f) as f64 - 1.5);
    let edges = vec![(0, 1, 1.0, 0), (1, 0, 0.5, 1)];
    let alone = Case {
        x: x.row(2).insert_axis(Axis(0)).to_owned(),
        edges: Vec::new(),
    };
    let case = Case { x, edges };
    for (name, layer) in layers()? {
        let y = rows(layer.as_ref(), &case)?.f_select(0, 2)?;
        let off = worst(&values(&y)?, values(&rows(layer.as_ref(), &alone)?)?);
        assert!(off < 1e-12, "{name}: off by {off:e}");
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_an_error() -> Outcome {
    let x = Array2::from_elem((4, FEATURES), 0.5);
    let edges = vec![(0, 1, 1.0, 0), (2, 1, 0.5, 1)];
    let graph = Case { x, edges }.tensors()?;
    let shapes: [&[i64]; 6] = [&[4, 2], &[5, 3], &[3, 3], &[4], &[], &[4, 0]];
    let wrong = |shape: &[i64], kind| Tensor::f_ones(shape, (kind, Device::Cpu));
    for (name, layer) in layers()? {
        for shape in shapes {
            let y = layer.forward(&wrong(shape, Kind::Double)?, &graph, ForwardMode::Eval);
            assert!(y.is_err(), "{name} takes {shape:?}");
        }
        let single = wrong(&[4, 3], Kind::Float)?;
        assert!(
            layer.forward(&single, &graph, ForwardMode::Eval).is_err(),
            "{name}"
        );
        assert!(
            layer
                .forward(&Tensor::new(), &graph, ForwardMode::Eval)
                .is_err(),
            "{name}"
        );
    }
    Ok(())
}
