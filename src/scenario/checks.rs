//! Checks that need more than one section: containers that are named, log files and their mounts, ports that nothing
//! listens on, and whether anything can happen at all.

use std::collections::BTreeMap;

use super::behavior::Entry;
use super::fields::{Fields, Placed};
use super::parts::Parts;
use super::{Cx, codes, suggest};
use crate::base::IdVec;
use crate::diag::Span;
use crate::model::{Behavior, BehaviorId, ContainerSpec, PodTemplate, Role, ServiceSpec, StrId, TargetPort};
use crate::sim::plan::SchedulerPlan;

/// Containers that behaviors require must be in the pod.
pub(super) fn containers(cx: &mut Cx<'_>, template: &PodTemplate, entries: &[Entry], chosen: &[Vec<usize>]) {
    for (container, chosen) in template.containers.iter().zip(chosen) {
        for requires in chosen.iter().filter_map(|&entry| entries[entry].requires.as_ref()) {
            for name in requires {
                let known = template.containers.iter().any(|other| other.name == name.value);
                let itself = name.value == container.name;
                if (known && !itself) || !cx.first(codes::UNKNOWN_CONTAINER, name.span) {
                    continue;
                }
                let text = cx.vocabulary.strings.text(name.value).to_owned();
                let message = if itself {
                    format!("the container `{text}` cannot require itself")
                } else {
                    format!("no container of the pod is called `{text}`")
                };
                let help = suggest::help(&text, container_names(cx, template));
                cx.diagnostics.error(codes::UNKNOWN_CONTAINER, name.span, message, "required here", help);
            }
        }
    }
}

fn container_names<'c>(cx: &'c Cx<'_>, template: &PodTemplate) -> Vec<&'c str> {
    template.containers.iter().map(|container| cx.vocabulary.strings.text(container.name)).collect()
}

/// A place in a pod: a volume and the path in it.
type InVolume = (u16, String);

