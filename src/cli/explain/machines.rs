//! The smallest single changes of nodes that let a pod fit, each found by trying it: one more node of a pool, a label, an
//! uncordon, a higher limit of pods; and, if nothing else works, pods that would have to go.

use serde_json::{Value as Json, json};

use super::changes::{Change, Described, Found};
use super::edit::{Edit, Op, Written, scenario};
use crate::answers::survey::words;
use crate::base::id::DenseId;
use crate::model::strings::known;
use crate::model::{ClassId, NodeId, NodeShape, PodId, Resources, StrId, Strings, Taint};
use crate::scenario;
use crate::scheduler::framework::{Reason, Rejection, Verdict};
use crate::scheduler::tables::NodeSpec;
use crate::scheduler::whatif::Lab;
use crate::sim::Simulation;
use crate::sim::plan::Plan;

/// At most so many nodes of one pool are added in thought.
const MOST_MORE: usize = 64;
/// At most so many nodes are tried for changes of a single node.
const MOST_NODES: usize = 200;

/// What is tried on, and what is known about the nodes.
pub(super) struct Site<'a, R> {
    pub simulation: &'a Simulation<R>,
    pub written: &'a Written,
    /// What each node says to the pod now.
    pub rejected: &'a [(NodeId, Rejection)],
    /// Pods that the queue tries before this one.
    pub ahead: &'a [(PodId, ClassId)],
    pub pod: &'a Described<'a>,
    pub class: ClassId,
}

/// A node's properties, to be changed in thought.
#[derive(Clone)]
struct Machine {
    name: StrId,
    labels: Vec<(StrId, StrId)>,
    taints: Vec<Taint>,
    allocatable: Resources,
    max_pods: i64,
    unschedulable: bool,
    images: Box<[(StrId, i64)]>,
}

impl Machine {
    fn put(&self, lab: &mut Lab, node: NodeId, strings: &Strings) {
        let spec = NodeSpec {
            name: self.name,
            hostname: Some(self.name),
            labels: &self.labels,
            taints: &self.taints,
            allocatable: &self.allocatable,
            max_pods: self.max_pods,
            unschedulable: self.unschedulable,
            images: &self.images,
        };
        lab.set_node(node, &spec, strings);
    }
}

