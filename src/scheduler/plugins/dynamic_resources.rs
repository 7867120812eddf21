//! DynamicResources, as far as pods without resource claims see it: it rejects no node, but its PostFilter runs before
//! preemption's and always has a word. Must not know claims: pods with `resourceClaims` are taken as pods without. Mirrors
//! pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go (v1.34.1).

use crate::scheduler::framework::Plugin;

/// What PostFilter says of a pod that has no claims to give back.
pub const NOTHING_TO_DEALLOCATE: &str = "no new claims to deallocate";

/// What PostFilter says if PreFilter did not get to note the pod's state: an error, after which no other plugin is asked.
pub const NO_STATE: &str = "not found";

/// Whether PreFilter got to note the pod's state, if the plugins run in this order and `rejected_by` ended it for good.
#[must_use]
pub fn has_noted_state(pre_filter: &[Plugin], rejected_by: Option<Plugin>) -> bool {
    let place = |plugin: Plugin| pre_filter.iter().position(|&other| other == plugin);
    match (place(Plugin::DynamicResources), rejected_by.and_then(place)) {
        (Some(own), Some(last)) => own < last,
        (own, _) => own.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_noted_unless_another_plugin_came_first() {
        let usual = [Plugin::NodeAffinity, Plugin::DynamicResources];
        assert!(has_noted_state(&usual, None) && !has_noted_state(&usual, Some(Plugin::NodeAffinity)));
        let first = [Plugin::DynamicResources, Plugin::NodeAffinity];
        assert!(has_noted_state(&first, Some(Plugin::NodeAffinity)));
        assert!(!has_noted_state(&[Plugin::NodeAffinity], None), "without its PreFilter there is no state");
    }
}
