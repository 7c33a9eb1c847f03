//! The story as one self-contained page.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use astern::graph::TimeRange;
use astern::report::Page;
use astern_examples::{Incident, Sample};

use super::learned::{Learned, note};

pub(crate) fn write(
    path: &Path,
    sample: &Sample,
    incident: &Incident,
    learned: Option<&[Learned]>,
) -> Result<(), Box<dyn Error>> {
    let extent = incident
        .graph
        .extent()
        .ok_or("there is no telemetry to draw")?;
    let range = TimeRange::new(extent.start, extent.end)?;
    let system = incident.assessments.iter().filter(|a| a.change.is_none());
    let onset = system.flat_map(|a| &a.anomalies).map(|a| a.since).min();
    let mut page = Page::new(
        "A web shop with three releases at once",
        &incident.graph,
        range,
    )
    .healthy_until(sample.healthy_until)
    .onset(onset)
    .assessments(&incident.assessments)
    .notes(vec![
        note(learned.is_some()).to_owned(),
        incident.ingest.to_string(),
    ]);
    if let Some(diagnosis) = &incident.diagnosis {
        page = page.diagnosis(diagnosis);
    }
    if let Some((plan, _)) = &incident.plan {
        page = page.plan(plan);
    }
    if let Some((_, ruling, _)) = incident.rulings.last() {
        page = page.decision(ruling.decision.to_string());
    }
    if let Some(learned) = learned {
        let scores = learned
            .iter()
            .map(|l| (l.key.clone(), (l.trained, l.untrained)));
        page = page.learned(scores.collect::<BTreeMap<_, _>>());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, page.to_html())?;
    Ok(())
}
