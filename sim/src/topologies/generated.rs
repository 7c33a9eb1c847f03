//! Random topologies of any size, of the shape that is published of large systems.

use astern_graph_core::NodeKind;
use astern_stats::param::in_range;
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::node;
use crate::error::SimError;
use crate::topology::{CallSpec, ServiceSpec, Topology};

/// Streams of the generator; those of runs lie below.
const SHAPE: u64 = 100;
const WORK: u64 = 101;

/// Of so many services, one is a store.
const ONE_STORE_IN: usize = 5;
/// Longest chain of calls between services.
const DEPTH_MAX: usize = 8;
/// Share of the services that many others call.
const SHARED: f64 = 0.05;
/// Most further callers of such a service.
const SHARED_CALLERS: usize = 16;
/// Share of the services that call a store beside those that own one.
const STORING: f64 = 0.5;
/// Calls to services that one request to a service, and one from outside, makes at most.
const CALLS: f64 = 1.2;
const CALLS_OF_ENTRY: f64 = 3.0;
/// Load and utilisation that the system is sized for.
const DESIGN_PER_SECOND: f64 = 10.0;
const DESIGN_UTILISATION: f64 = 0.5;

impl Topology {
    /// A random system of 1 to 100,000 services, its stores among them; the same for the same
    /// seed.
    ///
    /// What is taken from where:
    ///
    /// | property | from |
    /// |---|---|
    /// | the graph is near a tree; few services call very many, most call none or one | Luo et al. 2021: call graphs "grow like a tree", with heavy-tailed sizes |
    /// | how it grows: a new service is called by an old one, with a probability in proportion to one more than the callees that one has | preferential attachment, Barabási and Albert 1999; as a tree it gives power-law fan-out and depth that grows as the logarithm, so most services are shallow |
    /// | chains of at most eight calls, a store after that | Luo et al. 2021: shallow; the bound is made up |
    /// | one service in twenty is a hot spot with up to 16 more callers | Luo et al. 2021: hot spots; the numbers are made up |
    /// | one in five is a database or cache; popular ones are shared by more | Luo et al. 2021: shared stores; the share is made up |
    /// | which callee a request needs: the first in most cases, the r-th with a probability in proportion to 1/r | made up, so that the number of calls per request is bounded as the system grows (tens), and most services are rarely called |
    /// | means of work: log-normal, about 8 ms, of stores 3 ms | made up |
    ///
    /// It is sized for ten requests per second with workers held for at most half of the time
    /// ([`sized_for`](Self::sized_for)).
    ///
    /// The [`Simulator`](crate::Simulator) takes thousands of services; beyond that, use
    /// [`coarse`](crate::coarse).
    ///
    /// # Errors
    /// [`SimError::Param`] for a number of services outside 1 to 100,000.
    ///
    /// # Complexity
    /// `O(n log n)`.
    ///
    /// # Sources
    /// Luo et al., Characterizing Microservice Dependency and Performance: Alibaba Trace Analysis,
    /// `SoCC` 2021. Barabási and Albert, Emergence of Scaling in Random Networks, Science 1999.
    pub fn generated(services: usize, seed: u64) -> Result<Self, SimError> {
        in_range("services", services as f64, 1.0, 1e5).map_err(|cause| SimError::Param {
            part: "the generated topology".to_owned(),
            cause,
        })?;
        let shape = Shape::draw(services, &mut seeded(seed, SHAPE));
        let mut rng = seeded(seed, WORK);
        let specs = (0..services).map(|index| shape.service(index, &mut rng));
        let topology = specs.fold(Self::new(&*shape.name(0)), Self::with);
        topology.sized_for(DESIGN_PER_SECOND, DESIGN_UTILISATION)
    }
}

/// Who calls whom. Stores come after the services that are none.
#[derive(Debug)]
struct Shape {
    /// Of each service the callees that are no stores, in the order of their popularity with it.
    callees: Vec<Vec<usize>>,
    /// Of each service its stores.
    stores: Vec<Vec<usize>>,
    /// Width of the numbers in names.
    digits: usize,
}

impl Shape {
    fn draw(services: usize, rng: &mut ChaCha8Rng) -> Self {
        let plain = services - services / ONE_STORE_IN;
        let mut shape = Self {
            callees: tree(plain, rng),
            stores: vec![Vec::new(); plain],
            digits: services.to_string().len(),
        };
        shape.share(rng);
        shape.store(plain..services, rng);
        shape
    }

