//! The smallest single changes of a pod that let it fit, each found by trying it with the scheduler's own decision on a copy
//! of what the scheduler believes. Changes of nodes are in [`super::machines`].

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::edit::{Edit, Op, Source, scenario};
use crate::answers::survey::words;
use crate::model::strings::known;
use crate::model::{
    NodeId, PodAffinity, PodClass, PodTemplate, Resources, Role, SpreadConstraint, StrId, Strings, Taint, TaintEffect,
    Toleration, TolerationOperator, WhenUnsatisfiable,
};
use crate::scheduler::whatif::Lab;

/// A change that lets the pod fit.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Change {
    /// What is changed, for people.
    pub what: String,
    /// Where the pod fits then.
    pub node: String,
    /// How to do it; all of them.
    pub edits: Vec<Edit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A pod as it is described.
pub(super) struct Described<'a> {
    /// `pod default/web`.
    pub object: String,
    pub source: Source,
    pub spec: &'a PodClass,
    pub template: &'a PodTemplate,
    /// The scheduler's profiles.
    pub profiles: &'a [Option<StrId>],
    pub strings: &'a Strings,
}

/// Where a change of the pod lets it fit.
pub(super) type Found = (NodeId, Change);

/// A single change of the pod that has to be tried.
struct Try {
    what: String,
    class: PodClass,
    edits: Vec<Edit>,
}

/// All single changes of the pod that let it fit.
pub(super) fn of_pod(lab: &mut Lab, pod: &Described<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for name in requested(&pod.spec.requests) {
        found.extend(less(lab, pod, name));
    }
    found.extend(skew(lab, pod));
    for set in [tolerations(lab, pod), selectors(pod), constraints(pod), spread(pod), near(pod)] {
        let before = found.len();
        for one in set.single {
            found.extend(attempt(lab, pod, one));
        }
        if found.len() == before
            && let Some(all) = set.all
        {
            found.extend(attempt(lab, pod, all));
        }
    }
    found
}

/// A pod that gates hold back, without them.
pub(super) fn ungated(lab: &mut Lab, pod: &Described<'_>) -> Option<Found> {
    let class = PodClass { scheduling_gates: Box::default(), ..pod.spec.clone() };
    let edits = vec![pod.field(&["spec", "schedulingGates"], Op::Remove, Json::Null)];
    attempt(lab, pod, Try { what: "drop its scheduling gates".to_owned(), class, edits })
}

/// Changes of one kind, and the one that makes them all, which is tried if none of them is enough alone.
struct Tries {
    single: Vec<Try>,
    all: Option<Try>,
}

fn attempt(lab: &mut Lab, pod: &Described<'_>, one: Try) -> Option<Found> {
    let node = lab.fits(&one.class)?;
    let of_pod = |edit: &Edit| matches!(edit, Edit::Field { object, .. } if object.starts_with("pod "));
    let short = matches!(pod.source, Source::Template(_)) && one.edits.iter().any(of_pod);
    let manifest = "A `template` has no such key: write the pod as a manifest and name it in `pods`.";
    let note = if short { Some(manifest.to_owned()) } else { note(&pod.source) };
    Some((node, Change { what: one.what, node: String::new(), edits: one.edits, note }))
}

/// What a user of a short form must know.
pub(super) fn note(source: &Source) -> Option<String> {
    match source {
        Source::Trace => {
            Some("The pod comes from a trace: change its row, or replay the pod from a manifest.".to_owned())
        }
        _ => None,
    }
}

// ---- requests ----

fn requested(requests: &Resources) -> Vec<StrId> {
    let standard = [known::CPU, known::MEMORY, known::EPHEMERAL_STORAGE];
    let scalar = requests.scalar.iter().map(|&(name, _)| name);
    standard.into_iter().chain(scalar).filter(|&name| words::amount_of(requests, name) > 0).collect()
}

/// What the containers request of a resource together, if the one at `changed` requested so much: main containers and
/// sidecars run at once, and each init container runs with the sidecars before it.
fn together(template: &PodTemplate, name: StrId, changed: Option<(usize, i64)>) -> i64 {
    let (mut sum, mut sidecars, mut most) = (0, 0, 0);
    for (index, container) in template.containers.iter().enumerate() {
        let own = match changed {
            Some((at, amount)) if at == index => amount,
            _ => words::amount_of(&container.requests, name),
        };
        match container.role {
            Role::Main => sum += own,
            Role::Sidecar => {
                sum += own;
                sidecars += own;
                most = sidecars.max(most);
            }
            Role::Init => most = (own + sidecars).max(most),
        }
    }
    sum.max(most)
}

