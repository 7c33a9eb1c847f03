//! Equal names share memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use astern_graph_core::NodeKey;

use crate::span::Origin;

/// Names seen so far. Look-up only: nothing ever iterates it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    /// The one copy of this name.
    pub(crate) fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// Origins of which a format says no more than one name.
#[derive(Debug, Default, Clone)]
pub(crate) struct Origins {
    services: HashMap<Arc<str>, Arc<Origin>>,
    pods: HashMap<Arc<str>, Arc<Origin>>,
}

impl Origins {
    /// The one origin of this service; `None` without a name.
    pub(crate) fn of_service(&mut self, service: &str, names: &mut Names) -> Option<Arc<Origin>> {
        if let Some(known) = self.services.get(service) {
            return Some(Arc::clone(known));
        }
        if service.is_empty() {
            return None;
        }
        let name = names.get(service);
        let origin = Arc::new(Origin::new(Arc::clone(&name)));
        self.services.insert(name, Arc::clone(&origin));
        Some(origin)
    }

    /// The one origin of this pod of a service; `None` without a name.
    pub(crate) fn of_pod(
        &mut self,
        pod: &str,
        service: &str,
        names: &mut Names,
    ) -> Option<Arc<Origin>> {
        if let Some(known) = self.pods.get(pod) {
            return Some(Arc::clone(known));
        }
        if service.is_empty() {
            return None;
        }
        let mut origin = Origin::new(names.get(service));
        let name = names.get(pod);
        origin.instance = Some(NodeKey::instance(Arc::clone(&name)));
        let origin = Arc::new(origin);
        self.pods.insert(name, Arc::clone(&origin));
        Some(origin)
    }
}
