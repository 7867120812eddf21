//! The scheduling queue: who is tried next, who waits for a back-off and who waits for an event. Pure: `now` is an argument,
//! and nothing ticks; [`Queue::next_wake`] says when time alone changes something. Knows neither the API nor how a node is
//! chosen. Mirrors pkg/scheduler/backend/queue/{scheduling_queue,active_queue,backoff_queue}.go (v1.34.1).

use std::collections::VecDeque;

use super::backoff::PodBackOff;
pub use super::backoff::QueueConfig;
use super::framework::{Plugin, PluginSet};
use super::hints::{self, ClusterEvent};
use super::inflight::{InFlight, Seen};
use super::runs::{ActiveKey, BackoffKey, Runs, Tickets};
use super::tables::Tables;
use super::trail::Trail;
use super::waiting::{Seat, Waiter, Waiting};
use crate::base::{IdPages, SimDuration, SimTime};
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
    /// When its back-off ends, or [`NEVER_TRIED`].
    expiry: SimTime,
}

/// The end of a back-off that there is none of: before all time.
const NEVER_TRIED: SimTime = SimTime(i64::MIN);

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

/// A pod's history, in one line of the cache: a long backlog is read in any order.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Row(QueuedPod);

/// Where a pod is. What an attempt looks at more than once is here, to be near however many pods wait.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// Grows with every move.
    ticket: u32,
    /// `None`: nobody is here.
    place: Option<Place>,
    /// Whether something holds the pod back.
    is_held: bool,
}

impl Tickets for Vec<Spot> {
    #[inline]
    fn holds(&self, slot: u32, ticket: u32) -> bool {
        self[slot as usize].ticket == ticket
    }
}

/// No entry.
const NOWHERE: u32 = u32::MAX;

/// The pods that want a node.
#[derive(Clone, Debug)]
pub struct Queue {
    config: QueueConfig,
    /// Rows, spots and seats have the same slots.
    rows: Vec<Row>,
    spots: Vec<Spot>,
    /// Of those that wait for an event.
    seats: Vec<Seat>,
    free: Vec<u32>,
    /// The slot of each pod in the queue, or [`NOWHERE`].
    slots: IdPages<PodId, u32>,
    active: Runs<ActiveKey>,
    backoff: Runs<BackoffKey>,
    error_backoff: Runs<BackoffKey>,
    waiting: Waiting,
    /// Slots in the order in which their pods began to wait, with the sequence that tells whether they still do.
    leftovers: VecDeque<(SimTime, u64, u32)>,
    in_flight: InFlight,
    sequence: u64,
    started: SimTime,
    scratch: Vec<Waiter>,
    /// What woke the pod that somebody asks about.
    pub trail: Trail,
}

impl Queue {
    /// An empty queue of a scheduler that was started at `started`, which is the phase of its 30 s loop.
    #[must_use]
    pub fn new(config: QueueConfig, started: SimTime) -> Self {
        Self {
            config,
            rows: Vec::new(),
            spots: Vec::new(),
            seats: Vec::new(),
            free: Vec::new(),
            slots: IdPages::new(),
            active: Runs::new(),
            backoff: Runs::new(),
            error_backoff: Runs::new(),
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
            expiry: NEVER_TRIED,
        };
        self.enter(info, now);
    }

    /// Takes the next pod to try: the head of the activeQ, or else of the backoffQ even before its back-off is over. The pod is
    /// in flight until [`done`](Self::done) or [`failed`](Self::failed).
    pub fn pop(&mut self, now: SimTime) -> Option<QueuedPod> {
        self.flush(now);
        let (slot, pod) = match self.active.pop(&self.spots) {
            Some(popped) => popped,
            None => self.backoff.pop(&self.spots)?,
        };
        let mut info = QueuedPod { pod, ..self.vacate(slot, pod) };
        info.attempts += 1;
        info.rejected_by = PluginSet::EMPTY;
        info.expiry = NEVER_TRIED;
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
        info.expiry = back_off.expiry(now, failures);
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
                let slot = self.slots[info.pod];
                self.leftovers.push_back((info.timestamp, info.sequence, slot));
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
        for waiter in woken.drain(..) {
            // `take_if` already took it out of its group.
            let (slot, pod, key) = (waiter.slot, waiter.pod, waiter.key());
            let spot = &mut self.spots[slot as usize];
            if self.trail.is_kept() {
                self.trail.note(tables, &self.rows[slot as usize].0, event, now);
            }
            if spot.is_held {
                let info = &mut self.rows[slot as usize].0;
                info.rejected_by = info.rejected_by.union(gates(info.gate));
                self.seats[slot as usize] = self.waiting.add(waiter, info.class, info.rejected_by);
                continue;
            }
            spot.ticket = spot.ticket.wrapping_add(1);
            if PodBackOff::is_backing_off(waiter.expiry, now) {
                spot.place = Some(Place::BackOff);
                self.backoff.push((waiter.expiry, key), spot.ticket, slot, pod);
            } else {
                spot.place = Some(Place::Active);
                self.active.push(key, spot.ticket, slot, pod);
            }
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
            Place::Unschedulable if satisfied.intersection(info.rejected_by).is_empty() => _ = self.put(info, place),
            Place::Unschedulable => _ = self.enter(info, now),
            place => _ = self.put(info, place),
        }
    }