/// The greatest request of a resource that fits.
fn less(lab: &mut Lab, pod: &Described<'_>, name: StrId) -> Option<Found> {
    let (spec, strings) = (pod.spec, pod.strings);
    let effective = words::amount_of(&spec.requests, name);
    // What the pod requests beyond its containers is its overhead, unless it has requests as a whole.
    let rest = effective - together(pod.template, name, None);
    let with = |amount: i64| {
        let mut class = spec.clone();
        words::set_amount(&mut class.requests, name, amount);
        class
    };
    let of = |index: usize| words::amount_of(&pod.template.containers[index].requests, name);
    // The container that requests most; of equals the first.
    let container = (0..pod.template.containers.len()).rev().max_by_key(|&index| of(index))?;
    let most = of(container);
    let fits_with = |amount: i64| {
        let total = together(pod.template, name, Some((container, amount))) + rest;
        (total < effective).then(|| with(total))
    };
    let best = words::steps(name, most, strings).into_iter().find_map(|step| {
        let best = lab.greatest(most, step, fits_with)?;
        // Nothing at all is an answer only in the finest unit.
        (best.0 > 0 || step == 1).then_some(best)
    });
    let (amount, node) = best?;
    let text = words::quantity(name, amount, strings);
    let resource = strings.text(name);
    let named = &pod.template.containers[container];
    let of_container = match pod.template.containers.len() {
        1 => String::new(),
        _ => format!(" in container {}", strings.text(named.name)),
    };
    let what = match amount {
        0 => format!("request no {resource}{of_container}"),
        _ => format!(
            "request at most {text} of {resource}{of_container}, instead of {}",
            words::quantity(name, most, strings)
        ),
    };
    let edits = match &pod.source {
        Source::Template(path) => {
            // Amounts with a unit are texts, counts are numbers.
            let value = if is_shared(resource) { json!(text) } else { json!(amount) };
            vec![scenario(path, resource, Op::Set, value)]
        }
        _ => {
            let init = pod.template.init_count();
            let (list, index) =
                if container < init { ("initContainers", container) } else { ("containers", container - init) };
            let path = |list_of: &str| {
                vec![json!("spec"), json!(list), json!(index), json!("resources"), json!(list_of), json!(resource)]
            };
            // Extended resources are never overcommitted: request and limit are equal.
            let lists: &[&str] = if is_shared(resource) { &["requests"] } else { &["requests", "limits"] };
            let set = |list_of: &&str| Edit::Field {
                object: pod.object.clone(),
                path: path(list_of),
                op: Op::Set,
                value: json!(text),
            };
            lists.iter().map(set).collect()
        }
    };
    Some((node, Change { what, node: String::new(), edits, note: note(&pod.source) }))
}

fn is_shared(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory" | "ephemeral-storage")
}

// ---- constraints ----

/// Taints that say how a node is, not who may use it: to tolerate them puts a pod on a node that does not work.
const CONDITIONS: &str = "node.kubernetes.io/";

fn tolerations(lab: &Lab, pod: &Described<'_>) -> Tries {
    let view = lab.view();
    let mut taints: Vec<Taint> = Vec::new();
    for &node in view.list() {
        let Some(facts) = view.facts(node) else { continue };
        for &taint in view.tables().taints(facts.taints) {
            let hard = matches!(taint.effect, TaintEffect::NoSchedule | TaintEffect::NoExecute);
            let condition = pod.strings.text(taint.key).starts_with(CONDITIONS);
            let tolerated = pod.spec.tolerations.iter().any(|toleration| toleration.tolerates(&taint));
            if hard && !condition && !tolerated && !taints.contains(&taint) {
                taints.push(taint);
            }
        }
    }
    let single = taints.into_iter().map(|taint| {
        let (key, value) = (pod.strings.text(taint.key), pod.strings.text(taint.value));
        let effect = words::effect(taint.effect);
        let toleration = Toleration {
            key: Some(taint.key),
            operator: TolerationOperator::Equal(taint.value),
            effect: Some(taint.effect),
            seconds: None,
        };
        let mut class = pod.spec.clone();
        class.tolerations = class.tolerations.iter().copied().chain([toleration]).collect();
        let written = match value {
            "" => json!({ "key": key, "operator": "Exists", "effect": effect }),
            _ => json!({ "key": key, "operator": "Equal", "value": value, "effect": effect }),
        };
        let what = format!("tolerate the taint {}:{effect}", words::pair(taint.key, taint.value, pod.strings));
        Try { what, class, edits: vec![pod.field(&["spec", "tolerations"], Op::Append, written)] }
    });
    Tries { single: single.collect(), all: None }
}

