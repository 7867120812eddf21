//! PreEnqueue: which plugin keeps a pod out of the queue. Mirrors `runPreEnqueuePlugins` in
//! pkg/scheduler/backend/queue/scheduling_queue.go (v1.34.1). Knows no queue.

use super::framework::Plugin;
use super::plugins::scheduling_gates;
use super::tables::Tables;
use crate::model::{ClassId, PodClass};

/// The first plugin of the profile that holds back a pod of this class for what it says itself.
#[must_use]
pub fn pre_enqueue(tables: &Tables, class: ClassId, spec: &PodClass) -> Option<Plugin> {
    let class = tables.class(class);
    class.profile?;
    tables.profile(&class).pre_enqueue.iter().copied().find(|plugin| match plugin {
        Plugin::SchedulingGates => scheduling_gates::holds_back(&spec.scheduling_gates),
        _ => false,
    })
}
