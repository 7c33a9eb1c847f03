//! Layers with relations, norms, time and batches: parity with `PyTorch` and `PyTorch` Geometric, and
//! numbers worked out by hand for what they have not.
#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod common;

use std::error::Error;

use astern_gnn::layer::{
    AttentionReadoutConfig, CausalConvConfig, GatConfig, GraphNormConfig, PatchMask,
    PatchTransformerConfig, RecurrentConfig, RgcnConfig, SubtractiveConfig, Subtrahend, TgcnConfig,
    TransformerConfig,
};
use astern_gnn::ndarray::{Array2, array};
use astern_gnn::torch::tch::{self, Device, Kind, Tensor};
use astern_gnn::torch::{
    AttentionReadout, CausalConv, GatConv, GraphLayer, GraphNorm, GraphTensors, GruCell, Init,
    LstmCell, LstmState, Mode, Module, NodeBatch, NodeGru, PatchTransformer, Reduce, RgcnConv,
    SubtractiveConv, TgcnCell, TorchError, TransformerLayer, load_state, state_of,
};
use astern_gnn::{Graph, SelfLoops, StateDict};
use common::Outcome;
use common::parity::{graph, numbers, pyg_layers, pyg_more, state, table, worst};
use common::torch::{assert_parity, tensor_of_json, values};
use serde_json::Value;

const KINDS: [(Kind, f64); 2] = [(Kind::Double, 1e-10), (Kind::Float, 1e-5)];

fn init(kind: Kind) -> Init {
    Init::new(5, kind, Device::Cpu)
}

/// Loads the parameters of a case, runs `forward`, and compares.
fn check<M: Module>(
    fixture: &Value,
    name: &str,
    tolerance: f64,
    module: Result<M, TorchError>,
    forward: impl FnOnce(&M) -> Result<Tensor, TorchError>,
) -> Outcome {
    let (module, case) = (module?, &fixture["cases"][name]);
    load_state(&module, &state(&case["params"])?)?;
    assert_parity(name, &module, &forward(&module)?, case, tolerance)
}

/// `_l0` is what torch's sequences have and cells have not.
fn without_suffix(fixture: &mut Value, name: &str) -> Outcome {
    for part in ["params", "grad_of_sum_y2"] {
        let part = &mut fixture["cases"][name][part];
        let named = part.as_object().ok_or("no parameters")?.clone();
        let renamed = named
            .into_iter()
            .map(|(name, value)| (name.trim_end_matches("_l0").to_owned(), value));
        *part = Value::Object(renamed.collect());
    }
    Ok(())
}

fn node_batch(fixture: &Value) -> Result<NodeBatch, Box<dyn Error>> {
    let batch: Vec<i64> = serde_json::from_value(fixture["batch"].clone())?;
    Ok(NodeBatch::new(&Tensor::f_from_slice(&batch)?, 2)?)
}

#[test]
fn graph_layers_equal_pytorch_geometric() -> Outcome {
    let fixture = pyg_more()?;
    let types: Vec<u32> = serde_json::from_value(fixture["edge_type"].clone())?;
    let typed = graph(&fixture)?.with_edge_type(&types, 4)?;
    let attributed = graph(&fixture)?.with_edge_attr(&table(&fixture["edge_attr"])?)?;
    for (kind, tolerance) in KINDS {
        let typed = GraphTensors::new(&typed, kind, Device::Cpu)?;
        let rgcn = |name: &str, config: &RgcnConfig| {
            let layer = RgcnConv::new(config, &mut init(kind));
            let forward = |l: &RgcnConv| l.forward(typed.x(), &typed, Mode::Eval);
            check(&fixture, name, tolerance, layer, forward)
        };
        rgcn("rgcn", &RgcnConfig::new(3, 4, 4))?;
        rgcn("rgcn_narrow", &RgcnConfig::new(3, 2, 4).bias(false))?;
        rgcn("rgcn_bases", &RgcnConfig::new(3, 4, 4).bases(2))?;
        rgcn("rgcn_noroot", &RgcnConfig::new(3, 4, 4).root_weight(false))?;

        let attributed = GraphTensors::new(&attributed, kind, Device::Cpu)?;
        let gat = |name: &str, config: &GatConfig| {
            let layer = GatConv::new(config, &mut init(kind));
            let forward = |l: &GatConv| l.forward(attributed.x(), &attributed, Mode::Eval);
            check(&fixture, name, tolerance, layer, forward)
        };
        let heads = GatConfig::new(3, 2).heads(2).edge_features(2);
        gat("gat_edge", &heads)?;
        let config = heads.concat(false).loops(SelfLoops::AsGiven);
        gat("gat_edge_mean", &config)?;
    }
    Ok(())
}

