//! Events: their line in the list, the object, and the lines at the end of a description. Mirrors
//! pkg/printers/internalversion/printers.go (printEvent) and kubectl's DescribeEvents, v1.34.

use serde_json::{Map, Value, json};

use super::{Item, Source, View};
use crate::base::{SimTime, uuid};
use crate::model::objects::ObjectKind;
use crate::model::strings::known;
use crate::record::{ApiEvent, Subject};

/// What an Event is about.
pub(super) struct About {
    kind: &'static str,
    pub namespace: String,
    pub name: String,
    uid: String,
    /// `spec.containers{name}`.
    field: String,
}

impl View<'_> {
    pub(super) fn about(&self, subject: Subject) -> About {
        match subject {
            Subject::Pod(uid) | Subject::Container(uid, _) => {
                let (namespace, name) = self.pod_name(uid);
                let template = &self.plan().templates[self.simulation.recorder().pods()[uid].template];
                let field = match subject {
                    Subject::Container(_, index) => template.containers.get(usize::from(index)).map(|spec| {
                        let list =
                            if usize::from(index) < template.init_count() { "initContainers" } else { "containers" };
                        format!("spec.{list}{{{}}}", self.text(spec.name))
                    }),
                    _ => None,
                };
                About { kind: "Pod", namespace, name, uid: uid.uuid(), field: field.unwrap_or_default() }
            }
            Subject::Node(node) => {
                let name = self.text(self.simulation.cluster().nodes().get(node).name).to_owned();
                let (namespace, field) = ("default".to_owned(), String::new());
                // Upstream's kubelets name a node's uid so.
                About { kind: "Node", namespace, uid: name.clone(), name, field }
            }
            Subject::Service(id) => {
                let service = &self.plan().services[id];
                let (namespace, name) = (self.text(service.namespace).to_owned(), self.text(service.name).to_owned());
                let uid = uuid(&format!("service {namespace}/{name}"));
                About { kind: "Service", namespace, name, uid, field: String::new() }
            }
            Subject::Claim(claim) => {
                let full = self.simulation.recorder().note_text(claim);
                let (namespace, name) = full.split_once('/').unwrap_or(("default", full));
                let uid = uuid(&format!("PersistentVolumeClaim {full}"));
                let (namespace, name) = (namespace.to_owned(), name.to_owned());
                About { kind: "PersistentVolumeClaim", namespace, name, uid, field: String::new() }
            }
            Subject::Object(id) => {
                let row = self.simulation.cluster().objects().get(id);
                let (namespace, name) = (self.text(row.namespace).to_owned(), row.name.to_string());
                let kind = row.kind().text();
                let uid = self.simulation.cluster().objects().uid(id, &self.plan().strings);
                About { kind, namespace, name, uid, field: String::new() }
            }
        }
    }

    fn event_name(&self, event: &ApiEvent) -> String {
        format!("{}.{:x}", self.about(event.subject).name, event.first.0)
    }

    /// The host of the kubelet that told an Event; other components have none.
    fn host(&self, event: &ApiEvent) -> Option<&str> {
        if event.event.component() != "kubelet" {
            return None;
        }
        let node = match event.subject {
            Subject::Node(node) => node,
            Subject::Pod(uid) | Subject::Container(uid, _) => self.simulation.recorder().node_of(uid)?,
            Subject::Service(_) | Subject::Object(_) | Subject::Claim(_) => return None,
        };
        Some(self.text(self.simulation.cluster().nodes().get(node).name))
    }

    /// The component that told an Event.
    fn component(&self, event: &ApiEvent) -> &'static str {
        match event.subject {
            Subject::Object(object) => self.simulation.cluster().objects().get(object).kind().controller(),
            _ => event.event.component(),
        }
    }

    pub(super) fn event_items(&self) -> Vec<Item> {
        let objects = self.simulation.cluster().objects();
        // Events go with their namespace.
        let is_there = |namespace: &str| {
            !objects.knows_namespaces() || objects.find(ObjectKind::Namespace, known::EMPTY, namespace).is_some()
        };
        let mut order: Vec<usize> = (0..self.events.len()).collect();
        order.retain(|&at| is_there(&self.about(self.events[at].subject).namespace));
        order.sort_by_key(|&at| self.events[at].last);
        let item = |at: usize| {
            let event = &self.events[at];
            let about = self.about(event.subject);
            let component = self.component(event);
            let source = self.host(event).map_or_else(|| component.to_owned(), |host| format!("{component}, {host}"));
            let name = self.event_name(event);
            let cells = vec![
                self.seen(event, event.last),
                event.event.kind_for(event.subject).to_owned(),
                event.event.reason(),
                format!("{}/{}", about.kind.to_ascii_lowercase(), about.name),
                about.field,
                source,
                event.message.trim().to_owned(),
                self.seen(event, event.first),
                event.count.to_string(),
                name.clone(),
            ];
            Item { source: Source::Event(at), namespace: about.namespace, name, labels: Default::default(), cells }
        };
        order.into_iter().map(item).collect()
    }

    /// How long ago. The scheduler's Events have times with fractions of seconds.
    fn seen(&self, event: &ApiEvent, at: SimTime) -> String {
        if event.is_series() { self.now.since(at).human() } else { self.age(at) }
    }

    /// `4m` or `2s (x4 over 10m)`.
    pub(super) fn interval(&self, event: &ApiEvent) -> String {
        if event.count > 1 {
            format!("{} (x{} over {})", self.seen(event, event.last), event.count, self.seen(event, event.first))
        } else {
            self.seen(event, event.first)
        }
    }

    pub(super) fn event_object(&self, event: &ApiEvent) -> Value {
        let about = self.about(event.subject);
        let name = self.event_name(event);
        let uid = uuid(&name);
        let meta = self.metadata(&uid, Some(&about.namespace), &name, event.first, &Value::Null);
        let mut involved = Map::new();
        involved.insert("apiVersion".into(), "v1".into());
        involved.insert("kind".into(), about.kind.into());
        involved.insert("name".into(), about.name.into());
        if about.kind != "Node" {
            involved.insert("namespace".into(), about.namespace.into());
        }
        involved.insert("uid".into(), about.uid.into());
        if !about.field.is_empty() {
            involved.insert("fieldPath".into(), about.field.into());
        }
        let component = self.component(event);
        let mut object = json!({
            "apiVersion": "v1",
            "involvedObject": involved,
            "kind": "Event",
            "message": event.message,
            "metadata": meta,
            "reason": event.event.reason(),
            "reportingComponent": component,
            "type": event.event.kind_for(event.subject),
        });
        let micro = |at: SimTime| {
            let second = at.floor_seconds();
            let text = second.rfc3339();
            format!("{}.{:06}Z", text.trim_end_matches('Z'), (at - second).0 / 1000)
        };
        if event.is_series() {
            object["action"] = if event.event.reason() == "Scheduled" { "Binding" } else { "Scheduling" }.into();
            object["eventTime"] = micro(event.first).into();
            object["firstTimestamp"] = Value::Null;
            object["lastTimestamp"] = Value::Null;
            object["reportingInstance"] = format!("{component}-control-plane").into();
            object["source"] = json!({});
            if event.count > 1 {
                object["series"] = json!({ "count": event.count, "lastObservedTime": micro(event.last) });
            }
        } else {
            let mut source = json!({ "component": component });
            if let Some(host) = self.host(event) {
                source["host"] = host.into();
            }
            object["count"] = event.count.into();
            object["eventTime"] = Value::Null;
            object["firstTimestamp"] = event.first.floor_seconds().rfc3339().into();
            object["lastTimestamp"] = event.last.floor_seconds().rfc3339().into();
            object["reportingInstance"] = self.host(event).unwrap_or_default().into();
            object["source"] = source;
        }
        object
    }

    /// The Events about an object, as a description ends with them.
    pub(super) fn describe_events(&self, is_about: impl Fn(Subject) -> bool) -> String {
        let mut events: Vec<&ApiEvent> = self.events.iter().filter(|event| is_about(event.subject)).collect();
        if events.is_empty() {
            return "Events:\t<none>\n".to_owned();
        }
        // kubectl sorts by the last time stamp, which the scheduler's Events do not have.
        let last = |event: &ApiEvent| if event.is_series() { SimTime(i64::MIN) } else { event.last.floor_seconds() };
        events.sort_by_key(|event| last(event));
        let mut out = "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n".to_owned();
        for event in events {
            out.push_str(&format!(
                "  {}\t{}\t{}\t{}\t{}\n",
                event.event.kind_for(event.subject),
                event.event.reason(),
                self.interval(event),
                self.component(event),
                event.message.trim()
            ));
        }
        out
    }
}
