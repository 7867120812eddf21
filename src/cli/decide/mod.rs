//! Decisions without time: a cluster read from manifests, and pods that are decided about one after the other, each by the
//! scheduler's own [`schedule_one`], preemption included. What `podsim schedule` and `podsim conformance` share; owns what
//! happens between two decisions, where a simulation has kubelets, controllers and latencies. Decides nothing itself.

mod cluster;
mod entry;
mod placed;
mod volumes;

use std::collections::BTreeMap;

use rand::Rng as _;

pub(super) use cluster::Cluster;
pub(super) use entry::{Entry, Outcome};
use placed::Placed;

use crate::base::draw::Purpose;
use crate::base::{Draws, SimDuration, SimTime};
use crate::manifest::PodObject;
use crate::model::plan::Evaluator;
use crate::model::{NodeId, PodId};
use crate::scheduler::cycle::{Ask, Decision, Options, TieBreak};
use crate::scheduler::judge::Judge;
use crate::scheduler::plugins::default_preemption::Candidate;
use crate::scheduler::scan::Scan;

/// What is not in the objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// How a cycle goes.
    pub options: Options,
    /// The root of what is drawn.
    pub seed: u64,
    /// Which evaluator judges.
    pub evaluator: Evaluator,
    /// Whether every search begins at the first node.
    pub restarts: bool,
    /// The start time of the first pod that is decided about; each later one starts a second later. Preemption asks for it.
    pub first_start: SimTime,
}

/// A pod's turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn<'a> {
    pub pod: &'a PodObject,
    /// Its place in the queue.
    pub at: usize,
    /// Which attempt, counted from 0; those after the first follow a preemption.
    pub attempt: u32,
    /// Its nominated node.
    pub nominated: Option<NodeId>,
}

/// What is done after an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Choice {
    /// Nothing: no node takes the pod, and nobody is evicted for it.
    Nothing,
    /// The pod came with this node.
    Given(NodeId),
    /// The pod gets this node.
    Place(NodeId),
    /// The pod gets this node and its claims these volumes: what another has decided.
    Recorded(NodeId, BTreeMap<String, String>),
    /// These pods make way on this node, and the pod is tried again.
    Evict(NodeId, Vec<PodId>),
}

/// The cluster while pods are decided about.
#[derive(Debug)]
pub(super) struct Driver {
    pub cluster: Cluster,
    judge: Judge,
    settings: Settings,
    draws: Draws,
}

impl Driver {
    pub fn new(cluster: Cluster, settings: Settings) -> Self {
        let (judge, draws) = (Judge::new(settings.evaluator), Draws::new(settings.seed));
        Self { cluster, judge, settings, draws }
    }