impl<R: crate::record::Recorder> Site<'_, R> {
    fn plan(&self) -> &Plan {
        self.simulation.plan()
    }

    fn strings(&self) -> &Strings {
        &self.plan().strings
    }

    fn machine(&self, node: NodeId) -> (Machine, &NodeShape) {
        let row = self.simulation.cluster().nodes().get(node);
        let shape = &self.plan().shapes[row.shape];
        let machine = Machine {
            name: row.name,
            labels: self.strings().labels(shape.labels).pairs().to_vec(),
            taints: row.taints.iter().map(|&(taint, _)| taint).collect(),
            allocatable: shape.allocatable.clone(),
            max_pods: shape.max_pods,
            unschedulable: row.unschedulable,
            images: shape.images.clone(),
        };
        (machine, shape)
    }

    /// Which pool of the scenario a node is from.
    fn pool_of(&self, name: &str, shape: &NodeShape) -> Option<usize> {
        let pool = self.strings().text(shape.pool);
        let number = name.strip_prefix(pool)?.strip_prefix('-')?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        self.written.pools().iter().position(|name| name == pool).filter(|_| is_number)
    }

    /// All single changes of nodes that let the pod fit.
    pub(super) fn changes(&self, lab: &Lab) -> Vec<Found> {
        let mut found = self.more_nodes(lab);
        let mut lab = lab.clone();
        let mut first = |kind: fn(&Self, &mut Lab, NodeId, &Rejection) -> Option<Found>| {
            let mut tried = self.rejected.iter().take(MOST_NODES);
            found.extend(tried.find_map(|(node, rejection)| kind(self, &mut lab, *node, rejection)));
        };
        first(Self::uncordon);
        first(Self::label);
        first(Self::pod_limit);
        found
    }

    /// Tries a node with other properties.
    fn try_machine(&self, lab: &mut Lab, node: NodeId, change: impl FnOnce(&mut Machine)) -> bool {
        let (before, _) = self.machine(node);
        let mut after = before.clone();
        change(&mut after);
        after.put(lab, node, self.strings());
        let fits = lab.decide(self.class) == Some(node);
        before.put(lab, node, self.strings());
        fits
    }

    fn uncordon(&self, lab: &mut Lab, node: NodeId, rejection: &Rejection) -> Option<Found> {
        let by_cordon = |reason: &Reason| {
            let taint = |key: &StrId| *key == known::TAINT_UNSCHEDULABLE;
            matches!(reason, Reason::NodeUnschedulable)
                || matches!(reason, Reason::UntoleratedTaint { key, .. } if taint(key))
        };
        rejection.verdict.reasons().iter().any(by_cordon).then_some(())?;
        // The node lifecycle controller keeps a taint on cordoned nodes.
        let uncordoned = |machine: &mut Machine| {
            machine.unschedulable = false;
            machine.taints.retain(|taint| taint.key != known::TAINT_UNSCHEDULABLE);
        };
        self.try_machine(lab, node, uncordoned).then_some(())?;
        let (machine, shape) = self.machine(node);
        let name = self.strings().text(machine.name);
        let edits = match self.pool_of(name, shape) {
            // It was cordoned during the run: no description says so.
            _ if !shape.unschedulable => Vec::new(),
            Some(pool) => vec![scenario(&[json!("node_pool"), json!(pool)], "unschedulable", Op::Set, json!(false))],
            None => vec![node_field(name, &["spec", "unschedulable"], Op::Remove, Json::Null)],
        };
        let note = edits.is_empty().then(|| format!("It was cordoned during the run: kubectl uncordon {name}"));
        Some((node, Change { what: format!("uncordon {name}"), node: String::new(), edits, note }))
    }

    /// One label that `nodeSelector` asks for.
    fn label(&self, lab: &mut Lab, node: NodeId, rejection: &Rejection) -> Option<Found> {
        rejection.verdict.reasons().contains(&Reason::NodeAffinity).then_some(())?;
        let (machine, shape) = self.machine(node);
        let mut missing = self.pod.spec.node_selector.iter().filter(|pair| !machine.labels.contains(pair));
        let &(key, value) = missing.next()?;
        // The name of a node is no label to choose.
        if missing.next().is_some() || key == known::LABEL_HOSTNAME {
            return None;
        }
        let labelled = |machine: &mut Machine| {
            machine.labels.retain(|&(other, _)| other != key);
            machine.labels.push((key, value));
            machine.labels.sort_unstable();
        };
        self.try_machine(lab, node, labelled).then_some(())?;
        let (name, key_text, value_text) =
            (self.strings().text(machine.name), self.strings().text(key), self.strings().text(value));
        let label = words::pair(key, value, self.strings());
        let (what, edit) = match self.pool_of(name, shape) {
            Some(pool) => {
                let path = [json!("node_pool"), json!(pool), json!("labels")];
                let what = format!("label the nodes of the pool {} {label}", self.strings().text(shape.pool));
                (what, scenario(&path, key_text, Op::Set, json!(value_text)))
            }
            None => {
                let edit = node_field(name, &["metadata", "labels", key_text], Op::Set, json!(value_text));
                (format!("label {name} {label}"), edit)
            }
        };
        Some((node, Change { what, node: String::new(), edits: vec![edit], note: None }))
    }

    fn pod_limit(&self, lab: &mut Lab, node: NodeId, rejection: &Rejection) -> Option<Found> {
        (rejection.verdict.reasons() == [Reason::TooManyPods]).then_some(())?;
        let (machine, shape) = self.machine(node);
        let needed = lab.view().usage(node).pods + 1;
        self.try_machine(lab, node, |machine| machine.max_pods = needed).then_some(())?;
        let name = self.strings().text(machine.name);
        let (what, edit) = match self.pool_of(name, shape) {
            Some(pool) => {
                let path = [json!("node_pool"), json!(pool), json!("capacity")];
                let what = format!(
                    "let the nodes of the pool {} take {needed} pods, instead of {}",
                    self.strings().text(shape.pool),
                    shape.max_pods
                );
                (what, scenario(&path, "pods", Op::Set, json!(needed)))
            }
            None => {
                let mut all = serde_json::Map::new();
                let standard = [known::CPU, known::MEMORY, known::EPHEMERAL_STORAGE];
                let scalar = shape.allocatable.scalar.iter().map(|&(name, _)| name);
                for resource in standard.into_iter().chain(scalar) {
                    let amount = words::amount_of(&shape.allocatable, resource);
                    let text = words::quantity(resource, amount, self.strings());
                    all.insert(self.strings().text(resource).to_owned(), json!(text));
                }
                all.insert("pods".to_owned(), json!(needed.to_string()));
                let what = format!("let {name} take {needed} pods, instead of {}", shape.max_pods);
                (what, node_field(name, &["status", "allocatable"], Op::Set, Json::Object(all)))
            }
        };
        Some((node, Change { what, node: String::new(), edits: vec![edit], note: None }))
    }

    /// More nodes of each pool, as few as it takes: pods that the queue tries before this one take theirs first.
    fn more_nodes(&self, lab: &Lab) -> Vec<Found> {
        let pools = self.written.pools();
        let count = |pool: &str| {
            let of_pool = |node: &&crate::sim::plan::NodePlan| {
                let shape = &self.plan().shapes[node.shape];
                let name = self.strings().text(node.name);
                self.strings().text(shape.pool) == pool && self.pool_of(name, shape).is_some()
            };
            self.plan().nodes.iter().filter(of_pool).count()
        };
        // The scenario itself says what the next nodes of each pool would be like.
        let mut found = Vec::new();
        for (index, pool) in pools.iter().enumerate() {
            let now = count(pool);
            let set = |more: usize| format!("node_pool.{index}.count={}", now + more);
            let mut sets = self.written.args.set.clone();
            sets.push(set(MOST_MORE));
            let Some(larger) = scenario::load(&self.written.args.scenario, &sets).plan else { continue };
            let own = |node: &&crate::sim::plan::NodePlan| {
                larger.strings.text(larger.shapes[node.shape].pool) == pool
                    && larger.strings.text(node.name).starts_with(&format!("{pool}-"))
            };
            let new: Vec<_> = larger.nodes.iter().filter(own).skip(now).collect();
            let mut strings = self.strings().clone();
            let mut trial = lab.clone();
            for (more, node) in new.into_iter().enumerate() {
                let machine = translated(&larger, node, &mut strings);
                let id = NodeId::from_index(self.simulation.cluster().nodes().len() + more);
                machine.put(&mut trial, id, &strings);
                let mut crowd = trial.clone();
                if crowd.decide(self.class).is_some() && {
                    crowd.place_all(self.ahead.iter().copied());
                    crowd.decide(self.class).is_some()
                } {
                    let what = match more {
                        0 => format!("one more node in the pool {pool}"),
                        more => format!("{} more nodes in the pool {pool}", more + 1),
                    };
                    let name = larger.strings.text(node.name).to_owned();
                    let edits = vec![Edit::Set { set: set(more + 1) }];
                    found.push((id, Change { what, node: name, edits, note: None }));
                    break;
                }
                // If it does not fit on the empty node, it does not fit on more of them, in other zones at most.
                if more > self.ahead.len() + 8 {
                    break;
                }
            }
        }
        found
    }

    /// The fewest pods of one node that would have to go. Pods of lower priority go first, and of those the largest.
    pub(super) fn evictions(&self, lab: &Lab) -> Option<Found> {
        let cluster = self.simulation.cluster();
        let mut best: Option<(usize, i64, NodeId, Vec<PodId>)> = None;
        let resolvable = |(_, rejection): &&(NodeId, Rejection)| matches!(rejection.verdict, Verdict::Unschedulable(_));
        for &(node, _) in self.rejected.iter().filter(resolvable).take(MOST_NODES) {
            let size = |class: ClassId| {
                let requests = &self.plan().classes[class].requests;
                requests.milli_cpu.saturating_add(requests.memory >> 20)
            };
            let mut pods: Vec<(PodId, ClassId)> = lab.view().pods_on(node).collect();
            pods.sort_by_key(|&(pod, class)| {
                (self.plan().classes[class].priority, std::cmp::Reverse(size(class)), pod)
            });
            let fits_without = |gone: &[PodId]| {
                let mut trial = lab.clone();
                gone.iter().for_each(|&pod| trial.remove_pod(pod));
                trial.decide(self.class) == Some(node)
            };
            let all: Vec<PodId> = pods.iter().map(|&(pod, _)| pod).collect();
            let Some(most) = (1..=all.len()).find(|&count| fits_without(&all[..count])) else { continue };
            // Those that need not go stay.
            let mut gone = all[..most].to_vec();
            for pod in all[..most].iter().rev() {
                let fewer: Vec<PodId> = gone.iter().copied().filter(|other| other != pod).collect();
                if !fewer.is_empty() && fits_without(&fewer) {
                    gone = fewer;
                }
            }
            let total = gone.iter().filter_map(|&pod| lab.view().place_of(pod)).map(|(_, class)| size(class)).sum();
            if best.as_ref().is_none_or(|(count, sum, ..)| (gone.len(), total) < (*count, *sum)) {
                best = Some((gone.len(), total, node, gone));
            }
        }
        let (_, _, node, gone) = best?;
        let name = |pod: &PodId| {
            let (workload, ordinal) = cluster.pods().source(*pod);
            super::edit::full_name(self.strings(), &self.plan().workloads[workload], ordinal)
        };
        let names: Vec<String> = gone.iter().map(name).collect();
        let what = format!("delete {}", words::elided(&names));
        let delete = |name: &String| {
            let (namespace, pod) = name.split_once('/').unwrap_or(("default", name));
            Edit::Delete { delete: format!("pod {pod} -n {namespace}") }
        };
        let edits = names.iter().map(delete).collect();
        Some((node, Change { what, node: String::new(), edits, note: None }))
    }
}

