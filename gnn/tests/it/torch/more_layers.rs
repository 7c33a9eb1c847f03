//! Layers with relations, norms, time and batches: parity with `PyTorch` and `PyTorch` Geometric, and
//! numbers worked out by hand for what they have not.

use std::error::Error;

use astern_gnn::layer::{
    AttentionReadoutConfig, CausalConvConfig, GatConfig, GraphNormConfig, RecurrentConfig,
    RgcnConfig, SubtractiveConfig, Subtrahend, TgcnConfig, TransformerConfig,
};
use astern_gnn::ndarray::{Array2, array};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::{
    AttentionReadout, CausalConv, ForwardMode, GatConv, GraphLayer, GraphNorm, GraphTensors,
    GruCell, Init, LstmCell, LstmState, Module, NodeBatch, NodeGru, Reduce, RgcnConv,
    SubtractiveConv, TgcnCell, TorchError, TransformerLayer, load_state, state_of,
};
use astern_gnn::{Graph, SelfLoops, StateDict};
use serde_json::Value;

use crate::support::Outcome;
use crate::support::parity::{graph, numbers, pyg_layers, pyg_more, state, table, worst};
use crate::support::torch::{assert_parity, tensor_of_json, values};

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
            let forward = |l: &RgcnConv| l.forward(typed.x(), &typed, ForwardMode::Eval);
            check(&fixture, name, tolerance, layer, forward)
        };
        rgcn("rgcn", &RgcnConfig::new(3, 4, 4))?;
        rgcn("rgcn_narrow", &RgcnConfig::new(3, 2, 4).bias(false))?;
        rgcn("rgcn_bases", &RgcnConfig::new(3, 4, 4).bases(2))?;
        rgcn("rgcn_noroot", &RgcnConfig::new(3, 4, 4).root_weight(false))?;

        let attributed = GraphTensors::new(&attributed, kind, Device::Cpu)?;
        let gat = |name: &str, config: &GatConfig| {
            let layer = GatConv::new(config, &mut init(kind));
            let forward = |l: &GatConv| l.forward(attributed.x(), &attributed, ForwardMode::Eval);
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
            |layer| layer.forward(&part("tokens").unwrap(), ForwardMode::Eval),
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
fn tgcn_gives_the_same_wherever_it_propagates_and_forgets_where_asked() -> Outcome {
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
    let last = cell.forward(&window, &graph, ForwardMode::Eval)?;
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
    let both = wide.forward(&window, &graph, ForwardMode::Eval)?;
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

/// 0 and 1 send to 2, 2 sends to 0, 1 and 3 receive nothing.
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
    let y = layer.forward(graph.x(), &graph, ForwardMode::Eval)?;
    assert_eq!(values(&y)?, [1.5, 5.5, -2.5, 8.5]);

    // More outputs than inputs: features are subtracted before they are multiplied.
    let twice: Vec<f64> = [1.0, 2.0].repeat(3);
    let weight: (&str, &[usize], &[f64]) = ("lin.weight", &[3, 2], &twice);
    let layer = subtractive(&SubtractiveConfig::new(2, 3).bias(false), &[weight])?;
    let y = layer.forward(graph.x(), &graph, ForwardMode::Eval)?;
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
        values(&layer.forward(graph.x(), &graph, ForwardMode::Eval)?)
    };
    // u = 1, 5, 0, 8; scores of the edges into 2: -leaky(.5 * 0 - 1 * 1) = .2 and
    // -leaky(.5 * 0 - 1 * 5) = 1: the lower a . [u_i, u_j], the more attention.
    let (low, high) = (0.2f64.exp(), 1.0f64.exp());
    let received = (low + 5.0 * high) / (low + high);
    let y = forward(&[0.5, -1.0])?;
    assert!(worst(&y, [1.0, 5.0, -received, 8.0]) < 1e-14, "{y:?}");
    // Scores of the edges into 2: -leaky(1) and -leaky(5).
    let (near, far) = ((-1.0f64).exp(), (-5.0f64).exp());
    let received = (near + 5.0 * far) / (near + far);
    let y = forward(&[0.5, 1.0])?;
    assert!(worst(&y, [1.0, 5.0, -received, 8.0]) < 1e-14, "{y:?}");
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

#[test]
fn a_mask_scales_the_messages_of_its_edges() -> Outcome {
    let x = array![[1.0], [2.0], [4.0]];
    let graph = Graph::new(x, [(1, 0), (2, 0), (0, 1)])?.with_edge_type(&[0, 1, 1], 2)?;
    let graph = GraphTensors::new(&graph, Kind::Double, Device::Cpu)?;
    let layer = RgcnConv::new(&RgcnConfig::new(1, 1, 2), &mut init(Kind::Double))?;
    let mut known = StateDict::default();
    known.insert("weight", &[2, 1, 1], vec![10.0, 100.0]);
    known.insert("root", &[1, 1], vec![1.0]);
    known.insert("bias", &[1], vec![0.0]);
    load_state(&layer, &known)?;
    let mask = Tensor::f_from_slice(&[0.5, 0.25, 1.0])?.f_set_requires_grad(true)?;
    // Edges are sorted by receiver: 1 to 0, 2 to 0, 0 to 1.
    let masked = graph.masked(&mask)?;
    let y = layer.forward(graph.x(), &masked, ForwardMode::Eval)?;
    assert_eq!(values(&y)?, [111.0, 102.0, 4.0]);
    y.f_sum(Kind::Double)?.f_backward()?;
    assert_eq!(values(&mask.f_grad()?)?, [20.0, 400.0, 100.0]);
    Ok(())
}

fn ones(shape: &[i64]) -> Tensor {
    Tensor::f_ones(shape, (Kind::Double, Device::Cpu)).unwrap()
}

#[test]
fn layers_over_time_refuse_what_does_not_fit() -> Outcome {
    let kind = Kind::Double;
    let config = RecurrentConfig::new(3, 4);
    let gru = GruCell::new(&config, &mut init(kind))?;
    let lstm = LstmCell::new(&config, &mut init(kind))?;
    let nodes = NodeGru::new(&config, &mut init(kind))?;
    let conv = CausalConv::new(&CausalConvConfig::new(3, 4, 2), &mut init(kind))?;
    let tgcn = TgcnCell::new(&TgcnConfig::new(3, 4), &mut init(kind))?;
    let graph = GraphTensors::new(
        &Graph::new(Array2::zeros((2, 3)), [(0, 1)])?,
        kind,
        Device::Cpu,
    )?;

    let shapes: [&[i64]; 6] = [&[2, 5, 2], &[3], &[], &[2, 2], &[1, 2, 5, 3], &[2, 5, 0]];
    let mut inputs: Vec<Tensor> = shapes.map(ones).into();
    inputs.push(Tensor::new());
    for x in &inputs {
        assert!(gru.step(x, None).is_err() && gru.sequence(x, None).is_err());
        assert!(lstm.step(x, None).is_err() && lstm.sequence(x, None).is_err());
        assert!(nodes.last(x).is_err() && conv.apply(x).is_err());
        assert!(tgcn.step(x, &graph, None).is_err() && tgcn.sequence(x, &graph, None).is_err());
    }
    let empty = ones(&[2, 0, 3]);
    let text = gru.sequence(&empty, None).unwrap_err();
    assert_eq!(text.cause.to_string(), "a sequence without steps");
    assert!(lstm.sequence(&empty, None).is_err() && nodes.last(&empty).is_err());
    assert!(tgcn.sequence(&empty, &graph, None).is_err());

    let (step, window) = (ones(&[2, 3]), ones(&[2, 5, 3]));
    let text = gru.step(&ones(&[2, 5]), None).unwrap_err();
    assert_eq!(text.cause.to_string(), "the shape must be [any, 3]");
    for state in [ones(&[1, 4]), ones(&[2, 3]), ones(&[4]), Tensor::new()] {
        assert!(gru.step(&step, Some(&state)).is_err());
        assert!(gru.sequence(&window, Some(&state)).is_err());
        assert!(tgcn.step(&step, &graph, Some(&state)).is_err());
        assert!(tgcn.sequence(&window, &graph, Some(&state)).is_err());
        let state = LstmState::new(ones(&[2, 4]), state);
        assert!(lstm.step(&step, Some(&state)).is_err());
        assert!(lstm.sequence(&window, Some(&state)).is_err());
    }
    let single = step.f_to_kind(Kind::Float)?;
    assert!(gru.step(&single, None).is_err() && lstm.step(&single, None).is_err());
    assert!(tgcn.step(&single, &graph, None).is_err());
    let far = CausalConvConfig::new(3, 4, 2).dilation(usize::MAX);
    let far = CausalConv::new(&far, &mut init(kind))?;
    assert!(far.apply(&window).is_err(), "more padding than memory");
    Ok(())
}

#[test]
fn batches_norms_and_relations_refuse_what_does_not_fit() -> Outcome {
    let kind = Kind::Double;
    let batch = |of: &[i64], n| NodeBatch::new(&Tensor::from_slice(of), n);
    let text = |batch: Result<NodeBatch, TorchError>| batch.unwrap_err().cause.to_string();
    assert_eq!(text(batch(&[0, 2, 1], 3)), "graph 2 comes before graph 1");
    assert_eq!(text(batch(&[0, 3], 3)), "graphs must be numbered below 3");
    assert_eq!(text(batch(&[-1, 0], 3)), "graphs must be numbered below 3");
    assert_eq!(
        text(NodeBatch::new(&ones(&[2]), 3)),
        "the kind is Double, not Int64"
    );
    let square = Tensor::from_slice(&[0i64; 4]).f_reshape([2, 2])?;
    assert_eq!(text(NodeBatch::new(&square, 3)), "the shape must be [any]");
    assert!(NodeBatch::new(&Tensor::new(), 1).is_err());
    assert!(batch(&[0], usize::MAX).is_err());

    let of = batch(&[0, 0, 1], 2)?;
    assert_eq!((of.n_nodes(), of.n_graphs()), (3, 2));
    assert_eq!(Vec::<i64>::try_from(of.graph_of()?)?, [0, 0, 1]);
    let empty = batch(&[], 2)?;
    let y = empty.reduce(&ones(&[0, 3]), Reduce::Max)?;
    assert_eq!(values(&y)?, [0.0; 6]);

    let norm = GraphNorm::new(&GraphNormConfig::new(3), &mut init(kind))?;
    let readout = AttentionReadout::new(&AttentionReadoutConfig::new(3), &mut init(kind))?;
    for x in [ones(&[2, 3]), ones(&[3, 2]), ones(&[3]), Tensor::new()] {
        assert!(norm.apply(&x, Some(&of)).is_err(), "{x:?}");
        assert!(readout.forward(&x, &of).is_err(), "{x:?}");
    }
    assert!(norm.apply(&ones(&[3, 2]), None).is_err());
    for x in [ones(&[2]), Tensor::new()] {
        assert!(of.softmax(&x).is_err() && of.reduce(&x, Reduce::Sum).is_err());
    }

    let graph = Graph::new(Array2::zeros((2, 3)), [(0, 1)])?;
    let graph = GraphTensors::new(&graph, kind, Device::Cpu)?;
    let layer = RgcnConv::new(&RgcnConfig::new(3, 4, 2), &mut init(kind))?;
    let error = layer
        .forward(graph.x(), &graph, ForwardMode::Eval)
        .unwrap_err();
    let source = error.cause.to_string();
    assert_eq!(source, "the layer has 2 relations, the graph 1");

    let huge = RgcnConfig::new(usize::MAX, usize::MAX, usize::MAX);
    let error = RgcnConv::new(&huge, &mut init(kind)).unwrap_err();
    assert!(
        error
            .cause
            .to_string()
            .ends_with("at most 2^31 weights are allowed")
    );
    Ok(())
}
