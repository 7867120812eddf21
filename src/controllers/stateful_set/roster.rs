//! The pods of a StatefulSet by ordinal, and what a sync asks of all of them, kept while they come, go and change: so a sync of
//! a set of a thousand pods looks at those that something is to be done about. Pure; knows no rule of a sync and no API.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::sync::{Member, Set};

/// A set of small numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Bits {
    words: Vec<u64>,
    count: usize,
}

impl Bits {
    fn with_room(length: usize) -> Self {
        Self { words: vec![0; length.div_ceil(64)], count: 0 }
    }

    fn has(&self, at: usize) -> bool {
        self.words[at / 64] >> (at % 64) & 1 == 1
    }

    fn set(&mut self, at: usize, on: bool) {
        if self.has(at) != on {
            self.words[at / 64] ^= 1 << (at % 64);
            self.count = if on { self.count + 1 } else { self.count - 1 };
        }
    }

    fn first(&self) -> Option<usize> {
        let word = self.words.iter().position(|&word| word != 0)?;
        Some(word * 64 + self.words[word].trailing_zeros() as usize)
    }

    /// The last below `end`.
    fn last_below(&self, end: usize) -> Option<usize> {
        let partial = self.words.get(end / 64).map_or(0, |word| word & ((1 << (end % 64)) - 1));
        if partial != 0 {
            return Some(end / 64 * 64 + 63 - partial.leading_zeros() as usize);
        }
        let word = self.words[..(end / 64).min(self.words.len())].iter().rposition(|&word| word != 0)?;
        Some(word * 64 + 63 - self.words[word].leading_zeros() as usize)
    }
}

/// The pods of a set. `K` tells pods apart and orders those of one ordinal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster<K> {
    /// By ordinal, usually one each; of several the last is the one that a sync looks at.
    pods: BTreeMap<i32, SmallVec<[(K, Member); 1]>>,
    count: i32,
    /// The set's first ordinal, and how many it is to have.
    start: i32,
    places: usize,
    update_revision: u64,
    ready: i32,
    available: i32,
    /// By revision: pods that are not being deleted.
    revisions: SmallVec<[(u64, i32); 2]>,
    /// Places where something has to be waited for.
    unavailable: Bits,
    /// Those, and the places whose pod is to be replaced by one of another template.
    open: Bits,
}

impl<K: Ord + Copy> Roster<K> {
    /// The pods of a set.
    pub fn of(set: &Set<'_>, members: impl IntoIterator<Item = (K, Member)>) -> Self {
        let places = usize::try_from(set.spec.replicas).unwrap_or(0);
        let mut roster = Self {
            pods: BTreeMap::new(),
            count: 0,
            start: set.spec.ordinals_start,
            places,
            update_revision: set.update_revision,
            ready: 0,
            available: 0,
            revisions: SmallVec::new(),
            unavailable: Bits::with_room(places),
            open: Bits::with_room(places),
        };
        for at in 0..places {
            roster.unavailable.set(at, true);
            roster.open.set(at, true);
        }
        for (key, member) in members {
            roster.put(key, member.ordinal, Some(member));
        }
        roster
    }

    /// A pod is so now; `None`: it is gone.
    pub fn put(&mut self, key: K, ordinal: i32, member: Option<Member>) {
        let before = self.replace(key, ordinal, member);
        for (member, by) in before.iter().map(|member| (member, -1)).chain(member.iter().map(|member| (member, 1))) {
            self.count += by;
            self.ready += if member.is_ready() { by } else { 0 };
            self.available += if member.is_available() { by } else { 0 };
            if !member.terminating {
                self.count_revision(member.revision, by);
            }
        }
        let at = i64::from(ordinal) - i64::from(self.start);
        if let Some(at) = usize::try_from(at).ok().filter(|&at| at < self.places) {
            let member = self.place(at);
            let unavailable = member.is_none_or(|member| member.is_unavailable());
            let outdated = member.is_some_and(|member| member.revision != self.update_revision && !member.terminating);
            self.unavailable.set(at, unavailable);
            self.open.set(at, unavailable || outdated);
        }
    }

