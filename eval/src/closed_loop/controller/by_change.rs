//! A control that judges each change by itself, and rolls back.

use astern::detect::release::{AnyReleaseJudge, ReleaseJudge as _, ReleaseJudgeParams};
use astern_graph_core::signal::Verdict;
use astern_graph_core::{ChangeEvent, GraphBuilder, GraphParams, Record, TimeRange, Timestamp};
use astern_sim::{Scenario, SimExecutor};

use super::{Controller, Started};
use crate::EvalError;

/// What is rolled back when a change is judged bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The change.
    Own,
    /// All that has started.
    All,
}

pub(super) struct ByChange {
    judge: AnyReleaseJudge,
    extent: Extent,
    builder: GraphBuilder,
    healthy: TimeRange,
    started: Started,
}

impl ByChange {
    pub(super) fn new(
        judge: ReleaseJudgeParams,
        extent: Extent,
        scenario: &Scenario,
    ) -> Result<Self, EvalError> {
        let start = scenario.start;
        Ok(Self {
            judge: judge.check()?,
            extent,
            builder: GraphBuilder::new(GraphParams::default().step(scenario.step))?,
            healthy: TimeRange::new(start, start.plus(scenario.healthy))?,
            started: Started::default(),
        })
    }

    /// The changes that are judged bad now.
    fn regressed(&self, now: Timestamp) -> Result<Vec<ChangeEvent>, EvalError> {
        let graph = self.builder.build();
        let mut regressed = Vec::new();
        for change in self.started.active().filter(|change| change.at < now) {
            let range = TimeRange::new(change.at, now)?;
            let assessment = self.judge.judge(&graph, change, range, self.healthy);
            let assessment = assessment.map_err(|cause| EvalError::Guard(cause.into()))?;
            if assessment.verdict == Verdict::Regressed {
                regressed.push(change.clone());
            }
        }
        Ok(regressed)
    }
}

impl Controller for ByChange {
    fn step(
        &mut self,
        records: Vec<Record>,
        now: Timestamp,
        platform: &SimExecutor,
    ) -> Result<(), EvalError> {
        self.started.take(&records);
        self.builder.advance(now);
        self.builder.extend(records);
        let mut regressed = self.regressed(now)?;
        if self.extent == Extent::All && !regressed.is_empty() {
            regressed = self.started.active().cloned().collect();
        }
        for change in regressed {
            self.started.undo(&change, now, platform)?;
        }
        Ok(())
    }
}
