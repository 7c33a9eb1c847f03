//! What a call states, as one number.

use std::time::Duration;

use crate::key::NodeKey;
use crate::name::Revision;
use crate::record::{Call, Party};

/// A digest of everything that a call states but for its id: equal calls have equal digests, in every build and on
/// every machine, since builders are stored with them. Others differ but for one pair in 2⁶⁴.
pub(super) fn digest(call: &Call) -> u64 {
    let Call {
        id: _,
        at,
        kind,
        caller,
        callee,
        operation,
        client,
        server,
        exclusive,
        status,
    } = call;
    let mut digest = Digest(0);
    digest.word(at.nanos().cast_unsigned());
    digest.word(*kind as u64);
    digest.word(*status as u64);
    for duration in [client, server, exclusive] {
        digest.duration(*duration);
    }
    digest.text(operation.as_deref());
    digest.word(u64::from(caller.is_some()));
    for party in caller.iter().chain([callee]) {
        digest.party(party);
    }
    digest.0
}

/// Rotate, exclusive or, multiply for each word, as the Rust compiler hashes (`FxHash`).
struct Digest(u64);

impl Digest {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// The length goes first, so that no text runs into the next.
    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else {
            return self.word(u64::MAX);
        };
        self.word(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn duration(&mut self, duration: Option<Duration>) {
        let Some(duration) = duration else {
            return self.word(u64::MAX);
        };
        self.word(duration.as_secs());
        self.word(duration.subsec_nanos().into());
    }

    fn node(&mut self, key: Option<&NodeKey>) {
        self.text(key.map(|key| &*key.name));
        self.word(key.map_or(0, |key| key.kind as u64));
    }

    fn party(&mut self, party: &Party) {
        let Party {
            service,
            instance,
            revision,
            host,
            segment,
        } = party;
        self.node(Some(service));
        self.node(instance.as_ref());
        self.node(host.as_ref());
        self.text(revision.as_ref().map(Revision::as_str));
        self.text(segment.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::SpanId;
    use crate::record::CallStatus;
    use crate::time::Timestamp;

    #[test]
    fn every_field_but_the_id_counts() {
        let at = Timestamp::from_secs(1);
        let cart = || Party::new(NodeKey::service("cart"));
        let plain = || Call::new(at, cart());
        let ms = Some(Duration::from_millis(1));
        let with = |change: &dyn Fn(&mut Call)| {
            let mut call = plain();
            change(&mut call);
            digest(&call)
        };
        let mut digests = vec![
            digest(&plain()),
            with(&|c| c.at = Timestamp::from_secs(2)),
            with(&|c| c.kind = crate::edge::EdgeKind::Reads),
            with(&|c| c.caller = Some(cart())),
            with(&|c| c.callee = Party::new(NodeKey::service("car"))),
            with(&|c| c.callee = Party::new(NodeKey::host("cart"))),
            with(&|c| c.callee.instance = Some(NodeKey::instance("i"))),
            with(&|c| c.callee.host = Some(NodeKey::instance("i"))),
            with(&|c| c.callee.revision = Some("i".into())),
            with(&|c| c.callee.segment = Some("i".into())),
            with(&|c| c.operation = Some("i".into())),
            with(&|c| c.operation = Some("".into())),
            with(&|c| c.client = ms),
            with(&|c| c.server = ms),
            with(&|c| c.exclusive = ms),
            with(&|c| c.status = CallStatus::Error),
        ];
        assert_eq!(with(&|c| c.id = Some(SpanId::new(1, 1))), digests[0]);
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }
}