fn node_field(name: &str, path: &[&str], op: Op, value: Json) -> Edit {
    Edit::Field { object: format!("node {name}"), path: path.iter().map(|part| json!(part)).collect(), op, value }
}

/// A node of another plan, in the words of this one.
fn translated(plan: &Plan, node: &crate::sim::plan::NodePlan, strings: &mut Strings) -> Machine {
    let shape = &plan.shapes[node.shape];
    let mut word = |id: StrId| strings.intern(plan.strings.text(id));
    let mut labels: Vec<(StrId, StrId)> =
        plan.strings.labels(shape.labels).pairs().iter().map(|&(key, value)| (word(key), word(value))).collect();
    labels.sort_unstable();
    let taint = |taint: &Taint, word: &mut dyn FnMut(StrId) -> StrId| Taint {
        key: word(taint.key),
        value: word(taint.value),
        effect: taint.effect,
    };
    let taints = shape.taints.iter().map(|one| taint(one, &mut word)).collect();
    let mut allocatable = Resources { scalar: smallvec::SmallVec::new(), ..shape.allocatable.clone() };
    for &(name, amount) in &shape.allocatable.scalar {
        allocatable.set_scalar(word(name), amount);
    }
    Machine {
        name: word(node.name),
        labels,
        taints,
        allocatable,
        max_pods: shape.max_pods,
        unschedulable: shape.unschedulable,
        images: shape.images.iter().map(|&(name, size)| (word(name), size)).collect(),
    }
}
