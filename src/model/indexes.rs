//! Sets of completion indexes as Jobs write them: `0,2-4,7`.
//!
//! Knows no Job. Mirrors pkg/controller/job/indexed_job_utils.go (`orderedIntervals`), v1.34.

use std::fmt;
use std::sync::Arc;

/// Indexes as ranges, both ends included, in order. Neighbours are one range. Copies share their ranges until one changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Indexes {
    total: i64,
    ranges: Arc<Vec<(u32, u32)>>,
}

impl From<Vec<(u32, u32)>> for Indexes {
    fn from(ranges: Vec<(u32, u32)>) -> Self {
        let total = ranges.iter().map(|&(first, last)| i64::from(last) - i64::from(first) + 1).sum();
        Self { total, ranges: Arc::new(ranges) }
    }
}

impl From<&[(u32, u32)]> for Indexes {
    fn from(ranges: &[(u32, u32)]) -> Self {
        Self::from(ranges.to_vec())
    }
}

impl FromIterator<u32> for Indexes {
    /// Of indexes in any order, each as often as it likes.
    fn from_iter<T: IntoIterator<Item = u32>>(indexes: T) -> Self {
        let mut sorted: Vec<u32> = indexes.into_iter().collect();
        sorted.sort_unstable();
        Self::ordered(sorted.into_iter().map(|index| (index, index)))
    }
}

impl Indexes {
    /// All indexes that there can be.
    #[must_use]
    pub fn all() -> Self {
        Self::from(&[(0, u32::MAX)][..])
    }

