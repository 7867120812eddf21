//! The scheduling queue: who is tried next, who waits for a back-off and who waits for an event. Pure: `now` is an argument,
//! and nothing ticks; [`Queue::next_wake`] says when time alone changes something. Knows neither the API nor how a node is
//! chosen. Mirrors pkg/scheduler/backend/queue/{scheduling_queue,active_queue,backoff_queue}.go (v1.34.1).

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::hash::BuildHasherDefault;

use priority_queue::PriorityQueue;
use rustc_hash::{FxHashMap, FxHasher};

use super::backoff::PodBackOff;
pub use super::backoff::QueueConfig;
use super::framework::{Plugin, PluginSet};
use super::hints::{self, ClusterEvent};
use super::inflight::{InFlight, Seen};
use super::tables::Tables;
use super::trail::Trail;
use super::waiting::{Seat, Waiting};
use crate::base::{SimDuration, SimTime};
use crate::model::{ClassId, PodId};

/// A pending pod and its history in the queue. [`Queue::pop`] hands it out, [`Queue::failed`] takes it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueuedPod {
    /// The pod.
    pub pod: PodId,
    /// What it is.
    pub class: ClassId,
    /// `spec.priority`.
    pub priority: i32,
    /// When it was first put in the queue.
    pub added: SimTime,
    /// When it was last put in the queue.
    pub timestamp: SimTime,
    /// Grows with every (re)entry: orders pods of one timestamp.
    pub sequence: u64,
    /// How often it was popped.
    pub attempts: u32,
    /// How often plugins rejected it.
    pub unschedulable_count: u32,
    /// How often in a row it failed otherwise.
    pub error_count: u32,
    /// The plugins that rejected it last, and the one that gates it.
    pub rejected_by: PluginSet,
    /// What keeps it out of the queue whatever happens.
    pub gate: Option<Plugin>,
    /// When its back-off ends; `None` if it has none.
    pub backoff_expiry: Option<SimTime>,
}

/// Where a pending pod is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the activeQ: tried as soon as its turn comes.
    Active,
    /// In the backoffQ: tried when its back-off is over or there is nothing else to do.
    BackOff,
    /// In the backoffQ for errors: tried when its back-off is over.
    ErrorBackOff,
    /// Waiting for an event.
    Unschedulable,
}

type Heap<K> = PriorityQueue<PodId, K, BuildHasherDefault<FxHasher>>;
/// Higher priority first, then who came earlier. `PriorityQueue` pops the greatest.
type ActiveKey = (i32, Reverse<SimTime>, Reverse<u64>);
/// Earlier expiry first.
type BackoffKey = (Reverse<SimTime>, ActiveKey);

#[derive(Clone, Debug)]
struct Entry {
    info: QueuedPod,
    place: Place,
    seat: Seat,
}

/// The pods that want a node.
#[derive(Clone, Debug)]
pub struct Queue {
    config: QueueConfig,
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// The entry of each pod in the queue; never iterated. Of all pods few are here, so this is no column.
    slots: FxHashMap<PodId, u32>,
    active: Heap<ActiveKey>,
    backoff: Heap<BackoffKey>,
    error_backoff: Heap<BackoffKey>,
    waiting: Waiting,
    /// Pods in the order in which they began to wait, with the sequence that tells whether they still do.
    leftovers: VecDeque<(SimTime, u64, PodId)>,
    in_flight: InFlight,
    sequence: u64,
    started: SimTime,
    scratch: Vec<PodId>,
    /// What woke the pod that somebody asks about.
    pub trail: Trail,
}

impl Queue {
    /// An empty queue of a scheduler that was started at `started`, which is the phase of its 30 s loop.
    #[must_use]
    pub fn new(config: QueueConfig, started: SimTime) -> Self {
        Self {
            config,
            entries: Vec::new(),
            free: Vec::new(),
            slots: FxHashMap::default(),
            active: PriorityQueue::with_default_hasher(),
            backoff: PriorityQueue::with_default_hasher(),
            error_backoff: PriorityQueue::with_default_hasher(),
            waiting: Waiting::default(),
            leftovers: VecDeque::new(),
            in_flight: InFlight::default(),
            sequence: 0,
            started,
            scratch: Vec::new(),
            trail: Trail::default(),
        }
    }

    /// A pending pod appeared. `gate` is what holds it back: [`Plugin::SchedulingGates`] if it has scheduling gates.
    pub fn add(&mut self, tables: &Tables, pod: PodId, class: ClassId, gate: Option<Plugin>, now: SimTime) {
        self.flush(now);
        let info = QueuedPod {
            pod,
            class,
            priority: tables.class(class).priority,
            added: now,
            timestamp: now,
            sequence: self.next_sequence(),
            attempts: 0,
            unschedulable_count: 0,
            error_count: 0,
            rejected_by: PluginSet::EMPTY,
            gate,
            backoff_expiry: None,
        };
        self.enter(info, now);
    }