#[test]
fn norms_and_readouts_equal_pytorch_geometric() -> Outcome {
    let fixture = pyg_more()?;
    let batch = node_batch(&fixture)?;
    for (kind, tolerance) in KINDS {
        let x = tensor_of_json(&fixture["x"], kind)?;
        for (name, batch) in [("graph_norm", None), ("graph_norm_batch", Some(&batch))] {
            let norm = GraphNorm::new(&GraphNormConfig::new(3), &mut init(kind));
            check(&fixture, name, tolerance, norm, |l| l.apply(&x, batch))?;
        }
        let readout = AttentionReadoutConfig::new(3);
        for (name, config) in [
            ("attention_readout", readout.clone().outputs(4)),
            ("gated_readout", readout),
        ] {
            let layer = AttentionReadout::new(&config, &mut init(kind));
            check(&fixture, name, tolerance, layer, |l| l.forward(&x, &batch))?;
        }
        let pools = [
            ("sum", Reduce::Sum),
            ("mean", Reduce::Mean),
            ("max", Reduce::Max),
        ];
        for (name, how) in pools {
            let y = batch.reduce(&x, how)?;
            let off = worst(&values(&y)?, numbers(&fixture["pools"][name])?.1);
            assert!(off < tolerance, "{name} {kind:?}: off by {off:e}");
        }
    }
    Ok(())
}

#[test]
fn recurrent_layers_equal_pytorch() -> Outcome {
    let fixture = pyg_more()?;
    let mut cells = fixture.clone();
    without_suffix(&mut cells, "gru")?;
    without_suffix(&mut cells, "lstm")?;
    let config = RecurrentConfig::new(3, 4);
    for (kind, tolerance) in KINDS {
        let part = |name: &str| tensor_of_json(&fixture[name], kind);
        let (x, h, c) = (part("window")?, part("state")?, part("cell")?);
        check(
            &cells,
            "gru",
            tolerance,
            GruCell::new(&config, &mut init(kind)),
            |gru| Ok(gru.sequence(&x, Some(&h))?.outputs),
        )?;
        let state = LstmState::new(h.shallow_clone(), c.shallow_clone());
        check(
            &cells,
            "lstm",
            tolerance,
            LstmCell::new(&config, &mut init(kind)),
            |lstm| Ok(lstm.sequence(&x, Some(&state))?.outputs),
        )?;
        check(
            &fixture,
            "transformer",
            tolerance,
            TransformerLayer::new(
                &TransformerConfig::new(4, 2).feed_forward(7),
                &mut init(kind),
            ),
            |layer| layer.forward(&part("tokens").unwrap(), Mode::Eval),
        )?;
        check(
            &fixture,
            "conv1d",
            tolerance,
            CausalConv::new(&CausalConvConfig::new(3, 4, 2).dilation(2), &mut init(kind)),
            |conv| conv.apply(&x),
        )?;
    }
    Ok(())
}

#[test]
fn tgcn_equals_three_convolutions_of_pytorch_geometric() -> Outcome {
    let fixture = pyg_more()?;
    let (_, weights) = numbers(&fixture["edge_weight"])?;
    let graph = graph(&fixture)?.with_edge_weight(&weights)?;
    for (kind, tolerance) in KINDS {
        let graph = GraphTensors::new(&graph, kind, Device::Cpu)?;
        let window = tensor_of_json(&fixture["window"], kind)?;
        let h = Some(tensor_of_json(&fixture["state"], kind)?);
        let cell = || TgcnCell::new(&TgcnConfig::new(3, 4), &mut init(kind));
        check(&fixture, "tgcn_step", tolerance, cell(), |cell| {
            cell.step(graph.x(), &graph, h.as_ref())
        })?;
        check(&fixture, "tgcn_window", tolerance, cell(), |cell| {
            Ok(cell.sequence(&window, &graph, h.as_ref())?.outputs)
        })?;
    }
    Ok(())
}

