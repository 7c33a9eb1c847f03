use std::collections::BTreeSet;
use std::fmt::Write as _;

use astern_graph_core::{CallStatus, Party, Record, Sample, SampleSubject};
use astern_sim::export::records_to_csv;
use astern_sim::{Balance, Preset, Scenario, Simulator, run};

use crate::{calls, mean, seconds};

fn short(seed: u64) -> Scenario {
    let mut scenario = Scenario::releases(seed);
    scenario.span = seconds(35 * 60);
    scenario
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let text = |seed| {
        let simulation = run(&short(seed)).unwrap();
        let tables = records_to_csv(&simulation.records).unwrap();
        (
            tables,
            format!("{:?}", simulation.records),
            simulation.truth.to_json().unwrap(),
        )
    };
    assert_eq!(text(5), text(5));
    assert_ne!(text(5), text(6));
}

#[test]
fn steps_give_the_same_records_as_one_run() {
    let scenario = short(2);
    let whole = run(&scenario).unwrap();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let mut records = Vec::new();
    while simulator.now() < whole.end {
        let next = simulator.now().plus(seconds(7)).min(whole.end);
        records.extend(simulator.advance(next).unwrap());
    }
    astern_sim::sort_records(&mut records);
    assert_eq!(records, whole.records);
    assert_eq!(simulator.counts(), whole.counts);
}

#[test]
fn the_default_run_is_of_the_stated_size_and_sorted() {
    for seed in 1..=3 {
        let simulation = run(&Scenario::releases(seed)).unwrap();
        let count = calls(&simulation.records).count();
        assert!((25_000..=40_000).contains(&count), "{count} calls");
        let times: Vec<_> = simulation.records.iter().map(Record::at).collect();
        assert!(times.is_sorted());
    }
}

#[test]
fn benign_and_bad_differ_in_the_fault_alone() {
    let (bad, benign) = (Scenario::releases(4), Scenario::benign(4));
    assert!(bad.fault.is_some());
    let mut cured = bad.clone();
    cured.fault = None;
    assert_eq!(cured, benign);
    let (bad, benign) = (run(&bad).unwrap(), run(&benign).unwrap());
    let onset = bad.truth.onset.unwrap();
    let healthy = |records: &[Record]| -> Vec<String> {
        // A call that was sent before may be answered after.
        let until = onset.minus(seconds(10));
        let early = records.iter().filter(|record| record.at() < until);
        early.map(|record| format!("{record:?}")).collect()
    };
    assert_eq!(healthy(&bad.records), healthy(&benign.records));
    assert_ne!(bad.records, benign.records);
}

#[test]
fn drawn_scenarios_vary_and_can_all_be_run() {
    let mut culprits = BTreeSet::new();
    for seed in 0..200 {
        let scenario = Scenario::releases(seed);
        let truth = Simulator::new(&scenario).unwrap().truth().clone();
        let services: BTreeSet<_> = scenario.releases.iter().map(|r| &r.service).collect();
        assert_eq!(services.len(), 3);
        assert!(truth.changes.contains(truth.culprit.as_ref().unwrap()));
        for release in &scenario.releases {
            let pauses = u32::try_from(release.batches.len()).unwrap() - 1;
            assert!(release.starts + release.pause * pauses < scenario.span);
        }
        culprits.insert(truth.service.unwrap());
    }
    assert_eq!(culprits.len(), 10, "every service is bad some time");
}

#[test]
fn calls_are_consistent_whatever_the_balance() {
    for balance in [Balance::InTurn, Balance::Random] {
        let mut scenario = short(8);
        scenario.balance = balance;
        let simulation = run(&scenario).unwrap();
        let mut spans = BTreeSet::new();
        for call in calls(&simulation.records) {
            assert!(spans.insert(call.id.unwrap()));
            assert!(
                call.client
                    .is_none_or(|client| client >= call.server.unwrap())
            );
            assert_eq!(call.client.is_some(), call.caller.is_some());
            assert!(call.callee.instance.is_some() && call.callee.revision.is_some());
        }
        let failed = |call| f64::from(u8::from(matches!(call, CallStatus::Error)));
        let errors = mean(calls(&simulation.records).map(|call| failed(call.status)));
        assert!(errors > 0.0 && errors < 0.02, "{errors}");
    }
}

