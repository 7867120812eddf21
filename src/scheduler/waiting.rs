//! Pods that wait for an event, grouped by what decides whether an event wakes them: class and rejecting plugins. An event is
//! asked once a group, so a backlog of many pods of few classes costs what the few classes cost. Knows pods by their slots
//! and names alone.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::framework::PluginSet;
use super::runs::ActiveKey;
use crate::base::SimTime;
use crate::model::{ClassId, PodId};

/// Where a pod waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Seat {
    group: u32,
    index: u32,
}

/// A waiting pod, with all that it takes to let it wait elsewhere: groups are moved without a look at their pods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub expiry: SimTime,
    pub timestamp: SimTime,
    pub sequence: u64,
    pub priority: i32,
    pub slot: u32,
    pub pod: PodId,
}

impl Waiter {
    /// Its key in the activeQ.
    #[inline]
    pub(super) const fn key(&self) -> ActiveKey {
        (Reverse(self.priority), self.timestamp, self.sequence)
    }
}

#[derive(Clone, Debug)]
struct Group {
    class: ClassId,
    rejected_by: PluginSet,
    pods: Vec<Waiter>,
}

/// All waiting pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// A group is made for each combination that ever occurs, and kept.
    groups: Vec<Group>,
    by_key: FxHashMap<(ClassId, PluginSet), u32>,
    /// The groups with pods, by rejecting plugins; each group knows its place in here.
    occupied: Vec<(PluginSet, Vec<u32>)>,
    places: Vec<(u32, u32)>,
    count: usize,
}

impl Waiting {
    /// How many pods wait.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Adds a pod.
    pub(super) fn add(&mut self, pod: Waiter, class: ClassId, rejected_by: PluginSet) -> Seat {
        let groups = &mut self.groups;
        let places = &mut self.places;
        let group = *self.by_key.entry((class, rejected_by)).or_insert_with(|| {
            groups.push(Group { class, rejected_by, pods: Vec::new() });
            places.push((0, 0));
            small(groups.len() - 1)
        });
        let pods = &mut self.groups[group as usize].pods;
        pods.push(pod);
        let seat = Seat { group, index: small(pods.len() - 1) };
        if seat.index == 0 {
            self.occupy(group, rejected_by);
        }
        self.count += 1;
        seat
    }

    /// Takes the pod of `seat` away. Returns the pod that sits there now, if another took the seat.
    pub(super) fn remove(&mut self, seat: Seat) -> Option<u32> {
        let pods = &mut self.groups[seat.group as usize].pods;
        pods.swap_remove(seat.index as usize);
        let moved = pods.get(seat.index as usize).map(|moved| moved.slot);
        if pods.is_empty() {
            self.vacate(seat.group);
        }
        self.count -= 1;
        moved
    }

    /// Moves all pods of the groups that one of `interested` rejected and that `wake` says yes to, into `woken`.
    pub(super) fn take_if(
        &mut self,
        interested: PluginSet,
        wake: impl Fn(ClassId, PluginSet) -> bool,
        woken: &mut Vec<Waiter>,
    ) {
        for at in 0..self.occupied.len() {
            if self.occupied[at].0.intersection(interested).is_empty() {
                continue;
            }
            // Backwards, because a group that is emptied gives its place to the last one.
            for index in (0..self.occupied[at].1.len()).rev() {
                let number = self.occupied[at].1[index];
                let group = &mut self.groups[number as usize];
                if wake(group.class, group.rejected_by) {
                    self.count -= group.pods.len();
                    woken.append(&mut group.pods);
                    self.vacate(number);
                }
            }
        }
    }

    fn occupy(&mut self, group: u32, rejected_by: PluginSet) {
        let at = self.occupied.iter().position(|&(set, _)| set == rejected_by).unwrap_or_else(|| {
            self.occupied.push((rejected_by, Vec::new()));
            self.occupied.len() - 1
        });
        let groups = &mut self.occupied[at].1;
        groups.push(group);
        self.places[group as usize] = (small(at), small(groups.len() - 1));
    }

    fn vacate(&mut self, group: u32) {
        let (at, index) = self.places[group as usize];
        let groups = &mut self.occupied[at as usize].1;
        groups.swap_remove(index as usize);
        if let Some(&moved) = groups.get(index as usize) {
            self.places[moved as usize].1 = index;
        }
    }
}

fn small(index: usize) -> u32 {
    u32::try_from(index).expect("pod ids are 32 bits wide")
}
