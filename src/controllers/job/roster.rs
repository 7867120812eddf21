//! The pods of a Job, kept while they come, go and change. Pods that just run are counted together, because a sync does nothing
//! about them one by one: so it looks at those that something happened to. Pure; knows no rule of a sync and no API.

use std::collections::BTreeMap;

use super::sync::Pod;
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
    /// How many are of a completion index.
    pub indexes: BTreeMap<u32, u32>,
    /// How many indexes have several.
    pub twice: u32,
    /// Indexes that none of them has, but for some that are settled.
    pub vacant: Indexes,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { count: 0, ready: 0, restarts: 0, indexes: BTreeMap::new(), twice: 0, vacant: Indexes::all() }
    }
}

impl Quiet {
    fn add(&mut self, pod: &Pod) {
        self.count += 1;
        self.ready += i32::from(pod.ready);
        self.restarts += i64::from(pod.restarts);
        let of_index = self.indexes.entry(pod.index).or_default();
        *of_index += 1;
        self.twice += u32::from(*of_index == 2);
        if *of_index == 1 {
            self.vacant.remove(pod.index);
        }
    }

    fn take(&mut self, pod: &Pod) {
        self.count -= 1;
        self.ready -= i32::from(pod.ready);
        self.restarts -= i64::from(pod.restarts);
        let of_index = self.indexes.entry(pod.index).or_default();
        *of_index -= 1;
        self.twice -= u32::from(*of_index == 1);
        if *of_index == 0 {
            self.indexes.remove(&pod.index);
            self.vacant.insert(pod.index);
        }
    }
}

/// The pods of a Job. `K` orders them by age.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster<K> {
    calm: BTreeMap<K, Pod>,
    others: BTreeMap<K, Pod>,
    quiet: Quiet,
}

impl<K> Default for Roster<K> {
    fn default() -> Self {
        Self { calm: BTreeMap::new(), others: BTreeMap::new(), quiet: Quiet::default() }
    }
}

impl<K: Ord + Copy> Roster<K> {
    /// A pod is so now; `None`: it is gone, or concerns the Job no more.
    pub fn put(&mut self, key: K, pod: Option<Pod>) {
        if let Some(before) = self.calm.remove(&key) {
            self.quiet.take(&before);
        } else {
            self.others.remove(&key);
        }
        match pod {
            Some(pod) if pod.is_active() && pod.tracked => {
                self.quiet.add(&pod);
                self.calm.insert(key, pod);
            }
            Some(pod) => _ = self.others.insert(key, pod),
            None => {}
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
        self.calm.iter().chain(&self.others).map(|(&key, &pod)| (key, pod))
    }
}