    /// Sets or lifts what holds a pod back, without waking it: see [`activate`](Self::activate).
    pub fn set_gate(&mut self, pod: PodId, gate: Option<Plugin>) {
        if let Some(flight) = self.in_flight.of_mut(pod) {
            flight.gate = gate;
        } else if let Some(slot) = self.slot(pod) {
            self.rows[slot as usize].0.gate = gate;
            self.spots[slot as usize].is_held = gate.is_some();
        }
    }

    /// Moves a pod to the activeQ whatever it waits for, unless something holds it back.
    pub fn activate(&mut self, pod: PodId, now: SimTime) {
        self.flush(now);
        match self.place(pod) {
            Some(Place::Active) => {}
            Some(_) => {
                let info = self.release(pod);
                let place = if info.gate.is_none() { Place::Active } else { Place::Unschedulable };
                self.put(info, place);
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
        while let Some(&(since, sequence, slot)) = self.leftovers.front() {
            let waits = self.still_waits(sequence, slot);
            if waits && grid.since(since) <= self.config.max_in_unschedulable {
                break;
            }
            self.leftovers.pop_front();
            if waits {
                let info = self.release(self.rows[slot as usize].0.pod);
                self.enter(info, grid);
            }
        }
        for is_error in [false, true] {
            let queue = if is_error { &mut self.error_backoff } else { &mut self.backoff };
            while let Some(((expiry, key), (slot, pod))) = queue.peek()
                && !PodBackOff::is_backing_off(expiry, now)
            {
                queue.pop(&self.spots);
                let spot = &mut self.spots[slot as usize];
                (spot.place, spot.ticket) = (Some(Place::Active), spot.ticket.wrapping_add(1));
                self.active.push(key, spot.ticket, slot, pod);
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
        let error = self.error_backoff.peek().map(|((expiry, _), _)| expiry + SimDuration::from_secs(1));
        let mut leftovers = self.leftovers.iter();
        let leftover = leftovers.find(|&&(_, sequence, slot)| self.still_waits(sequence, slot));
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
        self.spots[self.slot(pod)? as usize].place
    }

    /// A pod's history; `None` if it is not in the queue.
    #[must_use]
    pub fn get(&self, pod: PodId) -> Option<&QueuedPod> {
        self.slot(pod).map(|slot| &self.rows[slot as usize].0)
    }

    /// How many pods are in the activeQ, in both backoffQs, and waiting for an event.
    #[must_use]
    pub fn lengths(&self) -> (usize, usize, usize) {
        (self.active.len(), self.backoff.len() + self.error_backoff.len(), self.waiting.len())
    }

    /// Whether no pod waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths() == (0, 0, 0)
    }

    /// All pods in the queue, in the order of their ids.
    pub fn pods(&self) -> impl Iterator<Item = (&QueuedPod, Place)> {
        let spots = self.spots.iter().zip(&self.rows);
        let mut pods: Vec<_> = spots.filter_map(|(spot, row)| Some((&row.0, spot.place?))).collect();
        pods.sort_unstable_by_key(|(info, _)| info.pod);
        pods.into_iter()
    }

    // ---- moving ----

    /// Puts a pod where it may be tried: in the activeQ, or in a backoffQ until its back-off is over. A gate keeps it out.
    fn enter(&mut self, mut info: QueuedPod, now: SimTime) -> Place {
        let place = info.destination(now);
        if place == Place::Unschedulable {
            info.rejected_by = info.rejected_by.union(gates(info.gate));
        }
        self.put(info, place);
        place
    }

    /// Lets a pod wait for an event, or for too long.
    fn wait(&mut self, info: QueuedPod) {
        let slot = self.put(info, Place::Unschedulable);
        self.leftovers.push_back((info.timestamp, info.sequence, slot));
        if self.leftovers.len() > 2 * self.waiting.len() + 64 {
            let mut leftovers = std::mem::take(&mut self.leftovers);
            leftovers.retain(|&(_, sequence, slot)| self.still_waits(sequence, slot));
            self.leftovers = leftovers;
        }
    }

    /// Whether the pod in the slot waits for an event since that sequence.
    #[inline]
    fn still_waits(&self, sequence: u64, slot: u32) -> bool {
        self.spots[slot as usize].place == Some(Place::Unschedulable) && self.rows[slot as usize].0.sequence == sequence
    }

    /// Lets a pod wait at `place`, in a slot of its own.
    fn put(&mut self, info: QueuedPod, place: Place) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.rows.push(Row(info));
            self.spots.push(Spot { ticket: 0, place: None, is_held: false });
            self.seats.push(Seat::default());
            u32::try_from(self.rows.len() - 1).expect("pod ids are 32 bits wide")
        });
        self.slots.grow_to(info.pod, &NOWHERE);
        self.slots[info.pod] = slot;
        self.rows[slot as usize].0 = info;
        let spot = &mut self.spots[slot as usize];
        (spot.place, spot.is_held) = (Some(place), info.gate.is_some());
        spot.ticket = spot.ticket.wrapping_add(1);
        let QueuedPod { pod, priority, timestamp, sequence, expiry, .. } = info;
        let waiter = Waiter { expiry, timestamp, sequence, priority, slot, pod };
        match place {
            Place::Active => self.active.push(waiter.key(), spot.ticket, slot, pod),
            Place::BackOff => self.backoff.push((expiry, waiter.key()), spot.ticket, slot, pod),
            Place::ErrorBackOff => self.error_backoff.push((expiry, waiter.key()), spot.ticket, slot, pod),
            Place::Unschedulable => self.seats[slot as usize] = self.waiting.add(waiter, info.class, info.rejected_by),
        }
        slot
    }

