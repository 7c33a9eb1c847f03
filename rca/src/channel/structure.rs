//! Calls that are no longer made.

use astern_graph_core::signal::Evidence;

use super::{Readings, Scope, worst};

/// Least change of the calls made for one call that matters, and as a share of the healthy number.
const FLOOR: f64 = 0.1;
const FLOOR_SHARE: f64 = 0.25;

/// Fewest calls received on either side.
const CALLS_MIN: u64 = 3;

/// Fall of the calls that a node makes to each callee for one call that it receives.
///
/// Who fails or returns early does not call on: the call tree ends there. With rates r of calls made
/// over n calls received, `z = (r_h − r_a) / √(r_h / n_h + r_a / n_a + 0.1² + (0.25 r_h)²)`: the error of
/// Poisson counts, and what another mix of requests changes. A node reads its worst callee. Calls that appear are none of it: they are as often a recovery. `O(E)`.
pub(crate) fn read(scope: &Scope<'_>) -> Readings {
    let graph = scope.graph;
    let mut readings = Readings::new();
    for (from, to, kind) in graph.edges() {
        if from == to || scope.nodes.binary_search(&from).is_err() {
            continue;
        }
        let Some((caller, callee)) = graph.key(from).zip(graph.key(to)) else {
            continue;
        };
        let rate = |range| {
            let received = graph.calls_received(caller, range)?.calls;
            let made = graph.calls_over(caller, callee, kind, range)?.calls;
            (received >= CALLS_MIN).then(|| (made as f64 / received as f64, received as f64))
        };
        let Some(((before, n_before), (now, n_now))) =
            rate(scope.healthy).zip(rate(scope.abnormal))
        else {
            continue;
        };
        let floor = FLOOR.hypot(FLOOR_SHARE * before);
        let error = (before / n_before + now / n_now + floor * floor).sqrt();
        let z = (before - now) / error;
        worst(&mut readings, from, z, || Evidence::FewerCalls {
            to: callee.clone(),
            healthy: before,
            observed: now,
            z,
        });
    }
    readings
}
