//! Each preset beside its cured twin: the effect is where it must be and nowhere else.

use std::time::Duration;

use astern_graph_core::{Call, CallStatus, NodeKey, Record, Subject, Timestamp};
use astern_sim::{Preset, Scenario, Simulation, run};
use astern_stats::robust;

use crate::{calls, failed, mean, seconds, server_ms, share};

/// A run and the same one with nothing wrong.
struct Pair {
    scenario: Scenario,
    bad: Simulation,
    good: Simulation,
}

const SEEDS: [u64; 2] = [1, 2];

fn pair(preset: Preset, seed: u64) -> Pair {
    let scenario = Scenario::preset(preset, seed);
    let mut cured = scenario.clone();
    (cured.fault, cured.incident) = (None, None);
    let (bad, good) = (run(&scenario).unwrap(), run(&cured).unwrap());
    assert_eq!((good.truth.fault, good.truth.onset), (None, None));
    Pair {
        scenario,
        bad,
        good,
    }
}

fn pairs(presets: &[Preset], check: impl Fn(&str, &Pair)) {
    for preset in presets {
        for seed in SEEDS {
            let pair = pair(*preset, seed);
            check(&format!("{preset}, seed {seed}"), &pair);
            pair.is_alike_before_the_onset();
            pair.leaves_others_alone(&format!("{preset}, seed {seed}"));
        }
    }
}

impl Pair {
    fn onset(&self) -> Timestamp {
        self.bad.truth.onset.unwrap()
    }

    fn service(&self) -> NodeKey {
        self.bad.truth.service.clone().unwrap()
    }

    /// Calls after the onset of either run that this is true of, the bad one's first.
    fn late(&self, is: impl Fn(&Call) -> bool) -> [Vec<Call>; 2] {
        let onset = self.onset();
        [&self.bad, &self.good].map(|run| {
            let late = calls(&run.records).filter(|call| call.at >= onset && is(call));
            late.cloned().collect()
        })
    }

    fn to(&self, service: &NodeKey) -> [Vec<Call>; 2] {
        self.late(|call| call.callee.service == *service)
    }

    fn is_alike_before_the_onset(&self) {
        let until = self.onset().minus(seconds(10));
        let early = |run: &Simulation| -> Vec<Record> {
            let early = run.records.iter().filter(|record| record.at() < until);
            early.cloned().collect()
        };
        assert!(early(&self.bad) == early(&self.good));
    }

    /// Services that are not faulty and call nobody who is take as long and fail as often.
    fn leaves_others_alone(&self, what: &str) {
        let truth = &self.bad.truth;
        for spec in &self.scenario.topology.services {
            if truth.service.as_ref() == Some(&spec.key) || truth.callers.contains(&spec.key) {
                continue;
            }
            let [bad, good] = self.to(&spec.key);
            if bad.len().min(good.len()) < 300 || truth.service.is_none() {
                continue;
            }
            let ratio = mean(bad.iter().filter_map(own_ms)) / mean(good.iter().filter_map(own_ms));
            assert!((ratio - 1.0).abs() < 0.15, "{what}: {} {ratio}", spec.key);
            let more = share(&bad, failed) - share(&good, failed);
            assert!(more.abs() < 0.015, "{what}: {} {more}", spec.key);
        }
    }
}

fn own_ms(call: &Call) -> Option<f64> {
    call.exclusive.map(|own| own.as_secs_f64() * 1e3)
}

fn ratio(of: &[Vec<Call>; 2], value: impl Fn(&Call) -> Option<f64>) -> f64 {
    let [bad, good] = of;
    mean(bad.iter().filter_map(&value)) / mean(good.iter().filter_map(&value))
}

fn errors([bad, good]: &[Vec<Call>; 2]) -> f64 {
    share(bad, failed) - share(good, failed)
}

#[test]
fn names_lead_back_to_their_presets() {
    for preset in Preset::ALL {
        assert_eq!(preset.to_string().parse(), Ok(preset));
        assert_ne!(Scenario::preset(preset, 1), Scenario::preset(preset, 2));
        assert_eq!(Scenario::preset(preset, 1), Scenario::preset(preset, 1));
    }
    let unknown = "sunshine".parse::<Preset>().unwrap_err();
    assert_eq!(unknown.to_string(), "there is no preset `sunshine`");
}

#[test]
fn presets_come_back_from_their_files() {
    for preset in Preset::ALL {
        let scenario = Scenario::preset(preset, 3);
        let json = serde_json::to_string(&scenario).unwrap();
        assert_eq!(
            serde_json::from_str::<Scenario>(&json).unwrap(),
            scenario,
            "{preset}"
        );
        let toml = toml::to_string(&scenario).unwrap();
        assert_eq!(
            toml::from_str::<Scenario>(&toml).unwrap(),
            scenario,
            "{preset}"
        );
    }
}

