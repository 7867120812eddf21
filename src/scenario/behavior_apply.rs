//! Gives every container its behavior: the entries that match it, later ones over earlier ones, key by key.

use std::collections::{BTreeMap, BTreeSet};

use super::behavior::{Entry, Select, entries};
use super::control::RunDefaults;
use super::fields::Fields;
use super::files::matches;
use super::parts::Parts;
use super::{Cx, checks, codes, suggest};
use crate::base::IdVec;
use crate::base::id::DenseId;
use crate::model::{
    Behavior, BehaviorId, ContainerSpec, Hook, PodTemplate, ProbeAction, Role, RunTime, Strings, TemplateId,
};

/// What a container does before any entry speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Base {
    /// Serves until something stops it.
    Serve,
    /// A regular init container: ends after a time.
    Init,
    /// Of a Job: ends after a time.
    Job,
    /// Works as long as the trace says.
    Traced,
}

/// Reads the behaviors and sets them in all templates.
pub(super) fn read(
    cx: &mut Cx<'_>,
    root: &Fields<'_>,
    runs: &RunDefaults,
    parts: &mut Parts,
) -> IdVec<BehaviorId, Behavior> {
    let entries = entries(cx, root);
    let mut behaviors = IdVec::new();
    let mut known: BTreeMap<(Base, Vec<usize>, Vec<u16>), BehaviorId> = BTreeMap::new();
    // The first id is the plain one, which manifests give to every container.
    known.insert((Base::Serve, Vec::new(), Vec::new()), behaviors.push(Behavior::default()));
    let mut used = vec![false; entries.len()];

    for index in 0..parts.templates.len() {
        let id = TemplateId::from_index(index);
        let owner = parts.owners[id];
        let workload = &parts.workloads[owner.workload];
        let template = &parts.templates[id];
        let strings = &cx.vocabulary.strings;
        let of_pod: Vec<usize> = (0..entries.len())
            .filter(|&entry| selects_pod(&entries[entry].select, template, strings.text(workload.name), strings))
            .collect();
        let mut chosen: Vec<Vec<usize>> = Vec::new();
        for container in &template.containers {
            let name = strings.text(container.name);
            let of_container =
                |entry: &usize| entries[*entry].select.container.as_ref().is_none_or(|wanted| wanted.value == name);
            chosen.push(of_pod.iter().copied().filter(of_container).collect());
        }
        for &entry in chosen.iter().flatten() {
            used[entry] = true;
        }
        checks::containers(cx, template, &entries, &chosen);
        checks::files(cx, template, &entries, &chosen);
        let implied = implied_ports(template, &entries, &chosen);
        let template = &mut parts.templates[id];
        for ((container, chosen), implied) in template.containers.iter_mut().zip(chosen).zip(implied) {
            let base = match container.role {
                Role::Init => Base::Init,
                _ if owner.traced => Base::Traced,
                Role::Main if owner.of_job => Base::Job,
                _ => Base::Serve,
            };
            let made = known.entry((base, chosen, implied)).or_insert_with_key(|(base, chosen, implied)| {
                let run = match base {
                    Base::Serve => RunTime::Forever,
                    Base::Init => runs.init.clone(),
                    Base::Job => runs.job.clone(),
                    Base::Traced => RunTime::Trace,
                };
                let plain = Behavior { run, implied: implied.as_slice().into(), ..Behavior::default() };
                behaviors.push(merged(plain, chosen.iter().map(|&entry| &entries[entry])))
            });
            container.behavior = *made;
        }
    }
    for (entry, used) in entries.iter().zip(used) {
        if !used && !cx.missing.pods {
            selects_nothing(cx, entry, parts);
        }
    }
    behaviors
}

fn selects_pod(select: &Select, template: &PodTemplate, name: &str, strings: &Strings) -> bool {
    let namespace = strings.text(template.namespace);
    let labels = strings.labels(template.labels);
    let has = |(key, value): &(String, String)| {
        strings.lookup(key).and_then(|key| labels.get(key)).is_some_and(|found| strings.text(found) == value)
    };
    select.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
        && select.name.as_ref().is_none_or(|pattern| matches(pattern, name))
        && select.labels.iter().all(has)
}

