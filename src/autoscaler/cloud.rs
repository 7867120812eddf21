//! The machines of node pools as their provider sees them: how many each pool is to have, which are being made, which are nodes.
//! Knows no pod and no rule of the autoscaler.

use std::collections::BTreeMap;

use crate::base::id::DenseId;
use crate::base::{IdVec, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::plan::Plan;
use crate::model::{NodeId, PoolId, ShapeId};

use super::Timer;

/// All pools.
#[derive(Debug, Default)]
pub struct Cloud {
    groups: IdVec<PoolId, Group>,
    machines: Vec<Machine>,
    pool_of: BTreeMap<NodeId, PoolId>,
}

/// A pool.
#[derive(Debug)]
struct Group {
    /// How many machines it is to have, those that are being deleted included.
    target: u32,
    /// The number of the next machine. Names are never used again.
    next: usize,
    /// How many faults keep the provider from making machines.
    exhausted: u32,
    nodes: Vec<NodeId>,
    /// Machines that are being made, in the order in which they were asked for.
    coming: Vec<u32>,
}

/// A machine that was asked for in the run.
#[derive(Clone, Copy, Debug)]
struct Machine {
    pool: PoolId,
    number: usize,
    asked: SimTime,
    timer: TimerKey,
}

/// A machine that is about to be a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// Its pool.
    pub pool: PoolId,
    /// The node's name.
    pub name: String,
    /// What it is like.
    pub shape: ShapeId,
}

