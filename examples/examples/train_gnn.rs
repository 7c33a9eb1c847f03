//! Trains the networks of a hypersphere on the healthy part of the sample, scores the rest, and says
//! plainly whether the graph neural network beats what needs no learning.
//!
//! ```text
//! cargo run -p astern-examples --example train_gnn --features torch
//! ```
#![allow(clippy::print_stdout, reason = "the example's result is its output")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::ops::ControlFlow;

use astern_detect::learned::gnn::torch::{DeviceChoice, tch};
use astern_detect::learned::{ControlScores, HypersphereModel, HypersphereParams, NetworkRole};
use astern_detect::pipeline::PipelineParams;
use astern_examples::{output, sample};
use astern_graph_core::{
    GraphBuilder, GraphParams, NodeKey, NodeKind, TemporalGraph, TimeRange, Window,
};
use astern_sim::GroundTruth;
use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let sample = sample()?;
    let mut builder = GraphBuilder::new(GraphParams::default().step(sample.step))?;
    builder.extend(sample.records);
    let graph = builder.build();
    let extent = graph.extent().ok_or("the sample has no telemetry")?;
    let healthy = TimeRange::new(extent.start, sample.healthy_until)?;
    let newest = TimeRange::new(sample.healthy_until, extent.end)?;
    let window = |range| graph.window(NodeKind::Service, range);
    let (learnt, later) = (window(healthy)?, window(newest)?);
    println!(
        "{} services: {} healthy steps, then {} to judge.",
        learnt.rows.len(),
        learnt.len(),
        later.len()
    );

    let model = train(&graph, &learnt)?;
    let pipeline = PipelineParams::default().check()?;
    let fitted = pipeline.fit(&model, &graph, healthy)?;
    let detector = fitted.detector();
    let scores = detector.deviations(&graph, &later)?;
    let hurt = hurt(&graph, &sample.truth);
    println!("\n{}", table(&scores, &later, &sample.truth, &hurt));
    println!("Medians since the onset, in each service's own healthy standard deviations.\n");

    let onset = sample.truth.onset.ok_or("the sample has no fault")?;
    let after = |t: usize| later.times[t].plus(later.step) > onset;
    let labels = Array2::from_shape_fn(scores.trained.dim(), |(t, row)| {
        after(t) && hurt.contains(&later.rows[row])
    });
    let areas = scores.compare(&labels)?;
    println!("The culprit and its callers since the onset, against all else:\n{areas}.\n");
    for anomaly in pipeline.assess(&fitted, &graph, newest)?.anomalies {
        let because: Vec<String> = anomaly.evidence.iter().map(ToString::to_string).collect();
        println!("{anomaly}: {}", because.join(", "));
    }

    let file = output("train_gnn.hypersphere")?;
    fs::write(&file, model.to_bytes()?)?;
    let loaded = HypersphereModel::from_bytes(&fs::read(&file)?)?;
    let refitted = pipeline.fit(&loaded, &graph, healthy)?;
    let again = refitted.detector().deviations(&graph, &later)?;
    assert!(same(&scores, &again), "the loaded model scores otherwise");
    println!(
        "\nSaved as target/train_gnn.hypersphere; loaded again it scores the same, to the last bit."
    );
    Ok(())
}

/// Trains on the GPU if there is one, else on the CPU, and says which.
fn train(graph: &TemporalGraph, healthy: &Window) -> Result<HypersphereModel, Box<dyn Error>> {
    // For ten services one thread is as fast as many, and the result is the same everywhere.
    tch::set_num_threads(1);
    let device = DeviceChoice::Auto.resolve()?;
    if device.device().is_cuda() {
        println!("Training on the GPU: {device}.");
    } else {
        println!("Training on the CPU: {device}.");
    }
    // Drawn on a terminal only.
    let style = ProgressStyle::with_template("{msg:>20} {bar:40} {pos}/{len} epochs, {elapsed}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let params = HypersphereParams::default();
    let model = params.train_with(graph, healthy, DeviceChoice::Auto, |network, epoch| {
        let name = match network {
            NetworkRole::Graph => "graph network",
            NetworkRole::Mlp => "MLP",
        };
        bar.set_length(2 * epoch.of as u64);
        bar.set_message(format!("{name} {:.4}", epoch.loss));
        bar.inc(1);
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    for (name, network) in [("graph network", model.gnn()), ("MLP", model.mlp())] {
        let report = network.report();
        let (first, last) = (report.losses.get(1), report.losses.last());
        println!(
            "{name}: {} epochs on {}, loss {:.4} to {:.4}, radius {:.4}",
            report.epochs_run(),
            report.device,
            first.unwrap_or(&f64::NAN),
            last.unwrap_or(&f64::NAN),
            report.radius
        );
    }
    Ok(model)
}

/// The service at fault and all that call it, directly or not.
fn hurt(graph: &TemporalGraph, truth: &GroundTruth) -> BTreeSet<NodeKey> {
    let fault = truth.service.as_ref().and_then(|service| graph.id(service));
    let reached = fault.map(|id| graph.blast_radius(id)).unwrap_or_default();
    reached
        .into_keys()
        .filter_map(|id| graph.key(id))
        .cloned()
        .collect()
}

fn table(
    scores: &ControlScores,
    window: &Window,
    truth: &GroundTruth,
    hurt: &BTreeSet<NodeKey>,
) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "service",
        "",
        "trained",
        "untrained",
        "MLP",
        "classic",
    ]);
    let columns = [
        &scores.trained,
        &scores.untrained,
        &scores.mlp,
        &scores.classic,
    ];
    for (row, key) in window.rows.iter().enumerate() {
        let role = if truth.service.as_ref() == Some(key) {
            "at fault"
        } else if hurt.contains(key) {
            "calls it"
        } else {
            ""
        };
        let mut cells = vec![Cell::new(&key.name), Cell::new(role)];
        for scores in columns {
            let since = window.times.iter().zip(scores.column(row));
            let values: Vec<f64> = since
                .filter(|(at, _)| truth.onset.is_some_and(|onset| **at >= onset))
                .map(|(_, score)| *score)
                .collect();
            let median = astern::stats::robust::median(&values);
            let text = median.map_or("-".to_owned(), |median| format!("{median:.2}"));
            cells.push(Cell::new(text).set_alignment(CellAlignment::Right));
        }
        table.add_row(cells);
    }
    table
}

/// Whether all scores are the same bits; missing ones are `NaN`, which equals nothing.
fn same(a: &ControlScores, b: &ControlScores) -> bool {
    let bits = |scores: &ControlScores| -> Vec<u64> {
        let all = [
            &scores.trained,
            &scores.untrained,
            &scores.mlp,
            &scores.classic,
        ];
        all.into_iter().flatten().map(|x| x.to_bits()).collect()
    };
    bits(a) == bits(b)
}
