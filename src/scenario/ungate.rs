//! `[[change]] ungate` -> a version of the pod with fewer scheduling gates. Checks here what is known before the run: whose
//! gates they are, whether they are still there, and whether the pod is. Gates can only be removed (pkg/apis/core/validation
//! ValidatePodUpdate, v1.34), so the versions of a pod follow each other in one line.

use super::faults::pod_target;
use super::fields::{Fields, Placed};
use super::parts::{Owner, Parts};
use super::{Cx, codes, suggest};
use crate::base::SimTime;
use crate::diag::Span;
use crate::model::StrId;
use crate::sim::plan::{ChangeKind, Naming};

pub(super) fn read(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts, at: SimTime) -> Option<ChangeKind> {
    let written = fields.text(cx, "ungate")?;
    let gates = fields.texts(cx, "gates");
    let pod = pod_target(cx, &written, parts)?;
    let workload = parts.workload_names.get(&(pod.namespace, pod.name)).copied()?;
    if parts.workloads[workload].naming != Naming::Single {
        let help = "only pods of manifests lose their gates, each by its own name";
        return refuse(cx, written.span, "these are many pods", help);
    }
    let first = parts.pods.iter().find(|pod| pod.workload == workload)?;
    // At one instant changes come before pods.
    if at <= first.at {
        let help = "write a time after the one at which the pod is created";
        return refuse(cx, fields.key_span("at"), "the pod is not there yet", help);
    }
    if parts.versions.iter().any(|&(of, earlier)| of == workload && earlier > at) {
        let help = "write what changes a pod in the order of the times";
        return refuse(cx, fields.key_span("at"), "an earlier change of this pod stands before it", help);
    }
    // A pod with gates is on no node and so is not resized: only other gates were removed before.
    let base = parts.ungated.get(&workload).copied().unwrap_or(first.template);
    let mut new = parts.templates[base].clone();
    let mut class = cx.vocabulary.classes.get(new.class).clone();
    if class.scheduling_gates.is_empty() {
        let help = "leave the change out: the pod is scheduled without it";
        return refuse(cx, written.span, "the pod has no scheduling gates by then", help);
    }
    let removed = match gates {
        Some(gates) => named(cx, fields, &gates, &class.scheduling_gates)?,
        None => class.scheduling_gates.to_vec(),
    };
    class.scheduling_gates = class.scheduling_gates.iter().copied().filter(|gate| !removed.contains(gate)).collect();
    new.class = cx.vocabulary.classes.intern(class);
    let origin = parts.origins[base];
    let template = parts.template(new, Owner::of(workload), origin);
    parts.versions.push((workload, at));
    parts.ungated.insert(workload, template);
    Some(ChangeKind::UngatePod { pod, template })
}

/// The gates that are named, which must be among those that are `left`.
fn named(cx: &mut Cx<'_>, fields: &Fields<'_>, gates: &[Placed<&str>], left: &[StrId]) -> Option<Vec<StrId>> {
    if gates.is_empty() {
        let help = "name the gates to remove, or leave `gates` out to remove all";
        return refuse(cx, fields.key_span("gates"), "no gate is named", help);
    }
    let strings = &cx.vocabulary.strings;
    let mut found = Vec::new();
    for gate in gates {
        if let Some(id) = strings.lookup(gate.value).filter(|id| left.contains(id)) {
            found.push(id);
            continue;
        }
        let help = suggest::help(gate.value, left.iter().map(|&id| strings.text(id)));
        let message = format!("the pod has no scheduling gate `{}` by then", gate.value);
        cx.diagnostics.error(codes::UNKNOWN_TARGET, gate.span, message, "does not exist", help);
    }
    (found.len() == gates.len()).then_some(found)
}

fn refuse<T>(cx: &mut Cx<'_>, span: Span, message: &str, help: &str) -> Option<T> {
    cx.diagnostics.error(codes::OUT_OF_RANGE, span, message, "nothing can be removed so", help);
    None
}
