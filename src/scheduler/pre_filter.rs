//! PreFilter: what plugins say against a pod before any node is looked at. Mirrors `RunPreFilterPlugins` in
//! pkg/scheduler/framework/runtime/framework.go (v1.34.1). Knows no evaluator: all of them share it.

use super::framework::{Plugin, Rejection, Verdict};
use super::plugins::node_affinity;
use super::view::View;
use super::volumes;
use crate::model::ClassId;

/// The first plugin that rejects the pod for good, else the last that rejects it for now; `None` lets nodes be looked at.
#[must_use]
pub fn pre_filter(view: &View, class: ClassId) -> Option<Rejection> {
    let tables = view.tables();
    let class = tables.class(class);
    let statics = tables.statics(class.statics);
    let mut found = None;
    for &plugin in &tables.profile(&class).pre_filter {
        let verdict = match plugin {
            Plugin::NodeAffinity => node_affinity::pre_filter(statics.named_nodes.as_deref()),
            _ => volumes::pre_filter(view, &class, plugin),
        };
        match verdict {
            Verdict::Fits => {}
            Verdict::Unschedulable(_) => found = Some(Rejection { plugin, verdict }),
            Verdict::UnschedulableAndUnresolvable(_) => return Some(Rejection { plugin, verdict }),
        }
    }
    found
}
