//! CPU time of a machine's containers: who gets less than it asks for does its work later. Computed when the set of
//! running containers or what they ask for changes; a machine whose containers cannot ask for more than it has, each
//! within its limit, is never looked at (spec 4.4).

use super::kubelet::{Kubelets, Timer};
use super::runtime::{Machine, RecordId, Slow};
use super::shares::{Claim, share};
use crate::api::PodRef;
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::{NodeId, cgroup};
use crate::record::{Fact, Recorder};
use crate::workload::UsageAt;
use crate::workload::life::RunOf;

/// Changes of speed that are smaller change nothing.
const NOTICEABLE: f64 = 1e-9;

/// A running container and what it claims.
struct Running {
    id: RecordId,
    index: u16,
    claim: Claim,
    serves: bool,
}

impl Machine {
    /// Whether some container may get less CPU time than it asks for.
    pub(super) fn is_cpu_short(&self) -> bool {
        let ceiling = &self.ceiling;
        ceiling.milli_cpu > self.milli_cpu
            || ceiling.boundless_cpu > 0
            || ceiling.throttled > 0
            || self.cpu_timer.is_some()
    }
}

impl Kubelets {
    /// Shares the machine's CPU time anew.
    pub(super) fn share_cpu<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        self.machines[node].steady_usage.set(None);
        if let Some(timer) = self.machines[node].cpu_timer.take() {
            env.timers.disarm(timer);
        }
        if !self.machines[node].up || !(self.machines[node].is_cpu_short() || self.machines[node].cpu_was_short) {
            return;
        }
        let next = self.next_kink(env.plan, env.now, node);
        if let Some(at) = next {
            self.machines[node].cpu_timer = Some(env.timers.at(at, Timer::Cpu(node)));
        }
        let running = self.claims(env.plan, env.now, node, next);
        #[allow(clippy::cast_precision_loss)]
        let capacity = self.machines[node].milli_cpu as f64;
        let claims: Vec<Claim> = running.iter().map(|of| of.claim).collect();
        let given = share(capacity, &claims);
        let was_short = self.machines[node].cpu_was_short;
        let mut short = false;
        for (of, given) in running.iter().zip(given) {
            let speed = of.claim.speed(given);
            short |= speed < 1.0;
            let before = self.records.speed(of.id, of.index);
            self.count_throttled(env, of.id, of.index);
            if (speed - before).abs() > NOTICEABLE {
                self.unpark(env.plan, of.id);
                self.change_speed(env, of.id, of.index, before, speed);
                self.park_record(env.plan, of.id);
            }
            if let Some(slow) = self.records.slow_mut(of.id, of.index) {
                slow.throttled = of.claim.throttled(given);
            }
            if of.serves && (was_short || speed < 1.0) {
                // How many requests it can serve may be different now.
                self.touched.push(self.records.brief(of.id).pod);
            }
        }
        self.machines[node].cpu_was_short = short;
    }

    /// The work that is left takes longer, or shorter, from now on.
    fn change_speed<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        before: f64,
        speed: f64,
    ) {
        let now = env.now;
        let left = |at: SimTime| now + SimDuration::from_secs_f64((at - now).as_secs_f64() * before / speed);
        let serving_at = self.serving_at(env, id, index);
        let container = self.records.container_mut(id, index);
        let (ends, at) = (container.exit_timer.is_some() && !container.stopping, container.exit_at);
        let (code, reason) = (container.exit_code, container.exit_reason);
        let starting = container.serving_timer.take();
        let serving_at = starting.map_or(serving_at, |timer| {
            env.timers.disarm(timer);
            left(serving_at).max(now)
        });
        if starting.is_some() {
            let timer = env.timers.at(serving_at, Timer::Serving { record: id, container: index });
            self.records.container_mut(id, index).serving_timer = Some(timer);
        }
        let container = self.records.container_mut(id, index);
        container.slow = (speed < 1.0).then(|| Box::new(Slow { speed, serving_at, throttled: 0.0, counted: now }));
        if ends && at > now {
            self.end_at(env, id, index, left(at).max(now), code, reason);
        }
    }

    /// Counts what a container's limit has kept from it up to now.
    pub(super) fn count_throttled<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let Some(slow) = self.records.slow_mut(id, index) else { return };
        let milli_seconds = (env.now - std::mem::replace(&mut slow.counted, env.now)).as_secs_f64() * slow.throttled;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let nanoseconds = (milli_seconds * 1e6).round() as u64;
        if nanoseconds > 0 {
            env.counters.cpu_throttled_nanoseconds += nanoseconds;
            let pod = self.records.brief(id).pod.uid;
            env.fact(|| Fact::CpuThrottled(pod, index, nanoseconds));
        }
    }

    /// The same of every container: the run ends.
    pub fn count_all_throttled<T, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        for node in (0..self.machines.len()).map(NodeId::from_index) {
            if self.machines[node].cpu_was_short {
                let running: Vec<_> = self.running_on(env.plan, node).collect();
                running.into_iter().for_each(|(id, index, _)| self.count_throttled(env, id, index));
            }
        }
    }

    /// When a process serves, or would have served, at the speeds so far.
    fn serving_at<T, R>(&self, env: &Env<'_, T, R>, id: RecordId, index: u16) -> SimTime {
        let (record, container) = (self.records.get(id), self.records.container(id, index));
        if let Some(slow) = &container.slow {
            return slow.serving_at;
        }
        let behavior = super::process::behavior(env.plan, record.template, index);
        let of =
            RunOf { ordinal: record.ordinal, container: index, restart: container.restarts, traced: record.traced_run };
        let life = env.draws.workload(record.workload).life.life(behavior, of);
        container.running().map_or(env.now, |since| since + life.startup).max(env.now)
    }

    /// When what some container asks for ceases to grow.
    fn next_kink(&self, plan: &Plan, now: SimTime, node: NodeId) -> Option<SimTime> {
        let kinks = self.running_on(plan, node).filter_map(|(id, index, since)| {
            let cpu = &self.behavior_of(plan, id, index).cpu;
            let ramped = since + SimDuration::from_secs_f64(cpu.ramp_seconds);
            (cpu.ramp != 0.0 && cpu.ramp_seconds > 0.0 && ramped > now).then_some(ramped)
        });
        kinks.min()
    }

    fn behavior_of<'p>(&self, plan: &'p Plan, id: RecordId, index: u16) -> &'p crate::model::Behavior {
        super::process::behavior(plan, self.records.brief(id).template, index)
    }

    /// What every running container claims. While something still grows, the mean until it does not counts.
    fn claims(&self, plan: &Plan, now: SimTime, node: NodeId, next: Option<SimTime>) -> Vec<Running> {
        let middle = next.map_or(now, |next| SimTime(now.0 + (next.0 - now.0) / 2));
        let of = |(id, index, since): (RecordId, u16, SimTime)| {
            let spec = &plan.templates[self.records.brief(id).template].containers[usize::from(index)];
            let cpu = &plan.behaviors[spec.behavior].cpu;
            let rate = self.records.running(id, index).map_or(0.0, |(_, rate)| rate);
            #[allow(clippy::cast_precision_loss)]
            let claim = Claim {
                weight: cgroup::shares(spec.requests.milli_cpu) as f64,
                demand: cpu.at((middle - since).as_secs_f64(), rate),
                limit: spec.limits.milli_cpu.map_or(f64::INFINITY, |limit| limit as f64),
            };
            Running { id, index, claim, serves: cpu.per_request > 0.0 }
        };
        self.running_on(plan, node).map(of).collect()
    }

    /// Milli-cores that a container could use if it asked for all it can get, while the others ask for what they do now.
    #[must_use]
    pub fn cpu_within_reach(&self, plan: &Plan, now: SimTime, pod: PodRef, container: u16) -> f64 {
        let Some(id) = self.records.of(pod) else { return f64::INFINITY };
        let node = self.records.brief(id).node;
        let machine = &self.machines[node];
        if !(machine.ceiling.milli_cpu > machine.milli_cpu || machine.ceiling.boundless_cpu > 0) {
            return f64::INFINITY;
        }
        let running = self.claims(plan, now, node, None);
        let mut claims: Vec<Claim> = running.iter().map(|of| of.claim).collect();
        let Some(own) = running.iter().position(|of| (of.id, of.index) == (id, container)) else {
            return f64::INFINITY;
        };
        claims[own].demand = f64::INFINITY;
        #[allow(clippy::cast_precision_loss)]
        let capacity = machine.milli_cpu as f64;
        // Who may use all there is claims no more than that.
        claims[own].limit = claims[own].limit.min(capacity);
        share(capacity, &claims)[own]
    }
}