/// For each container the ports that its probes and hooks ask and that nobody in the pod declares or listens on.
fn implied_ports(template: &PodTemplate, entries: &[Entry], chosen: &[Vec<usize>]) -> Vec<Vec<u16>> {
    let said = |at: usize| chosen[at].iter().rev().find_map(|&entry| entries[entry].listens.as_deref());
    let mut taken: BTreeSet<u16> = BTreeSet::new();
    for (at, container) in template.containers.iter().enumerate() {
        match said(at) {
            Some(ports) => taken.extend(ports),
            None => taken.extend(container.ports.iter().map(|port| port.port)),
        }
    }
    let mut implied_of = |(at, container): (usize, &ContainerSpec)| -> Vec<u16> {
        if said(at).is_some() {
            return Vec::new();
        }
        let probes = [&container.startup_probe, &container.readiness_probe, &container.liveness_probe];
        let probed = probes.into_iter().flatten().filter_map(|probe| match probe.action {
            ProbeAction::Http(port) | ProbeAction::Tcp(port) => Some(port),
            ProbeAction::Exec => None,
        });
        let hooked = [container.post_start, container.pre_stop].into_iter().flatten().filter_map(|hook| match hook {
            Hook::Http(port) => Some(port),
            _ => None,
        });
        probed.chain(hooked).filter(|&port| port != 0 && taken.insert(port)).collect()
    };
    template.containers.iter().enumerate().map(&mut implied_of).collect()
}

fn merged<'e>(plain: Behavior, entries: impl Iterator<Item = &'e Entry>) -> Behavior {
    let mut behavior = plain;
    for entry in entries {
        set(&mut behavior.startup, entry.startup.as_ref());
        set(&mut behavior.run, entry.run.as_ref());
        set(&mut behavior.exit_codes, entry.exit_codes.as_ref());
        if entry.crash.is_some() {
            behavior.crash.clone_from(&entry.crash);
        }
        if entry.listens.is_some() {
            behavior.listens.clone_from(&entry.listens);
        }
        if let Some(requires) = &entry.requires {
            behavior.requires = requires.iter().map(|name| name.value).collect();
        }
        set(&mut behavior.unready_without_required, entry.unready_without_required.as_ref());
        set(&mut behavior.memory, entry.memory.as_ref());
        set(&mut behavior.cpu, entry.cpu.as_ref());
        if let Some(writes) = &entry.writes {
            behavior.writes = writes.iter().map(|file| file.value.clone()).collect();
        }
        if let Some(reads) = &entry.reads {
            behavior.reads = reads.iter().map(|path| path.value.as_str().into()).collect();
        }
        set(&mut behavior.processes, entry.processes.as_ref());
        set(&mut behavior.on_terminate, entry.on_terminate.as_ref());
        set(&mut behavior.first_exit_codes, entry.first_exit_codes.as_ref());
        if entry.unhealthy.is_some() {
            behavior.unhealthy.clone_from(&entry.unhealthy);
        }
        set(&mut behavior.post_start, entry.post_start.as_ref());
        set(&mut behavior.pre_stop, entry.pre_stop.as_ref());
        if entry.start_fails.is_some() {
            behavior.start_fails = entry.start_fails;
        }
    }
    behavior
}

fn set<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

fn selects_nothing(cx: &mut Cx<'_>, entry: &Entry, parts: &Parts) {
    let span = entry.select.span.unwrap_or(entry.span);
    let help = match &entry.select.name {
        Some(name) => suggest::help(name.trim_end_matches('*'), parts.workload_texts(cx)),
        None => "check the labels, the namespace and the container's name".to_owned(),
    };
    cx.diagnostics.error(codes::SELECTS_NOTHING, span, "this behavior selects no container", "selects nothing", help);
}
