//! How much of each resource was allocatable, requested and used over a run: means and peaks of the samples. Knows no format.

use std::collections::BTreeMap;

use crate::model::StrId;
use crate::record::{Recording, Sample};
use crate::sim::plan::Plan;

/// A resource over the samples of a run.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct ResourceUse {
    pub resource: Resource,
    /// As Kubernetes names it.
    pub name: String,
    pub allocatable_mean: f64,
    pub allocatable_peak: f64,
    pub requested_mean: f64,
    pub requested_peak: f64,
    /// Mean requested by mean allocatable; 0 if there was none.
    pub share_mean: f64,
    /// The greatest share at any sample.
    pub share_peak: f64,
    /// Mean and peak use, where behaviour says it.
    pub used: Option<(f64, f64)>,
}

/// A resource that samples hold amounts of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resource {
    /// In cores.
    Cpu,
    /// In bytes.
    Memory,
    /// In bytes.
    EphemeralStorage,
    /// In units.
    Extended(StrId),
}

impl Resource {
    #[allow(clippy::cast_precision_loss, reason = "reports need no more than 15 digits")]
    fn of(self, amounts: &crate::model::Resources) -> f64 {
        match self {
            Self::Cpu => amounts.milli_cpu as f64 / 1e3,
            Self::Memory => amounts.memory as f64,
            Self::EphemeralStorage => amounts.ephemeral_storage as f64,
            Self::Extended(name) => amounts.scalar(name) as f64,
        }
    }

    pub(super) fn allocatable(self, sample: &Sample) -> f64 {
        self.of(&sample.allocatable)
    }

    pub(super) fn requested(self, sample: &Sample) -> f64 {
        self.of(&sample.requested)
    }

    /// What is in use, where samples say it.
    #[allow(clippy::cast_precision_loss, reason = "reports need no more than 15 digits")]
    pub(super) fn used(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Cpu => Some(sample.used_milli_cpu as f64 / 1e3),
            Self::Memory => Some(sample.used_memory as f64),
            Self::EphemeralStorage | Self::Extended(_) => None,
        }
    }
}

/// The extended resources of any sample, by name.
pub(super) fn extended(plan: &Plan, recording: &Recording) -> Vec<(StrId, String)> {
    let mut by_name = BTreeMap::new();
    for (_, sample) in recording.samples() {
        for &(name, _) in sample.allocatable.scalar.iter().chain(&sample.requested.scalar) {
            by_name.entry(plan.strings.text(name)).or_insert(name);
        }
    }
    by_name.into_iter().map(|(text, name)| (name, text.to_owned())).collect()
}

/// Every resource that was ever allocatable or requested: cpu, memory, then the others by name.
pub(super) fn resources(plan: &Plan, recording: &Recording) -> Vec<ResourceUse> {
    let mut kinds = vec![
        (Resource::Cpu, "cpu".to_owned()),
        (Resource::Memory, "memory".to_owned()),
        (Resource::EphemeralStorage, "ephemeral-storage".to_owned()),
    ];
    kinds.extend(extended(plan, recording).into_iter().map(|(id, name)| (Resource::Extended(id), name)));
    let uses = kinds.into_iter().map(|(kind, name)| measure(kind, name, recording.samples().iter().map(|(_, s)| s)));
    uses.filter(|u| u.resource != Resource::EphemeralStorage || u.requested_peak > 0.0).collect()
}

#[allow(clippy::cast_precision_loss, reason = "there are never 2^53 samples")]
fn measure<'a>(resource: Resource, name: String, samples: impl Iterator<Item = &'a Sample>) -> ResourceUse {
    let (mut count, mut allocatable, mut requested, mut used) = (0_u64, 0.0, 0.0, 0.0);
    let (mut allocatable_peak, mut requested_peak, mut used_peak, mut share_peak) =
        (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for sample in samples {
        let (a, r, u) =
            (resource.allocatable(sample), resource.requested(sample), resource.used(sample).unwrap_or(0.0));
        count += 1;
        allocatable += a;
        requested += r;
        used += u;
        allocatable_peak = allocatable_peak.max(a);
        requested_peak = requested_peak.max(r);
        used_peak = used_peak.max(u);
        if a > 0.0 {
            share_peak = share_peak.max(r / a);
        }
    }
    let n = count.max(1) as f64;
    let measured = matches!(resource, Resource::Cpu | Resource::Memory);
    ResourceUse {
        resource,
        name,
        allocatable_mean: allocatable / n,
        allocatable_peak,
        requested_mean: requested / n,
        requested_peak,
        share_mean: if allocatable > 0.0 { requested / allocatable } else { 0.0 },
        share_peak,
        used: measured.then_some((used / n, used_peak)),
    }
}
