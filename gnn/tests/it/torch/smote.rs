//! Synthetic nodes: parents, edges, rows, slopes.

use std::collections::BTreeSet;

use astern_gnn::ndarray::{Array2, array};
use astern_gnn::torch::loss::{CrossEntropy, SparseReconstruction};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::train::{EdgePredictor, Gradients, SmoteTensors, Trainer};
use astern_gnn::torch::{ForwardMode, GraphLayer};
use astern_gnn::torch::{GraphTensors, Init, Module, SageConv, TorchError, Visitor, tensor_of};
use astern_gnn::train::{OptimizerConfig, Smote, SmoteAmount, SmoteError, TrainParams};
use astern_gnn::{EdgeIndex, Graph, GraphDataError, layer::SageConfig};

use crate::support::{Outcome, noise};

const CPU: Device = Device::Cpu;

/// Labels 0 but for nodes 5 to 8, an embedding, and a tree.
fn few() -> Result<(Array2<f64>, Vec<u32>, EdgeIndex), GraphDataError> {
    let h = Array2::from_shape_simple_fn((20, 3), noise(4));
    let labels = (0..20u32).map(|i| u32::from((5..9).contains(&i))).collect();
    let edges = EdgeIndex::new(20, (1..20u32).map(|i| (i, (i - 1) / 2)))?;
    Ok((h, labels, edges))
}

#[test]
fn parents_are_labelled_nodes_and_partners_the_nearest() -> Outcome {
    let (h, labels, _) = few()?;
    // Node 8 is of the class but has no label.
    let labelled: Vec<u32> = (0..20).filter(|&n| n != 8).collect();
    let smote = Smote::new(&[1]).amount(SmoteAmount::Times(2.0)).seed(3);
    let plan = smote.plan(&h, &labels, &labelled)?;
    assert_eq!((plan.synthetic().len(), plan.n_nodes()), (6, 26));
    let away = |a: u32, b: u32| {
        let d = &h.row(a as usize) - &h.row(b as usize);
        d.iter().map(|d| d * d).sum::<f64>()
    };
    let mut times = [0; 8];
    for new in plan.synthetic() {
        assert_eq!(new.class, 1);
        times[new.parent as usize] += 1;
        let others = [5u32, 6, 7].into_iter().filter(|&o| o != new.parent);
        let nearest = others.min_by(|&a, &b| away(new.parent, a).total_cmp(&away(new.parent, b)));
        assert_eq!(Some(new.partner), nearest);
        assert!((0.0..1.0).contains(&new.ratio));
    }
    assert_eq!(times[5..], [2, 2, 2]);
    let ratios: BTreeSet<u64> = plan.synthetic().iter().map(|s| s.ratio.to_bits()).collect();
    assert_eq!(ratios.len(), 6, "each has a ratio of its own");
    assert_eq!(plan, smote.plan(&h, &labels, &labelled)?);
    assert_ne!(plan, smote.seed(4).plan(&h, &labels, &labelled)?);

    let balanced = Smote::new(&[1, 1, 0]).amount(SmoteAmount::Balance);
    let plan = balanced.plan(&h, &labels, &labelled)?;
    let count = |class| plan.synthetic().iter().filter(|s| s.class == class).count();
    assert_eq!((count(0), count(1)), (0, 13));
    let all = plan.nodes(&labelled);
    assert_eq!(all.len(), 32);
    let of_1 = all
        .iter()
        .filter(|&&n| plan.labels(&labels)[n as usize] == 1);
    assert_eq!(of_1.count(), 16);
    Ok(())
}

