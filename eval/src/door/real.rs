//! Requests that real systems answered: `real-traffic/*.csv`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use astern_graph_core::CallStatus;
use serde::Deserialize;

use crate::EvalError;
use crate::error::{misshapen, unreadable};

/// One call of a request.
#[derive(Debug, Clone)]
pub(super) struct RealCall {
    /// Its number in the file, which counts within the request.
    number: u64,
    /// Place in the request of the call that made it.
    pub(super) parent: Option<usize>,
    /// Place of the service in [`Source::services`].
    pub(super) service: usize,
    pub(super) took: Duration,
    pub(super) status: CallStatus,
}

/// The calls of one request, which always stay together.
pub(super) type Request = Vec<RealCall>;

/// Where requests come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: &'static str,
    /// Minutes, or blocks where the source has no clock; empty where nobody asked for anything.
    pub(super) blocks: Vec<Vec<Request>>,
    /// Whether blocks follow each other as they did; otherwise they are drawn with replacement.
    pub(super) in_order: bool,
    pub(super) services: Vec<String>,
}

/// What is read.
pub(super) const SOURCES: [(&str, bool); 4] = [
    ("trainticket-traces", false),
    ("trainticket-rpc", false),
    ("proxy", true),
    ("operations", true),
];

/// Fewest calls of a service that is changed in a run.
const CALLS_MIN: usize = 100;

#[derive(Deserialize)]
struct Row {
    block: usize,
    request: u64,
    call: u64,
    parent: Option<u64>,
    service: String,
    client_us: Option<u64>,
    server_us: Option<u64>,
    status: Option<String>,
}

impl Source {
    pub(super) fn read(
        root: &Path,
        (name, in_order): (&'static str, bool),
    ) -> Result<Self, EvalError> {
        let path = root.join("real-traffic").join(format!("{name}.csv"));
        let mut reader = csv::Reader::from_path(&path).map_err(|e| unreadable(&path, e))?;
        let mut services: Vec<String> = Vec::new();
        let mut blocks: BTreeMap<usize, BTreeMap<u64, Request>> = BTreeMap::new();
        for row in reader.deserialize::<Row>() {
            let row = row.map_err(|e| unreadable(&path, e))?;
            let Some(took_us) = row.server_us.or(row.client_us) else {
                continue;
            };
            let service = services.iter().position(|known| *known == row.service);
            let service = service.unwrap_or_else(|| {
                services.push(row.service);
                services.len() - 1
            });
            let status = match row.status.as_deref() {
                None | Some("" | "ok") => CallStatus::Ok,
                Some("error") => CallStatus::Error,
                Some("client_error") => CallStatus::ClientError,
                Some(other) => return Err(misshapen(&path, format!("status `{other}`"))),
            };
            let block = blocks.entry(row.block).or_default();
            let request = block.entry(row.request).or_default();
            let is_parent = |known: &RealCall| Some(known.number) == row.parent;
            let call = RealCall {
                number: row.call,
                parent: request.iter().position(is_parent),
                service,
                took: Duration::from_micros(took_us),
                status,
            };
            request.push(call);
        }
        let requests = |block: BTreeMap<u64, Request>| block.into_values().collect();
        let blocks: Vec<Vec<Request>> = if in_order {
            let last = blocks.last_key_value().map_or(0, |(last, _)| *last);
            let mut minutes = vec![Vec::new(); last + 1];
            for (minute, block) in blocks {
                minutes[minute] = requests(block);
            }
            minutes
        } else {
            blocks.into_values().map(requests).collect()
        };
        Ok(Self {
            name,
            blocks,
            in_order,
            services,
        })
    }

    /// Requests that reach a service in a minute, on average.
    pub(super) fn requests_per_minute(&self, service: usize) -> f64 {
        let reaches = |request: &&Request| request.iter().any(|call| call.service == service);
        let requests = self.blocks.iter().flatten().filter(reaches).count();
        requests as f64 / self.blocks.len().max(1) as f64
    }

    /// The services with enough calls to be changed in a run.
    pub(super) fn changeable(&self) -> Vec<usize> {
        let mut calls = vec![0; self.services.len()];
        for call in self.blocks.iter().flatten().flatten() {
            calls[call.service] += 1;
        }
        let enough = calls.iter().enumerate().filter(|(_, n)| **n >= CALLS_MIN);
        enough.map(|(service, _)| service).collect()
    }
}

#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    /// Two hours of so many requests a minute to one service that calls another, which takes 10 to 19 ms.
    pub(crate) fn source(per_minute: u64) -> Source {
        let call = |number, parent, service, ms| RealCall {
            number,
            parent,
            service,
            took: Duration::from_millis(ms),
            status: CallStatus::Ok,
        };
        let request = |n: u64| vec![call(0, None, 0, 50), call(1, Some(0), 1, 10 + n % 10)];
        let block: Vec<Request> = (0..per_minute).map(request).collect();
        Source {
            name: "made by hand",
            blocks: vec![block; 120],
            in_order: true,
            services: vec!["entry".to_owned(), "behind".to_owned()],
        }
    }
}
