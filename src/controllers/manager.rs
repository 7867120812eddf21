//! The controllers of objects as one component: their work queue, their timers, and the way of their writes to the API server.
//! Knows which reconciler is for which kind, and no rule of any of them.
//!
//! Mirrors staging/src/k8s.io/client-go/util/workqueue (v1.34, spec 8.0): an object is in the queue once however often it is
//! added, it is not synced by two workers at a time, and one whose sync failed comes back after a back-off of its own.
//! Syncs take no time; their writes do: each waits for the client that all controllers share, and takes an API write.

use std::collections::{BTreeMap, VecDeque};

use super::client::Client;
use super::hpa::metrics::{Known, Scrape};
use super::mint::Minted;
use super::script::{Groups, Script, Sync, Variation, Write};
use super::selected::Selected;
use super::{mint, reconcile};
use crate::api::{Change, Cluster, Op, Owned, PodRef, Rejection};
use crate::base::{Distribution, IdVec, SimDuration, SimTime};
use crate::component::{MakerEnv, NewPod};
use crate::engine::Timers;
use crate::model::objects::{ObjectKind, ObjectStatus};
use crate::model::{ObjectId, StorageObject, TemplateId, WorkloadId};
use crate::record::{ObjectRecord, Recorder};

/// Timers of the controllers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// A write has reached the API server.
    Written(u32),
    /// An object is to be synced.
    Due(ObjectId),
}

/// An object in the work queue.
#[derive(Clone, Debug)]
struct Item {
    queued: bool,
    /// Its last script is not done.
    busy: bool,
    /// It is to be queued when its script is done.
    dirty: bool,
    failures: u32,
    /// When it is synced again at the latest.
    due: SimTime,
}

/// A script that is not done.
#[derive(Clone, Debug)]
struct Running {
    object: ObjectId,
    script: Script,
    /// Writes of the current group that have not arrived.
    waiting: u32,
    failed: bool,
}

/// A write on its way.
#[derive(Clone, Debug)]
struct Sent {
    running: u32,
    write: Write,
}

/// Controllers of objects.
#[derive(Clone, Debug, Default)]
pub struct Manager {
    queue: VecDeque<ObjectId>,
    items: IdVec<ObjectId, Item>,
    running: Slots<Running>,
    sent: Slots<Sent>,
    client: Client,
    /// How many writes went out.
    writes: u64,
    /// How many pods each workload ever had.
    ordinals: IdVec<WorkloadId, u32>,
    /// Variations of templates that were made.
    minted: Minted,
    /// Pods without an owner that an object's selector matches.
    orphans: BTreeMap<ObjectId, Vec<PodRef>>,
    selected: Selected,
    /// What controllers remember of objects from sync to sync.
    memories: reconcile::Memories,
    autoscalers: Known,
}

impl Manager {
    /// Whether a change may concern an object of a controller: budgets and autoscalers look at pods of others.
    #[must_use]
    pub fn minds(cluster: &Cluster) -> bool {
        !cluster.objects().is_empty()
    }

