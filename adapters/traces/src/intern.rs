//! Equal origins share memory.

use std::collections::HashMap;
use std::sync::Arc;

use astern_adapters_base::Names;
use astern_graph_core::NodeKey;

use crate::span::Origin;

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
