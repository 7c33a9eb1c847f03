//! What must survive a restart, as bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use astern_detect::{Detector, FittedDetector};
use astern_graph_core::codec::Format;
use astern_graph_core::{CodecError, GraphBuilder, Timestamp};
use astern_rollback_policy::{Paging, Persistence, RunError, Undos};

use super::acted::Acted;
use super::baseline::Baseline;
use super::clock::Clock;
use super::detectors::Detection;
use super::judge::Stages;
use super::pages::Pages;
use super::params::GuardParams;
use super::proposals::Proposals;
use super::runs::{self, Runs};
use super::warning::Warning;
use crate::error::Error;

const FORMAT: Format = Format {
    name: "a guard",
    magic: *b"ASTNGARD",
    version: 9,
};

const BASELINE: Format = Format {
    name: "the baseline of a guard",
    magic: *b"ASTNBASE",
    version: 1,
};

/// All that must survive a restart.
#[derive(Debug)]
pub(super) struct State<F> {
    pub(super) builder: GraphBuilder,
    pub(super) baseline: Option<Baseline<F>>,
    pub(super) persistence: Persistence,
    /// End of the last step that was not healthy or in which a change was watched; before there is a baseline, in which a change
    /// was found worse.
    pub(super) disturbed: Timestamp,
    /// End of the last step that was judged.
    pub(super) judged: Option<Timestamp>,
    pub(super) acted: Acted,
    pub(super) runs: Runs,
    pub(super) pages: Pages,
    /// Not stored: the first time that the next holder gives is believed.
    pub(super) clock: Clock,
    pub(super) fence: u64,
    /// What was warned of.
    warned: BTreeSet<Warning>,
    /// For what a person is to be called, and was.
    pub(super) paging: Paging,
    /// When runs have changed each service.
    pub(super) undos: Undos,
    /// Plans that wait for a person's word.
    pub(super) proposals: Proposals,
}

/// Most warnings that are said and remembered.
const WARNED_MAX: usize = 10_000;

/// The state as it is stored. Builder, baseline and run have formats of their own.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    builder: Cow<'a, [u8]>,
    baseline: Option<Cow<'a, [u8]>>,
    persistence: Cow<'a, Persistence>,
    disturbed: Timestamp,
    judged: Option<Timestamp>,
    acted: Cow<'a, Acted>,
    runs: Vec<runs::Stored>,
    pages: Cow<'a, Pages>,
    fence: u64,
    warned: Cow<'a, BTreeSet<Warning>>,
    paging: Cow<'a, Paging>,
    undos: Cow<'a, Undos>,
    proposals: Cow<'a, Proposals>,
}

impl<F: FittedDetector + Serialize + DeserializeOwned> State<F> {
    /// Nothing seen yet.
    pub(super) fn new(builder: GraphBuilder, persistence: Persistence) -> Self {
        Self {
            builder,
            baseline: None,
            persistence,
            disturbed: Timestamp::MIN,
            judged: None,
            acted: Acted::default(),
            runs: Runs::default(),
            pages: Pages::default(),
            clock: Clock::default(),
            fence: 1,
            warned: BTreeSet::new(),
            paging: Paging::default(),
            undos: Undos::default(),
            proposals: Proposals::default(),
        }
    }

    /// The state as bytes, parameters left out.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        let baseline = self.baseline.as_ref();
        let baseline = baseline.map(|b| BASELINE.encode(b)).transpose()?;
        FORMAT.encode(&Stored {
            builder: self.builder.to_bytes()?.into(),
            baseline: baseline.map(Cow::Owned),
            persistence: Cow::Borrowed(&self.persistence),
            disturbed: self.disturbed,
            judged: self.judged,
            acted: Cow::Borrowed(&self.acted),
            runs: self.runs.to_stored()?,
            pages: Cow::Borrowed(&self.pages),
            fence: self.fence,
            warned: Cow::Borrowed(&self.warned),
            paging: Cow::Borrowed(&self.paging),
            undos: Cow::Borrowed(&self.undos),
            proposals: Cow::Borrowed(&self.proposals),
        })
    }

    /// The state under the parameters of its new holder.
    pub(super) fn restore<D: Detector<Fitted = F>>(
        bytes: &[u8],
        params: &GuardParams,
        stages: &Stages,
        detections: &[Detection<D>],
        fence: u64,
    ) -> Result<Self, Error> {
        let stored: Stored<'_> = FORMAT.decode(bytes)?;
        if fence < stored.fence {
            let newest = stored.fence;
            return Err(RunError::StaleFence { fence, newest }.into());
        }
        stored.proposals.validate()?;
        let builder = GraphBuilder::from_bytes(&stored.builder, params.graph.clone())?;
        let baseline = stored.baseline.map(|bytes| BASELINE.decode(&bytes));
        let baseline: Option<Baseline<F>> = baseline.transpose()?;
        Ok(Self {
            baseline: baseline.and_then(|baseline| baseline.under(detections, &builder)),
            builder,
            persistence: stages.policy.risk().restored(&stored.persistence),
            disturbed: stored.disturbed,
            judged: stored.judged,
            acted: stored.acted.into_owned(),
            runs: Runs::restore(stored.runs, &params.run, fence)?,
            pages: stored.pages.into_owned(),
            clock: Clock::default(),
            fence,
            warned: stored.warned.into_owned(),
            paging: stored.paging.into_owned(),
            undos: stored.undos.into_owned(),
            proposals: stored.proposals.into_owned(),
        })
    }

    /// Takes note of a warning; whether it is to be said, as it is new.
    pub(super) fn warn(&mut self, warning: &Warning) -> bool {
        let is_far = |warning: &Warning| matches!(warning, Warning::FarTimes { .. });
        let is_said = is_far(warning) && self.warned.iter().any(is_far);
        !is_said && self.warned.len() < WARNED_MAX && self.warned.insert(warning.clone())
    }
}
