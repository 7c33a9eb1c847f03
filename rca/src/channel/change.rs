//! What a change did to the instances that it reached.

use super::{Readings, Scope, worst};
use crate::blame::told_apart;
use crate::incident::Incident;

/// How much worse the new instances of a changed node are than its old ones.
///
/// `z = √(2 ln e)` for the e-value e of the difference in differences ([`ChangeBlame`](crate::ChangeBlame)) of each
/// active change, 0 where it does not speak for "worse". A node without an active change, or one whose new
/// instances have no old ones beside them, is absent. The cost is that of the comparison.
pub(crate) fn read(scope: &Scope<'_>, incident: &Incident) -> Readings {
    let mut readings = Readings::new();
    for (change, contrast) in told_apart(scope.graph, incident) {
        let candidate = scope.graph.id(&change.service);
        let candidate = candidate.filter(|id| scope.nodes.binary_search(id).is_ok());
        if let Some((id, evidence)) = candidate.zip(contrast.evidence.first()) {
            let z = (2.0 * contrast.ln_e.max(0.0)).sqrt();
            worst(&mut readings, id, z, || evidence.clone());
        }
    }
    readings
}