fn selectors(pod: &Described<'_>) -> Tries {
    let spec = pod.spec;
    let keep = |dropped: Option<StrId>| {
        let mut class = spec.clone();
        class.node_selector =
            spec.node_selector.iter().copied().filter(|&(key, _)| dropped.is_some_and(|drop| drop != key)).collect();
        class
    };
    let single = spec.node_selector.iter().map(|&(key, value)| {
        let text = pod.strings.text(key);
        let edit = match &pod.source {
            Source::Template(path) if spec.node_selector.len() == 1 => {
                scenario(path, "node_selector", Op::Set, json!("{}"))
            }
            Source::Template(path) => {
                let mut path = path.clone();
                path.push(json!("node_selector"));
                scenario(&path, text, Op::Remove, Json::Null)
            }
            _ => pod.field(&["spec", "nodeSelector", text], Op::Remove, Json::Null),
        };
        let what = format!("drop {} from its nodeSelector", words::pair(key, value, pod.strings));
        Try { what, class: keep(Some(key)), edits: vec![edit] }
    });
    let edit = match &pod.source {
        Source::Template(path) => scenario(path, "node_selector", Op::Set, json!("{}")),
        _ => pod.field(&["spec", "nodeSelector"], Op::Remove, Json::Null),
    };
    let all = Try { what: "drop its nodeSelector".to_owned(), class: keep(None), edits: vec![edit] };
    Tries { single: single.collect(), all: (spec.node_selector.len() > 1).then_some(all) }
}

/// The least `maxSkew` of one constraint of topology spread that fits.
fn skew(lab: &mut Lab, pod: &Described<'_>) -> Option<Found> {
    const FURTHEST: i32 = 100;
    let hard = |one: &SpreadConstraint| one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule;
    let with = |index: usize, max_skew: i32| {
        let mut class = pod.spec.clone();
        class.spread[index].max_skew = max_skew;
        class
    };
    for (index, constraint) in pod.spec.spread.iter().enumerate().filter(|(_, one)| hard(one)) {
        let now = constraint.max_skew;
        if lab.fits(&with(index, now.saturating_add(FURTHEST))).is_none() {
            continue;
        }
        for more in 1..=FURTHEST {
            let max_skew = now.saturating_add(more);
            let Some(node) = lab.fits(&with(index, max_skew)) else { continue };
            let key = pod.strings.text(constraint.topology_key);
            let what = format!("let its spread over {key} be uneven by {max_skew} pods, instead of {now}");
            let path = vec![json!("spec"), json!("topologySpreadConstraints"), json!(index), json!("maxSkew")];
            let edit = Edit::Field { object: pod.object.clone(), path, op: Op::Set, value: json!(max_skew) };
            return Some((node, Change { what, node: String::new(), edits: vec![edit], note: note(&pod.source) }));
        }
    }
    None
}

/// Hard constraints of topology spread.
fn spread(pod: &Described<'_>) -> Tries {
    let spec = pod.spec;
    let hard: Vec<usize> = (0..spec.spread.len())
        .filter(|&index| spec.spread[index].when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule)
        .collect();
    let single = hard.iter().map(|&index| {
        let mut class = spec.clone();
        class.spread = without(&spec.spread, index);
        let what = format!("drop its hard spread over {}", pod.strings.text(spec.spread[index].topology_key));
        let edits = vec![pod.entry(&["spec", "topologySpreadConstraints"], index)];
        Try { what, class, edits }
    });
    let mut class = spec.clone();
    class.spread =
        spec.spread.iter().enumerate().filter(|(at, _)| !hard.contains(at)).map(|(_, one)| one.clone()).collect();
    let edits = hard.iter().rev().map(|&index| pod.entry(&["spec", "topologySpreadConstraints"], index)).collect();
    let all = Try { what: "drop its hard spread constraints".to_owned(), class, edits };
    Tries { single: single.collect(), all: (hard.len() > 1).then_some(all) }
}

/// Required terms of affinity and anti-affinity between pods.
fn near(pod: &Described<'_>) -> Tries {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let spec = pod.spec;
    let Some(affinity) = spec.pod_affinity.as_deref() else { return Tries { single: Vec::new(), all: None } };
    let kinds = [("podAffinity", &affinity.required), ("podAntiAffinity", &affinity.anti_required)];
    let mut single = Vec::new();
    for (name, terms) in kinds {
        for (index, term) in terms.iter().enumerate() {
            let mut relaxed = affinity.clone();
            let list = if name == "podAffinity" { &mut relaxed.required } else { &mut relaxed.anti_required };
            *list = without(list, index);
            let class = PodClass { pod_affinity: Some(Box::new(relaxed)), ..spec.clone() };
            let what = format!("drop a required term of its {name} (over {})", pod.strings.text(term.topology_key));
            single.push(Try { what, class, edits: vec![pod.entry(&["spec", "affinity", name, REQUIRED], index)] });
        }
    }
    let relaxed = PodAffinity { required: Box::default(), anti_required: Box::default(), ..affinity.clone() };
    let class = PodClass { pod_affinity: Some(Box::new(relaxed)), ..spec.clone() };
    let edits = kinds
        .iter()
        .map(|(name, _)| pod.field(&["spec", "affinity", name, REQUIRED], Op::Remove, Json::Null))
        .collect();
    let all = Try { what: "drop its required podAffinity and podAntiAffinity".to_owned(), class, edits };
    let several = single.len() > 1;
    Tries { single, all: several.then_some(all) }
}

