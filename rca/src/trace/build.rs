//! From calls to traces.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use astern_graph_core::{Call, CallStatus, EdgeKind, NodeKey, SpanId};

use super::parents::Parents;
use super::{Operation, TracedCall, Traces};

/// Who did the work of a call, who asked for it, and what.
struct Sides<'c> {
    worker: &'c NodeKey,
    asker: Option<&'c NodeKey>,
    operation: Option<&'c Arc<str>>,
}

impl<'c> Sides<'c> {
    fn of(call: &'c Call) -> Self {
        let callee = &call.callee.service;
        let caller = call.caller.as_ref().map(|party| &party.service);
        let operation = call.operation.as_ref();
        match (call.kind, caller) {
            (EdgeKind::Consumes, Some(consumer)) => Self {
                worker: consumer,
                asker: Some(callee),
                operation,
            },
            _ => Self {
                worker: callee,
                asker: caller,
                operation,
            },
        }
    }
}

pub(super) fn traces<'c>(calls: impl IntoIterator<Item = &'c Call>) -> Traces {
    let mut traces = Traces::default();
    let mut identified: Vec<(SpanId, &Call)> = Vec::new();
    for call in calls {
        match call.id {
            Some(id) => identified.push((id, call)),
            None => traces.without_id += 1,
        }
    }
    let places = Places::of(identified.iter().map(|(_, call)| Sides::of(call)));
    let mut calls: Vec<(SpanId, TracedCall)> = identified
        .iter()
        .map(|(id, call)| (*id, places.traced(call)))
        .collect();
    let content = |c: &TracedCall| {
        let durations = (c.client, c.server, c.exclusive);
        (c.at, c.operation, c.caller, durations, c.kind, c.failed)
    };
    calls.sort_unstable_by_key(|(id, call)| (*id, content(call)));
    let all = calls.len();
    calls.dedup_by_key(|(id, _)| *id);
    traces.repeated = all - calls.len();
    // A caller begins no later than what it calls, and lasts as long.
    calls.sort_by_key(|(id, call)| (id.trace, call.at, Reverse(call.end())));

    let mut parents = Parents::new(places.services.len());
    for of_trace in calls.chunk_by_mut(|a, b| a.0.trace == b.0.trace) {
        let start = traces.calls.len();
        traces
            .calls
            .extend(of_trace.iter().map(|(_, call)| call.clone()));
        parents.find(&mut traces.calls[start..]);
        traces.ends.push((of_trace[0].0.trace, traces.calls.len()));
    }
    traces.services = places.services.into_keys().cloned().collect();
    traces.operations = places
        .operations
        .into_keys()
        .map(|(service, name)| Operation {
            service: service.clone(),
            name: name.cloned(),
        })
        .collect();
    traces
}

/// Services and operations with their places in sorted order.
struct Places<'c> {
    services: BTreeMap<&'c NodeKey, usize>,
    operations: BTreeMap<(&'c NodeKey, Option<&'c Arc<str>>), usize>,
}

impl<'c> Places<'c> {
    fn of(calls: impl Iterator<Item = Sides<'c>>) -> Self {
        let (mut services, mut operations) = (BTreeMap::new(), BTreeMap::new());
        for sides in calls {
            services.insert(sides.worker, 0);
            services.extend(sides.asker.map(|asker| (asker, 0)));
            operations.insert((sides.worker, sides.operation), 0);
        }
        for (i, place) in services.values_mut().enumerate() {
            *place = i;
        }
        for (i, place) in operations.values_mut().enumerate() {
            *place = i;
        }
        Self {
            services,
            operations,
        }
    }

    fn traced(&self, call: &'c Call) -> TracedCall {
        let sides = Sides::of(call);
        TracedCall {
            operation: self.operations[&(sides.worker, sides.operation)],
            service: self.services[sides.worker],
            caller: sides.asker.map(|asker| self.services[asker]),
            parent: None,
            kind: call.kind,
            at: call.at,
            client: call.client,
            server: call.server,
            exclusive: call.exclusive,
            failed: call.status == CallStatus::Error,
        }
    }
}
