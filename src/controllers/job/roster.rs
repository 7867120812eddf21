//! The pods of a Job, kept while they come, go and change. Pods that just run are counted together, because a sync does nothing
//! about them one by one: so it looks at those that something happened to. Pure; knows no rule of a sync and no API.

use std::collections::{BTreeMap, VecDeque};

use super::sync::Pod;
use crate::model::Phase;
use crate::model::indexes::Indexes;

/// Active pods that are yet to be counted, by what a sync asks of all of them together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quiet {
    /// How many.
    pub count: i32,
    /// How many of them are ready.
    pub ready: i32,
    /// Restarts of all their containers.
    pub restarts: i64,
    /// How many are of each completion index, as far as the last that one is of.
    indexes: Vec<u32>,
    /// How many indexes have several.
    pub twice: u32,
    /// Indexes that none of them has, but for some that are settled or about to be.
    pub vacant: Indexes,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { count: 0, ready: 0, restarts: 0, indexes: Vec::new(), twice: 0, vacant: Indexes::all() }
    }
}

impl Quiet {
    /// Whether one is of this index.
    pub fn has(&self, index: u32) -> bool {
        self.indexes.get(index as usize).is_some_and(|&count| count > 0)
    }

    /// The last index that one is of.
    pub fn last(&self) -> Option<u32> {
        self.indexes.len().checked_sub(1).map(|last| u32::try_from(last).unwrap_or(u32::MAX))
    }

    fn add(&mut self, pod: &Pod) {
        self.count += 1;
        self.ready += i32::from(pod.ready);
        self.restarts += i64::from(pod.restarts);
        let index = pod.index as usize;
        if self.indexes.len() <= index {
            self.indexes.resize(index + 1, 0);
        }
        self.indexes[index] += 1;
        match self.indexes[index] {
            1 => self.vacant.remove(pod.index),
            2 => self.twice += 1,
            _ => {}
        }
    }

    /// One of them is no more. `succeeded`: its index is about to be settled.
    fn take(&mut self, pod: &Pod, succeeded: bool) {
        self.count -= 1;
        self.ready -= i32::from(pod.ready);
        self.restarts -= i64::from(pod.restarts);
        let of_index = &mut self.indexes[pod.index as usize];
        *of_index -= 1;
        match *of_index {
            0 => {
                if !succeeded {
                    self.vacant.insert(pod.index);
                }
                while self.indexes.pop_if(|count| *count == 0).is_some() {}
            }
            1 => self.twice -= 1,
            _ => {}
        }
    }

    /// One of them is otherwise than before.
    fn change(&mut self, before: &Pod, pod: &Pod) {
        if before.index != pod.index {
            self.take(before, false);
            self.add(pod);
            return;
        }
        self.ready += i32::from(pod.ready) - i32::from(before.ready);
        self.restarts += i64::from(pod.restarts) - i64::from(before.restarts);
    }
}

/// Values in the order of their keys, most of which come in that order and go in about the same.
#[derive(Clone, PartialEq, Eq, Debug)]
struct ByAge<K> {
    pods: VecDeque<(K, Option<Pod>)>,
    /// How many are there.
    count: usize,
}

impl<K> Default for ByAge<K> {
    fn default() -> Self {
        Self { pods: VecDeque::new(), count: 0 }
    }
}

impl<K: Ord + Copy> ByAge<K> {
    /// Puts a pod in its place, or nothing; what was there.
    fn put(&mut self, key: K, pod: Option<Pod>) -> Option<Pod> {
        let last = self.pods.back().map(|&(last, _)| last);
        let place =
            if last < Some(key) { Err(self.pods.len()) } else { self.pods.binary_search_by_key(&key, |row| row.0) };
        let (is_there, before) = match place {
            Ok(at) => (pod.is_some(), std::mem::replace(&mut self.pods[at].1, pod)),
            Err(at) => {
                if pod.is_some() {
                    self.pods.insert(at, (key, pod));
                }
                (pod.is_some(), None)
            }
        };
        self.count = self.count + usize::from(is_there) - usize::from(before.is_some());
        while self.pods.front().is_some_and(|(_, pod)| pod.is_none()) {
            self.pods.pop_front();
        }
        // Whoever stays long keeps the place of many that went.
        if self.pods.len() > 4 * self.count + 64 {
            self.pods.retain(|(_, pod)| pod.is_some());
        }
        before
    }

    fn iter(&self) -> impl Iterator<Item = (K, Pod)> {
        self.pods.iter().filter_map(|&(key, pod)| Some((key, pod?)))
    }
}

/// The pods of a Job. `K` orders them by age.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster<K> {
    calm: ByAge<K>,
    others: BTreeMap<K, Pod>,
    quiet: Quiet,
}

impl<K> Default for Roster<K> {
    fn default() -> Self {
        Self { calm: ByAge::default(), others: BTreeMap::new(), quiet: Quiet::default() }
    }
}

impl<K: Ord + Copy> Roster<K> {
    /// A pod is so now; `None`: it is gone, or concerns the Job no more.
    pub fn put(&mut self, key: K, pod: Option<Pod>) {
        let calm = pod.filter(|pod| pod.is_active() && pod.tracked);
        match (self.calm.put(key, calm), calm) {
            (Some(before), Some(calm)) => self.quiet.change(&before, &calm),
            (Some(before), None) => {
                self.quiet.take(&before, pod.is_some_and(|pod| pod.tracked && pod.phase == Phase::Succeeded));
            }
            (None, Some(calm)) => self.quiet.add(&calm),
            (None, None) => {}
        }
        match pod.filter(|_| calm.is_none()) {
            Some(pod) => _ = self.others.insert(key, pod),
            None => _ = self.others.remove(&key),
        }
    }

    /// These indexes want no pod again, whatever comes.
    pub fn settle(&mut self, indexes: &Indexes) {
        self.quiet.vacant.remove_all(indexes);
    }

    /// The pods that just run, together.
    pub const fn quiet(&self) -> &Quiet {
        &self.quiet
    }

    /// The others.
    pub fn others(&self) -> impl Iterator<Item = (K, Pod)> {
        self.others.iter().map(|(&key, &pod)| (key, pod))
    }

    /// All pods.
    pub fn all(&self) -> impl Iterator<Item = (K, Pod)> {
        self.calm.iter().chain(self.others())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::SimTime;

    fn pod(index: u32) -> Pod {
        Pod {
            born: 0,
            index,
            phase: Phase::Running,
            deleting: false,
            ready: false,
            tracked: true,
            restarts: 0,
            finished: SimTime(0),
            verdict: None,
        }
    }

    proptest! {
        #[test]
        fn pods_by_age_are_a_map(steps in prop::collection::vec((0u64..400, prop::option::weighted(0.4, 0u32..9)), 0..600)) {
            let (mut pods, mut map) = (ByAge::default(), BTreeMap::new());
            for (at, (key, value)) in (0..).zip(steps) {
                // Most are young.
                let key = if key < 300 { at } else { key };
                let pod = value.map(pod);
                let before = match pod {
                    Some(pod) => map.insert(key, pod),
                    None => map.remove(&key),
                };
                prop_assert_eq!(pods.put(key, pod), before);
                prop_assert_eq!(pods.count, map.len());
                prop_assert!(pods.pods.len() <= 4 * map.len() + 64);
            }
            prop_assert!(pods.iter().eq(map));
        }
    }
}
