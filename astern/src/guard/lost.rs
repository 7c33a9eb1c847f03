//! What the limits of the graph cost a verdict.

use astern_graph_core::signal::{Assessment, MissingEvidence, Verdict};
use astern_graph_core::{ChangeEvent, GraphBuilder, Loss, Timestamp};

/// States in each verdict what the graph had no room for in the time that it is about: of a change since it began, of
/// the system since `recent`. Where calls are missing nothing is healthy.
pub(super) fn state(
    assessments: &mut [Assessment],
    builder: &GraphBuilder,
    changes: &[ChangeEvent],
    recent: Timestamp,
) {
    for assessment in assessments {
        let since = assessment.change.as_ref().map_or(Some(recent), |id| {
            let steps = changes.iter().filter(|change| change.id == *id);
            steps.map(|change| change.at).min()
        });
        let within = |loss: &Loss| since.is_none_or(|since| loss.until >= since);
        if let Some(Loss { count, until, .. }) = builder.lost_calls().filter(within) {
            let calls = count;
            assessment
                .missing
                .push(MissingEvidence::CallsOverLimit { calls, until });
            if assessment.verdict == Verdict::Healthy {
                assessment.verdict = Verdict::Inconclusive;
            }
        }
        if let Some(Loss { until, .. }) = builder.lost_instances().filter(within) {
            assessment
                .missing
                .push(MissingEvidence::InstancesOverLimit { until });
        }
    }
}

#[cfg(test)]
mod tests {
    use astern_graph_core::{Call, GraphParams, NodeKey, Party, Record};

    use super::*;

    #[test]
    fn what_had_no_room_is_stated_where_it_was_looked_at() {
        let at = Timestamp::from_secs;
        let one = GraphParams::default().nodes_max(1);
        let mut builder = GraphBuilder::new(one).unwrap();
        let call = |secs, service| {
            let callee = Party::new(NodeKey::service(service));
            Record::from(Call::new(at(secs), callee))
        };
        builder.extend([call(60, "a"), call(90, "b"), call(120, "b")]);
        let change = |id: &str, secs| {
            ChangeEvent::new(id, at(secs), NodeKey::service("a"), None, "2".into())
        };
        let changes = [change("before", 60), change("after", 180)];
        let healthy = || Assessment::new(Verdict::Healthy);
        let mut judged = [
            healthy(),
            healthy().of_change("before".into()),
            healthy().of_change("after".into()),
        ];
        state(&mut judged, &builder, &changes, at(180));
        let of = |a: &Assessment| (a.verdict, a.missing.len());
        assert_eq!(
            judged.each_ref().map(of),
            [
                (Verdict::Healthy, 0),
                (Verdict::Inconclusive, 1),
                (Verdict::Healthy, 0)
            ]
        );
        let text = judged[1].to_string();
        assert!(text.contains("no room for 2 calls"), "{text}");
    }

    #[test]
    fn instances_that_made_way_are_stated_and_change_no_verdict() {
        let two = GraphParams::default().nodes_max(2);
        let mut builder = GraphBuilder::new(two).unwrap();
        for (secs, pod) in [(60, "a-0"), (120, "a-1")] {
            let party = Party::new(NodeKey::service("a"));
            let party = party.on(NodeKey::instance(pod), "1".into());
            builder.extend([Call::new(Timestamp::from_secs(secs), party).into()]);
        }
        let mut judged = [Assessment::new(Verdict::Healthy)];
        state(&mut judged, &builder, &[], Timestamp::from_secs(60));
        assert_eq!(judged[0].verdict, Verdict::Healthy);
        let until = Timestamp::from_secs(60);
        assert_eq!(
            judged[0].missing,
            [MissingEvidence::InstancesOverLimit { until }]
        );
    }
}