#[test]
fn tgcn_gives_the_same_wherever_it_propagates_and_forgets_where_told() -> Outcome {
    let fixture = pyg_more()?;
    let graph = GraphTensors::new(&graph(&fixture)?, Kind::Double, Device::Cpu)?;
    // 3 inputs are not fewer than 3 times 1: the gates are propagated, not the features.
    let cell = TgcnCell::new(&TgcnConfig::new(3, 1), &mut init(Kind::Double))?;
    let window = tensor_of_json(&fixture["window"], Kind::Double)?;
    let mut h: Option<Tensor> = None;
    for t in 0..5 {
        h = Some(cell.step(&window.f_select(1, t)?, &graph, h.as_ref())?);
    }
    let h = h.ok_or("no step")?;
    let last = cell.forward(&window, &graph, Mode::Eval)?;
    assert!(worst(&values(&h)?, values(&last)?) < 1e-14);

    let wide = TgcnCell::new(&TgcnConfig::new(3, 2), &mut init(Kind::Double))?;
    let mut narrow = StateDict::default();
    for (name, tensor) in state_of(&cell)?.iter() {
        // The weights of the one output twice; the state's second half takes nothing in.
        let rows = tensor.values.chunks(*tensor.shape.last().ok_or("scalar")?);
        let is_dense = name.starts_with("linear") && tensor.shape.len() == 2;
        let row = |row: &[f64]| {
            if is_dense {
                vec![row[0], 0.0, row[1], 0.0]
            } else {
                row.to_vec()
            }
        };
        let once: Vec<f64> = rows.flat_map(row).collect();
        let mut shape = tensor.shape.clone();
        shape[0] = 2;
        if is_dense {
            shape[1] = 4;
        }
        narrow.insert(name, &shape, [once.clone(), once].concat());
    }
    load_state(&wide, &narrow)?;
    let both = wide.forward(&window, &graph, Mode::Eval)?;
    assert!(worst(&values(&both.f_select(1, 0)?)?, values(&last)?) < 1e-14);

    assert!(h.requires_grad());
    assert!(!TgcnCell::detach(&h)?.requires_grad());
    Ok(())
}

#[test]
fn cells_and_softmax_equal_pytorch() -> Outcome {
    let fixture = pyg_layers()?;
    for (kind, tolerance) in KINDS {
        let config = RecurrentConfig::new(3, 4);
        let x = tensor_of_json(&fixture["x"], kind)?;
        let part = |case: &str, name: &str| tensor_of_json(&fixture[case][name], kind);
        let off = |y: &Tensor, case: &str, name: &str| -> Result<f64, Box<dyn Error>> {
            Ok(worst(&values(y)?, numbers(&fixture[case][name])?.1))
        };

        let gru = GruCell::new(&config, &mut init(kind))?;
        load_state(&gru, &state(&fixture["gru_cell"]["params"])?)?;
        let y = gru.step(&x, Some(&part("gru_cell", "h")?))?;
        assert!(off(&y, "gru_cell", "y")? < tolerance);

        let lstm = LstmCell::new(&config, &mut init(kind))?;
        load_state(&lstm, &state(&fixture["lstm_cell"]["params"])?)?;
        let state = LstmState::new(part("lstm_cell", "h")?, part("lstm_cell", "c")?);
        let next = lstm.step(&x, Some(&state))?;
        assert!(off(&next.hidden, "lstm_cell", "yh")? < tolerance);
        assert!(off(&next.cell, "lstm_cell", "yc")? < tolerance);

        // Scores are given edge by edge; edges are sorted by receiver.
        let index: Vec<u32> = serde_json::from_value(fixture["softmax"]["index"].clone())?;
        let graph = Graph::new(Array2::zeros((6, 1)), index.iter().map(|&i| (0, i)))?;
        let given: Vec<i64> = graph.edges().given().iter().map(|&e| e.into()).collect();
        let order = Tensor::f_from_slice(&given)?;
        let edges = GraphTensors::new(&graph, kind, Device::Cpu)?.edges(SelfLoops::AsGiven)?;
        let sorted = part("softmax", "src")?.f_index_select(0, &order)?;
        let expected = part("softmax", "y")?.f_index_select(0, &order)?;
        for column in 0..2 {
            let alpha = edges.softmax(&sorted.f_select(1, column)?)?;
            let expected = values(&expected.f_select(1, column)?)?;
            assert!(worst(&values(&alpha)?, expected) < tolerance);
        }
    }
    Ok(())
}