#[test]
fn any_seed_gives_a_scenario_that_keeps_the_rules() {
    for preset in Preset::ALL {
        for seed in 0..40 {
            let scenario = Scenario::preset(preset, seed);
            let simulator = astern_sim::Simulator::new(&scenario);
            let truth = simulator
                .unwrap_or_else(|e| panic!("{preset} {seed}: {e}"))
                .truth()
                .clone();
            assert_eq!(truth.fault.is_none(), preset.is_benign());
            assert_eq!(truth.culprit.is_some(), scenario.fault.is_some());
            assert!(
                truth
                    .onset
                    .is_none_or(|at| at >= scenario.start.plus(scenario.healthy))
            );
        }
    }
}

#[test]
fn presets_of_slow_code_slow_their_service() {
    let slow = [
        Preset::Cpu,
        Preset::MemoryLeak,
        Preset::Latency,
        Preset::SlowStart,
        Preset::Tail,
        Preset::Operation,
        Preset::Segment,
        Preset::BlueGreen,
        Preset::FewerWorkers,
        Preset::Dependency,
    ];
    pairs(&slow, |what, pair| {
        let slower = ratio(&pair.to(&pair.service()), own_ms);
        assert!(slower > 1.15, "{what}: {slower}");
    });
}

#[test]
fn a_tail_leaves_the_median_alone() {
    pairs(&[Preset::Tail], |what, pair| {
        let quantile = |calls: &[Call], q: f64| {
            let times: Vec<f64> = calls.iter().filter_map(own_ms).collect();
            robust::quantile(&times, q).unwrap()
        };
        let [bad, good] = pair.to(&pair.service());
        let change = |q| quantile(&bad, q) / quantile(&good, q);
        assert!(
            (change(0.5) - 1.0).abs() < 0.06 && change(0.99) > 1.3,
            "{what}"
        );
    });
}

#[test]
fn presets_of_one_operation_or_segment_hit_it_alone() {
    for (preset, others_too) in [(Preset::Operation, false), (Preset::Segment, false)] {
        pairs(&[preset], |what, pair| {
            let scope = &pair.scenario.fault.as_ref().unwrap().scope;
            let service = pair.service();
            let of = |wanted: bool| {
                pair.late(|call| {
                    let operation = scope.operation.is_none() || call.operation == scope.operation;
                    let segment = scope.segment.is_none() || call.callee.segment == scope.segment;
                    call.callee.service == service && (operation && segment) == wanted
                })
            };
            assert!(ratio(&of(true), own_ms) > 1.5, "{what}");
            let others = ratio(&of(false), own_ms);
            assert_eq!(others > 1.15, others_too, "{what}: {others}");
        });
    }
}

#[test]
fn presets_of_errors_fail_their_service() {
    let failing = [
        Preset::Errors,
        Preset::ForwardOnly,
        Preset::Canary,
        Preset::Flag,
        Preset::RefusedCalls,
    ];
    pairs(&failing, |what, pair| {
        let more = errors(&pair.to(&pair.service()));
        assert!(more > 0.03, "{what}: {more}");
    });
}

#[test]
fn a_release_that_is_never_ready_gets_no_calls_and_harms_nobody() {
    pairs(&[Preset::NotReady], |what, pair| {
        let release = pair.scenario.releases.last().unwrap();
        let [bad, good] = pair.late(|call| call.callee.revision.as_ref() == Some(&release.to));
        assert!(bad.is_empty() && good.len() > 20, "{what}: {}", good.len());
        assert!(errors(&pair.to(&pair.service())).abs() < 0.01, "{what}");
    });
}

#[test]
fn client_errors_of_a_release_are_no_failures() {
    pairs(&[Preset::ClientErrors], |what, pair| {
        let refused = |call: &Call| call.status == CallStatus::ClientError;
        let to = pair.to(&pair.service());
        let [bad, good] = to.each_ref().map(|calls| share(calls, refused));
        assert!(bad > good + 0.1 && good > 0.01, "{what}: {bad} {good}");
        assert!(errors(&to).abs() < 0.01, "{what}");
    });
}

#[test]
fn wrong_values_fail_callers_and_not_the_service() {
    pairs(&[Preset::WrongValues], |what, pair| {
        let service = pair.service();
        assert!(errors(&pair.to(&service)).abs() < 0.01, "{what}");
        let made = |call: &Call| call.caller.as_ref().map(|caller| caller.service.clone());
        let mut asked = calls(&pair.bad.records).filter(|call| call.callee.service == service);
        let caller = asked.find_map(made).unwrap();
        assert!(errors(&pair.to(&caller)) > 0.03, "{what}");
    });
}

