//! A ticket shop of the shape of `FudanSELab`'s Train Ticket benchmark.

use super::{database, service};
use crate::topology::{CallSpec, ServiceSpec, Topology};

impl Topology {
    /// A railway's ticket shop: 41 services and 22 databases.
    ///
    /// Services and who calls whom are as in Train Ticket of Fudan University's software
    /// engineering laboratory (Zhou et al. 2018), in the version whose services each have their
    /// own database: log in, search, book, pay, cancel, rebook, collect, and administer. Times and
    /// probabilities are made up so that one request makes about 26 further calls. It is sized for ten
    /// requests per second with workers held for at most half of the time
    /// ([`sized_for`](Self::sized_for)).
    ///
    /// Deviations: `seat` asks `route` and `train` itself, where the original asks `travel`, which
    /// asks `seat`: calls in a circle are refused here. Searches ask once for each kind of seat,
    /// not once for each train found.
    pub fn train_ticket() -> Self {
        let groups: [Vec<ServiceSpec>; 7] = [
            vec![dashboard()],
            accounts(),
            travel(),
            orders(),
            booking(),
            extras(),
            databases(),
        ];
        let services = groups.into_iter().flatten();
        services.fold(Self::new("ui-dashboard"), Self::with)
    }
}

/// One request of a user: which part of the shop it is for.
fn dashboard() -> ServiceSpec {
    let sometimes = |to: &str, operation: &str, probability: f64| {
        CallSpec::new(to, operation).probability(probability)
    };
    service("ui-dashboard", 3, 2, 4.0)
        .then(sometimes("verification-code", "Generate", 0.1))
        .then(sometimes("auth", "Login", 0.1))
        .then(sometimes("user", "GetUser", 0.02))
        .fan_out([
            sometimes("travel", "QueryTrips", 0.2),
            sometimes("travel2", "QueryTrips", 0.1),
        ])
        .then(sometimes("travel-plan", "Cheapest", 0.03))
        .fan_out([
            sometimes("order", "QueryOrders", 0.1),
            sometimes("order-other", "QueryOrders", 0.05),
        ])
        .fan_out([
            sometimes("contacts", "ListContacts", 0.06),
            sometimes("assurance", "ListTypes", 0.05),
            sometimes("food", "ListFood", 0.05),
        ])
        .then(sometimes("preserve", "Preserve", 0.05))
        .then(sometimes("preserve-other", "Preserve", 0.02))
        .then(sometimes("inside-payment", "Pay", 0.05))
        .then(sometimes("cancel", "Cancel", 0.02))
        .then(sometimes("rebook", "Rebook", 0.01))
        .then(sometimes("execute", "Collect", 0.03))
        .then(sometimes("consign", "ListConsigns", 0.01))
        .then(sometimes("voucher", "GetVoucher", 0.01))
        .then(sometimes("news", "ListNews", 0.02))
        .then(sometimes("ticket-office", "ListOffices", 0.01))
        .then(sometimes("admin-basic-info", "ListContacts", 0.01))
        .then(sometimes("admin-order", "ListOrders", 0.01))
        .then(sometimes("admin-route", "ListRoutes", 0.01))
        .then(sometimes("admin-travel", "ListTravels", 0.01))
        .then(sometimes("admin-user", "ListUsers", 0.01))
}

fn accounts() -> Vec<ServiceSpec> {
    vec![
        service("verification-code", 2, 1, 6.0),
        service("auth", 3, 1, 20.0)
            .then(CallSpec::new("verification-code", "Verify"))
            .then(CallSpec::new("auth-db", "Find")),
        service("user", 3, 1, 8.0)
            .then(CallSpec::new("user-db", "Find"))
            .then(CallSpec::new("auth", "CreateUser").probability(0.05)),
        stored("contacts", 2, 8.0),
        stored("security", 2, 8.0).fan_out([
            CallSpec::new("order", "CountOrders"),
            CallSpec::new("order-other", "CountOrders"),
        ]),
        service("admin-user", 2, 1, 6.0).then(CallSpec::new("user", "ListUsers")),
    ]
}

