//! One self-contained HTML page about one diagnosis, for the person who is called at night.
//!
//! The page needs nothing from outside and runs no scripts; it follows the reader's choice of light
//! or dark, and prints. The same input gives the same bytes.
//!
//! ```
//! use astern::graph::{GraphBuilder, GraphParams, NodeKey, Sample, TimeRange, Timestamp};
//! use astern::report::Page;
//!
//! let at = Timestamp::from_secs(30);
//! let mut builder = GraphBuilder::new(GraphParams::default())?;
//! builder.extend([Sample::new(at, NodeKey::service("cart"), "latency_ms", 21.0).into()]);
//! let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(600))?;
//! let html = Page::new("Slow cart", &builder.build(), range).onset(Some(at)).to_html();
//! assert!(html.starts_with("<!DOCTYPE html>") && html.contains("Slow cart"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod causes;
mod changes;
mod evidence;
mod headline;
mod layout;
mod learned;
mod legend;
mod network;
mod plan;
mod scene;
mod services;
mod text;
mod timeline;
mod unseen;

use std::collections::BTreeMap;

use astern_graph_core::signal::{Assessment, Diagnosis};
use astern_graph_core::{NodeKey, TemporalGraph, TimeRange, Timestamp};
use astern_rollback_policy::Plan;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use scene::Scene;

/// Nothing may be loaded and nothing may run, whatever a name contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A page about what was seen in a range of time; the setters add what was concluded.
///
/// # Complexity
/// Lays out at most 48 services and 200 arrows, draws at most eight services over time, and
/// lists every step of the plan; the series cost `O(T)` for T steps in the range.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    title: String,
    graph: &'a TemporalGraph,
    range: TimeRange,
    healthy_until: Option<Timestamp>,
    onset: Option<Timestamp>,
    assessments: &'a [Assessment],
    diagnosis: Option<&'a Diagnosis>,
    plan: Option<&'a Plan>,
    decision: Option<String>,
    learned: BTreeMap<NodeKey, (f64, f64)>,
    notes: Vec<String>,
}

impl<'a> Page<'a> {
    /// A page that shows the services and their series.
    pub fn new(title: impl Into<String>, graph: &'a TemporalGraph, range: TimeRange) -> Self {
        Self {
            title: title.into(),
            graph,
            range,
            healthy_until: None,
            onset: None,
            assessments: &[],
            diagnosis: None,
            plan: None,
            decision: None,
            learned: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// With the end of the time that counts as healthy; without it, that is the onset.
    #[must_use]
    pub fn healthy_until(mut self, at: Timestamp) -> Self {
        self.healthy_until = Some(at);
        self
    }

    /// With the time at which the trouble began.
    #[must_use]
    pub fn onset(mut self, at: Option<Timestamp>) -> Self {
        self.onset = at;
        self
    }

    /// With what detectors said, of the system and of changes.
    #[must_use]
    pub fn assessments(mut self, assessments: &'a [Assessment]) -> Self {
        self.assessments = assessments;
        self
    }

    /// With the causes and the changes to blame.
    #[must_use]
    pub fn diagnosis(mut self, diagnosis: &'a Diagnosis) -> Self {
        self.diagnosis = Some(diagnosis);
        self
    }

    /// With what was decided, in words; without it, what the plan does first stands in its place.
    #[must_use]
    pub fn decision(mut self, sentence: impl Into<String>) -> Self {
        self.decision = Some(sentence.into());
        self
    }

    /// With the plan.
    #[must_use]
    pub fn plan(mut self, plan: &'a Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// With the scores of a learned model by service: of the trained one, and of the same network
    /// untrained. Above 0 is outside what is normal.
    #[must_use]
    pub fn learned(mut self, scores: impl IntoIterator<Item = (NodeKey, (f64, f64))>) -> Self {
        self.learned = scores.into_iter().collect();
        self
    }

    /// With remarks, shown last.
    #[must_use]
    pub fn notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// The page.
    pub fn to_html(&self) -> String {
        let scene = Scene::new(self);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(include_str!("style.css"))) }
                }
                body {
                    main {
                        (headline::header(&scene))
                        (network::section(&scene))
                        (timeline::section(&scene))
                        (causes::section(&scene))
                        (changes::section(&scene))
                        (plan::section(&scene))
                        (learned::section(&scene))
                        (unseen::section(&scene))
                        (self.remarks())
                    }
                    footer { "Astern " (env!("CARGO_PKG_VERSION")) ". All times are UTC." }
                }
            }
        };
        page.into_string()
    }

    fn remarks(&self) -> Markup {
        html! {
            @if !self.notes.is_empty() {
                section id="notes" {
                    h2 { "Notes" }
                    ul { @for note in &self.notes { li { (note) } } }
                }
            }
        }
    }
}