#[test]
fn a_retry_storm_multiplies_the_calls_that_its_service_makes() {
    for seed in SEEDS {
        let pair = pair(Preset::RetryStorm, seed);
        pair.is_alike_before_the_onset();
        let service = pair.service();
        let made = |call: &Call| call.caller.as_ref().is_some_and(|c| c.service == service);
        let [bad, good] = pair.late(made);
        assert!(bad.len() as f64 > 1.3 * good.len() as f64, "seed {seed}");
        assert!(errors(&pair.to(&service)) > 0.1, "seed {seed}");
    }
}

#[test]
fn a_noisy_neighbour_slows_its_machine_alone() {
    pairs(&[Preset::NoisyNeighbour], |what, pair| {
        let Some(Subject::Node(host)) = pair.bad.truth.subject.clone() else {
            panic!("{what}: a machine is at fault");
        };
        for named in &pair.scenario.topology.hosts {
            let here = |call: &Call| {
                let on = call.callee.host.as_ref();
                on.is_some_and(|on| on.name == named.name)
            };
            let slower = ratio(&pair.late(here), own_ms);
            if host.name == named.name {
                assert!(slower > 2.0, "{what}: {slower}");
            } else {
                assert!((slower - 1.0).abs() < 0.1, "{what}: {slower}");
            }
        }
    });
}

#[test]
fn presets_of_an_edge_are_seen_on_it_alone() {
    let on_the_way = |call: &Call| {
        let way = call.client?.checked_sub(call.server?)?;
        Some(way.as_secs_f64() * 1e3)
    };
    let unreceived = |call: &Call| failed(call) && call.server.is_none();
    for preset in [Preset::NetworkDelay, Preset::LostCalls] {
        pairs(&[preset], |what, pair| {
            let Some(Subject::Edge { from, to, .. }) = pair.bad.truth.subject.clone() else {
                panic!("{what}: an edge is at fault");
            };
            let over = |call: &Call| {
                let caller = call.caller.as_ref().map(|caller| &caller.service);
                caller == Some(&from) && call.callee.service == to
            };
            let (edge, others) = (pair.late(over), pair.late(|call| !over(call)));
            let longer = ratio(&edge, on_the_way) > 50.0;
            assert_eq!(longer, preset == Preset::NetworkDelay, "{what}");
            let lost = share(&edge[0], unreceived) > 0.15;
            assert_eq!(lost, preset == Preset::LostCalls, "{what}");
            assert!((ratio(&others, on_the_way) - 1.0).abs() < 0.05, "{what}");
            assert!(!others[0].iter().any(unreceived), "{what}");
        });
    }
}

#[test]
fn an_instance_that_is_out_gets_no_calls() {
    pairs(&[Preset::Outage], |what, pair| {
        let Some(Subject::Node(instance)) = pair.bad.truth.subject.clone() else {
            panic!("{what}: an instance is at fault");
        };
        let [bad, good] = pair.late(|call| call.callee.instance.as_ref() == Some(&instance));
        // One may have been on its way.
        assert!(bad.len() <= 1 && good.len() > 100, "{what}");
    });
}

#[test]
fn a_flushed_cache_lets_the_store_be_asked() {
    pairs(&[Preset::CacheFlush], |what, pair| {
        let soon = pair.onset().plus(Duration::from_secs(120));
        let store = |call: &Call| &*call.callee.service.name == "carts-db" && call.at < soon;
        let [bad, good] = pair.late(store);
        assert!(bad.len() > 4 * good.len() + 10, "{what}");
    });
}

#[test]
fn a_metastable_system_stays_bad_after_its_trigger() {
    for seed in SEEDS {
        let mut with = Scenario::preset(Preset::Metastable, seed);
        let stormy = run(&with).unwrap();
        for call in with
            .topology
            .services
            .iter_mut()
            .flat_map(|s| s.steps.iter_mut().flatten())
        {
            call.retries = None;
        }
        let steady = run(&with).unwrap();
        let ends = stormy.truth.end.unwrap();
        let later = ends.plus(seconds(300));
        assert!(later < stormy.end);
        let failing = |run: &Simulation, during: std::ops::Range<Timestamp>| {
            let entry = |c: &&Call| c.caller.is_none() && during.contains(&c.at);
            share(calls(&run.records).filter(entry), failed)
        };
        let before = stormy.start..stormy.truth.onset.unwrap();
        assert!(failing(&stormy, before.clone()) < 0.02 && failing(&steady, before) < 0.02);
        let last = stormy.end.minus(seconds(60));
        assert!(
            failing(&stormy, later..last) > 0.5,
            "seed {seed}: it stays bad"
        );
        assert!(
            failing(&steady, later..last) < 0.02,
            "seed {seed}: it recovers"
        );
    }
}

