//! What a node would say if pods came to it or left it: one node's load and the sums of its domains, changed in thought. For pods
//! that are nominated and pods that might be evicted. Knows no cells and changes nothing.

use smallvec::SmallVec;

use super::counts::Counts;
use super::plugins::node_resources_fit::{Scalar, Usage};
use super::probe::{Probe, Reject};
use super::question::{Question, Thought};
use super::view::View;
use crate::model::{ClassId, HostPort, NodeId};

/// One node in thought.
#[derive(Clone, Debug)]
pub(super) struct Trial<'a> {
    view: &'a View,
    probe: &'a Probe<'a>,
    question: &'a Question,
    counts: &'a Counts,
    node: NodeId,
    usage: Usage,
    scalars: SmallVec<[Scalar; 2]>,
    ports: SmallVec<[HostPort; 2]>,
    thought: Thought,
    /// What the filters say that look at fixed properties.
    fixed: Result<(), Reject>,
}

impl<'a> Trial<'a> {
    /// A node as it is. The question must be prepared.
    pub(super) fn new(
        view: &'a View,
        probe: &'a Probe<'a>,
        question: &'a Question,
        counts: &'a Counts,
        node: NodeId,
    ) -> Self {
        let facts = view.facts(node).expect("a listed node exists");
        let mut trial = Self {
            view,
            probe,
            question,
            counts,
            node,
            usage: *view.usage(node),
            scalars: SmallVec::new(),
            ports: SmallVec::new(),
            thought: Thought::new(),
            fixed: probe.filter_facts(view.tables(), facts),
        };
        if probe.has_scalars() {
            trial.scalars.extend_from_slice(view.scalars(node));
        }
        if probe.has_ports() {
            trial.ports.extend_from_slice(view.ports(node));
        }
        trial
    }

    /// A pod comes (1) or leaves (-1).
    pub(super) fn count(&mut self, class: ClassId, sign: i64) {
        let tables = self.view.tables();
        let class = tables.class(class);
        let request = tables.request(class.request);
        let add = |to: &mut i64, amount: i64| *to = to.saturating_add(sign * amount);
        add(&mut self.usage.milli_cpu, request.amounts.milli_cpu);
        add(&mut self.usage.memory, request.amounts.memory);
        add(&mut self.usage.ephemeral, request.amounts.ephemeral_storage);
        add(&mut self.usage.pods, 1);
        for scalar in &mut self.scalars {
            add(&mut scalar.requested, request.amounts.scalar(scalar.name));
        }
        if self.probe.has_ports() {
            let ports = tables.ports(class.ports);
            if sign > 0 {
                self.ports.extend_from_slice(ports);
            } else {
                for port in ports {
                    if let Some(at) = self.ports.iter().position(|used| used == port) {
                        self.ports.swap_remove(at);
                    }
                }
            }
        }
        if self.question.filters() {
            self.question.think(self.counts, &mut self.thought, tables.relations(class.relations), sign);
        }
    }

    /// What the node says: the first rejection in filter order.
    pub(super) fn verdict(&self) -> Option<Reject> {
        let own = self.fixed.and_then(|()| self.probe.filter_load(&self.usage, &self.scalars, || &self.ports));
        own.err().or_else(|| self.question.verdict(self.counts, self.node, &self.thought))
    }

    /// What it says, first with the pods nominated there that count against a priority, then without them.
    pub(super) fn verdict_with_nominated(&self, priority: i32) -> Option<Reject> {
        let nominations = self.view.nominations();
        if !nominations.is_empty() && nominations.counting(self.node, priority).next().is_some() {
            let mut trial = self.clone();
            nominations.counting(self.node, priority).for_each(|nominee| trial.count(nominee.class, 1));
            if let Some(reject) = trial.verdict() {
                return Some(reject);
            }
        }
        self.verdict()
    }
}
