//! The committed sample data: one simulated run of a web shop, seed 1.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

use astern_graph_core::{Record, Timestamp};
use astern_sim::export::{ExportError, Tables, records_from_csv};
use astern_sim::{GroundTruth, Scenario, SimError, run};

/// Telemetry of one run with what was really wrong.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Calls, samples and changes, by time.
    pub records: Vec<Record>,
    /// What was really wrong: never shown to the guard.
    pub truth: GroundTruth,
    /// End of the phase in which nothing was released.
    pub healthy_until: Timestamp,
    /// Length of a step.
    pub step: Duration,
}

/// The sample data could not be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}; `cargo xtask sample-data` writes it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file is not what it should be.
    #[error("the sample data is damaged, `cargo xtask sample-data` writes it again: {0}")]
    Damaged(ExportError),
    /// The simulator refused a scenario.
    #[error(transparent)]
    Sim(#[from] SimError),
}

/// A file of `examples/data/` in the checkout that cargo runs the example for, or in whose root it is
/// started by hand.
pub fn data(name: &str) -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.map_or_else(|| PathBuf::from("examples"), PathBuf::from);
    package.join("data").join(name)
}

/// A file below the checkout's `target/`, whose folder is made where it is not there.
///
/// # Errors
/// The system's, when the folder cannot be made.
pub fn output(name: &str) -> io::Result<PathBuf> {
    let folder = data("../../target");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}

/// Reads `examples/data/`.
///
/// # Errors
/// [`SampleError`] when a file is missing or damaged.
pub fn sample() -> Result<Sample, SampleError> {
    let read = |name: &str| {
        let path = data(name);
        fs::read_to_string(&path).map_err(|cause| SampleError::Read { path, cause })
    };
    let tables = Tables {
        parties: read("parties.csv")?,
        calls: read("calls.csv")?,
        samples: read("samples.csv")?,
        changes: read("changes.csv")?,
    };
    let records = records_from_csv(&tables).map_err(SampleError::Damaged)?;
    let truth = GroundTruth::from_json(&read("truth.json")?).map_err(SampleError::Damaged)?;
    let scenario = Scenario::releases(1);
    let healthy_until = scenario.start.plus(scenario.healthy);
    Ok(Sample {
        records,
        truth,
        healthy_until,
        step: scenario.step,
    })
}

/// Makes another run than the committed one; `bad` says whether one of its releases is.
///
/// # Errors
/// [`SampleError::Sim`] when the simulator refuses.
pub fn simulated(seed: u64, bad: bool) -> Result<Sample, SampleError> {
    let scenario = if bad {
        Scenario::releases(seed)
    } else {
        Scenario::benign(seed)
    };
    let simulation = run(&scenario)?;
    Ok(Sample {
        records: simulation.records,
        truth: simulation.truth,
        healthy_until: simulation.healthy_until,
        step: scenario.step,
    })
}