    /// Takes the next pod to try: the head of the activeQ, or else of the backoffQ even before its back-off is over. The pod is
    /// in flight until [`done`](Self::done) or [`failed`](Self::failed).
    pub fn pop(&mut self, now: SimTime) -> Option<QueuedPod> {
        self.flush(now);
        let pod = match self.active.pop() {
            Some((pod, _)) => pod,
            None => self.backoff.pop()?.0,
        };
        let mut info = self.release(pod);
        info.attempts += 1;
        info.rejected_by = PluginSet::EMPTY;
        info.backoff_expiry = None;
        self.in_flight.start(pod, info.class, info.gate);
        Some(info)
    }

    /// A popped pod is placed, or gone: the queue forgets it.
    pub fn done(&mut self, pod: PodId) {
        self.in_flight.finish(pod);
    }

    /// A popped pod was rejected by these plugins, or (if there are none) failed for another reason, also after
    /// [`done`](Self::done). It waits for an event, or backs off if one came while it was being tried.
    pub fn failed(&mut self, tables: &Tables, mut info: QueuedPod, rejected_by: PluginSet, now: SimTime) -> Place {
        self.flush(now);
        assert!(self.place(info.pod).is_none(), "a pod in flight is not in the queue");
        let flight = self.in_flight.of(info.pod).copied();
        if let Some(flight) = flight {
            info.class = flight.class;
            info.gate = flight.gate;
            info.priority = tables.class(info.class).priority;
        }
        if rejected_by.is_empty() {
            info.error_count += 1;
        } else {
            info.unschedulable_count += 1;
            info.error_count = 0;
        }
        info.rejected_by = rejected_by;
        info.timestamp = now;
        info.sequence = self.next_sequence();
        let failures = if info.error_count > 0 { info.error_count } else { info.unschedulable_count };
        let back_off = PodBackOff { initial: self.config.initial_backoff, max: self.config.max_backoff };
        info.backoff_expiry = Some(back_off.expiry(now, failures));
        let woken = rejected_by.is_empty()
            || self.in_flight.seen(info.pod).any(|seen| match *seen {
                Seen::Cluster(ref event) => hints::wakes(tables, info.class, rejected_by, event)
                    .then(|| self.trail.note(tables, &info, event, now))
                    .is_some(),
                Seen::Own { pod, satisfied } => pod == info.pod && !satisfied.intersection(rejected_by).is_empty(),
            });
        self.in_flight.finish(info.pod);
        if woken {
            let place = self.enter(info, now);
            if place == Place::Unschedulable {
                // What holds it back now is lifted before long: it must not wait for an event for ever.
                self.leftovers.push_back((info.timestamp, info.sequence, info.pod));
            }
            return place;
        }
        self.wait(info);
        Place::Unschedulable
    }

    /// Something happened in the cluster. Returns how many pods it woke.
    pub fn on_event(&mut self, tables: &Tables, event: &ClusterEvent, now: SimTime) -> usize {
        self.on_event_for(tables, event, i32::MAX, now)
    }

    /// Something happened that concerns pods of at most this priority only. Returns how many pods it woke.
    pub fn on_event_for(&mut self, tables: &Tables, event: &ClusterEvent, priority: i32, now: SimTime) -> usize {
        self.flush(now);
        self.in_flight.record(Seen::Cluster(*event));
        let interested = hints::interested(event);
        let mut woken = std::mem::take(&mut self.scratch);
        self.waiting.take_if(
            interested,
            |class, rejected_by| {
                tables.class(class).priority <= priority && hints::wakes(tables, class, rejected_by, event)
            },
            &mut woken,
        );
        let count = woken.len();
        for pod in woken.drain(..) {
            // `take_if` already took it out of its group.
            let info = self.release_entry(pod);
            self.trail.note(tables, &info, event, now);
            self.enter(info, now);
        }
        self.scratch = woken;
        count
    }