    fn replace(&mut self, key: K, ordinal: i32, member: Option<Member>) -> Option<Member> {
        let pods = self.pods.entry(ordinal).or_default();
        let before = match (pods.binary_search_by_key(&key, |(key, _)| *key), member) {
            (Ok(at), Some(member)) => Some(std::mem::replace(&mut pods[at].1, member)),
            (Ok(at), None) => Some(pods.remove(at).1),
            (Err(at), Some(member)) => {
                pods.insert(at, (key, member));
                None
            }
            (Err(_), None) => None,
        };
        if pods.is_empty() {
            self.pods.remove(&ordinal);
        }
        before
    }

    fn count_revision(&mut self, revision: u64, by: i32) {
        match self.revisions.iter_mut().find(|(known, _)| *known == revision) {
            Some((_, count)) => *count += by,
            None => self.revisions.push((revision, by)),
        }
        self.revisions.retain(|(_, count)| *count != 0);
    }

    /// How many places there are.
    pub(super) const fn places(&self) -> usize {
        self.places
    }

    /// The pod of a place.
    pub(super) fn place(&self, at: usize) -> Option<&Member> {
        self.pods.get(&self.ordinal(at))?.last().map(|(_, member)| member)
    }

    /// The ordinal of a place.
    pub(super) fn ordinal(&self, at: usize) -> i32 {
        self.start.saturating_add(i32::try_from(at).unwrap_or(i32::MAX))
    }

    /// The first pod of an ordinal.
    pub fn pod(&self, ordinal: i32) -> Option<K> {
        self.pods.get(&ordinal)?.first().map(|(key, _)| *key)
    }

    /// How many pods there are, how many of them are ready and available, and how many that are not being deleted are of a
    /// revision.
    pub(super) fn counts(&self) -> (i32, i32, i32, impl Fn(u64) -> i32) {
        let of = |revision| self.revisions.iter().find(|(known, _)| *known == revision).map_or(0, |(_, count)| *count);
        (self.count, self.ready, self.available, of)
    }

    /// Whether something has to be waited for at a place.
    pub(super) fn is_unavailable(&self, at: usize) -> bool {
        self.unavailable.has(at)
    }

    /// The first place at which something has to be waited for.
    pub(super) fn first_unavailable(&self) -> Option<usize> {
        self.unavailable.first()
    }

    /// At how many places something has to be waited for.
    pub(super) const fn unavailable(&self) -> usize {
        self.unavailable.count
    }

    /// The last place below `end` whose pod is missing, not available or of another template.
    pub(super) fn last_open_below(&self, end: usize) -> Option<usize> {
        self.open.last_below(end)
    }

    /// The pods outside of the range, highest ordinal first.
    pub(super) fn condemned(&self) -> impl Iterator<Item = &Member> {
        let end = i64::from(self.start) + i64::try_from(self.places).unwrap_or(i64::MAX);
        let above = i32::try_from(end).ok().map(|end| self.pods.range(end..));
        let below = self.pods.range(..self.start);
        let all = above.into_iter().flatten().rev().chain(below.rev());
        all.flat_map(|(_, pods)| pods.iter().rev().map(|(_, member)| member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_of_a_set_are_found() {
        let mut bits = Bits::with_room(130);
        assert_eq!((bits.first(), bits.last_below(130)), (None, None));
        for at in [0, 63, 64, 129] {
            bits.set(at, true);
            bits.set(at, true);
        }
        assert_eq!((bits.count, bits.first(), bits.last_below(130)), (4, Some(0), Some(129)));
        assert_eq!((bits.last_below(129), bits.last_below(64), bits.last_below(63)), (Some(64), Some(63), Some(0)));
        assert_eq!(bits.last_below(0), None);
        bits.set(0, false);
        assert_eq!((bits.count, bits.first(), Bits::with_room(0).last_below(0)), (3, Some(63), None));
    }
}
