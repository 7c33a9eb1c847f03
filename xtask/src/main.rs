//! `cargo xtask`: the project's commands. It only starts cargo, Python and pip.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its user"
)]

mod args;
mod bench;
mod ci;
mod demo;
mod eval;
mod fuzz;
mod libtorch;
mod metadata;
mod peers;
mod run;
mod sample_data;
mod screenshot;
mod test;
mod torch;

use std::process::ExitCode;

use args::{Command, Invocation};
use run::{Failure, Runner};

fn main() -> ExitCode {
    let outcome = args::parse(std::env::args_os().skip(1)).and_then(dispatch);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("xtask: {}", failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(invocation: Invocation) -> Result<(), Failure> {
    let mut runner = Runner::new(invocation.dry_run)?;
    match invocation.command {
        Command::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Command::Libtorch { cuda } => libtorch::command(&mut runner, cuda),
        Command::Test { torch } => test::command(&mut runner, torch),
        Command::Ci { torch } => ci::command(&mut runner, torch),
        Command::Demo { torch } => demo::command(&mut runner, torch),
        Command::Eval { suite, args } => eval::command(&mut runner, &suite, &args),
        Command::Bench { args } => bench::command(&mut runner, &args),
        Command::Peers { script, args } => peers::command(&mut runner, &script, &args),
        Command::Fuzz { target, minutes } => fuzz::command(&mut runner, target.as_deref(), minutes),
        Command::SampleData => sample_data::command(&mut runner),
        Command::Screenshot => screenshot::command(&mut runner),
    }
}
