//! One step of a change.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::schedule::{Schedule, ScheduleError};
use crate::key::NodeKey;
use crate::name::{ChangeId, Revision};
use crate::share::TrafficShare;
use crate::time::Timestamp;

/// How a change reaches its instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// Instances are replaced batch by batch.
    Rolling,
    /// A share of the traffic goes to new instances.
    Canary,
    /// Traffic switches from one full set of instances to another.
    BlueGreen,
    /// A feature flag.
    FeatureFlag {
        /// Name of the flag.
        flag: Arc<str>,
    },
    /// A configuration change.
    Config,
}

impl ChangeKind {
    /// What a change of this kind changes.
    pub fn artefact(&self) -> Artefact {
        match self {
            Self::Rolling | Self::Canary | Self::BlueGreen => Artefact::Code,
            Self::Config => Artefact::Config,
            Self::FeatureFlag { flag } => Artefact::Flag(flag.clone()),
        }
    }
}

/// What a change changes. Only changes of the same thing can lie on top of each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Artefact {
    /// What the instances of a service run.
    Code,
    /// The configuration of a service.
    Config,
    /// A feature flag, by its name.
    Flag(Arc<str>),
}

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangePhase {
    /// It began. After a rollback nothing else begins it again.
    Started,
    /// Another batch of instances or share of traffic has it.
    Progressed,
    /// All have it.
    Completed,
    /// It was undone.
    RolledBack,
}

/// Whether a change can be undone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reversibility {
    /// The old revision works as before.
    Reversible,
    /// Data was only added to (expand and contract): the old revision still works.
    ExpandContract,
    /// Data was changed so that revisions before `min_compatible` no longer work.
    ForwardOnly {
        /// Oldest revision that works with the data as it is now.
        min_compatible: Revision,
    },
}

/// One step of a change of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeEvent {
    /// Which change; all its steps share the id.
    pub id: ChangeId,
    /// When this step happened.
    pub at: Timestamp,
    /// The service that changes.
    pub service: NodeKey,
    /// How it reaches its instances.
    pub kind: ChangeKind,
    /// How far it has come.
    pub phase: ChangePhase,
    /// The revision before, when known: the pinned target of a rollback.
    pub from: Option<Revision>,
    /// The revision after.
    pub to: Revision,
    /// The instances that have it since this step.
    pub instances: Vec<NodeKey>,
    /// The share of the service's traffic that has it since this step, when known.
    pub share: Option<TrafficShare>,
    /// Whether it can be undone.
    pub reversibility: Reversibility,
    /// The shares of traffic to come, when they are known; those that an earlier step stated no longer count.
    pub schedule: Option<Schedule>,
    /// What the platform calls the state of what was changed right after this step, when known: a generation, an etag, the
    /// number of an attempt. A way back then requires that nobody has changed it since. It must not move with anything
    /// else: a number that counts each scaling too would forbid every way back.
    pub version: Option<Arc<str>>,
}

impl ChangeEvent {
    /// The start of a reversible rolling release; the fields are public for the rest.
    pub fn new(
        id: impl Into<ChangeId>,
        at: Timestamp,
        service: NodeKey,
        from: Option<Revision>,
        to: Revision,
    ) -> Self {
        Self {
            id: id.into(),
            at,
            service,
            kind: ChangeKind::Rolling,
            phase: ChangePhase::Started,
            from,
            to,
            instances: Vec::new(),
            share: None,
            reversibility: Reversibility::Reversible,
            schedule: None,
            version: None,
        }
    }

    /// With the way it reaches its instances.
    #[must_use]
    pub fn by(mut self, kind: ChangeKind) -> Self {
        self.kind = kind;
        self
    }

    /// With its phase and the instances that have it since.
    #[must_use]
    pub fn reached(mut self, phase: ChangePhase, instances: Vec<NodeKey>) -> Self {
        self.phase = phase;
        self.instances = instances;
        self
    }

    /// With the share of the service's traffic that has it since.
    #[must_use]
    pub fn carrying(mut self, share: TrafficShare) -> Self {
        self.share = Some(share);
        self
    }

    /// With its reversibility.
    #[must_use]
    pub fn undo(mut self, reversibility: Reversibility) -> Self {
        self.reversibility = reversibility;
        self
    }

    /// With the shares of traffic to come.
    #[must_use]
    pub fn scheduled(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// With what the platform calls the state right after this step.
    #[must_use]
    pub fn versioned(mut self, version: impl Into<Arc<str>>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Whether it can be taken.
    ///
    /// # Errors
    /// [`ScheduleError::Past`] for a schedule that begins before the step itself.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let mut schedule = self.schedule.iter();
        schedule.try_for_each(|schedule| schedule.check_from(self.at))
    }
}
