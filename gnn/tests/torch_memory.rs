//! Training for longer takes no more memory. Alone in its process, so that no other test counts.
#![cfg(all(feature = "torch", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::error::Error;
use std::ops::ControlFlow;

use astern_gnn::Graph;
use astern_gnn::layer::GcnConfig;
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::tch::{Device, Kind};
use astern_gnn::torch::train::Trainer;
use astern_gnn::torch::{ForwardMode, GcnConv, GraphLayer, GraphTensors, Init};
use astern_gnn::train::{Clip, EarlyStop, OptimizerConfig, TrainParams};

/// Resident memory, bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn memory_stays_flat() -> Result<(), Box<dyn Error>> {
    let graph = Graph::new(Array2::ones((50, 16)), (0..49).map(|i| (i, i + 1)))?;
    let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
    let init = &mut Init::new(1, Kind::Float, Device::Cpu);
    let layer = GcnConv::new(&GcnConfig::new(16, 16), init)?;
    let error = |mode| {
        let y = layer.forward(graph.x(), &graph, mode)?;
        Ok((y.dropout(0.5, mode == ForwardMode::Train) - 0.5)
            .square()
            .mean(Kind::Float))
    };
    let mut after_200 = 0;
    let params = TrainParams::new(OptimizerConfig::adam(1e-3))
        .epochs(2000)
        .clip(Clip::Norm(1e-3))
        .early_stop(EarlyStop::after(2000).restore_best(true));
    Trainer::new(&layer, &params)?
        .validate(|_| error(ForwardMode::Eval).map(|e| e.double_value(&[])))
        .on_epoch(|epoch| {
            if epoch.index == 199 {
                after_200 = resident();
            }
            ControlFlow::Continue(())
        })
        .run(|_| error(ForwardMode::Train))?;
    // An epoch that kept its tensors would add more than 3,200 bytes for each of its rows.
    let grown = resident().saturating_sub(after_200);
    assert!(
        after_200 > 0 && grown < 2 << 20,
        "{grown} bytes in 1,800 epochs"
    );
    Ok(())
}