    /// Reads a text; what is no range is left out, and what lies beyond `completions` is cut off.
    #[must_use]
    pub fn parse(text: &str, completions: u32) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for item in text.split(',').filter(|_| !text.is_empty()) {
            let mut limits = item.split('-').map(str::parse::<i64>);
            let Some(Ok(first)) = limits.next() else { continue };
            if first >= i64::from(completions) {
                break;
            }
            let last = match limits.next() {
                None => first,
                Some(Ok(last)) => last.min(i64::from(completions) - 1),
                Some(Err(_)) => continue,
            };
            let (Ok(first), Ok(last)) = (u32::try_from(first), u32::try_from(last)) else { continue };
            match ranges.last_mut() {
                Some(before) if before.1.checked_add(1) == Some(first) => before.1 = last,
                _ => ranges.push((first, last)),
            }
        }
        Self::from(ranges)
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.total
    }

    /// Whether `index` is one.
    #[must_use]
    pub fn has(&self, index: u32) -> bool {
        self.end_of(index).is_some()
    }

    /// The place of the first range that does not end before `index`.
    fn place(&self, index: u32) -> usize {
        self.ranges.partition_point(|&(_, last)| last < index)
    }

    /// The last index of the range that `index` is in.
    fn end_of(&self, index: u32) -> Option<u32> {
        self.ranges.get(self.place(index)).filter(|&&(first, _)| first <= index).map(|&(_, last)| last)
    }

    /// Adds one.
    pub fn insert(&mut self, index: u32) {
        let at = self.place(index);
        if self.ranges.get(at).is_some_and(|&(first, _)| first <= index) {
            return;
        }
        self.total += 1;
        let ranges = Arc::make_mut(&mut self.ranges);
        let joins_next = ranges.get(at).is_some_and(|&(first, _)| first == index + 1);
        let joins_last = at > 0 && ranges[at - 1].1 + 1 == index;
        match (joins_last, joins_next) {
            (true, true) => ranges[at - 1].1 = ranges.remove(at).1,
            (true, false) => ranges[at - 1].1 = index,
            (false, true) => ranges[at].0 = index,
            (false, false) => ranges.insert(at, (index, index)),
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, index: u32) {
        let at = self.place(index);
        let Some((first, last)) = self.ranges.get(at).copied().filter(|&(first, _)| first <= index) else { return };
        self.total -= 1;
        let ranges = Arc::make_mut(&mut self.ranges);
        match (first == index, last == index) {
            (true, true) => _ = ranges.remove(at),
            (true, false) => ranges[at].0 += 1,
            (false, true) => ranges[at].1 -= 1,
            (false, false) => {
                ranges[at].1 = index - 1;
                ranges.insert(at + 1, (index + 1, last));
            }
        }
    }

    /// Takes out those of `others`.
    pub fn remove_all(&mut self, others: &Self) {
        let is_met =
            |&(first, last): &(u32, u32)| others.ranges.get(others.place(first)).is_some_and(|met| met.0 <= last);
        if !self.ranges.iter().any(is_met) {
            return;
        }
        let mut left = Vec::new();
        for &(mut first, last) in &*self.ranges {
            let met = others.ranges[others.place(first)..].iter().take_while(|met| met.0 <= last);
            let mut is_over = false;
            for &(from, to) in met {
                if first < from {
                    left.push((first, from - 1));
                }
                is_over = to >= last;
                first = to.saturating_add(1);
            }
            if !is_over {
                left.push((first, last));
            }
        }
        *self = Self::from(left);
    }

    /// Those of both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut all: Vec<(u32, u32)> = self.ranges.iter().chain(&*other.ranges).copied().collect();
        all.sort_by_key(|&(first, _)| first);
        Self::ordered(all)
    }

    /// How many indexes both have.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> i64 {
        let (mut ours, mut theirs) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut both = 0;
        while let (Some(&&a), Some(&&b)) = (ours.peek(), theirs.peek()) {
            both += (i64::from(a.1.min(b.1)) - i64::from(a.0.max(b.0)) + 1).max(0);
            if a.1 <= b.1 {
                ours.next();
            }
            if b.1 <= a.1 {
                theirs.next();
            }
        }
        both
    }

    /// The first `count` of these that are below `completions` and in none of the others.
    #[must_use]
    pub fn first_not_in(&self, others: &[&Self], count: usize, completions: u32) -> Vec<u32> {
        let mut found = Vec::new();
        for &(mut candidate, last) in &*self.ranges {
            while candidate <= last && candidate < completions && found.len() < count {
                let end = others.iter().find_map(|other| other.end_of(candidate));
                if end.is_none() {
                    found.push(candidate);
                }
                // None is as high as `completions` can be.
                candidate = end.unwrap_or(candidate).saturating_add(1);
            }
        }
        found
    }

    fn ordered(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut out: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ranges {
            match out.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => out.push((first, last)),
            }
        }
        Self::from(out)
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, &(first, last)) in self.ranges.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match last.checked_sub(first) {
                None | Some(0) => write!(f, "{comma}{first}")?,
                Some(1) => write!(f, "{comma}{first},{last}")?,
                Some(_) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    fn listed(indexes: &Indexes) -> BTreeSet<u32> {
        indexes.ranges().iter().flat_map(|&(first, last)| first..=last).collect()
    }

    #[test]
    fn texts() {
        for (text, completions, shown) in [
            ("", 10, ""),
            ("0,1,2-5,7", 10, "0-5,7"),
            ("0-9", 4, "0-3"),
            ("1,x,3-y,4", 10, "1,4"),
            ("-3,2", 10, "2"),
            ("8,2", 8, ""),
            ("4-5", 10, "4,5"),
        ] {
            assert_eq!(Indexes::parse(text, completions).to_string(), shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn they_are_sets(a in btree_set(0u32..40, 0..30), b in vec(0u32..40, 0..30), count in 0usize..20) {
            let (x, y): (Indexes, Indexes) = (a.iter().copied().collect(), b.iter().copied().collect());
            let b: BTreeSet<u32> = b.into_iter().collect();
            prop_assert_eq!(listed(&x), a.clone());
            prop_assert_eq!(listed(&x.merge(&y)), &a | &b);
            prop_assert_eq!(x.overlap(&y), i64::try_from((&a & &b).len()).expect("few"));
            prop_assert_eq!(x.total(), i64::try_from(a.len()).expect("few"));
            prop_assert_eq!(Indexes::parse(&x.to_string(), 40), x.clone());
            let missing: Vec<u32> = (0..40).filter(|index| !a.contains(index)).take(count).collect();
            prop_assert_eq!(Indexes::all().first_not_in(&[&x], count, 40), missing);
            let only: Vec<u32> = b.difference(&a).copied().take(count).collect();
            prop_assert_eq!(y.first_not_in(&[&x], count, 40), only);
            let neither: Vec<u32> = (0..30).filter(|index| !a.contains(index) && !b.contains(index)).take(count).collect();
            prop_assert_eq!(Indexes::all().first_not_in(&[&x, &y], count, 30), neither);
            let mut rest = y.clone();
            rest.remove_all(&x);
            prop_assert_eq!(&rest, &b.difference(&a).copied().collect());
            let (mut more, mut less) = (y.clone(), Indexes::all());
            a.iter().for_each(|&index| more.insert(index));
            b.iter().for_each(|&index| less.remove(index));
            prop_assert_eq!(&more, &y.merge(&x));
            let mut others = Indexes::all();
            others.remove_all(&y);
            prop_assert_eq!(&less, &others);
            b.iter().for_each(|&index| less.insert(index));
            prop_assert_eq!(less, Indexes::all());
            for index in 0..41 {
                prop_assert_eq!(x.has(index), a.contains(&index));
            }
        }
    }
}
