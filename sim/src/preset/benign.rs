//! Presets in which nothing is wrong.

use std::time::Duration;

use astern_graph_core::NodeKey;

use super::{Draw, Preset};
use crate::blackout::Blackout;
use crate::curve::Curve;
use crate::law::TimeLaw;
use crate::load;
use crate::scenario::Scenario;
use crate::start_up::StartUp;

/// Services that every other request or more needs.
const BUSY: [&str; 4] = ["frontend", "product-catalogue", "currency", "ads"];

pub(super) fn scenario(preset: Preset, draw: &mut Draw) -> Scenario {
    let mut scenario = Scenario::benign(draw.seed);
    let starts = draw.onset(&scenario);
    let lasts = Duration::from_secs(60) + draw.seconds(180, 420);
    match preset {
        Preset::Surge => scenario.load.surges.push(load::Surge {
            starts,
            lasts,
            factor: draw.between(2.5, 3.5),
        }),
        Preset::Trend => scenario.load.trend_per_hour = draw.between(0.4, 0.6),
        Preset::DailyCurve => {
            let curve = Curve::daily().period(Duration::from_secs(2_400));
            scenario.load.curve = Some(curve.phase(draw.seconds(0, 2_400)));
        }
        Preset::MetricOutage => {
            let service = NodeKey::service(draw.one(BUSY));
            let lost = Blackout::new(starts).service(service).lasts(lasts);
            scenario.blackouts.push(lost);
        }
        Preset::TelemetryOutage => {
            let lost = Blackout::new(starts).lasts(lasts);
            scenario.blackouts.push(lost);
        }
        Preset::StartUp => {
            let start_up = StartUp::default()
                .lasts(draw.seconds(30, 60))
                .factor(draw.between(2.0, 4.0))
                .errors(draw.between(0.05, 0.15));
            for service in &mut scenario.topology.services {
                service.start_up = Some(start_up);
            }
        }
        Preset::SmallDifferences => {
            for release in &mut scenario.releases {
                release.work_factor = draw.between(1.02, 1.05);
            }
        }
        Preset::UnequalInstances => {
            for service in &mut scenario.topology.services {
                let instances = 0..service.instances;
                service.speeds = instances.map(|_| draw.between(0.6, 1.4)).collect();
            }
        }
        Preset::HeavyTails => {
            let (share, factor) = (draw.between(0.02, 0.04), draw.between(20.0, 40.0));
            for service in &mut scenario.topology.services {
                service.work = TimeLaw::Bimodal {
                    mean_ms: service.work.mean_ms(),
                    sigma: 0.5,
                    share,
                    factor,
                };
            }
        }
        Preset::TelemetryStops => {
            for release in scenario.releases.iter().take(1) {
                // Some time after its first batch.
                let stops = release.starts + draw.seconds(60, 180);
                let lost = Blackout::new(stops).service(release.service.clone());
                scenario.blackouts.push(lost.revision(release.to.clone()));
            }
        }
        _ => {}
    }
    scenario
}
