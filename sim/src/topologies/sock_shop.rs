//! A web shop of the shape of Weaveworks' Sock Shop demo.

use astern_graph_core::NodeKind;

use super::{database, node, service};
use crate::topology::{CallSpec, ServiceSpec, Topology};

impl Topology {
    /// A web shop with a queue: eight services, four databases, a session cache and a broker.
    ///
    /// Who calls whom is as in Weaveworks' Sock Shop; times and probabilities are made up so that
    /// one request makes about five further calls. It is sized for ten requests per second with workers
    /// held for at most half of the time ([`sized_for`](Self::sized_for)).
    ///
    /// A deviation: the broker hands each message on to `queue-master` and waits for it, because
    /// calls in this simulator are synchronous.
    pub fn sock_shop() -> Self {
        let services = [
            front_end(),
            orders(),
            service("catalogue", 3, 1, 12.0).then(CallSpec::new("catalogue-db", "Select")),
            service("carts", 3, 1, 15.0).then(CallSpec::new("carts-db", "Find")),
            service("user", 3, 1, 10.0).then(CallSpec::new("user-db", "Find")),
            service("payment", 3, 1, 20.0),
            service("shipping", 3, 1, 10.0).then(CallSpec::new("rabbitmq", "Publish")),
            service("queue-master", 3, 1, 40.0),
            node(NodeKind::Queue, "rabbitmq", 3, 1, 2.0)
                .then(CallSpec::new("queue-master", "Handle")),
            node(NodeKind::Cache, "session-db", 3, 1, 1.0),
            database("catalogue-db", 1, 2, 6.0),
            database("carts-db", 1, 2, 8.0),
            database("user-db", 1, 2, 6.0),
            database("orders-db", 1, 2, 10.0),
        ];
        services
            .into_iter()
            .fold(Self::new("front-end"), Self::with)
    }
}

fn front_end() -> ServiceSpec {
    service("front-end", 3, 1, 15.0)
        .then(CallSpec::new("session-db", "Get"))
        .fan_out([
            CallSpec::new("catalogue", "List").probability(0.6),
            CallSpec::new("catalogue", "Tags").probability(0.3),
            CallSpec::new("carts", "GetCart").probability(0.4),
            CallSpec::new("user", "Login").probability(0.1),
        ])
        .then(CallSpec::new("carts", "AddItem").probability(0.15))
        .then(CallSpec::new("orders", "CreateOrder").probability(0.06))
}

fn orders() -> ServiceSpec {
    service("orders", 3, 1, 25.0)
        .fan_out([
            CallSpec::new("user", "GetAddress"),
            CallSpec::new("user", "GetCard"),
            CallSpec::new("user", "GetCustomer"),
            CallSpec::new("carts", "GetItems"),
        ])
        .then(CallSpec::new("payment", "Authorise"))
        .then(CallSpec::new("shipping", "PostShipping"))
        .then(CallSpec::new("orders-db", "Insert"))
}