    /// A change that controllers see: queues the objects that it concerns.
    pub fn on_change<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>, change: &Change) {
        if env.cluster.objects().is_empty() {
            return;
        }
        if let Change::ObjectAdded(object) = *change {
            let fresh = Item { queued: false, busy: false, dirty: false, failures: 0, due: SimTime::NEVER };
            self.items.grow_to(object, fresh);
        }
        if let Some(pod) = super::orphans::orphan(env.cluster, change) {
            super::orphans::candidates(env.cluster, env.plan, pod, &mut self.orphans);
        }
        if let Change::ObjectAdded(object) = *change {
            super::orphans::all_of(env.cluster, env.plan, object, &mut self.orphans);
        }
        let mut concerned = reconcile::Concerned::default();
        reconcile::concerned(env.cluster, change, &mut concerned);
        super::quota::concerned(env.cluster, env.plan, change, &mut concerned);
        self.selected.on_change(env.cluster, env.plan, change, &mut concerned);
        for &object in &concerned.now {
            self.add(object);
        }
        for &(object, delay) in &concerned.later {
            self.add_at(env, object, env.now + delay);
        }
    }

    /// Whether there is an autoscaler for which nothing is measured yet; from then on it is.
    pub fn needs_scrapes(&mut self, cluster: &Cluster) -> bool {
        let some = cluster.objects().of_kind(ObjectKind::HorizontalPodAutoscaler).next().is_some();
        some && !std::mem::replace(&mut self.autoscalers.scraping, true)
    }

    /// Takes over what was measured (`None`: there was nobody to measure for); whether to measure again.
    pub fn scraped(&mut self, scrape: Option<Scrape>, lag: SimDuration) -> bool {
        self.autoscalers.scraping = scrape.is_some();
        if let Some(scrape) = scrape {
            self.autoscalers.scraped(scrape, lag);
        }
        self.autoscalers.scraping
    }

    /// Syncs what is queued. To be called when all changes are read.
    pub fn work<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>) {
        while let Some(object) = self.queue.pop_front() {
            self.items[object].queued = false;
            if self.items[object].busy {
                self.items[object].dirty = true;
                continue;
            }
            self.sync(env, object);
        }
    }

    /// Handles one of its timers.
    pub fn handle<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>, timer: Timer) {
        match timer {
            Timer::Written(slot) => {
                let Sent { running, write } = self.sent.take(slot);
                self.arrive(env, running, &write);
                self.advance(env, running);
            }
            Timer::Due(object) => {
                // An earlier time may have been asked for since, or none at all.
                if self.items[object].due <= env.now {
                    self.items[object].due = SimTime::NEVER;
                    self.add(object);
                }
            }
        }
        self.work(env);
    }

    fn add(&mut self, object: ObjectId) {
        if self.items.get(object).is_some() && !std::mem::replace(&mut self.items[object].queued, true) {
            self.queue.push_back(object);
        }
    }

    fn add_at<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>, object: ObjectId, at: SimTime) {
        if self.items.get(object).is_some_and(|item| at < item.due) {
            self.items[object].due = at;
            env.timers.at(at.max(env.now), Timer::Due(object));
        }
    }

    fn sync<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>, object: ObjectId) {
        let orphans = self.orphans.remove(&object).unwrap_or_default();
        let touched = env.cluster.take_touched(object);
        let mut sync = Sync {
            touched,
            id: object,
            now: env.now,
            cluster: env.cluster,
            plan: env.plan,
            orphans: &orphans,
            failures: self.items[object].failures,
            selected: self.selected.of(object),
            autoscalers: &mut self.autoscalers,
            recorder: env.recorder,
            memories: &mut self.memories,
            script: Script::default(),
            again: SimTime::NEVER,
        };
        reconcile::sync(&mut sync);
        let again = sync.again;
        let running = if sync.script.is_empty() {
            None
        } else {
            Some(self.running.put(Running { object, script: sync.script, waiting: 0, failed: false }))
        };
        if again < SimTime::NEVER {
            self.add_at(env, object, again);
        }
        let Some(running) = running else {
            self.items[object].failures = 0;
            return;
        };
        self.items[object].busy = true;
        self.advance(env, running);
    }

    /// Sends the next group of a script whose last one is done.
    fn advance<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>, slot: u32) {
        loop {
            let running = self.running.get_mut(slot);
            if running.waiting > 0 {
                return;
            }
            if running.failed {
                running.script.groups = Groups::default();
                running.script.last = running.script.if_refused.take().or_else(|| running.script.last.take());
            }
            let Script { groups, always, last, .. } = &mut running.script;
            let is_last = groups.is_empty() && always.is_empty();
            if is_last {
                let Some(last) = last.take() else { break };
                running.waiting = 1;
                self.send(env, slot, last);
                continue;
            }
            let from_always = groups.is_empty();
            let mut left = std::mem::take(if from_always { always } else { groups });
            if let Some(group) = left.pop() {
                running.waiting = u32::try_from(group.len()).unwrap_or(u32::MAX);
                group.for_each(|write| self.send(env, slot, write));
            }
            let Script { groups, always, .. } = &mut self.running.get_mut(slot).script;
            *(if from_always { always } else { groups }) = left;
        }
        let Running { object, failed, .. } = self.running.take(slot);
        let item = &mut self.items[object];
        item.busy = false;
        item.failures = if failed { item.failures + 1 } else { 0 };
        let (first, longest) = reconcile::retries(env.cluster.objects().get(object).kind());
        let retry = SimDuration(first.0 << item.failures.saturating_sub(1).min(20)).min(longest);
        if std::mem::take(&mut item.dirty) {
            self.add(object);
        }
        if failed {
            self.add_at(env, object, env.now + retry);
        }
    }

    fn send<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>, running: u32, write: Write) {
        let settings = &env.plan.control_plane;
        let granted = self.client.grant(env.now, settings.controller_qps, settings.controller_burst);
        let takes = settings.api_write.sample(&mut env.draws.controllers.at(self.writes, 0, 0));
        let takes = SimDuration::from_secs_f64(takes);
        self.writes += 1;
        let arrives = granted + takes;
        if arrives == env.now {
            self.arrive(env, running, &write);
            return;
        }
        let timer = Timer::Written(self.sent.put(Sent { running, write }));
        if granted == env.now && matches!(settings.api_write, Distribution::Constant(_)) {
            env.timers.after_constant(takes, timer);
        } else {
            env.timers.at(arrives, timer);
        }
    }

    /// The API server takes a write, or refuses it.
    fn arrive<T, R: Recorder>(&mut self, env: &mut MakerEnv<'_, T, R>, slot: u32, write: &Write) {
        let object = self.running.get_mut(slot).object;
        let before = if R::ON { reconcile::replicas_before(env.cluster, write) } else { None };
        let result = self.carry_out(env, object, write);
        reconcile::written(env, object, write, before, &result);
        let running = self.running.get_mut(slot);
        if let (Write::CreateObject(new), Ok(_), Some(active)) = (write, &result, running.script.active_jobs()) {
            active.extend(env.cluster.objects().find(new.spec.kind(), new.namespace, &new.name));
        }
        running.waiting -= 1;
        // What is gone already, or is so already, is as good as done. What a quota was charged for meanwhile must be counted.
        let is_outdated = matches!((write, &result), (&Write::PutStatus(quota, _), Err(Rejection::Conflict(_)))
            if env.cluster.objects().existing(quota).is_some_and(|row| row.kind() == ObjectKind::ResourceQuota));
        let is_done = !is_outdated
            && matches!(
                (write, &result),
                (_, Ok(_))
                    | (
                        Write::DeletePod(_) | Write::DeleteObject(..),
                        Err(Rejection::NotFound | Rejection::Conflict(_))
                    )
                    | (Write::PutStatus(..) | Write::PutCounts(..) | Write::PutSpec(..) | Write::Scale(..), Err(_))
                    | (Write::PutStorage(_), Err(Rejection::Conflict(_)))
                    | (Write::DeleteStorage(_) | Write::Collection(_) | Write::FinalizeNamespace(_), Err(_))
                // Any creation will fail: there is nothing to try again.
                | (_, Err(Rejection::Ending(_)))
                    | (Write::AdoptPod(_) | Write::ReleasePod(_) | Write::UntrackPod(_), Err(_))
            );
        running.failed |= !is_done;
    }

    fn carry_out<T, R: Recorder>(
        &mut self,
        env: &mut MakerEnv<'_, T, R>,
        object: ObjectId,
        write: &Write,
    ) -> Result<Option<PodRef>, Rejection> {
        let now = env.now;
        match write {
            &Write::CreatePod { template, variation, member } => {
                return self.create_pod(env, object, template, variation, member).map(Some);
            }
            &Write::DeletePod(pod) => {
                if !env.cluster.pods().exists(pod) {
                    return Err(Rejection::NotFound);
                }
                let grace = env.plan.templates[env.cluster.pods().template(pod.pod)].grace_period_seconds;
                env.cluster.request(now, Op::DeletePod { pod, grace_seconds: None, spec_grace_seconds: grace })
            }
            &Write::AdoptPod(pod) => {
                let member = mint::member_of(env.plan, env.cluster, object, pod);
                env.cluster.request(now, Op::OwnPod(pod, Some(Owned { object, member })))
            }
            &Write::CreateClaim { at, ordinal } => match mint::claim(env.plan, env.cluster, object, at, ordinal) {
                Some(claim) => {
                    let name = claim.name.name;
                    let result = env.cluster.request(now, Op::PutStorage(&StorageObject::Claim(claim)));
                    let strings = &env.plan.strings;
                    result.map_err(|error| error.told(strings, "persistentvolumeclaims", strings.text(name)))
                }
                None => return Ok(None),
            },
            &Write::ReleasePod(pod) => env.cluster.request(now, Op::OwnPod(pod, None)),
            &Write::UntrackPod(pod) => env.cluster.request(now, Op::UntrackPod(pod, object)),
            Write::CreateObject(new) => {
                let result = env.cluster.request(now, Op::CreateObject(new));
                result.map_err(|error| error.told(&env.plan.strings, new.spec.kind().resource(), &new.name))
            }
            Write::PutSpec(object, spec) => env.cluster.request(now, Op::PutSpec(*object, spec)),
            &Write::Scale(object, replicas) => env.cluster.request(now, Op::Scale(object, replicas)),
            Write::PutStatus(object, status) => env.cluster.request(now, Op::PutStatus(*object, status)),
            &Write::PutCounts(object, status) => {
                env.cluster.request(now, Op::PutStatus(object, &ObjectStatus::ReplicaSet(status)))
            }
            &Write::DeleteObject(object, how) => env.cluster.request(now, Op::DeleteObject(object, how)),
            &Write::DeleteStorage(key) => env.cluster.request(now, Op::DeleteStorage(key)),
            Write::FinalizeNamespace(object) => env.cluster.request(now, Op::FinalizeNamespace(*object)),
            Write::Collection(writes) => {
                for write in writes {
                    // What is gone by now need not be deleted.
                    let _ = self.carry_out(env, object, write);
                }
                return Ok(None);
            }
            &Write::DeleteConfig(config) => env.cluster.request(now, Op::DeleteConfig(config)),
            &Write::DeleteService(service) => env.cluster.request(now, Op::DeleteService(service)),
            Write::PutStorage(storage) => env.cluster.request(now, Op::PutStorage(storage)),
        }
        .map(|change| {
            if let Change::ObjectAdded(object) = change {
                record(env, object);
            }
            None
        })
    }

    fn create_pod<T, R: Recorder>(
        &mut self,
        env: &mut MakerEnv<'_, T, R>,
        object: ObjectId,
        made_from: TemplateId,
        variation: Option<Variation>,
        member: u32,
    ) -> Result<PodRef, Rejection> {
        let row = env.cluster.objects().existing(object).ok_or(Rejection::NotFound)?;
        let workload = row.workload.expect("objects that make pods have a workload");
        let template = match variation {
            None => made_from,
            Some(variation) => self.minted.template(env.plan, env.cluster, object, made_from, variation),
        };
        self.ordinals.grow_to(workload, 0);
        let ordinal = self.ordinals[workload];
        let node = env.plan.classes[env.plan.templates[template].class].node_name;
        let node = node.and_then(|name| env.cluster.nodes().find(name));
        let owned = Some(Owned { object, member });
        let pod = env.create_pod(NewPod { workload, ordinal, template, made_from, node, owned })?;
        self.ordinals[workload] += 1;
        Ok(pod)
    }
}

/// Tells the recorder of an object that was created.
pub fn record<T, R: Recorder>(env: &mut MakerEnv<'_, T, R>, object: ObjectId) {
    if R::ON {
        let row = env.cluster.objects().get(object);
        let (kind, namespace, owner) = (row.kind(), row.namespace, row.owner);
        let name = env.recorder.note(|| row.name.to_string());
        env.recorder.object(ObjectRecord { kind, namespace, name, owner });
    }
}

/// Things in reused slots.
#[derive(Clone, Debug)]
struct Slots<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    #[inline]
    fn put(&mut self, item: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.items[slot as usize] = Some(item);
            return slot;
        }
        self.items.push(Some(item));
        u32::try_from(self.items.len() - 1).expect("fewer than 2^32 at once")
    }

    #[inline]
    fn get_mut(&mut self, slot: u32) -> &mut T {
        self.items[slot as usize].as_mut().expect("the slot is in use")
    }

    #[inline]
    fn take(&mut self, slot: u32) -> T {
        self.free.push(slot);
        self.items[slot as usize].take().expect("the slot is in use")
    }
}