#[test]
fn sequences_are_their_steps() -> Outcome {
    let kind = Kind::Double;
    let fixture = pyg_more()?;
    let x = tensor_of_json(&fixture["window"], kind)?;
    for bias in [true, false] {
        let config = RecurrentConfig::new(3, 4).bias(bias);
        let gru = GruCell::new(&config, &mut init(kind))?;
        let lstm = LstmCell::new(&config, &mut init(kind))?;
        let (mut h, mut state) = (None, None);
        for t in 0..5 {
            let x = x.f_select(1, t)?;
            h = Some(gru.step(&x, h.as_ref())?);
            state = Some(lstm.step(&x, state.as_ref())?);
        }
        let (h, state) = (h.ok_or("no step")?, state.ok_or("no step")?);
        let run = gru.sequence(&x, None)?;
        assert!(worst(&values(&h)?, values(&run.last)?) < 1e-14);
        assert!(worst(&values(&h)?, values(&run.outputs.f_select(1, 4)?)?) < 1e-14);
        let run = lstm.sequence(&x, None)?;
        assert!(worst(&values(&state.cell)?, values(&run.last.cell)?) < 1e-14);
        assert!(worst(&values(&state.hidden)?, values(&run.last.hidden)?) < 1e-14);

        // One node alone is that node among the others.
        let alone = gru.sequence(&x.f_select(0, 2)?, None)?;
        assert_eq!(
            (alone.outputs.size(), alone.last.size()),
            (vec![5, 4], vec![1, 4])
        );
        assert!(worst(&values(&alone.last)?, values(&h.f_select(0, 2)?)?) < 1e-14);
        let alone = lstm.sequence(&x.f_select(0, 2)?, None)?;
        assert_eq!(alone.outputs.size(), [5, 4]);

        let nodes = NodeGru::new(&config, &mut init(kind))?;
        assert!(worst(&values(&nodes.last(&x)?)?, values(&h)?) < 1e-14);
        let names: Vec<_> = nodes
            .parameters()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let expected = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];
        assert_eq!(names, expected[..if bias { 4 } else { 2 }]);
    }
    Ok(())
}

/// 0 and 1 send to 2, 2 sends to 0, 1 and 3 hear nobody.
fn worked() -> Result<GraphTensors, Box<dyn Error>> {
    let x = array![[1.0, 0.0], [3.0, 1.0], [2.0, -1.0], [4.0, 2.0]];
    let graph = Graph::new(x, [(0, 2), (1, 2), (2, 0)])?;
    Ok(GraphTensors::new(&graph, Kind::Double, Device::Cpu)?)
}

fn subtractive(
    config: &SubtractiveConfig,
    state: &[(&str, &[usize], &[f64])],
) -> Result<SubtractiveConv, Box<dyn Error>> {
    let layer = SubtractiveConv::new(config, &mut init(Kind::Double))?;
    let mut known = StateDict::default();
    for (name, shape, values) in state {
        known.insert(*name, shape, values.to_vec());
    }
    load_state(&layer, &known)?;
    Ok(layer)
}

#[test]
fn subtraction_of_the_mean_as_worked_by_hand() -> Outcome {
    let graph = worked()?;
    // u = (x_1 + 2 x_2): 1, 5, 0, 8.
    let weight: (&str, &[usize], &[f64]) = ("lin.weight", &[1, 2], &[1.0, 2.0]);
    let bias: (&str, &[usize], &[f64]) = ("bias", &[1], &[0.5]);
    let layer = subtractive(&SubtractiveConfig::new(2, 1), &[weight, bias])?;
    let y = layer.forward(graph.x(), &graph, Mode::Eval)?;
    assert_eq!(values(&y)?, [1.5, 5.5, -2.5, 8.5]);

    // More outputs than inputs: features are subtracted before they are multiplied.
    let twice: Vec<f64> = [1.0, 2.0].repeat(3);
    let weight: (&str, &[usize], &[f64]) = ("lin.weight", &[3, 2], &twice);
    let layer = subtractive(&SubtractiveConfig::new(2, 3).bias(false), &[weight])?;
    let y = layer.forward(graph.x(), &graph, Mode::Eval)?;
    assert_eq!(values(&y.f_select(1, 2)?)?, [1.0, 5.0, -3.0, 8.0]);
    Ok(())
}