/// Where trains go and what a seat costs.
fn travel() -> Vec<ServiceSpec> {
    let search = |name: &str, orders: &str| {
        stored(name, 3, 15.0)
            .then(CallSpec::new("ticketinfo", "QueryForTravel"))
            .then(CallSpec::new("route", "GetRoute"))
            .then(CallSpec::new(orders, "SoldTickets"))
            .fan_out([
                CallSpec::new("seat", "LeftFirstClass"),
                CallSpec::new("seat", "LeftSecondClass"),
            ])
            .then(CallSpec::new("train", "GetType"))
    };
    vec![
        search("travel", "order"),
        search("travel2", "order-other"),
        service("travel-plan", 2, 1, 12.0)
            .then(CallSpec::new("route-plan", "Cheapest"))
            .then(CallSpec::new("ticketinfo", "StationId"))
            .then(CallSpec::new("seat", "LeftSeats"))
            .then(CallSpec::new("train", "GetType")),
        service("route-plan", 2, 1, 12.0)
            .then(CallSpec::new("route", "ByStartAndEnd"))
            .fan_out([
                CallSpec::new("travel", "QueryTrips"),
                CallSpec::new("travel2", "QueryTrips"),
            ])
            .then(CallSpec::new("station", "Names")),
        service("ticketinfo", 3, 1, 4.0).then(CallSpec::new("basic", "QueryForTravel")),
        service("basic", 3, 1, 8.0)
            .fan_out([
                CallSpec::new("station", "FromId"),
                CallSpec::new("station", "ToId"),
            ])
            .then(CallSpec::new("train", "GetType"))
            .then(CallSpec::new("route", "GetRoute"))
            .then(CallSpec::new("price", "GetPrice")),
        service("seat", 3, 1, 6.0)
            .then(CallSpec::new("route", "GetRoute"))
            .then(CallSpec::new("order", "LeftTickets").probability(0.6))
            .then(CallSpec::new("order-other", "LeftTickets").probability(0.4))
            .then(CallSpec::new("train", "GetType"))
            .then(CallSpec::new("config", "DirectProportion")),
        stored("station", 3, 3.0),
        stored("train", 3, 3.0),
        stored("route", 3, 4.0),
        stored("price", 2, 3.0),
        stored("config", 2, 3.0),
        service("admin-basic-info", 2, 1, 6.0)
            .then(CallSpec::new("contacts", "ListAll"))
            .then(CallSpec::new("station", "ListAll"))
            .then(CallSpec::new("train", "ListAll"))
            .then(CallSpec::new("config", "ListAll"))
            .then(CallSpec::new("price", "ListAll")),
        service("admin-route", 2, 1, 6.0).then(CallSpec::new("route", "ListAll")),
        service("admin-travel", 2, 1, 6.0).fan_out([
            CallSpec::new("travel", "AdminListAll"),
            CallSpec::new("travel2", "AdminListAll"),
        ]),
    ]
}

