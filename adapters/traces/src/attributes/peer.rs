//! What a client, producer or consumer span talked to.
//!
//! | the span has | node | named by the first of |
//! |---|---|---|
//! | a messaging system, destination or operation | queue | destination, `peer.service`, address, system |
//! | a database system `redis`, `memcached`, `valkey` or `hazelcast` | cache | `peer.service`, database name, address, system |
//! | another database system, name or statement | database | the same |
//! | `peer.service` (Zipkin: the remote endpoint's service) | service | it |
//! | an address | external | it |
//!
//! Edges: to a store `Reads` or `Writes` where the operation, the statement or the span's name says
//! so, to a queue `Publishes` or `Consumes` by the kind of the span or the operation, else `Calls`.
//! Names of attributes are those of OpenTelemetry's semantic conventions, stable and earlier, and of
//! `OpenTracing`. An address that is an IP stays one: nothing here resolves names.

use std::borrow::Cow;

use astern_adapters_base::Names;
use astern_graph_core::{EdgeKind, NodeKey, NodeKind};

use super::Value;
use super::verb::{self, QueueVerb};
use crate::span::{Peer, SpanKind};

type Text<'a> = Option<Cow<'a, str>>;

/// What the attributes of a span say about its other end.
#[derive(Debug, Default)]
pub(crate) struct PeerNames<'a> {
    pub(crate) service: Text<'a>,
    address: Text<'a>,
    address_rank: u8,
    db_system: Text<'a>,
    db_name: Text<'a>,
    operation: Text<'a>,
    statement: Text<'a>,
    queue_system: Text<'a>,
    destination: Text<'a>,
    queue_verb: Option<(u8, QueueVerb)>,
}

impl<'a> PeerNames<'a> {
    /// Takes the attribute if it is about the other end.
    pub(super) fn set(&mut self, key: &str, value: Value<'a>) {
        let place = match key {
            "peer.service" | "service.peer.name" => &mut self.service,
            "db.system.name" | "db.system" | "db.type" => &mut self.db_system,
            "db.namespace" | "db.name" | "db.instance" => &mut self.db_name,
            "db.operation.name" | "db.operation" => &mut self.operation,
            "db.query.text" | "db.statement" | "sql.query" => &mut self.statement,
            "messaging.system" => &mut self.queue_system,
            "messaging.destination.name"
            | "messaging.destination"
            | "message_bus.destination"
            | "kafka.topic"
            | "rabbit.queue" => &mut self.destination,
            "messaging.operation.type" => return self.set_verb(3, value),
            "messaging.operation" => return self.set_verb(2, value),
            "messaging.operation.name" => return self.set_verb(1, value),
            "server.address" => return self.set_address(5, value),
            "net.peer.name" => return self.set_address(4, value),
            "peer.hostname" => return self.set_address(3, value),
            "network.peer.address" | "net.peer.ip" | "net.sock.peer.addr" => {
                return self.set_address(2, value);
            }
            "peer.address" | "peer.ipv4" | "peer.ipv6" => return self.set_address(1, value),
            _ => return,
        };
        if let Some(text) = value.text() {
            *place = Some(text);
        }
    }

    /// Of several operations the one that is best defined wins.
    fn set_verb(&mut self, rank: u8, value: Value<'a>) {
        let text = value.text();
        let verb = text.as_deref().and_then(verb::of_queue);
        if let Some(verb) = verb.filter(|_| self.queue_verb.is_none_or(|(known, _)| known <= rank))
        {
            self.queue_verb = Some((rank, verb));
        }
    }

    /// What the span does with messages, where it says so.
    pub(crate) fn verb(&self) -> Option<QueueVerb> {
        self.queue_verb.map(|(_, verb)| verb)
    }

    /// Of several addresses the one that names most wins.
    fn set_address(&mut self, rank: u8, value: Value<'a>) {
        if rank < self.address_rank {
            return;
        }
        // `peer.ipv4` is a number in OpenTracing: it names nothing.
        if let Value::Text(text) = value
            && !text.is_empty()
        {
            self.address = Some(text);
            self.address_rank = rank;
        }
    }

    /// The address of a remote endpoint without a name.
    pub(crate) fn endpoint(&mut self, address: Cow<'a, str>) {
        self.set_address(1, Value::Text(address));
    }

    /// The other end of a span of this kind and name; `None` where the span has none or does not say.
    pub(crate) fn peer(
        self,
        kind: SpanKind,
        span_name: Option<&str>,
        names: &mut Names,
    ) -> Option<Peer> {
        let is_message = matches!(kind, SpanKind::Producer | SpanKind::Consumer);
        if !is_message && kind != SpanKind::Client {
            return None;
        }
        let names_queue = self.queue_system.is_some() || self.destination.is_some();
        if is_message || names_queue || self.queue_verb.is_some() {
            return self.queue(kind, names);
        }
        let is_store =
            self.db_system.is_some() || self.db_name.is_some() || self.statement.is_some();
        if is_store {
            return self.store(span_name, names);
        }
        let (node, name) = match (self.service, self.address) {
            (Some(service), _) => (NodeKind::Service, service),
            (None, Some(address)) => (NodeKind::External, address),
            (None, None) => return None,
        };
        Some(Peer::new(
            NodeKey::new(node, names.get(&name)),
            EdgeKind::Calls,
        ))
    }

