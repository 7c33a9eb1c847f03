//! Train Ticket of the Nezha data set (Yu et al. 2023): a day of injected faults.
//!
//! A case compares the three documents of the fault's minutes, and three rows of metrics, with the fault-free
//! document and 60 fault-free rows: what the published figures on this data compare. The document of a
//! minute holds the minute up to about ten seconds after its name, so the fault's range begins with
//! [`LEAD_S`] before the minute in which it was injected; its effects are seen from there on.
//!
//! A case's time is put together again, since its healthy minutes lie about the day: the fault's range begins at
//! [`ONSET`]. Calls keep their time from it; those of the fault-free document come [`APART_S`] before it.
//! Of the metrics' rows, which describe the minute that ends with them, the 60 fault-free ones of the day
//! nearest to the fault stand before it, one a step, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use astern_graph_core::schema::{
    Feature, FeatureCatalogue, FeatureClass, LATENCY_MS_P95, LATENCY_MS_P99, Unit, Worse,
};
use astern_graph_core::{
    Call, CallStatus, GraphBuilder, GraphParams, NodeKey, Sample, SpanId, TimeRange, Timestamp,
};
use astern_rca::Incident;
use astern_rca::trace::Traces;
use astern_traces::{Span, SpanParams, Spans, TraceFormat};

use crate::EvalError;
use crate::case::Case;
use crate::error::{misshapen, refused, unreadable};
use crate::files::{self, entries, read_text};

/// Length of a step: that of the metrics.
const STEP_S: i64 = 60;
/// When the fault begins in a case's own time.
const ONSET: i64 = 100 * STEP_S;
/// Fault-free minutes of metrics of a case.
const HEALTHY_STEPS: usize = 60;
/// Minutes that count as the fault's.
const FAULT_STEPS: i64 = 3;
/// Minutes from a fault on that are not fault-free.
const TROUBLED_STEPS: i64 = 4;
/// From when on calls and rows are the fault's, in seconds before the minute of its injection.
const LEAD_S: i64 = 50;
/// Seconds between the end of the fault-free document and the fault, in a case's own time.
const APART_S: i64 = 180;
/// Where requests enter.
const ENTRY: &str = "ts-gateway-service";
/// The span of Spring's handler of errors.
const ERROR_HANDLER: &str = "BasicErrorController.error";
/// The folder of the fault-free document, `HH_MM_trace.csv`; the first by name where there are several.
const NORMAL: &str = "normal/trace";

/// Our name of a column of a pod's metrics, and the factor to its unit.
const COLUMNS: [(&str, &str, f64); 7] = [
    ("CpuUsageRate(%)", "cpu_percent", 1.0),
    ("MemoryUsageRate(%)", "memory_percent", 1.0),
    ("NetworkReceiveBytes", "network_receive_bytes", 1.0),
    ("NetworkTransmitBytes", "network_transmit_bytes", 1.0),
    ("PodServerLatencyP95(s)", LATENCY_MS_P95, 1e3),
    ("PodServerLatencyP99(s)", LATENCY_MS_P99, 1e3),
    ("PodClientLatencyP95(s)", "client_latency_ms_p95", 1e3),
];

fn catalogue() -> FeatureCatalogue {
    use FeatureClass::{Application, Behaviour, Infrastructure};
    let features = [
        Feature::new("cpu_percent", Unit::Percent, Infrastructure, Worse::Up),
        Feature::new("memory_percent", Unit::Percent, Infrastructure, Worse::Up),
        Feature::new("network_receive_bytes", Unit::Bytes, Behaviour, Worse::Both),
        Feature::new(
            "network_transmit_bytes",
            Unit::Bytes,
            Behaviour,
            Worse::Both,
        ),
        Feature::new(
            "client_latency_ms_p95",
            Unit::Milliseconds,
            Application,
            Worse::Up,
        ),
    ];
    features
        .into_iter()
        .fold(FeatureCatalogue::default(), FeatureCatalogue::with)
}

/// Which faults to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The first third by time.
    Calibration,
    /// The rest.
    Test,
}

#[derive(Debug, Clone, Deserialize)]
struct Fault {
    #[serde(rename = "inject_time")]
    time: String,
    #[serde(rename = "inject_pod")]
    pod: String,
    #[serde(rename = "inject_type")]
    kind: String,
}