    /// Gives some services more callers, each nearer to the entry, so that no circle appears.
    fn share(&mut self, rng: &mut ChaCha8Rng) {
        let depths = depths(&self.callees);
        for callee in 1..depths.len() {
            if rng.random::<f64>() >= SHARED {
                continue;
            }
            for _ in 0..rng.random_range(1..=SHARED_CALLERS) {
                let caller = rng.random_range(0..callee);
                let callees = &mut self.callees[caller];
                if depths[caller] < depths[callee] && !callees.contains(&callee) {
                    callees.push(callee);
                }
            }
        }
    }

    /// Gives each store an owner, and some services a store that is popular already.
    fn store(&mut self, stores: std::ops::Range<usize>, rng: &mut ChaCha8Rng) {
        // A store stands in this list once for each caller.
        let mut ends: Vec<usize> = stores.clone().collect();
        for store in stores {
            let owner = rng.random_range(0..self.stores.len());
            self.stores[owner].push(store);
        }
        for of_service in &mut self.stores {
            if ends.is_empty() || rng.random::<f64>() >= STORING {
                continue;
            }
            let store = ends[rng.random_range(0..ends.len())];
            if !of_service.contains(&store) {
                of_service.push(store);
                ends.push(store);
            }
        }
    }

    fn name(&self, index: usize) -> String {
        let kind = if index < self.callees.len() {
            "service"
        } else {
            "store"
        };
        format!("{kind}-{index:0width$}", width = self.digits)
    }

    fn service(&self, index: usize, rng: &mut ChaCha8Rng) -> ServiceSpec {
        let z: f64 = rng.sample(StandardNormal);
        let near = |median_ms: f64, sigma: f64, most_ms: f64| {
            ((median_ms * (sigma * z).exp()).clamp(1.0, most_ms) * 10.0).round() / 10.0
        };
        let Some(callees) = self.callees.get(index) else {
            let kind = if rng.random::<f64>() < 1.0 / 3.0 {
                NodeKind::Cache
            } else {
                NodeKind::Database
            };
            return node(kind, &self.name(index), 1, 1, near(3.0, 0.5, 15.0));
        };
        let mut spec = node(
            NodeKind::Service,
            &self.name(index),
            3,
            1,
            near(8.0, 0.7, 60.0),
        );
        for store in &self.stores[index] {
            spec = spec.then(CallSpec::new(self.name(*store), "Query").probability(0.9));
        }
        let limit = if index == 0 { CALLS_OF_ENTRY } else { CALLS };
        // The sum of 1/r over all ranks r.
        let all: f64 = (1..=callees.len()).map(|rank| 1.0 / rank as f64).sum();
        for (rank, callee) in callees.iter().enumerate() {
            let share = limit / (rank + 1) as f64 / all;
            let call = CallSpec::new(self.name(*callee), "Call").probability(share.min(0.95));
            // Half of the calls are made together with the one before.
            match spec.steps.last_mut() {
                Some(step) if rank > 0 && rng.random::<bool>() => step.push(call),
                _ => spec = spec.then(call),
            }
        }
        spec
    }
}

/// A tree grown by preferential attachment: the callees of each service.
fn tree(services: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut callees = vec![Vec::new(); services];
    let mut parents = vec![0; services];
    let mut depths = vec![0; services];
    // A service stands in this list once, and once more for each callee.
    let mut ends = vec![0];
    for new in 1..services {
        let chosen: usize = ends[rng.random_range(0..ends.len())];
        let parent = if depths[chosen] < DEPTH_MAX {
            chosen
        } else {
            parents[chosen]
        };
        callees[parent].push(new);
        parents[new] = parent;
        depths[new] = depths[parent] + 1;
        ends.extend([parent, new]);
    }
    callees
}

/// Calls from the entry to each service of a tree whose callers come before their callees.
fn depths(callees: &[Vec<usize>]) -> Vec<usize> {
    let mut depths = vec![0; callees.len()];
    for (caller, callees) in callees.iter().enumerate() {
        for callee in callees {
            depths[*callee] = depths[caller] + 1;
        }
    }
    depths
}
