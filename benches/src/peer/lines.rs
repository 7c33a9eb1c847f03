//! A request a line, an answer a line.

use std::error::Error;
use std::io::{BufRead, Write};

use serde::Serialize;

/// What is answered where a request fails.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Refused {
    Failed { error: String },
}

/// Answers requests from `input` until it ends.
///
/// # Errors
///
/// When reading or writing fails; what is wrong with a request is answered.
pub(super) fn serve<A: Serialize>(
    input: impl BufRead,
    mut output: impl Write,
    mut answer: impl FnMut(&str) -> Result<A, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    for line in input.lines() {
        match answer(&line?) {
            Ok(answer) => serde_json::to_writer(&mut output, &answer)?,
            Err(error) => {
                let error = error.to_string();
                serde_json::to_writer(&mut output, &Refused::Failed { error })?;
            }
        }
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}