#[test]
fn nothing_is_wrong_in_benign_presets() {
    for preset in Preset::ALL.into_iter().filter(|preset| preset.is_benign()) {
        for seed in SEEDS {
            let scenario = Scenario::preset(preset, seed);
            let simulation = run(&scenario).unwrap();
            let released = simulation.healthy_until;
            for spec in &scenario.topology.services {
                let to = |call: &&Call| call.callee.service == spec.key;
                let (late, early): (Vec<_>, Vec<_>) = calls(&simulation.records)
                    .filter(to)
                    .filter(|call| call.server.is_some())
                    .partition(|call| call.at >= released);
                if late.len().min(early.len()) < 400 {
                    continue;
                }
                let slower = mean(late.iter().map(|c| server_ms(c)))
                    / mean(early.iter().map(|c| server_ms(c)));
                let what = format!("{preset}, seed {seed}: {} {slower}", spec.key);
                // Three times the requests wait a little longer.
                let most = if preset == Preset::Surge { 1.3 } else { 1.15 };
                assert!((0.85..most).contains(&slower), "{what}");
                assert!(share(late, failed) < 0.02, "{what}");
            }
        }
    }
}

#[test]
fn benign_presets_show_what_they_are_named_for() {
    let quiet = |preset| run(&Scenario::preset(preset, 1)).unwrap();
    let per_minute = |run: &Simulation| {
        let mut minutes = vec![0_u32; 45];
        for call in calls(&run.records).filter(|call| call.caller.is_none()) {
            let minute = call.at.since(run.start).as_secs() / 60;
            minutes[usize::try_from(minute).unwrap()] += 1;
        }
        minutes
    };
    let base = per_minute(&quiet(Preset::BenignReleases));
    assert!(base.iter().all(|count| (70..200).contains(count)));
    let surge = per_minute(&quiet(Preset::Surge));
    assert!(surge.iter().any(|count| *count > 240));
    let trend = per_minute(&quiet(Preset::Trend));
    let half = |minutes: &[u32]| f64::from(minutes.iter().sum::<u32>());
    assert!(half(&trend[30..45]) > 1.1 * half(&trend[0..15]));
    let day = per_minute(&quiet(Preset::DailyCurve));
    let (least, most) = (day.iter().min().unwrap(), day.iter().max().unwrap());
    assert!(*most > 3 * *least, "{day:?}");
    let lost = per_minute(&quiet(Preset::TelemetryOutage));
    assert!(lost.iter().filter(|count| **count == 0).count() >= 2);
    let scenario = Scenario::preset(Preset::StartUp, 1);
    let (fresh, warm) = (run(&scenario).unwrap(), run(&Scenario::benign(1)).unwrap());
    let slower = scenario.releases.iter().map(|release| {
        let of_new = |run: &Simulation| {
            let new = |c: &&Call| c.callee.revision.as_ref() == Some(&release.to);
            mean(calls(&run.records).filter(new).filter_map(own_ms))
        };
        of_new(&fresh) / of_new(&warm)
    });
    assert!((1.02..1.2).contains(&mean(slower)));
    let other = Scenario::preset(Preset::SmallDifferences, 1).releases;
    assert!(other.iter().all(|r| (1.02..=1.05).contains(&r.work_factor)));
    let speeds = Scenario::preset(Preset::UnequalInstances, 1)
        .topology
        .services;
    assert!(
        speeds
            .iter()
            .all(|s| s.speeds.len() == s.instances as usize)
    );
    let tails = quiet(Preset::HeavyTails);
    let times: Vec<f64> = calls(&tails.records)
        .filter(|c| &*c.callee.service.name == "currency")
        .filter_map(own_ms)
        .collect();
    let quantile = |q| robust::quantile(&times, q).unwrap();
    assert!(quantile(0.99) > 8.0 * quantile(0.9));
    let unreported = |preset| {
        let service = Scenario::preset(preset, 1).blackouts[0].service.clone();
        let of_it = move |c: &&Call| Some(&c.callee.service) == service.as_ref();
        let found = quiet(preset);
        let calls = calls(&found.records).filter(of_it);
        calls.map(|c| c.server.is_none()).collect::<Vec<_>>()
    };
    let stopped = unreported(Preset::TelemetryStops);
    let last = stopped.len() - 50;
    assert!(stopped[last..].iter().all(|none| *none) && !stopped[..last / 2].contains(&true));
    let deaf = quiet(Preset::MetricOutage);
    let scenario = Scenario::preset(Preset::MetricOutage, 1);
    let service = scenario.blackouts[0].service.clone().unwrap();
    let unreceived = |c: &&Call| c.callee.service == service && c.server.is_none();
    let caller_blacked_out =
        |c: &&Call| c.caller.as_ref().is_some_and(|p| p.service == service) && c.client.is_none();
    let marks = calls(&deaf.records).filter(|c| unreceived(c) || caller_blacked_out(c));
    assert!(marks.count() > 100);
}