    /// A pending pod changed; `gate` is what holds it back now. A pod that the queue does not know is added.
    pub fn update(&mut self, tables: &Tables, pod: PodId, class: ClassId, gate: Option<Plugin>, now: SimTime) {
        self.flush(now);
        if let Some(flight) = self.in_flight.of_mut(pod) {
            let satisfied = satisfied(tables, (flight.class, flight.gate), (class, gate));
            (flight.class, flight.gate) = (class, gate);
            self.in_flight.record(Seen::Own { pod, satisfied });
            return;
        }
        let Some(place) = self.place(pod) else { return self.add(tables, pod, class, gate, now) };
        let mut info = self.release(pod);
        let satisfied = satisfied(tables, (info.class, info.gate), (class, gate));
        (info.class, info.gate) = (class, gate);
        info.priority = tables.class(class).priority;
        match place {
            Place::Unschedulable if satisfied.intersection(info.rejected_by).is_empty() => self.seat(info),
            Place::Unschedulable => _ = self.enter(info, now),
            place => self.put(info, place),
        }
    }

    /// Sets or lifts what holds a pod back, without waking it: see [`activate`](Self::activate).
    pub fn set_gate(&mut self, pod: PodId, gate: Option<Plugin>) {
        if let Some(flight) = self.in_flight.of_mut(pod) {
            flight.gate = gate;
        } else if let Some(slot) = self.slot(pod) {
            self.entries[slot].info.gate = gate;
        }
    }

    /// Moves a pod to the activeQ whatever it waits for, unless something holds it back.
    pub fn activate(&mut self, pod: PodId, now: SimTime) {
        self.flush(now);
        match self.place(pod) {
            Some(Place::Active) => {}
            Some(_) => {
                let info = self.release(pod);
                match info.gate {
                    None => self.put(info, Place::Active),
                    Some(_) => self.seat(info),
                }
            }
            None => self.in_flight.record(Seen::Own { pod, satisfied: PluginSet::of(&Plugin::ALL) }),
        }
    }

    /// A pending pod is gone. Returns whether it was here; a pod in flight is not, see [`done`](Self::done).
    pub fn delete(&mut self, pod: PodId) -> bool {
        let here = self.place(pod).is_some();
        if here {
            self.release(pod);
        }
        here
    }

    /// Does what time alone does: ends back-offs, and tries pods again that waited too long. Every operation does it first, so
    /// calling it is needed only to be exact about *when* a pod becomes active.
    pub fn flush(&mut self, now: SimTime) {
        let grid = self.last_leftover_check(now);
        while let Some(&(since, sequence, pod)) = self.leftovers.front() {
            let waits = self.slot(pod).is_some_and(|slot| self.entries[slot].info.sequence == sequence)
                && self.place(pod) == Some(Place::Unschedulable);
            if waits && grid.since(since) <= self.config.max_in_unschedulable {
                break;
            }
            self.leftovers.pop_front();
            if waits {
                let info = self.release(pod);
                self.enter(info, grid);
            }
        }
        for from in [Place::BackOff, Place::ErrorBackOff] {
            while let Some((&pod, &(Reverse(expiry), _))) = self.queue_of(from).peek()
                && !PodBackOff::is_backing_off(expiry, now)
            {
                let info = self.release(pod);
                self.put(info, Place::Active);
            }
        }
    }

    /// When the queue next has something to do: now if a pod can be popped, else when time alone makes that so; `None` if
    /// only an event can.
    #[must_use]
    pub fn next_wake(&self, now: SimTime) -> Option<SimTime> {
        if !self.active.is_empty() || !self.backoff.is_empty() {
            return Some(now);
        }
        let error = self.error_backoff.peek().map(|(_, &(Reverse(expiry), _))| expiry + SimDuration::from_secs(1));
        let leftover = self.leftovers.iter().find(|&&(_, sequence, pod)| {
            self.place(pod) == Some(Place::Unschedulable)
                && self.slot(pod).is_some_and(|slot| self.entries[slot].info.sequence == sequence)
        });
        let leftover = leftover.map(|&(since, ..)| {
            // Strictly more than the limit must have passed.
            let after = since + self.config.max_in_unschedulable + SimDuration(1);
            after.ceil_to_grid(self.started, self.config.leftover_period)
        });
        error.into_iter().chain(leftover).min().map(|at| at.max(now))
    }

    /// Where a pod is; `None` if it is not in the queue (in flight, or unknown).
    #[must_use]
    pub fn place(&self, pod: PodId) -> Option<Place> {
        self.slot(pod).map(|slot| self.entries[slot].place)
    }

    /// A pod's history; `None` if it is not in the queue.
    #[must_use]
    pub fn get(&self, pod: PodId) -> Option<&QueuedPod> {
        self.slot(pod).map(|slot| &self.entries[slot].info)
    }

    /// How many pods are in the activeQ, in both backoffQs, and waiting for an event.
    #[must_use]
    pub fn lengths(&self) -> (usize, usize, usize) {
        (self.active.len(), self.backoff.len() + self.error_backoff.len(), self.waiting.len())
    }

