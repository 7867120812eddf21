//! The interners that compilation fills: every distinct string, class, image, configuration object and node shape once.

use std::collections::BTreeMap;

use super::admission::PriorityClasses;
use super::class::PodClass;
use super::effective::ResourceList;
use super::ids::{ClassId, ConfigId, ImageId, ShapeId, StrId};
use super::node::NodeShape;
use super::objects::LimitRangeSpec;
use super::service::ConfigObject;
use super::strings::Strings;
use crate::base::Interner;

/// Everything that manifests, scenarios and traces intern while they are compiled.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Strings and label sets.
    pub strings: Strings,
    /// Scheduling signatures.
    pub classes: Interner<ClassId, PodClass>,
    /// Image references.
    pub images: Interner<ImageId, StrId>,
    /// ConfigMaps and Secrets that exist or are referred to.
    pub configs: Interner<ConfigId, ConfigObject>,
    /// Kinds of nodes.
    pub shapes: Interner<ShapeId, NodeShape>,
    /// The PriorityClasses of all manifests that were read so far.
    pub priorities: PriorityClasses,
    /// LimitRanges by namespace, in the order in which they were read.
    pub limit_ranges: BTreeMap<Box<str>, Vec<LimitRangeSpec>>,
    /// What each container of a pod requests that requests neither CPU nor memory, as a LimitRange of every namespace would
    /// have it; empty: nothing.
    pub default_requests: ResourceList,
    /// How long admission lets pods tolerate a node that is not ready or unreachable, unless they say so themselves
    /// (`--default-not-ready-toleration-seconds`, `--default-unreachable-toleration-seconds`).
    pub default_toleration_seconds: i64,
    /// Whether the gate `ContainerRestartRules` is on: without it, the fields are dropped.
    pub container_restart_rules: bool,
    /// Whether objects are taken as an API server hands them out, with nothing left for admission to decide: no tolerations are
    /// added, a pod's `priority` stands, and a node takes as many pods as it says.
    pub stored: bool,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self {
            strings: Strings::default(),
            classes: Interner::default(),
            images: Interner::default(),
            configs: Interner::default(),
            shapes: Interner::default(),
            priorities: PriorityClasses::of_the_system(),
            limit_ranges: BTreeMap::new(),
            default_requests: ResourceList::new(),
            default_toleration_seconds: 300,
            container_restart_rules: false,
            stored: false,
        }
    }
}
