//! A web shop releases three services at once and one release is bad: which, and what now?
//!
//! `cargo run --release -p astern-examples --example quickstart -- [--seed N [--benign]] [--html FILE]`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]

mod quickstart {
    pub(crate) mod args;
    pub(crate) mod learned;
    pub(crate) mod page;
    pub(crate) mod tables;
}

use std::error::Error;

use anstream::println;
use astern::GuardParams;
use astern::graph::signal::Verdict;
use astern::policy::{DryRun, Recording};
use astern_examples::{Incident, sample, simulated, watch};

use quickstart::args::Args;
use quickstart::{learned, page, tables};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(args) = Args::parse()? else {
        return Ok(());
    };
    let sample = match args.seed {
        Some(seed) => simulated(seed, !args.benign)?,
        None => sample()?,
    };
    tables::heading("Telemetry");
    println!("{}", tables::telemetry(&sample));

    // The whole loop: every request goes to an executor that only says what it would do.
    let executor = Recording::new(DryRun);
    let incident = watch(&sample, GuardParams::default(), &executor)?;
    tell(&incident);

    let learned = learned::scores(&sample, &incident)?;
    tables::heading("Scores by service");
    println!(
        "{}",
        tables::scores(&sample, &incident, learned.as_deref())?
    );
    println!("{}", learned::note(learned.is_some()));

    tables::heading("The truth");
    println!("{}", tables::truth(&sample, &incident));
    if let Some(path) = args.html {
        page::write(&path, &sample, &incident, learned.as_deref())?;
        println!("\nThe whole story as a page: {}", path.display());
    }
    Ok(())
}

fn tell(incident: &Incident) {
    println!("{}", incident.ingest);
    for failure in &incident.failures {
        println!("a stage failed: {failure}");
    }
    tables::heading("Decisions");
    println!("{}", tables::decisions(incident));
    tables::heading("Verdicts");
    for assessment in incident
        .assessments
        .iter()
        .filter(|a| a.verdict != Verdict::NoData)
    {
        println!("{assessment}");
    }
    tables::heading("Causes");
    println!("{}", tables::causes(incident));
    tables::heading("Changes");
    println!("{}", tables::changes(incident));
    tables::heading("Plan");
    match &incident.plan {
        Some((plan, at)) => println!("made at {at}\n{plan}"),
        None => println!("none: nothing was found that a rollback would mend"),
    }
    if let Some(summary) = &incident.summary {
        tables::heading("Dry run");
        println!("{summary}");
    }
}