#[test]
fn subtraction_by_attention_as_worked_by_hand() -> Outcome {
    let graph = worked()?;
    let config = SubtractiveConfig::new(2, 1)
        .subtrahend(Subtrahend::Attention)
        .bias(false);
    let weight: (&str, &[usize], &[f64]) = ("lin.weight", &[1, 2], &[1.0, 2.0]);
    let forward = |a: &[f64]| -> Result<Vec<f64>, Box<dyn Error>> {
        let layer = subtractive(&config, &[weight, ("att", &[1, 2], a)])?;
        values(&layer.forward(graph.x(), &graph, Mode::Eval)?)
    };
    // u = 1, 5, 0, 8; scores of the edges into 2: -leaky(.5 * 0 - 1 * 1) = .2 and
    // -leaky(.5 * 0 - 1 * 5) = 1: the lower a . [u_i, u_j], the more attention.
    let (low, high) = (0.2f64.exp(), 1.0f64.exp());
    let heard = (low + 5.0 * high) / (low + high);
    let y = forward(&[0.5, -1.0])?;
    assert!(worst(&y, [1.0, 5.0, -heard, 8.0]) < 1e-14, "{y:?}");
    // Scores of which the authors' exponential overflows.
    let y = forward(&[0.0, -4000.0])?;
    assert!(worst(&y, [1.0, 5.0, -5.0, 8.0]) < 1e-14, "{y:?}");
    Ok(())
}

#[test]
fn no_step_of_a_convolution_sees_a_later_one() -> Outcome {
    let kind = Kind::Double;
    let fixture = pyg_more()?;
    let x = tensor_of_json(&fixture["window"], kind)?;
    for (kernel, dilation) in [(1, 1), (2, 1), (3, 2), (9, 3)] {
        let config = CausalConvConfig::new(3, 4, kernel).dilation(dilation);
        let layer = CausalConv::new(&config, &mut init(kind))?;
        let y = layer.apply(&x)?;
        assert_eq!(y.size(), [6, 5, 4]);
        for t in 0..5i64 {
            let changed = x.f_detach_copy()?;
            let mut one = changed.f_select(1, t)?;
            let _ = one.f_add_scalar_(1.0)?;
            let off = (layer.apply(&changed)? - &y).f_abs()?.f_sum_dim_intlist(
                [0, 2].as_slice(),
                false,
                kind,
            )?;
            for (s, off) in (0..5i64).zip(values(&off)?) {
                let back = usize::try_from(s - t).ok();
                let is_seen = back.is_some_and(|b| b <= config.reach() && b % dilation == 0);
                assert_eq!(
                    off > 1e-9,
                    is_seen,
                    "{kernel} {dilation}: {t} on {s}: {off:e}"
                );
            }
        }
    }
    Ok(())
}

fn patches(rate: f64) -> Result<PatchTransformer, TorchError> {
    let layer = TransformerConfig::new(8, 2).dropout(rate);
    let config = PatchTransformerConfig::new(2, 3, 6, layer).layers(2);
    PatchTransformer::new(&config, &mut init(Kind::Double))
}

#[test]
fn hidden_patches_are_not_seen() -> Outcome {
    let model = patches(0.0)?;
    let x = Tensor::f_arange(3 * 12 * 2, (Kind::Double, Device::Cpu))?;
    let x = x.f_sin()?.f_reshape([3, 12, 2])?;
    let mask = PatchMask::new(4, [3, 1])?;
    let run = |x: &Tensor| model.reconstruct(x, &mask, Mode::Eval);
    let before = run(&x)?;
    assert_eq!(before.predicted.size(), [3, 2, 3, 2]);
    // Patch 1 is steps 3 to 5, in the order of time and features.
    let target = before.target.f_select(1, 0)?;
    assert_eq!(
        values(&target)?,
        values(&x.f_narrow(1, 3, 3)?.f_contiguous()?)?
    );

    let changed = |at: i64, length: i64| -> Result<Tensor, Box<dyn Error>> {
        let copy = x.f_detach_copy()?;
        let mut part = copy.f_narrow(1, at, length)?;
        let _ = part.f_add_scalar_(0.7)?;
        Ok(copy)
    };
    let off = |x: &Tensor| -> Result<f64, Box<dyn Error>> {
        Ok(worst(
            &values(&run(x)?.predicted)?,
            values(&before.predicted)?,
        ))
    };
    assert!(off(&changed(3, 3)?)? < 1e-15, "a hidden patch was seen");
    assert!(off(&changed(11, 1)?)? < 1e-15, "a hidden patch was seen");
    assert!(off(&changed(0, 1)?)? > 1e-9, "a shown patch was not seen");
    // Nodes do not hear each other, and nothing is hidden when encoding.
    let one = x.f_narrow(0, 1, 1)?;
    let z = model.encode(&x, Mode::Eval)?;
    assert_eq!(z.size(), [3, 4, 8]);
    let alone = model.encode(&one, Mode::Eval)?;
    assert!(
        worst(
            &values(&alone)?,
            values(&z.f_narrow(0, 1, 1)?.f_contiguous()?)?
        ) < 1e-12
    );
    let other = model.encode(&changed(11, 1)?, Mode::Eval)?;
    assert!(worst(&values(&other)?, values(&z)?) > 1e-9);
    Ok(())
}

