//! Transfer entropy, timed.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use astern_rca::te::{
    DiscreteParams, Estimator, GaussianParams, KsgParams, Pairs, Series, Surrogates, TeError,
};
use serde::{Deserialize, Serialize};

use super::lines;

/// What a script can ask for.
#[derive(Debug, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case")]
enum Request {
    /// Takes series for all that follows: the first is the source, the second the target.
    Series { series: Vec<Vec<f64>> },
    /// The estimate in nats.
    Value { estimator: Name },
    /// Estimates `repeats` times and returns how long each took.
    Time { estimator: Name, repeats: usize },
    /// All ordered pairs with circular surrogates, once.
    Pairs {
        estimator: Name,
        surrogates: u32,
        /// Surrogates at which a pair's test stops.
        stop_after: Option<u32>,
        threads: usize,
    },
}

/// Default parameters of an estimator.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Gaussian,
    Ksg,
    Discrete,
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done,
    Value {
        nats: f64,
    },
    /// Milliseconds.
    Took {
        ms: Vec<f64>,
    },
}

/// Answers requests from `input` until it ends.
///
/// # Errors
///
/// When reading or writing fails; what is wrong with a request is answered.
pub fn serve(input: impl BufRead, output: impl Write) -> Result<(), Box<dyn Error>> {
    let mut state = State::default();
    lines::serve(input, output, |line| state.answer(line))
}

/// What has been read so far.
#[derive(Debug, Default)]
struct State {
    series: Vec<Vec<f64>>,
    symbols: Vec<Vec<u8>>,
}

impl State {
    fn answer(&mut self, line: &str) -> Result<Answer, Box<dyn Error>> {
        match serde_json::from_str(line)? {
            Request::Series { series } => {
                self.symbols = series.iter().map(|column| symbols(column)).collect();
                self.series = series;
                Ok(Answer::Done)
            }
            Request::Value { estimator } => {
                let nats = self.estimate(estimator)?;
                Ok(Answer::Value { nats })
            }
            Request::Time { estimator, repeats } => {
                let mut ms = Vec::with_capacity(repeats);
                for _ in 0..repeats {
                    let start = Instant::now();
                    black_box(self.estimate(estimator)?);
                    ms.push(1e3 * start.elapsed().as_secs_f64());
                }
                Ok(Answer::Took { ms })
            }
            Request::Pairs {
                estimator,
                surrogates,
                stop_after,
                threads,
            } => {
                let mut drawn = Surrogates::circular(surrogates);
                if let Some(at_least) = stop_after {
                    drawn = drawn.stop_after(at_least);
                }
                let start = Instant::now();
                match estimator {
                    Name::Gaussian => {
                        self.pairs(GaussianParams::default().check()?, drawn, threads)?;
                    }
                    Name::Ksg => self.pairs(KsgParams::default().check()?, drawn, threads)?,
                    Name::Discrete => return Err("pairs of numbers alone".into()),
                }
                let ms = vec![1e3 * start.elapsed().as_secs_f64()];
                Ok(Answer::Took { ms })
            }
        }
    }

    fn estimate(&self, estimator: Name) -> Result<f64, Box<dyn Error>> {
        let (Some(source), Some(target)) = (self.series.first(), self.series.get(1)) else {
            return Err("no series yet".into());
        };
        let found = match estimator {
            Name::Gaussian => GaussianParams::default().check()?.estimate(source, target),
            Name::Ksg => KsgParams::default().check()?.estimate(source, target),
            Name::Discrete => {
                let te = DiscreteParams::default().check()?;
                te.estimate(&self.symbols[0], &self.symbols[1])
            }
        };
        Ok(found?.nats)
    }

    fn pairs(
        &self,
        estimator: impl Estimator<Value = f64>,
        surrogates: Surrogates,
        threads: usize,
    ) -> Result<(), TeError> {
        let series: Vec<Series<'_, f64>> = self.series.iter().map(Series::from).collect();
        let pairs = Pairs::new(estimator)
            .surrogates(surrogates)
            .threads(threads);
        for pair in black_box(pairs.all(&series)) {
            pair.estimate?;
        }
        Ok(())
    }
}

/// Whole numbers from 0 to 255 as symbols; of numbers that are none, anything.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; the script asks for symbols only of symbols"
)]
fn symbols(values: &[f64]) -> Vec<u8> {
    values.iter().map(|value| *value as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_a_line_each() {
        let requests = r#"{"cmd":"value","estimator":"ksg"}
{"cmd":"series","series":[[0,1,1,0,1,0,0,1],[1,0,1,1,0,1,0,0]]}
{"cmd":"value","estimator":"discrete"}
{"cmd":"time","estimator":"discrete","repeats":2}
"#;
        let mut output = Vec::new();
        serve(requests.as_bytes(), &mut output).unwrap();
        let answers = String::from_utf8(output).unwrap();
        let answers: Vec<serde_json::Value> = answers
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(answers[0]["failed"]["error"], "no series yet");
        assert_eq!(answers[1], "done");
        // The target repeats the source.
        assert!(answers[2]["value"]["nats"].as_f64().unwrap() > 0.1);
        assert_eq!(answers[3]["took"]["ms"].as_array().unwrap().len(), 2);
    }
}
