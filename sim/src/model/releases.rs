//! Releases, by the places of their services.

use astern_graph_core::{ChangeKind, Reversibility};
use astern_stats::param::in_range;

use super::calls::find;
use super::{Change, Model};
use crate::error::SimError;
use crate::scenario::Release;
use crate::topology::ServiceSpec;

impl Model {
    pub(super) fn change(
        &mut self,
        release: &Release,
        specs: &[ServiceSpec],
    ) -> Result<Change, SimError> {
        let part = format!("change `{}`", release.id);
        let index = find(specs, &release.service.name, &part)?;
        let service = &mut self.services[index];
        if service.key != release.service {
            let name = release.service.to_string().into();
            return Err(SimError::UnknownService { name, by: part });
        }
        if service.revisions.contains(&release.to) {
            return Err(SimError::SameRevision {
                change: release.id.clone(),
                revision: release.to.clone(),
            });
        }
        let asked: u32 = release.batches.iter().sum();
        let mut revision = 0;
        if !release.is_flag() {
            if release.kind == ChangeKind::BlueGreen {
                service.instances.end += asked as usize;
            } else {
                let most = f64::from(specs[index].instances);
                in_range("instances of all batches", f64::from(asked), 1.0, most)
                    .map_err(|cause| SimError::Param { part, cause })?;
            }
            service.revisions.push(release.to.clone());
            service.work_factors.push(release.work_factor);
            revision = service.revisions.len() - 1;
        }
        let min_compatible = match &release.reversibility {
            Reversibility::ForwardOnly { min_compatible } => {
                let mut known = service.revisions.iter();
                let found = known.position(|known| known == min_compatible);
                found.ok_or_else(|| SimError::UnknownRevision {
                    change: release.id.clone(),
                    revision: min_compatible.clone(),
                })?
            }
            _ => 0,
        };
        Ok(Change {
            release: release.clone(),
            service: index,
            revision,
            min_compatible,
        })
    }
}