/// One minute of the day: each metric of each service. A metric that is no finite number is left out.
type Minutes = BTreeMap<i64, Vec<(NodeKey, &'static str, f64)>>;

/// Everything that all cases share.
struct Day {
    minutes: Minutes,
    /// When the ranges of faults begin, in seconds.
    onsets: Vec<i64>,
}

/// Reads the cases of a part below `<root>/nezha-trainticket`, by time.
pub(super) fn read(root: &Path, part: Part) -> Result<Vec<Case>, EvalError> {
    let base = root.join("nezha-trainticket");
    let path = base.join("fault_list.json");
    let by_hour: BTreeMap<String, Vec<Fault>> =
        serde_json::from_str(&read_text(&path)?).map_err(|e| unreadable(&path, e))?;
    let mut faults: Vec<(i64, Fault)> = Vec::new();
    for fault in by_hour.into_values().flatten() {
        let minute = seconds(&path, &fault.time)?.div_euclid(60) * 60;
        faults.push((minute - LEAD_S, fault));
    }
    faults.sort_by(|a, b| (a.0, &a.1.time).cmp(&(b.0, &b.1.time)));
    let day = Day {
        minutes: minutes(&base.join("fault").join("metric"))?,
        onsets: faults.iter().map(|(at, _)| *at).collect(),
    };
    let third = faults.len().div_ceil(3);
    let (first, rest) = faults.split_at(third);
    let wanted = match part {
        Part::Calibration => first,
        Part::Test => rest,
    };
    wanted
        .iter()
        .map(|(at, fault)| case(&base, &day, *at, fault))
        .collect()
}

/// `2023-01-29 08:43:04`, which is UTC, in seconds.
fn seconds(path: &Path, text: &str) -> Result<i64, EvalError> {
    let rfc3339 = format!("{}Z", text.replace(' ', "T"));
    let at: Timestamp = rfc3339
        .parse()
        .map_err(|_| misshapen(path, format!("`{text}` is no time")))?;
    Ok(at.nanos() / 1_000_000_000)
}

/// The service of a pod of a Deployment.
fn service(pod: &str) -> NodeKey {
    NodeKey::service(pod.rsplitn(3, '-').last().unwrap_or(pod))
}

fn case(base: &Path, day: &Day, at: i64, fault: &Fault) -> Result<Case, EvalError> {
    let params = GraphParams::default()
        .step(Duration::from_secs(STEP_S.unsigned_abs()))
        .catalogue(catalogue());
    let mut builder = GraphBuilder::new(params)?;
    let calls = calls(base, at, &fault.time)?;
    let onset = Timestamp::from_secs(ONSET);
    let healthy = Traces::of(calls.iter().filter(|call| call.at < onset));
    let abnormal = Traces::of(calls.iter().filter(|call| call.at >= onset));
    builder.extend(calls.into_iter().map(Into::into));
    for (place, second) in day.fault_free(at).into_iter().enumerate() {
        let before = i64::try_from(HEALTHY_STEPS.saturating_sub(place)).unwrap_or(0);
        builder.extend(day.samples(second, ONSET - STEP_S * before));
    }
    for (second, _) in day.minutes.range(at..at + FAULT_STEPS * STEP_S) {
        builder.extend(day.samples(*second, ONSET + second - at));
    }
    let graph = builder.build();
    let range = |from: i64, to: i64| {
        TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to))
            .map_err(|e| misshapen(base, e.to_string()))
    };
    let healthy_s = STEP_S * i64::try_from(HEALTHY_STEPS).unwrap_or(0);
    let incident = Incident::new(
        NodeKey::service(ENTRY),
        LATENCY_MS_P95.into(),
        range(ONSET - healthy_s, ONSET)?,
        range(ONSET, ONSET + FAULT_STEPS * STEP_S)?,
    )
    .traced(healthy, abnormal);
    let services = graph.keys().iter().filter(|k| k.kind == service("").kind);
    Ok(Case {
        name: fault.time.chars().skip(11).collect(),
        kind: fault.kind.clone(),
        candidates: services.count(),
        graph,
        incident,
        cause: service(&fault.pod),
        columns: Vec::new(),
    })
}

impl Day {
    /// Middles of the fault-free minutes that are nearest to a time, in their order.
    fn fault_free(&self, at: i64) -> Vec<i64> {
        let troubled = |second: i64| {
            let within = |onset: &i64| (0..TROUBLED_STEPS * STEP_S).contains(&(second - onset));
            self.onsets.iter().any(within)
        };
        let all = self.minutes.keys().copied();
        let mut free: Vec<i64> = all.filter(|second| !troubled(*second)).collect();
        free.sort_by_key(|second| (second.abs_diff(at), *second));
        free.truncate(HEALTHY_STEPS);
        free.sort_unstable();
        free
    }

    /// The samples of a minute of the day, at that time of the case.
    fn samples(&self, second: i64, at: i64) -> Vec<astern_graph_core::Record> {
        let at = Timestamp::from_secs(at);
        let values = self.minutes.get(&second).into_iter().flatten();
        let sample = |(node, metric, value): &(NodeKey, &'static str, f64)| {
            Sample::new(at, node.clone(), *metric, *value).into()
        };
        values.map(sample).collect()
    }
}