#[test]
fn new_nodes_get_the_edges_of_both_parents_only() -> Outcome {
    let (h, labels, edges) = few()?;
    let labelled: Vec<u32> = (0..20).collect();
    let plan = Smote::new(&[1]).plan(&h, &labels, &labelled)?;
    let candidates = plan.candidates(&edges)?;
    let pairs: Vec<_> = edges.pairs().collect();
    for (i, new) in plan.synthetic().iter().enumerate() {
        let node = u32::try_from(20 + i)?;
        let mut expected = BTreeSet::new();
        for parent in [new.parent, new.partner] {
            for &(a, b) in &pairs {
                if a == parent && b != parent {
                    expected.insert((node, b));
                }
                if b == parent && a != parent {
                    expected.insert((a, node));
                }
            }
        }
        let own = candidates.iter().filter(|(a, b)| *a == node || *b == node);
        assert_eq!(own.copied().collect::<BTreeSet<_>>(), expected);
    }
    let graph = plan.edges(&edges, candidates.clone())?;
    assert_eq!(graph.n_edges(), 19 + candidates.len());
    let old: Vec<_> = graph.pairs().filter(|(a, b)| *a < 20 && *b < 20).collect();
    assert_eq!(old, pairs);
    assert!(plan.candidates(&EdgeIndex::new(3, [])?).is_err());
    assert!(plan.edges(&edges, [(99, 0)]).is_err());
    Ok(())
}

#[test]
fn rows_lie_between_the_parents_and_have_slopes() -> Outcome {
    let (h, labels, _) = few()?;
    let plan = Smote::new(&[1]).plan(&h, &labels, &(0..20).collect::<Vec<_>>())?;
    let x = tensor_of(&h, Kind::Double, CPU)?.set_requires_grad(true);
    let smote = SmoteTensors::new(&plan, Kind::Double, CPU)?;
    let all = smote.extend(&x)?;
    assert_eq!(all.size(), [24, 3]);
    for (i, new) in plan.synthetic().iter().enumerate() {
        for f in 0..3 {
            let (a, b) = (h[[new.parent as usize, f]], h[[new.partner as usize, f]]);
            let expected = (1.0 - new.ratio) * a + new.ratio * b;
            let got = all.double_value(&[20 + i64::try_from(i)?, i64::try_from(f)?]);
            assert!((got - expected).abs() < 1e-12);
        }
    }
    all.narrow(0, 20, 4).sum(Kind::Double).backward();
    let slope = x.grad().sum(Kind::Double).double_value(&[]);
    assert!(
        (slope - 12.0).abs() < 1e-9,
        "the shares of the parents add up to 1"
    );
    assert!(smote.extend(&x.narrow(0, 0, 19)).is_err());

    // Nothing to add.
    let none = Smote::new(&[]).plan(&h, &labels, &[0, 1])?;
    assert_eq!(
        SmoteTensors::new(&none, Kind::Double, CPU)?
            .extend(&x)?
            .size(),
        [20, 3]
    );
    Ok(())
}

#[test]
fn what_cannot_be_is_refused() -> Outcome {
    let (h, labels, _) = few()?;
    let plan = |smote: Smote, labelled: &[u32]| smote.plan(&h, &labels, labelled).unwrap_err();
    for times in [0.0, -1.0, 1001.0, f64::NAN] {
        let error = plan(Smote::new(&[1]).amount(SmoteAmount::Times(times)), &[5, 6]);
        assert!(matches!(error, SmoteError::Times { .. }), "{error:?}");
    }
    let (class, labelled) = (1, 1);
    assert_eq!(
        plan(Smote::new(&[1]), &[0, 5, 5]),
        SmoteError::SmallClass { class, labelled }
    );
    let (node, n_nodes) = (20, 20);
    assert_eq!(
        plan(Smote::new(&[1]), &[20]),
        SmoteError::NoSuchNode { node, n_nodes }
    );
    let error = Smote::new(&[1])
        .plan(&array![[0.0]], &labels, &[5, 6])
        .unwrap_err();
    assert!(matches!(error, SmoteError::NodeCount { .. }));
    let mut broken = h;
    broken[[6, 1]] = f64::NAN;
    let error = Smote::new(&[1])
        .plan(&broken, &labels, &[5, 6])
        .unwrap_err();
    assert_eq!(error, SmoteError::NotFinite { node: 6 });
    Ok(())
}