    /// Whether no pod waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All pods in the queue, in the order of their ids.
    pub fn pods(&self) -> impl Iterator<Item = (&QueuedPod, Place)> {
        let mut pods: Vec<&Entry> = self
            .entries
            .iter()
            .enumerate()
            .filter(|&(at, entry)| self.slot(entry.info.pod) == Some(at))
            .map(|(_, entry)| entry)
            .collect();
        pods.sort_unstable_by_key(|entry| entry.info.pod);
        pods.into_iter().map(|entry| (&entry.info, entry.place))
    }

    // ---- moving ----

    /// Puts a pod where it may be tried: in the activeQ, or in a backoffQ until its back-off is over. A gate keeps it out.
    fn enter(&mut self, mut info: QueuedPod, now: SimTime) -> Place {
        if let Some(gate) = info.gate {
            info.rejected_by.insert(gate);
            self.seat(info);
            return Place::Unschedulable;
        }
        let place = match info.backoff_expiry {
            Some(expiry) if PodBackOff::is_backing_off(expiry, now) => {
                if info.rejected_by.is_empty() {
                    Place::ErrorBackOff
                } else {
                    Place::BackOff
                }
            }
            _ => Place::Active,
        };
        self.put(info, place);
        place
    }

    /// Lets a pod wait for an event, or for too long.
    fn wait(&mut self, info: QueuedPod) {
        self.leftovers.push_back((info.timestamp, info.sequence, info.pod));
        self.seat(info);
        if self.leftovers.len() > 2 * self.waiting.len() + 64 {
            let (entries, slots) = (&self.entries, &self.slots);
            self.leftovers.retain(|&(_, sequence, pod)| {
                let entry = slots.get(&pod).map(|&slot| &entries[slot as usize]);
                entry.is_some_and(|e| e.place == Place::Unschedulable && e.info.sequence == sequence)
            });
        }
    }

    fn seat(&mut self, info: QueuedPod) {
        let seat = self.waiting.add(info.pod, info.class, info.rejected_by);
        self.store(info, Place::Unschedulable, seat);
    }

    fn put(&mut self, info: QueuedPod, place: Place) {
        let key = (info.priority, Reverse(info.timestamp), Reverse(info.sequence));
        let expiry = Reverse(info.backoff_expiry.unwrap_or_default());
        match place {
            Place::Active => _ = self.active.push(info.pod, key),
            place => _ = self.queue_of(place).push(info.pod, (expiry, key)),
        }
        self.store(info, place, Seat::default());
    }

    fn queue_of(&mut self, place: Place) -> &mut Heap<BackoffKey> {
        if place == Place::ErrorBackOff { &mut self.error_backoff } else { &mut self.backoff }
    }

    fn store(&mut self, info: QueuedPod, place: Place, seat: Seat) {
        let pod = info.pod;
        let entry = Entry { info, place, seat };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).expect("pod ids are 32 bits wide")
            }
        };
        self.slots.insert(pod, slot);
    }

    /// Takes a pod out of wherever it is.
    fn release(&mut self, pod: PodId) -> QueuedPod {
        let slot = self.slot(pod).expect("the pod is in the queue");
        let Entry { place, seat, .. } = self.entries[slot];
        match place {
            Place::Active => _ = self.active.remove(&pod),
            Place::BackOff => _ = self.backoff.remove(&pod),
            Place::ErrorBackOff => _ = self.error_backoff.remove(&pod),
            Place::Unschedulable => {
                if let Some(moved) = self.waiting.remove(seat) {
                    let slot = self.slot(moved).expect("a waiting pod is in the queue");
                    self.entries[slot].seat = seat;
                }
            }
        }
        self.release_entry(pod)
    }

    fn release_entry(&mut self, pod: PodId) -> QueuedPod {
        let slot = self.slots.remove(&pod).expect("the pod is in the queue");
        self.free.push(slot);
        self.entries[slot as usize].info
    }

    fn slot(&self, pod: PodId) -> Option<usize> {
        self.slots.get(&pod).map(|&slot| slot as usize)
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// The last time at or before `now` at which upstream's loop looked for pods that waited too long.
    fn last_leftover_check(&self, now: SimTime) -> SimTime {
        let period = self.config.leftover_period;
        let next = SimTime(now.0.saturating_add(1)).ceil_to_grid(self.started, period);
        next - period
    }
}

/// The plugins that a change from `old` to `new` satisfies.
#[must_use]
pub fn satisfied(tables: &Tables, old: (ClassId, Option<Plugin>), new: (ClassId, Option<Plugin>)) -> PluginSet {
    let mut plugins = hints::satisfied_by_own_update(tables, old.0, new.0);
    if let (Some(gate), None) = (old.1, new.1) {
        plugins.insert(gate);
    }
    plugins
}