#[test]
fn a_patch_transformer_learns_by_all_its_weights() -> Outcome {
    let model = patches(0.0)?;
    let x = Tensor::f_arange(4 * 18 * 2, (Kind::Double, Device::Cpu))?;
    let x = x.f_mul_scalar(0.3)?.f_sin()?.f_reshape([4, 18, 2])?;
    let mask = PatchMask::random(6, 0.5, 3)?;
    let loss = || -> Result<Tensor, Box<dyn Error>> {
        let hidden = model.reconstruct(&x, &mask, Mode::Train)?;
        Ok((hidden.predicted - hidden.target)
            .f_abs()?
            .f_mean(Kind::Double)?)
    };
    let first = loss()?;
    first.f_backward()?;
    for (name, p) in model.parameters() {
        let grad = p.f_grad()?;
        assert!(grad.defined(), "{name}");
        assert!(grad.f_abs()?.f_max()?.f_double_value(&[])? > 0.0, "{name}");
    }
    for _ in 0..30 {
        for (_, p) in model.parameters() {
            let mut p = p.shallow_clone();
            let step = p.f_grad()?.f_mul_scalar(-0.05)?;
            let _ = tch::no_grad(|| p.f_add_(&step))?;
            p.zero_grad();
        }
        loss()?.f_backward()?;
    }
    let (first, last) = (first.f_double_value(&[])?, loss()?.f_double_value(&[])?);
    assert!(last < 0.8 * first, "{first} to {last}");
    Ok(())
}

#[test]
fn dropout_is_on_in_training_only() -> Outcome {
    let model = patches(0.5)?;
    let x = Tensor::f_ones([2, 12, 2], (Kind::Double, Device::Cpu))?;
    let encode = |mode| -> Result<Vec<f64>, Box<dyn Error>> { values(&model.encode(&x, mode)?) };
    assert!(worst(&encode(Mode::Eval)?, encode(Mode::Eval)?) < 1e-15);
    assert!(worst(&encode(Mode::Train)?, encode(Mode::Train)?) > 1e-3);
    Ok(())
}

#[test]
fn masks_are_drawn_from_the_seed_and_checked() -> Outcome {
    let of = |seed| PatchMask::random(12, 0.75, seed);
    assert_eq!(of(1)?, of(1)?);
    assert_ne!(of(1)?, of(2)?);
    let mut often = [0; 12];
    for seed in 0..2000 {
        let mask = of(seed)?;
        assert_eq!((mask.hidden().len(), mask.shown().len()), (9, 3));
        mask.hidden().iter().for_each(|&p| often[p] += 1);
    }
    // 1500 expected, standard deviation 19.
    assert!(often.iter().all(|n| (1400..1600).contains(n)), "{often:?}");

    let text = |mask: Result<PatchMask, _>| {
        let error: astern_gnn::ParamError = mask.unwrap_err();
        error.to_string()
    };
    let beyond = "hidden patch is 4, allowed is below the number of patches";
    assert_eq!(text(PatchMask::new(4, [0, 4])), beyond);
    let none = "hidden patches is 0, allowed is at least 1, fewer than all";
    assert_eq!(text(PatchMask::new(4, [])), none);
    assert_eq!(text(PatchMask::random(4, 0.2, 1)), none);
    assert_eq!(text(PatchMask::random(0, 0.5, 1)), none);
    let all = "hidden patches is 2, allowed is at least 1, fewer than all";
    assert_eq!(text(PatchMask::new(2, [0, 1, 1])), all);
    for share in [1.0, -0.1, f64::NAN] {
        assert!(text(PatchMask::random(4, share, 1)).starts_with("share is"));
    }
    Ok(())
}
