#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

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
use astern_graph_core::{NodeKey, TemporalGraph, TimeRange, Timestamp, visible};
use astern_rollback_policy::Plan;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use scene::Scene;

/// Nothing may be loaded and nothing may run, whatever a name contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A page about what was seen in a range of time; setters add what was concluded.
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

astern_stats::setters!(Page<'a> {
    /// Sets the end of the time that counts as healthy; without it, that is the onset.
    healthy_until: Timestamp,
    /// Sets the time at which the trouble began.
    onset: Option<Timestamp>,
    /// Sets what detectors reported, of the system and of changes.
    assessments: &'a [Assessment],
    /// Sets the causes and the changes to blame.
    diagnosis: &'a Diagnosis,
    /// Sets what was decided, in words; without it, what the plan does first stands in its place.
    decision: String,
    /// Sets the plan.
    plan: &'a Plan,
    /// Sets the scores of a learned model by service: of the trained one, and of the same network
    /// untrained. Above 0 is outside what is normal.
    learned: impl Into<BTreeMap<NodeKey, (f64, f64)>>,
    /// Sets the remarks, shown last.
    notes: Vec<String>,
});

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
        // Names, notes and the title come from outside; the page's own text has lines and nothing else unseen.
        let lines = page.0.split('\n').map(|line| visible(line).to_string());
        lines.collect::<Vec<_>>().join("\n")
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