impl Cloud {
    /// The pools as they are when a run starts: the plan's nodes have the ids of their places.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let mut cloud = Self::default();
        for (id, pool) in plan.pools.entries() {
            let nodes: Vec<NodeId> = pool.nodes.clone().map(NodeId::from_index).collect();
            cloud.pool_of.extend(nodes.iter().map(|&node| (node, id)));
            let target = u32::try_from(nodes.len()).expect("node ids are 32 bits wide");
            cloud.groups.push(Group { target, next: nodes.len(), exhausted: 0, nodes, coming: Vec::new() });
        }
        cloud
    }

    /// The pool of a node, if it is in one.
    #[must_use]
    pub fn pool_of(&self, node: NodeId) -> Option<PoolId> {
        self.pool_of.get(&node).copied()
    }

    /// How many machines a pool is to have.
    #[must_use]
    pub fn size(&self, pool: PoolId) -> u32 {
        self.groups[pool].target
    }

    /// The nodes of a pool, in the order in which they came.
    #[must_use]
    pub fn nodes(&self, pool: PoolId) -> &[NodeId] {
        &self.groups[pool].nodes
    }

    /// How many machines of a pool are being made.
    #[must_use]
    pub fn coming(&self, pool: PoolId) -> usize {
        self.groups[pool].coming.len()
    }

    /// When the oldest machine of a pool that is being made was asked for.
    #[must_use]
    pub fn waits_since(&self, pool: PoolId) -> Option<SimTime> {
        self.groups[pool].coming.first().map(|&machine| self.machines[machine as usize].asked)
    }

    /// What the `more`-th next machine of a pool will be like.
    #[must_use]
    pub fn next_shape(&self, plan: &Plan, pool: PoolId, more: usize) -> ShapeId {
        shape_of(plan, pool, self.groups[pool].next + more)
    }

    /// What the machines of a pool that are being made will be like.
    pub fn coming_shapes<'a>(&'a self, plan: &'a Plan, pool: PoolId) -> impl Iterator<Item = ShapeId> + 'a {
        self.groups[pool].coming.iter().map(move |&at| shape_of(plan, pool, self.machines[at as usize].number))
    }

    /// The provider has no machines for a pool from now on, or has some again.
    pub fn set_exhausted(&mut self, pool: PoolId, on: bool) {
        let exhausted = &mut self.groups[pool].exhausted;
        *exhausted = if on { *exhausted + 1 } else { exhausted.saturating_sub(1) };
    }

    /// Asks for more machines; whether the provider makes them. All of them, or none.
    pub fn increase<T: Timers<Timer>, R>(&mut self, env: &mut Env<'_, T, R>, pool: PoolId, more: u32) -> bool {
        if self.groups[pool].exhausted > 0 {
            return false;
        }
        let plan = &env.plan.pools[pool];
        let boot = plan.boot.as_ref().unwrap_or(&env.plan.control_plane.node_boot);
        for _ in 0..more {
            let mut number = self.groups[pool].next;
            while is_taken(env.plan, &name_of(env.plan, pool, number)) {
                number += 1;
            }
            let draws = env.draws.node(&name_of(env.plan, pool, number));
            let takes = plan.provision.sample(&mut draws.boot.at(1, 0, 0)) + boot.sample(&mut draws.boot.at(0, 0, 0));
            let at = u32::try_from(self.machines.len()).expect("fewer than 2^32 machines");
            let timer = env.timers.after(SimDuration::from_secs_f64(takes), Timer::Registers(at));
            self.machines.push(Machine { pool, number, asked: env.now, timer });
            let group = &mut self.groups[pool];
            group.coming.push(at);
            group.next = number + 1;
            group.target += 1;
        }
        true
    }

    /// Machines of a pool that were asked for before `than` and are no nodes yet are given up. How many there were.
    pub fn give_up<T: Timers<Timer>, R>(&mut self, env: &mut Env<'_, T, R>, pool: PoolId, than: SimTime) -> u32 {
        let old = |at: &u32| self.machines[*at as usize].asked < than;
        let gone: Vec<u32> = self.groups[pool].coming.iter().copied().filter(old).collect();
        for &at in &gone {
            env.timers.disarm(self.machines[at as usize].timer);
        }
        let group = &mut self.groups[pool];
        group.coming.retain(|at| !gone.contains(at));
        let gone = u32::try_from(gone.len()).expect("few machines");
        group.target -= gone;
        gone
    }

    /// Takes back the machine of a pool that was asked for last and is no node yet; whether there was one.
    pub fn take_back<T: Timers<Timer>, R>(&mut self, env: &mut Env<'_, T, R>, pool: PoolId) -> bool {
        let Some(at) = self.groups[pool].coming.pop() else { return false };
        env.timers.disarm(self.machines[at as usize].timer);
        self.groups[pool].target -= 1;
        true
    }

    /// A machine runs: what is to be registered as a node.
    #[must_use]
    pub fn registration(&self, plan: &Plan, machine: u32) -> Registration {
        let Machine { pool, number, .. } = self.machines[machine as usize];
        Registration { pool, name: name_of(plan, pool, number), shape: shape_of(plan, pool, number) }
    }

    /// A machine is a node from now on.
    pub fn registered(&mut self, machine: u32, node: NodeId) {
        let pool = self.machines[machine as usize].pool;
        let group = &mut self.groups[pool];
        group.coming.retain(|&at| at != machine);
        group.nodes.push(node);
        self.pool_of.insert(node, pool);
    }

    /// A node is gone, and its machine with it.
    pub fn removed(&mut self, node: NodeId) {
        if let Some(pool) = self.pool_of.remove(&node) {
            let group = &mut self.groups[pool];
            group.nodes.retain(|&other| other != node);
            group.target -= 1;
        }
    }
}

fn name_of(plan: &Plan, pool: PoolId, number: usize) -> String {
    let pool = &plan.pools[pool];
    format!("{}-{number:0digits$}", plan.strings.text(pool.name), digits = pool.digits)
}

/// Whether a node has, or had, this name: a manifest may hold nodes that are called like those of a pool.
fn is_taken(plan: &Plan, name: &str) -> bool {
    plan.strings.lookup(name).is_some_and(|name| plan.nodes.iter().any(|node| node.name == name))
}

fn shape_of(plan: &Plan, pool: PoolId, number: usize) -> ShapeId {
    let shapes = &plan.pools[pool].shapes;
    shapes[number % shapes.len()]
}