fn orders() -> Vec<ServiceSpec> {
    let both = |operation: &str| {
        [
            CallSpec::new("order", operation).probability(0.6),
            CallSpec::new("order-other", operation).probability(0.4),
        ]
    };
    vec![
        stored("order", 3, 8.0).then(CallSpec::new("station", "Names").probability(0.3)),
        stored("order-other", 3, 8.0).then(CallSpec::new("station", "Names").probability(0.3)),
        service("cancel", 2, 1, 10.0)
            .fan_out(both("GetOrder"))
            .then(CallSpec::new("inside-payment", "DrawBack"))
            .fan_out(both("SaveOrder"))
            .then(CallSpec::new("user", "GetUser"))
            .then(CallSpec::new("notification", "OrderCancelled")),
        service("rebook", 2, 1, 12.0)
            .fan_out(both("GetOrder"))
            .fan_out([
                CallSpec::new("travel", "TripDetail").probability(0.6),
                CallSpec::new("travel2", "TripDetail").probability(0.4),
            ])
            .then(CallSpec::new("inside-payment", "PayDifference"))
            .then(CallSpec::new("seat", "Distribute"))
            .fan_out(both("CreateOrder")),
        service("execute", 2, 1, 5.0)
            .fan_out(both("GetOrder"))
            .fan_out(both("ModifyStatus")),
        service("voucher", 2, 1, 8.0)
            .then(CallSpec::new("order", "GetOrder"))
            .then(CallSpec::new("voucher-db", "Find")),
        service("admin-order", 2, 1, 6.0).fan_out([
            CallSpec::new("order", "ListAll"),
            CallSpec::new("order-other", "ListAll"),
        ]),
    ]
}

fn booking() -> Vec<ServiceSpec> {
    let preserve = |name: &str, travel: &str, orders: &str| {
        service(name, 2, 1, 20.0)
            .then(CallSpec::new("security", "Check"))
            .then(CallSpec::new("contacts", "GetContact"))
            .then(CallSpec::new(travel, "TripDetail"))
            .fan_out([
                CallSpec::new("station", "FromId"),
                CallSpec::new("station", "ToId"),
            ])
            .then(CallSpec::new("ticketinfo", "QueryForTravel"))
            .then(CallSpec::new("seat", "Distribute"))
            .then(CallSpec::new(orders, "CreateOrder"))
            .then(CallSpec::new("assurance", "Add").probability(0.4))
            .then(CallSpec::new("food", "CreateFoodOrder").probability(0.3))
            .then(CallSpec::new("consign", "CreateConsign").probability(0.2))
            .then(CallSpec::new("user", "GetUser"))
            .then(CallSpec::new("notification", "PreserveSuccess"))
    };
    vec![
        preserve("preserve", "travel", "order"),
        preserve("preserve-other", "travel2", "order-other"),
        stored("inside-payment", 2, 10.0)
            .then(CallSpec::new("order", "GetOrder").probability(0.6))
            .then(CallSpec::new("order-other", "GetOrder").probability(0.4))
            .then(CallSpec::new("payment", "Pay")),
        stored("payment", 2, 25.0),
    ]
}

/// What goes with a ticket.
fn extras() -> Vec<ServiceSpec> {
    vec![
        stored("assurance", 2, 6.0),
        stored("food", 2, 8.0)
            .then(CallSpec::new("food-map", "TrainFood"))
            .then(CallSpec::new("travel", "GetRoute").probability(0.5)),
        stored("food-map", 2, 6.0),
        stored("consign", 2, 8.0).then(CallSpec::new("consign-price", "GetPrice")),
        stored("consign-price", 2, 4.0),
        service("notification", 2, 1, 30.0),
        service("news", 2, 1, 4.0),
        service("ticket-office", 2, 1, 5.0).then(CallSpec::new("ticket-office-db", "Find")),
    ]
}

/// A service that first asks its own database, `<name>-db`.
fn stored(name: &str, instances: u32, mean_ms: f64) -> ServiceSpec {
    service(name, instances, 1, mean_ms).then(CallSpec::new(format!("{name}-db"), "Find"))
}

fn databases() -> Vec<ServiceSpec> {
    let names = [
        "assurance",
        "auth",
        "config",
        "consign",
        "consign-price",
        "contacts",
        "food",
        "food-map",
        "inside-payment",
        "order",
        "order-other",
        "payment",
        "price",
        "route",
        "security",
        "station",
        "ticket-office",
        "train",
        "travel",
        "travel2",
        "user",
        "voucher",
    ];
    let database = |name| database(&format!("{name}-db"), 1, 1, 3.0);
    names.map(database).into()
}
