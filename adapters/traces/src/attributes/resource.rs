//! Who recorded a span, from the attributes of its resource or process.
//!
//! | part | the first of |
//! |---|---|
//! | service | `service.name` |
//! | instance | `service.instance.id`, `k8s.pod.name`, `container.id` |
//! | host | `k8s.node.name`, `host.name`, `hostname` |
//! | revision | `service.version` |

use std::borrow::Cow;
use std::sync::Arc;

use astern_adapters_base::Names;
use astern_graph_core::{NodeKey, Revision};

use super::Value;
use crate::span::Origin;

/// Attributes of a resource or process that mean something here.
#[derive(Debug, Default)]
pub(crate) struct Resource<'a> {
    pub(crate) service: Option<Cow<'a, str>>,
    instance: Option<(u8, Cow<'a, str>)>,
    host: Option<(u8, Cow<'a, str>)>,
    revision: Option<Cow<'a, str>>,
    pub(crate) segment: Option<Cow<'a, str>>,
}

impl<'a> Resource<'a> {
    /// Takes one attribute.
    pub(crate) fn set(&mut self, key: &str, value: Value<'a>, segment_key: Option<&str>) {
        let Some(text) = value.text() else {
            return;
        };
        if segment_key == Some(key) {
            self.segment = Some(text.clone());
        }
        let (place, rank) = match key {
            "service.name" => return self.service = Some(text),
            "service.version" => return self.revision = Some(text),
            "service.instance.id" => (&mut self.instance, 3),
            "k8s.pod.name" => (&mut self.instance, 2),
            "container.id" => (&mut self.instance, 1),
            "k8s.node.name" => (&mut self.host, 3),
            "host.name" => (&mut self.host, 2),
            "hostname" => (&mut self.host, 1),
            _ => return,
        };
        if place.as_ref().is_none_or(|(known, _)| *known <= rank) {
            *place = Some((rank, text));
        }
    }

    /// Whether spans of it say which service they are of.
    pub(crate) fn is_named(&self) -> bool {
        self.service.as_ref().is_some_and(|name| !name.is_empty())
    }

    /// The origin of its spans, `None` without a service, and their segment.
    pub(crate) fn origin(&self, names: &mut Names) -> Option<(Arc<Origin>, Option<Arc<str>>)> {
        let service = self.service.as_ref().filter(|_| self.is_named())?;
        let mut origin = Origin::new(names.get(service));
        let mut name =
            |ranked: &Option<(u8, Cow<'a, str>)>| ranked.as_ref().map(|(_, text)| names.get(text));
        origin.instance = name(&self.instance).map(NodeKey::instance);
        origin.host = name(&self.host).map(NodeKey::host);
        origin.revision = self
            .revision
            .as_ref()
            .map(|text| Revision::new(names.get(text)));
        let segment = self.segment.as_ref().map(|text| names.get(text));
        Some((Arc::new(origin), segment))
    }
}

/// The service of a Kubernetes pod: its name without what a Deployment or a `StatefulSet` adds
/// (`cart-5c95b49cff-tdsdz`, `cart-0`). A name that has neither is the service itself.
///
/// A pod of a bare `DaemonSet` (`agent-x2k4q`) keeps its suffix: it cannot be distinguished from a word.
pub(crate) fn service_of_pod(pod: &str) -> &str {
    // Kubernetes leaves out vowels, 0, 1 and 3 so that no words come about.
    let is_hash = |text: &str| {
        text.bytes()
            .all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
    };
    let Some((rest, tail)) = pod.rsplit_once('-') else {
        return pod;
    };
    if !tail.is_empty()
        && !rest.is_empty()
        && tail.bytes().all(|b| b.is_ascii_digit())
        && tail.len() < 4
    {
        return rest;
    }
    match rest.rsplit_once('-') {
        Some((service, set))
            if tail.len() == 5
                && is_hash(tail)
                && (6..=10).contains(&set.len())
                && is_hash(set) =>
        {
            service
        }
        _ => pod,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_pods_are_taken_off() {
        for (pod, service) in [
            ("ts-order-service-5b67c48447-mv5hb", "ts-order-service"),
            ("mysql-0", "mysql"),
            ("cart", "cart"),
            ("ts-order-service", "ts-order-service"),
            ("-0", "-0"),
            ("", ""),
        ] {
            assert_eq!(service_of_pod(pod), service, "{pod}");
        }
    }

    #[test]
    fn the_better_name_wins_in_any_order() {
        let pairs = [
            ("k8s.pod.name", "pod"),
            ("service.instance.id", "id"),
            ("service.name", "cart"),
            ("host.name", "h"),
            ("k8s.node.name", "n"),
        ];
        let read = |pairs: &mut dyn Iterator<Item = &(&str, &'static str)>| {
            let mut resource = Resource::default();
            pairs.for_each(|(key, text)| {
                resource.set(key, Value::Text((*text).into()), Some("host.name"));
            });
            resource.origin(&mut Names::default()).unwrap()
        };
        let (origin, segment) = read(&mut pairs.iter());
        assert_eq!(
            (origin.clone(), segment.clone()),
            read(&mut pairs.iter().rev())
        );
        assert_eq!(origin.instance, Some(NodeKey::instance("id")));
        assert_eq!(origin.host, Some(NodeKey::host("n")));
        assert_eq!(segment.as_deref(), Some("h"));
    }
}