    /// Takes a pod out of wherever it is.
    fn release(&mut self, pod: PodId) -> QueuedPod {
        let slot = self.slot(pod).expect("the pod is in the queue");
        let place = self.spots[slot as usize].place;
        let info = self.vacate(slot, pod);
        match place.expect("the pod is in the queue") {
            Place::Active => self.active.leave(&self.spots),
            Place::BackOff => self.backoff.leave(&self.spots),
            Place::ErrorBackOff => self.error_backoff.leave(&self.spots),
            Place::Unschedulable => {
                let seat = self.seats[slot as usize];
                if let Some(moved) = self.waiting.remove(seat) {
                    self.seats[moved as usize] = seat;
                }
            }
        }
        info
    }

    /// Frees a slot, whose pod waits nowhere any more.
    fn vacate(&mut self, slot: u32, pod: PodId) -> QueuedPod {
        let info = self.rows[slot as usize].0;
        let spot = &mut self.spots[slot as usize];
        (spot.place, spot.ticket) = (None, spot.ticket.wrapping_add(1));
        self.slots[pod] = NOWHERE;
        self.free.push(slot);
        info
    }

    fn slot(&self, pod: PodId) -> Option<u32> {
        self.slots.get(pod).copied().filter(|&slot| slot != NOWHERE)
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

impl QueuedPod {
    /// When its back-off ends; `None` if it has none.
    #[must_use]
    pub fn backoff_expiry(&self) -> Option<SimTime> {
        (self.expiry != NEVER_TRIED).then_some(self.expiry)
    }

    /// Where it may be tried, or is held back.
    fn destination(&self, now: SimTime) -> Place {
        match () {
            () if self.gate.is_some() => Place::Unschedulable,
            () if !PodBackOff::is_backing_off(self.expiry, now) => Place::Active,
            () if self.rejected_by.is_empty() => Place::ErrorBackOff,
            () => Place::BackOff,
        }
    }
}

fn gates(gate: Option<Plugin>) -> PluginSet {
    gate.map_or(PluginSet::EMPTY, |gate| PluginSet::of(&[gate]))
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