/// Calls of the fault-free document and of the documents of the fault's three minutes that are of either
/// time, in the time of the case. The documents are joined together, so that a span that two of them hold counts once.
fn calls(base: &Path, at: i64, inject_time: &str) -> Result<Vec<Call>, EvalError> {
    let mut spans = Spans::new(&SpanParams::default())?;
    let (document, normal_s) = fault_free(base)?;
    let mut documents = vec![document];
    let clock: Vec<i64> = inject_time
        .split([' ', ':'])
        .filter_map(|part| part.parse().ok())
        .collect();
    let [hour, minute, _] = clock[..] else {
        return Err(misshapen(base, format!("`{inject_time}` is no time")));
    };
    documents.extend((0..FAULT_STEPS).map(|later| {
        let minutes = 60 * hour + minute + later;
        format!(
            "fault/trace/{:02}_{:02}_trace.csv",
            minutes / 60,
            minutes % 60
        )
    }));
    for document in documents {
        let path = base.join(document);
        let read = spans.read(TraceFormat::Csv, &files::read(&path)?);
        read.map_err(|e| refused(&path, e))?;
    }
    let failed = failed(spans.as_slice());
    let mut calls = spans.join().calls;
    for call in &mut calls {
        if call.id.is_some_and(|id| failed.contains(&id)) {
            call.status = CallStatus::Error;
        }
    }
    let nanos = |secs: i64| secs.saturating_mul(1_000_000_000);
    // A trace goes a little over the edges of its document.
    let range = nanos(at - STEP_S / 6)..nanos(at + FAULT_STEPS * STEP_S);
    let (day, minute) = (at - at.rem_euclid(86_400), nanos(STEP_S));
    let normal = nanos(day + normal_s);
    calls.retain(|call| {
        let t = call.at.nanos();
        range.contains(&t) || (normal - minute * 2..normal + minute).contains(&t)
    });
    for call in &mut calls {
        let t = call.at.nanos();
        let from_onset = if range.contains(&t) {
            (t - nanos(at)).max(0)
        } else {
            t - normal - minute - nanos(APART_S)
        };
        call.at = Timestamp::from_nanos(nanos(ONSET).saturating_add(from_onset));
    }
    Ok(calls)
}

/// The fault-free document below the base, and the time of day in its name, in seconds.
fn fault_free(base: &Path) -> Result<(String, i64), EvalError> {
    let folder = base.join(NORMAL);
    let clock = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let (hour, minute) = name.strip_suffix("_trace.csv")?.split_once('_')?;
        let minutes = 60 * hour.parse::<i64>().ok()? + minute.parse::<i64>().ok()?;
        Some((format!("{NORMAL}/{name}"), 60 * minutes))
    };
    let mut documents = entries(&folder)?.into_iter().filter_map(clock);
    let first = documents.next();
    first.ok_or_else(|| misshapen(&folder, "it holds no HH_MM_trace.csv"))
}

/// The spans within which a request failed, with all that they lie in, up to and without the next span of
/// another service: the documents hold no status, but Spring hands a request that failed to its own
/// handler of errors, whose span shows it.
fn failed(spans: &[Span]) -> BTreeSet<SpanId> {
    let by_id: BTreeMap<SpanId, &Span> = spans.iter().map(|span| (span.id, span)).collect();
    let handled = |span: &&Span| span.name.as_deref() == Some(ERROR_HANDLER);
    let mut failed = BTreeSet::new();
    for handler in spans.iter().filter(handled) {
        let mut at = Some(handler);
        while let Some(span) = at.filter(|span| failed.insert(span.id)) {
            let parent = span.parent.map(|parent| SpanId::new(span.id.trace, parent));
            let parent = parent.and_then(|parent| by_id.get(&parent).copied());
            // The caller's side of the same call carries its id too.
            if let Some(parent) = parent.filter(|p| p.origin.service != handler.origin.service) {
                failed.insert(parent.id);
                break;
            }
            at = parent;
        }
    }
    failed
}

/// All minutes of the day by their middle, in seconds.
fn minutes(folder: &Path) -> Result<Minutes, EvalError> {
    let mut minutes = Minutes::new();
    for path in entries(folder)? {
        let mut reader = csv::Reader::from_path(&path).map_err(|e| unreadable(&path, e))?;
        let header = reader.headers().map_err(|e| unreadable(&path, e))?.clone();
        let column = |name: &str| header.iter().position(|column| column == name);
        // The document of the user interface, which holds no pod, is left out.
        let Some((pod, time)) = column("PodName").zip(column("TimeStamp")) else {
            continue;
        };
        let places = COLUMNS.map(|(name, metric, factor)| (column(name), metric, factor));
        for row in reader.records() {
            let row = row.map_err(|e| unreadable(&path, e))?;
            let cell = |place: usize| row.get(place).unwrap_or_default();
            let end: i64 = cell(time)
                .parse()
                .map_err(|_| misshapen(&path, format!("`{}` is no time", cell(time))))?;
            let minute = minutes
                .entry((end - STEP_S / 2).div_euclid(STEP_S))
                .or_default();
            for (place, metric, factor) in &places {
                let value = place.and_then(|place| cell(place).parse::<f64>().ok());
                if let Some(value) = value.filter(|value| value.is_finite()) {
                    minute.push((service(cell(pod)), *metric, value * factor));
                }
            }
        }
    }
    // Pods are read a few seconds apart; rows of one minute are those with the same middle.
    let of = |minute: i64| minute * STEP_S + STEP_S / 2;
    Ok(minutes
        .into_iter()
        .map(|(minute, values)| (of(minute), values))
        .collect())
}