/// A list without one of its entries.
fn without<T: Clone>(list: &[T], index: usize) -> Box<[T]> {
    list.iter().enumerate().filter(|&(at, _)| at != index).map(|(_, one)| one.clone()).collect()
}

/// What else a pod may do without.
fn constraints(pod: &Described<'_>) -> Tries {
    let spec = pod.spec;
    let mut single = Vec::new();
    if let Some(affinity) = spec.node_affinity.as_deref().filter(|affinity| affinity.required.is_some()) {
        let mut class = spec.clone();
        let relaxed = crate::model::NodeAffinity { required: None, preferred: affinity.preferred.clone() };
        class.node_affinity = Some(Box::new(relaxed));
        let path = ["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
        let edits = vec![pod.field(&path, Op::Remove, Json::Null)];
        single.push(Try { what: "drop its required node affinity".to_owned(), class, edits });
    }
    single.extend(pod.profiles.iter().filter(|name| **name != spec.scheduler_name).map(|&name| {
        let class = PodClass { scheduler_name: name, ..spec.clone() };
        let (what, edit) = match name.map(|name| pod.strings.text(name)) {
            None => (
                "let the default scheduler place it".to_owned(),
                pod.field(&["spec", "schedulerName"], Op::Remove, Json::Null),
            ),
            Some(name) => (
                format!("let the scheduler {name} place it"),
                pod.field(&["spec", "schedulerName"], Op::Set, json!(name)),
            ),
        };
        Try { what, class, edits: vec![edit] }
    }));
    let (mut ports, mut all_edits) = (Vec::new(), Vec::new());
    for (index, port) in spec.host_ports.iter().enumerate() {
        let mut class = spec.clone();
        class.host_ports = without(&spec.host_ports, index);
        let edits = host_port(pod, index);
        all_edits.extend(edits.clone());
        let what = format!("drop its host port {}/{}", port.port, words::protocol(port.protocol));
        ports.push(Try { what, class, edits });
    }
    // With the node's network every port is a host port.
    let whole = pod.template.host_network || ports.len() > 1;
    let all = whole.then(|| {
        if pod.template.host_network {
            all_edits.insert(0, pod.field(&["spec", "hostNetwork"], Op::Remove, Json::Null));
        }
        let class = PodClass { host_ports: Box::default(), ..spec.clone() };
        Try { what: "drop its host ports".to_owned(), class, edits: all_edits }
    });
    if !pod.template.host_network {
        single.extend(ports);
    }
    Tries { single, all: all.filter(|_| !spec.host_ports.is_empty()) }
}

/// The field that takes the host port number `index` of the pod.
fn host_port(pod: &Described<'_>, index: usize) -> Vec<Edit> {
    let init = pod.template.init_count();
    let mut count = 0;
    for (at, container) in pod.template.containers.iter().enumerate() {
        let taken = container.ports.iter().enumerate().filter(|(_, port)| port.host_port != 0);
        for (number, _) in taken.filter(|_| container.role != Role::Init) {
            if count == index {
                let (list, at) = if at < init { ("initContainers", at) } else { ("containers", at - init) };
                let path =
                    vec![json!("spec"), json!(list), json!(at), json!("ports"), json!(number), json!("hostPort")];
                return vec![Edit::Field { object: pod.object.clone(), path, op: Op::Remove, value: Json::Null }];
            }
            count += 1;
        }
    }
    Vec::new()
}

impl Described<'_> {
    /// An edit of a field of the pod.
    pub(super) fn field(&self, path: &[&str], op: Op, value: Json) -> Edit {
        Edit::Field { object: self.object.clone(), path: path.iter().map(|part| json!(part)).collect(), op, value }
    }
    /// Removes an entry of a list of the pod.
    fn entry(&self, path: &[&str], index: usize) -> Edit {
        let path = path.iter().map(|part| json!(part)).chain([json!(index)]).collect();
        Edit::Field { object: self.object.clone(), path, op: Op::Remove, value: Json::Null }
    }
}
