//! A web shop of the shape of Google's Online Boutique demo.

use astern_graph_core::NodeKind;

use super::{node, service};
use crate::topology::{CallSpec, ServiceSpec, Topology};

impl Topology {
    /// A web shop: ten services, a cache and a database, three or four instances each.
    ///
    /// Who calls whom is as in Google's Online Boutique; times and probabilities are made up so
    /// that one request makes about six calls and no instance is busier than a tenth at two
    /// requests per second.
    pub fn boutique() -> Self {
        let services = [
            frontend(),
            checkout(),
            service("cart", 3, 2, 30.0)
                .then(CallSpec::new("cart-cache", "Get"))
                .then(CallSpec::new("cart-cache", "Set").probability(0.2)),
            service("recommendation", 3, 2, 60.0)
                .then(CallSpec::new("product-catalogue", "ListProducts")),
            service("product-catalogue", 4, 1, 40.0),
            service("currency", 3, 1, 20.0),
            service("shipping", 3, 1, 35.0),
            service("payment", 3, 1, 80.0),
            service("email", 3, 1, 90.0),
            service("ads", 4, 1, 45.0),
            node(NodeKind::Cache, "cart-cache", 3, 1, 6.0),
            node(NodeKind::Database, "orders-db", 3, 2, 25.0),
        ];
        services.into_iter().fold(Self::new("frontend"), Self::with)
    }
}

fn frontend() -> ServiceSpec {
    service("frontend", 4, 4, 50.0)
        .then(CallSpec::new("currency", "GetSupportedCurrencies").probability(0.7))
        .fan_out([
            CallSpec::new("product-catalogue", "ListProducts").probability(0.7),
            CallSpec::new("cart", "GetCart").probability(0.5),
            CallSpec::new("recommendation", "ListRecommendations").probability(0.4),
            CallSpec::new("ads", "GetAds").probability(0.6),
        ])
        .then(CallSpec::new("shipping", "GetQuote").probability(0.15))
        .then(CallSpec::new("checkout", "PlaceOrder").probability(0.12))
}

fn checkout() -> ServiceSpec {
    service("checkout", 3, 4, 45.0)
        .then(CallSpec::new("cart", "GetCart"))
        .fan_out([
            CallSpec::new("product-catalogue", "GetProduct"),
            CallSpec::new("currency", "Convert"),
            CallSpec::new("shipping", "GetQuote"),
        ])
        .then(CallSpec::new("payment", "Charge"))
        .then(CallSpec::new("orders-db", "Insert"))
        .fan_out([
            CallSpec::new("shipping", "ShipOrder"),
            CallSpec::new("email", "SendConfirmation"),
            CallSpec::new("cart", "EmptyCart"),
        ])
}
