//! Machines that come and go: nodes are registered and removed, and what people and faults do to node pools.

use super::event::Event;
use super::world::{World, env};
use crate::api::Op;
use crate::autoscaler::{Command, Registration, Timer};
use crate::component::Env;
use crate::engine::Kernel;
use crate::model::plan::NodePlan;
use crate::model::{NodeId, PoolId, ShapeId, StrId};
use crate::record::{NodeRecord, Recorder};

impl World {
    /// Adds a node and its machine, which runs. The plan knows it already.
    pub(super) fn add_node<R: Recorder>(
        &mut self,
        kernel: &Kernel<Event>,
        recorder: &mut R,
        name: StrId,
        shape: ShapeId,
    ) -> NodeId {
        let op = Op::AddNode { name, id: shape, shape: &self.plan.shapes[shape] };
        let id = self.cluster.nodes().len();
        self.cluster.request(kernel.now(), op).expect("a new node is always accepted");
        let id = crate::base::id::DenseId::from_index(id);
        let text = self.plan.strings.text(name);
        let draws = self.draws.node(text);
        self.kubelets.add_machine(&self.plan, shape, draws, kernel.now());
        self.node_names.insert(name, id);
        if R::ON {
            let name = recorder.note(|| text.to_owned());
            recorder.node(NodeRecord { name, shape });
        }
        id
    }

    /// A timer of node pools or their autoscaler.
    pub(super) fn pools<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, timer: Timer) {
        if let Timer::Registers(machine) = timer {
            return self.register(kernel, recorder, machine);
        }
        // It decides with all that the scheduler could know by now.
        self.is_news = true;
        let mut env = env!(self, kernel, recorder);
        self.scheduler.watch(&mut env);
        let mut env = env!(self, kernel, recorder);
        let options = *self.scheduler.options();
        self.autoscaler.handle(&mut env, timer, self.scheduler.view(), options);
        self.carry_out(kernel, recorder);
    }

    /// The kubelet of a new machine registers its node.
    fn register<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, machine: u32) {
        let Registration { name, shape, .. } = self.autoscaler.registration(&self.plan, machine);
        let name = self.plan.strings.intern(&name);
        self.plan.nodes.push(NodePlan { name, shape });
        let node = self.add_node(kernel, recorder, name, shape);
        let mut env = env!(self, kernel, recorder);
        self.autoscaler.registered(&mut env, machine, node);
        self.carry_out(kernel, recorder);
    }

    /// Gives a pool so many nodes; whether that was refused.
    pub(super) fn scale_pool<R: Recorder>(
        &mut self,
        kernel: &mut Kernel<Event>,
        recorder: &mut R,
        pool: PoolId,
        count: u32,
    ) -> bool {
        let mut env = env!(self, kernel, recorder);
        let refused = self.autoscaler.scale_pool(&mut env, pool, count);
        self.carry_out(kernel, recorder);
        refused
    }

    /// Begins to replace the nodes of a pool.
    pub(super) fn upgrade_pool<R: Recorder>(
        &mut self,
        kernel: &mut Kernel<Event>,
        recorder: &mut R,
        pool: PoolId,
        surge: u32,
    ) {
        let mut env = env!(self, kernel, recorder);
        self.autoscaler.upgrade_pool(&mut env, pool, surge);
        self.carry_out(kernel, recorder);
    }

    /// A provider runs out of machines for a pool, or has some again.
    pub(super) fn exhaust<R: Recorder>(
        &mut self,
        kernel: &mut Kernel<Event>,
        recorder: &mut R,
        pool: PoolId,
        begins: bool,
    ) {
        let mut env = env!(self, kernel, recorder);
        self.autoscaler.set_exhausted(&mut env, pool, begins);
        self.carry_out(kernel, recorder);
    }

    /// A node object is gone: its machine is in no pool any more.
    pub(super) fn leave_pool<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, node: NodeId) {
        let mut env = env!(self, kernel, recorder);
        self.autoscaler.removed(&mut env, node);
        self.carry_out(kernel, recorder);
    }

    fn carry_out<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R) {
        loop {
            let commands = self.autoscaler.take_commands();
            if commands.is_empty() {
                return;
            }
            for Command::Delete(node) in commands {
                let mut env = env!(self, kernel, recorder);
                self.kubelets.switch_off(&mut env, node);
                let name = self.cluster.nodes().get(node).name;
                if self.cluster.request(kernel.now(), Op::RemoveNode(node)).is_ok() {
                    self.node_names.remove(&name);
                }
                let mut env = env!(self, kernel, recorder);
                self.autoscaler.removed(&mut env, node);
            }
        }
    }
}
