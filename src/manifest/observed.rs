//! What an object that comes from an API server says of its life so far: whether it was stored at all, a pod's phase, start,
//! nomination and end. Read leniently, as it is not the user's to write; resources of a resize are not read here.

use super::meta::Meta;
use super::tree::{Node, Value};
use crate::base::SimTime;
use crate::model::{Phase, StrId, Strings};

/// What a pod's status says. The default is a pod that was just created.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Observed {
    /// `status.phase`.
    pub phase: Phase,
    /// `status.startTime`.
    pub started: Option<SimTime>,
    /// `status.nominatedNodeName`.
    pub nominated: Option<StrId>,
    /// Whether there is a `metadata.deletionTimestamp`.
    pub terminating: bool,
    /// Whether it is being deleted because the scheduler evicted it.
    pub evicted_by_scheduler: bool,
}

/// Whether an API server handed the object out: those have a time of creation.
pub(super) fn is_stored(object: &Node<'_>) -> bool {
    value(object, "metadata").and_then(|meta| scalar(meta, "creationTimestamp")).is_some()
}

/// Whether it has something in it that only servers write: it was noted down from one, perhaps not whole.
pub(super) fn is_noted(object: &Node<'_>) -> bool {
    let names = ["creationTimestamp", "resourceVersion", "uid"];
    value(object, "metadata").is_some_and(|meta| names.iter().any(|name| scalar(meta, name).is_some()))
}

impl Observed {
    /// Reads what is known of a pod.
    pub(super) fn read(strings: &mut Strings, pod: &Node<'_>, meta: &Meta<'_>) -> Self {
        let terminating = meta.is_deleting;
        let Some(status) = value(pod, "status") else { return Self { terminating, ..Self::default() } };
        let phases = [Phase::Running, Phase::Succeeded, Phase::Failed, Phase::Unknown];
        let phase = scalar(status, "phase").and_then(|text| phases.into_iter().find(|phase| phase.text() == text));
        let conditions = match value(status, "conditions").map(|node| &node.value) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        let evicted = conditions.iter().any(|condition| {
            [("type", "DisruptionTarget"), ("status", "True"), ("reason", "PreemptionByScheduler")]
                .into_iter()
                .all(|(field, value)| scalar(condition, field) == Some(value))
        });
        Self {
            phase: phase.unwrap_or_default(),
            started: scalar(status, "startTime").and_then(SimTime::parse_rfc3339),
            nominated: scalar(status, "nominatedNodeName").map(|name| strings.intern(name)),
            terminating,
            evicted_by_scheduler: terminating && evicted,
        }
    }

    /// Whether the pod has ended: it holds nothing and nobody schedules or starts it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }
}

fn value<'n, 't>(node: &'n Node<'t>, field: &str) -> Option<&'n Node<'t>> {
    node.get(field).map(|entry| &entry.value).filter(|value| !value.is_null())
}

fn scalar<'n>(node: &'n Node<'_>, field: &str) -> Option<&'n str> {
    value(node, field)?.scalar().filter(|text| !text.is_empty())
}