/// FNV-1a of what each record says, without what records did not say when the results under
/// `docs/results/` were made: kind of edge, self time, host and share of traffic.
fn digest(records: &[Record]) -> u64 {
    let party = |party: &Party| {
        format!(
            "{} {:?} {:?}",
            party.service, party.instance, party.revision
        )
    };
    let text = |record: &Record| match record {
        Record::Call(c) => {
            let caller = c.caller.as_ref().map(party);
            let callee = party(&c.callee);
            format!(
                "{:?} {:?} {caller:?} {callee} {:?} {:?} {:?} {:?}",
                c.id, c.at, c.operation, c.client, c.server, c.status
            )
        }
        Record::Change(e) => format!(
            "{:?} {:?} {} {:?} {:?} {:?} {:?} {:?}",
            e.id, e.at, e.service, e.kind, e.phase, e.from, e.to, e.instances
        ),
        Record::Sample(Sample {
            at,
            subject: SampleSubject::Whole(subject),
            metric,
            value,
            ..
        }) => {
            let of = format!("at: {at:?}, subject: {subject:?}");
            format!("Sample(Sample {{ {of}, metric: {metric:?}, value: {value:?} }})")
        }
        other => format!("{other:?}"),
    };
    hash(records.iter().map(text))
}

/// FNV-1a of lines.
fn hash<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> u64 {
    let add = |hash: u64, line: L| {
        line.as_ref().bytes().fold(hash, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    lines.into_iter().fold(0xcbf2_9ce4_8422_2325, add)
}

#[test]
fn published_scenarios_give_the_records_that_they_gave() {
    let digests = |scenario: fn(u64) -> Scenario| {
        [1, 2, 40].map(|seed| digest(&run(&scenario(seed)).unwrap().records))
    };
    assert_eq!(
        digests(Scenario::releases),
        [
            6_364_271_419_146_861_753,
            8_761_235_393_714_564_535,
            1_516_628_935_498_659_411
        ]
    );
    assert_eq!(
        digests(Scenario::benign),
        [
            4_431_645_176_028_254_961,
            82_097_004_443_557_498,
            15_423_136_473_539_055_376
        ]
    );
}

/// Digest of all that the records of each preset say, of seed 1.
const PRESETS: &[(&str, u64)] = &[
    ("cpu", 0x64bb_a67b_c9f2_172d),
    ("memory_leak", 0x6565_b7be_5a29_a5da),
    ("latency", 0x4c47_3f6f_37c5_cf72),
    ("errors", 0x1f6a_949e_e7f9_b84e),
    ("wrong_values", 0x0bd8_ec5d_1e87_f340),
    ("slow_start", 0x27e0_fd46_9900_9084),
    ("tail", 0x8296_b630_29c7_ca87),
    ("operation", 0xfe84_61e8_e1b8_2a5b),
    ("segment", 0xe441_3f42_f41d_6b3c),
    ("retry_storm", 0x083c_c8b4_c5c7_c5e0),
    ("fewer_workers", 0xf58e_b712_7e6e_2ffa),
    ("forward_only", 0x097c_2cd4_c1cd_b53b),
    ("canary", 0x7d66_ac68_b9c6_ec32),
    ("blue_green", 0xdaf4_bf5b_7991_c4d8),
    ("flag", 0x9b75_10cb_9aab_0daa),
    ("noisy_neighbour", 0xeef2_33e0_c700_e388),
    ("network_delay", 0xc802_4548_2149_d428),
    ("lost_calls", 0x9520_b375_bad1_9804),
    ("dependency", 0x6fe4_6ef0_b798_70ea),
    ("outage", 0x40a3_216f_a196_43e5),
    ("cache_flush", 0x6ab6_ed51_837f_2cb8),
    ("metastable", 0xeffd_2bb0_e519_49cd),
    ("benign_releases", 0x7c2e_6506_c39c_b336),
    ("surge", 0xe9f2_f0e2_2cb1_e87c),
    ("trend", 0x7a4c_4f92_77cb_ff0e),
    ("metric_outage", 0xce45_ce2a_e2fe_3749),
    ("telemetry_outage", 0x4948_c0dc_b908_27e7),
    ("not_ready", 0xda7d_5253_3150_9489),
    ("refused_calls", 0xccbc_1985_df1a_2c6a),
    ("telemetry_stops", 0x37e8_9d55_f844_5948),
    ("start_up", 0x71d1_6d5e_e386_bea4),
    ("small_differences", 0xa08d_edb9_5845_64a4),
    ("client_errors", 0x12b7_0ed3_9ca9_d87f),
    ("unequal_instances", 0xf243_507a_a48a_4376),
    ("heavy_tails", 0xf602_f435_265b_81e5),
    ("daily_curve", 0x1e42_32e9_78e1_d625),
    ("two_incidents", 0xf70c_0e66_d565_40e7),
];

#[test]
fn presets_give_the_records_that_they_gave() {
    let mut others = String::new();
    for preset in Preset::ALL {
        let simulation = run(&Scenario::preset(preset, 1)).unwrap();
        let tables = records_to_csv(&simulation.records).unwrap();
        let found = hash([tables.parties, tables.calls, tables.samples, tables.changes]);
        if !PRESETS.contains(&(preset.name(), found)) {
            let _ = writeln!(others, "(\"{preset}\", {found:#018x}),");
        }
    }
    assert_eq!(others, "");
}