    /// The first turn of a pod.
    pub fn turn<'a>(&self, pod: &'a PodObject, at: usize) -> Turn<'a> {
        let nominated = pod.observed.nominated.and_then(|name| self.cluster.node(name));
        Turn { pod, at, attempt: 0, nominated }
    }

    /// Decides about a pod, again after each preemption, and does what was decided.
    pub fn decide(&mut self, pod: &PodObject, at: usize) -> Vec<Entry> {
        let mut turn = self.turn(pod, at);
        let mut entries = Vec::new();
        loop {
            let (entry, choice) = self.attempt(&turn);
            entries.push(entry);
            match self.carry_out(&turn, &choice) {
                Some(next) => turn = next,
                None => return entries,
            }
        }
    }

    /// What is decided about a pod. Does nothing yet.
    pub fn attempt(&mut self, turn: &Turn<'_>) -> (Entry, Choice) {
        let (class, cluster) = (turn.pod.template.class, &mut self.cluster);
        let mut entry = Entry::of(cluster.key(turn.pod), turn.attempt > 0);
        if let Some(name) = cluster.words.classes.get(class).node_name {
            // The scheduler does not look at it.
            entry.outcome = Outcome::Bound;
            entry.preassigned = true;
            entry.chosen = Some(cluster.words.strings.text(name).to_owned());
            return (entry, cluster.node(name).map_or(Choice::Nothing, Choice::Given));
        }
        if cluster.view.tables().class(class).profile.is_none() {
            let name = cluster.words.classes.get(class).scheduler_name;
            let name = name.map_or("", |name| cluster.words.strings.text(name));
            entry.outcome = Outcome::Error;
            entry.message = Some(format!("profile not found for scheduler name \"{name}\""));
            return (entry, Choice::Nothing);
        }
        if entry.tell_gates(cluster, class) {
            return (entry, Choice::Nothing);
        }
        if self.settings.restarts {
            cluster.view.restart_search();
        }
        let mut draw = self.draws.of(Purpose::TieBreak, &entry.pod).at(turn.at as u64, u64::from(turn.attempt), 0);
        let (tie, offset) = (draw.next_u64(), draw.next_u64());
        let ask = Ask { class, nominated: turn.nominated };
        cluster.view.refresh();
        let start = cluster.view.next_start();
        let mut decision = self.judge.decide(&mut cluster.view, ask, &self.settings.options, tie);
        let offset = if self.settings.options.tie_break == TieBreak::Drawn { offset } else { 0 };
        let candidates = match &mut decision.outcome {
            crate::scheduler::cycle::Outcome::Unfit(error) => {
                self.judge.preempt(&cluster.view, ask, error, &*cluster, offset)
            }
            crate::scheduler::cycle::Outcome::Placed(_) => Vec::new(),
        };
        let survey = self.survey(class, start, &decision);
        entry.tell(&self.cluster, turn.nominated, &decision, &survey);
        entry.tell_candidates(&self.cluster, &candidates);
        let choice = match (decision.node(), candidates.first()) {
            (Some(node), _) => Choice::Place(node),
            (None, Some(Candidate { node, victims, .. })) => {
                Choice::Evict(*node, victims.iter().map(|victim| victim.pod).collect())
            }
            (None, None) => Choice::Nothing,
        };
        if let Choice::Place(node) = choice {
            entry.volumes = self.cluster.volumes_on(class, node);
        }
        (entry, choice)
    }

    /// What the nodes say that were looked at.
    fn survey(&self, class: crate::model::ClassId, start: u32, decision: &Decision) -> entry::Survey {
        let view = &self.cluster.view;
        let list = view.list();
        let is_named = view.tables().statics(view.tables().class(class).statics).named_nodes.is_some();
        // If node affinity names nodes, the others are rejected without being looked at.
        if is_named || decision.evaluated as usize >= list.len() || decision.node().is_none() {
            return Scan::survey(view, class);
        }
        let cyclic = list[start as usize % list.len()..].iter().chain(list).copied();
        Scan::survey_of(view, class, cyclic.take(decision.evaluated as usize))
    }

    /// Does what was decided, by this driver or by whom it is compared with. The turn that follows a preemption, if it was one.
    pub fn carry_out<'a>(&mut self, turn: &Turn<'a>, choice: &Choice) -> Option<Turn<'a>> {
        let class = turn.pod.template.class;
        let seconds = i64::try_from(turn.at).expect("a queue is short");
        let started = self.settings.first_start + SimDuration::from_secs(seconds);
        let placed = Placed::decided(&self.cluster, turn.pod, started);
        match choice {
            Choice::Nothing => None,
            Choice::Given(node) => {
                self.cluster.put(placed, turn.pod, *node);
                None
            }
            Choice::Place(node) => {
                self.cluster.bind_volumes(class, *node);
                self.cluster.assume(placed, class, *node);
                None
            }
            Choice::Recorded(node, volumes) => {
                self.cluster.bind_as_recorded(class, *node, volumes);
                self.cluster.assume(placed, class, *node);
                None
            }
            Choice::Evict(node, victims) => {
                victims.iter().for_each(|&victim| self.cluster.remove(victim));
                Some(Turn { attempt: turn.attempt + 1, nominated: Some(*node), ..*turn })
            }
        }
    }
}