#[test]
fn a_predictor_learns_which_edges_there_are() -> Outcome {
    // Two cliques with opposite features.
    let x = Array2::from_shape_fn((8, 2), |(n, f)| if (n < 4) == (f == 0) { 1.0 } else { 0.1 });
    let clique = |from: u32| (from..from + 4).flat_map(move |a| (from..a).map(move |b| (a, b)));
    let edges = EdgeIndex::new(8, clique(0).chain(clique(4)))?;
    let h = tensor_of(&x, Kind::Double, CPU)?;
    let predictor = EdgePredictor::new(2, &mut Init::new(1, Kind::Double, CPU))?;
    let pairs = SparseReconstruction::new(&edges, 0.0, 3, CPU)?;
    let params = TrainParams::new(OptimizerConfig::adam(0.1)).epochs(100);
    let report =
        Trainer::new(&predictor, &params)?.run(|step| predictor.loss(&h, &pairs, step.seed))?;
    assert!(report.losses[99] < 0.2, "{report}");
    let chosen = predictor.choose(&h, &[(0, 1), (0, 5), (6, 7), (3, 4)], 0.5)?;
    assert_eq!(chosen, [(0, 1), (6, 7)]);
    assert!(predictor.probabilities(&h, &[(0, 8)]).is_err());
    Ok(())
}

/// Encoder and classifier around the synthetic nodes.
struct Net {
    encoder: SageConv,
    head: SageConv,
    predictor: EdgePredictor,
}

impl Module for Net {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("encoder", &self.encoder);
        visitor.module("head", &self.head);
        visitor.module("predictor", &self.predictor);
    }
}

#[test]
fn synthetic_nodes_take_part_in_the_loss_with_soft_edges() -> Outcome {
    let (x, labels, edges) = few()?;
    let labelled: Vec<u32> = (0..20).collect();
    let init = &mut Init::new(2, Kind::Double, CPU);
    let net = Net {
        encoder: SageConv::new(&SageConfig::new(3, 4), init)?,
        head: SageConv::new(&SageConfig::new(4, 2), init)?,
        predictor: EdgePredictor::new(4, init)?,
    };
    let graph = Graph::of_edges(edges.clone()).with_x(x.clone())?;
    let graph = GraphTensors::new(&graph, Kind::Double, CPU)?;
    let encode = || -> Result<Tensor, TorchError> {
        Ok(net
            .encoder
            .forward(graph.x(), &graph, ForwardMode::Train)?
            .tanh())
    };
    let h = encode()?;
    let embedding = Array2::from_shape_vec((20, 4), Vec::try_from(h.reshape(-1))?)?;
    let smote = Smote::new(&[1]).amount(SmoteAmount::Balance);
    let plan = smote.plan(&embedding, &labels, &labelled)?;
    let candidates = plan.candidates(&edges)?;
    let wider = plan.edges(&edges, candidates.clone())?;
    let augmented = Graph::of_edges(wider.clone());
    let augmented = GraphTensors::new(&augmented, Kind::Double, CPU)?;
    let rows = SmoteTensors::new(&plan, Kind::Double, CPU)?;
    let loss = CrossEntropy::new(&plan.labels(&labels), 2, CPU)?;
    let total = || -> Result<Tensor, TorchError> {
        let h = rows.extend(&encode()?)?;
        let mask = net.predictor.mask(&h, &wider, &candidates)?;
        let soft = augmented.masked(&mask)?;
        loss.loss(&net.head.forward(&h, &soft, ForwardMode::Train)?, None)
    };
    let mask = net.predictor.mask(&rows.extend(&h)?, &wider, &candidates)?;
    for (e, (a, b)) in wider.pairs().enumerate() {
        let factor = mask.double_value(&[i64::try_from(e)?]);
        assert_eq!(
            (factor - 1.0).abs() < 1e-12,
            a < 20 && b < 20,
            "edge {a} {b}: {factor}"
        );
    }
    let norms = Gradients::of(&total()?, &net)?.norms()?;
    assert!(norms.iter().all(|n| *n > 0.0), "{norms:?}");
    let params = TrainParams::new(OptimizerConfig::adam(0.05)).epochs(60);
    let report = Trainer::new(&net, &params)?.run(|_| total())?;
    assert!(report.losses[59] < 0.7 * report.losses[0], "{report}");
    let too_few = EdgeIndex::new(36, [])?;
    assert!(
        net.predictor
            .mask(&rows.extend(&h)?, &too_few, &candidates)
            .is_err()
    );
    Ok(())
}
