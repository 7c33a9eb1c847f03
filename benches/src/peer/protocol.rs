//! Requests and answers.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use astern_stats::paired::PairedDifference;
use serde::{Deserialize, Serialize};

use super::lines;
use super::papers::Papers;
use super::speed::Speed;
use astern_eval::gnn::cora::{Model, Trained};

/// What a script can ask for.
#[derive(Debug, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case")]
pub(super) enum Request {
    /// Sets the number of threads of libtorch.
    Threads { threads: i32 },
    /// Reads a graph: `x` `[N, F]`, `source` and `target` `[E]` of a safetensors file.
    Graph { path: PathBuf },
    /// Makes a layer and gives it the parameters of a safetensors file.
    Layer { layer: String, path: PathBuf },
    /// Writes the layer's output on the graph to a safetensors file, as `y`.
    Output { path: PathBuf },
    /// Runs the layer `repeats` times and returns how long each took.
    Time { backward: bool, repeats: usize },
    /// Reads Cora from a `.npz` file.
    Cora { path: PathBuf },
    /// Draws the nodes to train, validate and test on.
    CoraSplit { seed: u64 },
    /// Trains a model on the split of the seed.
    CoraTrain { model: Model, seed: u64 },
    /// Mean of `first - second` with its interval of 95 %.
    Paired { first: Vec<f64>, second: Vec<f64> },
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done,
    /// Milliseconds.
    Took {
        ms: Vec<f64>,
    },
    Split {
        train: Vec<u32>,
        validation: Vec<u32>,
        test: Vec<u32>,
    },
    Trained(Trained),
    Difference {
        mean: f64,
        /// None where all differences are the same.
        interval: Option<[f64; 2]>,
    },
}

/// Answers requests from `input` until it ends.
///
/// # Errors
///
/// When reading or writing fails; what is wrong with a request is answered.
pub fn serve(input: impl BufRead, output: impl Write) -> Result<(), Box<dyn Error>> {
    let (mut speed, mut papers) = (Speed::default(), Papers::default());
    lines::serve(input, output, |line| answer(&mut speed, &mut papers, line))
}

fn answer(speed: &mut Speed, papers: &mut Papers, line: &str) -> Result<Answer, Box<dyn Error>> {
    match serde_json::from_str(line)? {
        Request::Threads { threads } => {
            astern_gnn::torch::tch::set_num_threads(threads);
            Ok(Answer::Done)
        }
        Request::Graph { path } => speed.graph(&path).map(|ms| Answer::Took { ms: vec![ms] }),
        Request::Layer { layer, path } => speed.layer(&layer, &path).map(|()| Answer::Done),
        Request::Output { path } => speed.output(&path).map(|()| Answer::Done),
        Request::Time { backward, repeats } => {
            let ms = speed.time(backward, repeats)?;
            Ok(Answer::Took { ms })
        }
        Request::Cora { path } => papers.read(&path).map(|()| Answer::Done),
        Request::CoraSplit { seed } => papers.split(seed).map(|split| Answer::Split {
            train: split.train().to_vec(),
            validation: split.validation().to_vec(),
            test: split.test().to_vec(),
        }),
        Request::CoraTrain { model, seed } => papers.train(model, seed).map(Answer::Trained),
        Request::Paired { first, second } => {
            let difference = PairedDifference::new(&first, &second, 0.95)?;
            let interval = difference.interval.map(|i| [i.low, i.high]);
            let mean = difference.mean;
            Ok(Answer::Difference { mean, interval })
        }
    }
}
