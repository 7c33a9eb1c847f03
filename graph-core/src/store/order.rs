//! The order of change events.

use std::cmp::Ordering;

use crate::record::ChangeEvent;

/// The order of change events: by time, then by all that distinguishes them. Only events equal in
/// every field are equal here.
pub(crate) fn change_order(a: &ChangeEvent, b: &ChangeEvent) -> Ordering {
    fn place(change: &ChangeEvent) -> impl Ord + '_ {
        let ChangeEvent {
            id,
            at,
            service,
            kind,
            phase,
            from,
            to,
            instances,
            share,
            reversibility,
            schedule,
            version,
        } = change;
        let first = (at, id, phase, service, to, instances);
        (first, from, kind, share, reversibility, (schedule, version))
    }
    place(a).cmp(&place(b))
}