/// Files that one container writes and another one reads must be in a volume that both mount.
pub(super) fn files(cx: &mut Cx<'_>, template: &PodTemplate, entries: &[Entry], chosen: &[Vec<usize>]) {
    let mut written: Vec<(usize, Option<InVolume>, String, Span)> = Vec::new();
    let mut read: Vec<(usize, Option<InVolume>, String, Span)> = Vec::new();
    for (index, (container, chosen)) in template.containers.iter().zip(chosen).enumerate() {
        // Later entries replace the whole list.
        let last = |has: fn(&Entry) -> bool| chosen.iter().rev().copied().find(|&entry| has(&entries[entry]));
        for file in last(|e| e.writes.is_some()).and_then(|e| entries[e].writes.as_ref()).into_iter().flatten() {
            written.push((index, in_volume(container, &file.value.path), file.value.path.to_string(), file.span));
        }
        for path in last(|e| e.reads.is_some()).and_then(|e| entries[e].reads.as_ref()).into_iter().flatten() {
            read.push((index, in_volume(container, &path.value), path.value.clone(), path.span));
        }
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    for (writer, place, path, span) in &written {
        if place.is_some() {
            continue;
        }
        // Somebody reads a file of that name elsewhere, so it was meant to be shared.
        let shared = read.iter().any(|(reader, _, other, _)| reader != writer && name(other) == name(path));
        outside_mount(cx, &template.containers[*writer], path, *span, "writes", shared);
    }
    for (reader, place, path, span) in &read {
        let Some(place) = place else {
            outside_mount(cx, &template.containers[*reader], path, *span, "reads", true);
            continue;
        };
        let found = written.iter().any(|(_, other, _, _)| other.as_ref() == Some(place));
        let excused = written.iter().any(|(_, other, path_of, _)| other.is_none() && name(path_of) == name(path));
        if !found && !excused && cx.first(codes::NOTHING_WRITES, *span) {
            let message = format!("no container of the pod writes the file that is read as `{path}`");
            let help = "`writes` of another container must name the same file in the same volume";
            cx.diagnostics.warning(codes::NOTHING_WRITES, *span, message, "nothing writes it", help);
        }
    }
}

/// Where a path of a container is in the pod's volumes; `None`: in the container's own layer.
fn in_volume(container: &ContainerSpec, path: &str) -> Option<InVolume> {
    let below = |mount: &str| {
        let mount = mount.trim_end_matches('/');
        path.strip_prefix(mount).filter(|rest| rest.starts_with('/')).map(str::to_owned)
    };
    // The deepest mount wins, as in a real file system.
    let mount = container.mounts.iter().filter(|mount| below(&mount.path).is_some()).max_by_key(|m| m.path.len())?;
    let rest = below(&mount.path)?;
    let sub_path = mount.sub_path.trim_matches('/');
    let place = if sub_path.is_empty() { rest } else { format!("/{sub_path}{rest}") };
    Some((mount.volume, place))
}

fn outside_mount(cx: &mut Cx<'_>, container: &ContainerSpec, path: &str, span: Span, verb: &str, shared: bool) {
    if !cx.first(codes::OUTSIDE_MOUNT, span) {
        return;
    }
    let name = cx.vocabulary.strings.text(container.name);
    let message = format!("the container `{name}` {verb} `{path}`, which is outside of every volume it mounts");
    let mounts: Vec<&str> = container.mounts.iter().map(|mount| &*mount.path).collect();
    let help = if mounts.is_empty() {
        format!(
            "mount a volume (for example an emptyDir) over the folder, in every container that uses the file; \
                 `{name}` mounts none"
        )
    } else {
        format!("`{name}` mounts {}: use a path below one of them", mounts.join(", "))
    };
    let label = "outside of every mount";
    if shared {
        cx.diagnostics.error(codes::OUTSIDE_MOUNT, span, message, label, help);
    } else {
        let help = format!("it is lost when the container restarts; {help}");
        cx.diagnostics.warning(codes::OUTSIDE_MOUNT, span, message, label, help);
    }
}

/// Traffic must reach something that listens.
pub(super) fn listening(
    cx: &mut Cx<'_>,
    service: &Placed<&str>,
    spec: &ServiceSpec,
    parts: &Parts,
    behaviors: &IdVec<BehaviorId, Behavior>,
) {
    let selects = |template: &&PodTemplate| {
        let labels = cx.vocabulary.strings.labels(template.labels);
        template.namespace == spec.namespace && spec.selector.iter().all(|&(key, value)| labels.get(key) == Some(value))
    };
    let pods: Vec<&PodTemplate> =
        if spec.selector.is_empty() { Vec::new() } else { parts.templates.iter().filter(selects).collect() };
    if pods.is_empty() {
        let message = format!("the Service `{}` selects no pod: all its requests fail", service.value);
        let help = "compare `spec.selector` of the Service with the pods' labels";
        cx.diagnostics.warning(codes::SELECTS_NOTHING, service.span, message, "selects nothing", help);
        return;
    }
    for port in &spec.ports {
        if pods.iter().any(|pod| resolves(pod, port.target).is_some_and(|number| listens(pod, number, behaviors))) {
            continue;
        }
        let target = match port.target {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(name) => cx.vocabulary.strings.text(name).to_owned(),
        };
        let message = format!(
            "nothing in the pods of the Service `{}` listens on its target port `{target}`: requests are refused",
            service.value
        );
        let help = "declare the port under `ports` of a container, or give it to `listens` of a [[behavior]]";
        cx.diagnostics.warning(codes::NOBODY_LISTENS, service.span, message, "goes nowhere", help);
    }
}

fn resolves(pod: &PodTemplate, target: TargetPort) -> Option<u16> {
    let named = |name: StrId| {
        let ports = pod.containers.iter().flat_map(|container| &container.ports);
        ports.clone().find(|port| port.name == name).map(|port| port.port)
    };
    match target {
        TargetPort::Number(number) => Some(number),
        TargetPort::Name(name) => named(name),
    }
}

fn listens(pod: &PodTemplate, number: u16, behaviors: &IdVec<BehaviorId, Behavior>) -> bool {
    let serving = pod.containers.iter().filter(|container| container.role != Role::Init);
    serving.into_iter().any(|container| {
        let behavior = &behaviors[container.behavior];
        match &behavior.listens {
            Some(ports) => ports.contains(&number),
            None => container.ports.iter().any(|port| port.port == number) || behavior.implied.contains(&number),
        }
    })
}

/// Pods of another scheduler stay pending: once for each such name.
fn schedulers(cx: &mut Cx<'_>, root: &Fields<'_>, parts: &Parts, scheduler: &SchedulerPlan) {
    let mut others: BTreeMap<Option<StrId>, u32> = BTreeMap::new();
    for template in parts.templates.iter() {
        let class = cx.vocabulary.classes.get(template.class);
        if class.node_name.is_none() && !scheduler.schedules(class) {
            *others.entry(class.scheduler_name).or_default() += 1;
        }
    }
    let name = |name: Option<StrId>| name.map_or("default-scheduler", |name| cx.vocabulary.strings.text(name));
    let known: Vec<&str> = scheduler.profiles.iter().map(|profile| name(profile.scheduler_name)).collect();
    for (other, count) in others {
        let span = parts.asking.get(&other).copied().unwrap_or_else(|| root.key_span("arrivals"));
        let what = if count == 1 { "one kind of pod".to_owned() } else { format!("{count} kinds of pods") };
        let message =
            format!("schedulerName: no profile of the scheduler is called {:?}: {what} will stay pending", name(other));
        let help = format!(
            "the profiles are {}; name another, or add a profile to `config` of [control_plane.scheduler]",
            known.join(", ")
        );
        cx.diagnostics.warning(codes::UNKNOWN_SCHEDULER, span, message, "scheduled by nobody", help);
    }
}

/// A cluster needs nodes, and a run something to do.
pub(super) fn whole(cx: &mut Cx<'_>, root: &Fields<'_>, parts: &Parts, scheduler: &SchedulerPlan) {
    schedulers(cx, root, parts, scheduler);
    let may_grow = parts.pools.iter().any(|pool| pool.limits.is_some_and(|limits| limits.max > 0));
    if parts.nodes.is_empty() && !may_grow && !cx.missing.nodes {
        let help = "add a [[node_pool]], or manifests with Node objects";
        let span = root.key_span("node_pool");
        cx.diagnostics.error(codes::NO_NODES, span, "the cluster has no nodes", "no nodes", help);
    }
    if parts.templates.is_empty() && !cx.missing.pods {
        let help = "name manifests with Pods under `manifests` of [scenario], or add [[arrivals]]";
        let span = root.key_span("scenario");
        cx.diagnostics.warning(codes::NO_PODS, span, "no pod is ever created: nothing will happen", "no pods", help);
    }
}