    fn queue(self, kind: SpanKind, names: &mut Names) -> Option<Peer> {
        let edge = match (kind, self.verb()) {
            (SpanKind::Producer, _) | (SpanKind::Client, Some(QueueVerb::Send)) => {
                EdgeKind::Publishes
            }
            (SpanKind::Client, Some(QueueVerb::Settle) | None) => EdgeKind::Calls,
            _ => EdgeKind::Consumes,
        };
        let name = self
            .destination
            .or(self.service)
            .or(self.address)
            .or(self.queue_system)?;
        Some(Peer::new(
            NodeKey::new(NodeKind::Queue, names.get(&name)),
            edge,
        ))
    }

    fn store(self, span_name: Option<&str>, names: &mut Names) -> Option<Peer> {
        let stated = [
            self.operation.as_deref(),
            self.statement.as_deref(),
            span_name,
        ];
        let edge = stated.into_iter().flatten().find_map(verb::of_store);
        let is_cache = self
            .db_system
            .as_deref()
            .is_some_and(|system| ["redis", "memcached", "valkey", "hazelcast"].contains(&system));
        let node = if is_cache {
            NodeKind::Cache
        } else {
            NodeKind::Database
        };
        let name = self
            .service
            .or(self.db_name)
            .or(self.address)
            .or(self.db_system)?;
        Some(Peer::new(
            NodeKey::new(node, names.get(&name)),
            edge.unwrap_or(EdgeKind::Calls),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(kind: SpanKind, attributes: &[(&str, &'static str)]) -> Option<(String, EdgeKind)> {
        let mut names = PeerNames::default();
        for (key, value) in attributes {
            names.set(key, Value::Text((*value).into()));
        }
        let peer = names.peer(kind, Some("GET /"), &mut Names::default())?;
        Some((peer.node.to_string(), peer.kind))
    }

    #[test]
    fn each_line_of_the_table_holds() {
        use EdgeKind::{Calls, Consumes, Publishes, Reads, Writes};
        let client = |attributes: &[(&str, &'static str)]| peer(SpanKind::Client, attributes);
        let is = |name: &str, kind| Some((name.to_owned(), kind));
        assert_eq!(
            client(&[("peer.service", "cart")]),
            is("service/cart", Calls)
        );
        assert_eq!(
            client(&[
                ("net.peer.name", "b"),
                ("server.address", "a"),
                ("net.peer.ip", "c")
            ]),
            is("external/a", Calls)
        );
        assert_eq!(
            client(&[("db.system", "redis"), ("db.operation", "HSET")]),
            is("cache/redis", Writes)
        );
        assert_eq!(
            client(&[
                ("db.system.name", "postgresql"),
                ("db.namespace", "shop"),
                ("server.address", "pg"),
                ("db.query.text", "select 1")
            ]),
            is("database/shop", Reads)
        );
        // The span's own name is the last thing to ask.
        assert_eq!(
            client(&[("db.system", "mysql")]),
            is("database/mysql", Reads)
        );
        assert_eq!(
            client(&[
                ("db.system", "mysql"),
                ("db.operation", "BEGIN"),
                ("db.statement", "call f()")
            ]),
            is("database/mysql", Reads)
        );
        assert_eq!(
            client(&[
                ("messaging.destination.name", "q"),
                ("messaging.operation.type", "send")
            ]),
            is("queue/q", Publishes)
        );
        assert_eq!(
            client(&[
                ("messaging.destination", "q"),
                ("messaging.operation", "settle")
            ]),
            is("queue/q", Calls)
        );
        // The type of an operation says more than its name, in either order.
        let (name, kind) = (
            ("messaging.operation.name", "poll"),
            ("messaging.operation.type", "send"),
        );
        let to_queue = ("messaging.destination.name", "q");
        assert_eq!(client(&[to_queue, name, kind]), is("queue/q", Publishes));
        assert_eq!(client(&[to_queue, kind, name]), is("queue/q", Publishes));
        assert_eq!(client(&[to_queue, name]), is("queue/q", Consumes));
        assert_eq!(
            client(&[("messaging.operation", "receive"), ("server.address", "b")]),
            is("queue/b", Consumes)
        );
        assert_eq!(
            peer(SpanKind::Producer, &[("messaging.system", "kafka")]),
            is("queue/kafka", Publishes)
        );
        assert_eq!(
            peer(
                SpanKind::Consumer,
                &[("kafka.topic", "t"), ("peer.service", "k")]
            ),
            is("queue/t", Consumes)
        );
        assert_eq!(client(&[("http.method", "GET")]), None);
        assert_eq!(peer(SpanKind::Server, &[("peer.service", "cart")]), None);
    }
}
