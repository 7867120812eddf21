//! Sets of completion indexes as Jobs write them: `0,2-4,7`.
//!
//! Knows no Job. Mirrors pkg/controller/job/indexed_job_utils.go (`orderedIntervals`), v1.34.

use std::fmt;

/// Indexes as ranges, both ends included, in order. Neighbours are one range.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Indexes(Vec<(u32, u32)>);

impl From<&[(u32, u32)]> for Indexes {
    fn from(ranges: &[(u32, u32)]) -> Self {
        Self(ranges.to_vec())
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
        Self(ranges)
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.0.iter().map(|&(first, last)| i64::from(last) - i64::from(first) + 1).sum()
    }

    /// Whether `index` is one.
    #[must_use]
    pub fn has(&self, index: u32) -> bool {
        let at = self.0.partition_point(|&(_, last)| last < index);
        self.0.get(at).is_some_and(|&(first, _)| first <= index)
    }

    /// Those of both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut all: Vec<(u32, u32)> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_by_key(|&(first, _)| first);
        Self::ordered(all)
    }

    /// How many indexes both have.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> i64 {
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
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

    /// The first `count` indexes below `completions` that are not in this set.
    #[must_use]
    pub fn first_missing(&self, count: usize, completions: u32) -> Vec<u32> {
        let mut missing = Vec::new();
        let mut candidate = 0;
        for &(first, last) in self.0.iter().chain([&(completions, completions)]) {
            let room = count - missing.len();
            missing.extend((candidate..first.min(completions)).take(room));
            candidate = candidate.max(last.saturating_add(1));
        }
        missing
    }

    fn ordered(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut out: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ranges {
            match out.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => out.push((first, last)),
            }
        }
        Self(out)
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, &(first, last)) in self.0.iter().enumerate() {
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
            prop_assert_eq!(x.first_missing(count, 40), missing);
            for index in 0..41 {
                prop_assert_eq!(x.has(index), a.contains(&index));
            }
        }
    }
}
