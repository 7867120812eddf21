//! What the API server's admission plugins write into a pod: its priority and the tolerations that everybody gets. Pure.
//! Must not know where pods come from.
//!
//! Mirrors plugin/pkg/admission/priority/admission.go and plugin/pkg/admission/defaulttolerationseconds/admission.go,
//! v1.34.

use std::collections::BTreeMap;

use super::class::{PreemptionPolicy, TaintEffect, Toleration, TolerationOperator};
use super::strings::known;

/// A PriorityClass. Without any, priority is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PriorityClass {
    /// The priority of its pods.
    pub value: i32,
    /// Whether they evict others.
    pub preemption: PreemptionPolicy,
}

/// The PriorityClasses that exist.
#[derive(Clone, Debug, Default)]
pub struct PriorityClasses {
    classes: BTreeMap<Box<str>, (PriorityClass, bool)>,
}

/// Why a pod's priority is refused (403).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PriorityRefusal {
    /// There is no class of that name.
    UnknownClass,
    /// The pod states another priority than its class.
    OtherValue(PriorityClass),
    /// The pod states another preemption policy than its class.
    OtherPolicy(PriorityClass),
}

impl PriorityClasses {
    /// Those that every cluster has.
    #[must_use]
    pub fn of_the_system() -> Self {
        let mut all = Self::default();
        for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)] {
            all.insert(name, PriorityClass { value, ..PriorityClass::default() }, false);
        }
        all
    }

    /// Adds a class; `is_default` is its `globalDefault`.
    pub fn insert(&mut self, name: &str, class: PriorityClass, is_default: bool) {
        self.classes.insert(name.into(), (class, is_default));
    }

    /// The class of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<PriorityClass> {
        self.classes.get(name).map(|(class, _)| *class)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.classes.keys().map(|name| &**name)
    }

    /// The name of the class that pods get that name none, if there is one.
    #[must_use]
    pub fn default_name(&self) -> Option<&str> {
        let defaults = self.classes.iter().filter(|(_, (_, is_default))| *is_default);
        defaults.min_by_key(|(_, (class, _))| class.value).map(|(name, _)| &**name)
    }

    /// What pods get that name no class: of several default classes the least, without any priority 0.
    fn default_class(&self) -> PriorityClass {
        let defaults = self.classes.values().filter(|(_, is_default)| *is_default).map(|(class, _)| *class);
        defaults.min_by_key(|class| class.value).unwrap_or_default()
    }

    /// What a pod with this `priorityClassName`, `priority` and `preemptionPolicy` has after admission.
    ///
    /// # Errors
    /// The class does not exist, or the pod contradicts it.
    pub fn admit(
        &self,
        name: &str,
        value: Option<i32>,
        policy: Option<PreemptionPolicy>,
    ) -> Result<PriorityClass, PriorityRefusal> {
        let class =
            if name.is_empty() { self.default_class() } else { self.get(name).ok_or(PriorityRefusal::UnknownClass)? };
        if value.is_some_and(|value| value != class.value) {
            return Err(PriorityRefusal::OtherValue(class));
        }
        if policy.is_some_and(|policy| policy != class.preemption) {
            return Err(PriorityRefusal::OtherPolicy(class));
        }
        Ok(class)
    }
}

/// Adds the tolerations of nodes that are not ready or unreachable, for so many seconds, where the pod says nothing of them.
pub fn add_default_tolerations(tolerations: &mut Vec<Toleration>, seconds: i64) {
    let missing = [known::TAINT_NOT_READY, known::TAINT_UNREACHABLE].map(|taint| {
        let tolerated = |t: &Toleration| {
            t.key.is_none_or(|key| key == taint) && t.effect.is_none_or(|effect| effect == TaintEffect::NoExecute)
        };
        (!tolerations.iter().any(tolerated)).then_some(taint)
    });
    tolerations.extend(missing.into_iter().flatten().map(|taint| Toleration {
        key: Some(taint),
        operator: TolerationOperator::Exists,
        effect: Some(TaintEffect::NoExecute),
        seconds: Some(seconds),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_default_classes_the_least_counts() {
        let mut classes = PriorityClasses::of_the_system();
        assert_eq!(classes.admit("", None, None).map(|class| class.value), Ok(0));
        let class = |value| PriorityClass { value, preemption: PreemptionPolicy::Never };
        classes.insert("high", class(7), true);
        classes.insert("low", class(-3), true);
        assert_eq!(classes.admit("", None, None), Ok(class(-3)));
        assert_eq!(classes.admit("low", Some(7), None), Err(PriorityRefusal::OtherValue(class(-3))));
        let preempt = Some(PreemptionPolicy::PreemptLowerPriority);
        assert_eq!(classes.admit("high", Some(7), preempt), Err(PriorityRefusal::OtherPolicy(class(7))));
        assert_eq!(classes.admit("missing", None, None), Err(PriorityRefusal::UnknownClass));
    }
}
