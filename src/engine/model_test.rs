//! The calendar against a sorted map of (time, rank, order of scheduling): random schedules, lanes, cancellations and
//! pops at clustered times, with sizes so small that every mechanism is at work all the time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::queue::Tuning;
use super::{Calendar, Lane, Rank, TimerKey};
use crate::base::{SimDuration, SimTime};

/// What a test does to both.
#[derive(Clone, Debug)]
enum Op {
    Schedule { delay: i64, rank: u8 },
    Burst { delay: i64, count: u8 },
    OnLane { lane: usize },
    Cancel { pick: usize },
    CancelMost { keep_each: usize },
    Pop { count: u8 },
    PopUntil { delay: i64 },
    Peek,
}

fn op() -> impl Strategy<Value = Op> {
    // Whole multiples of powers of ten: many ties, at every distance.
    let delay = (0..6_i64, 0..6_u32).prop_map(|(n, power)| n * 10_i64.pow(power));
    prop_oneof![
        8 => (delay.clone(), 0..3_u8).prop_map(|(delay, rank)| Op::Schedule { delay, rank }),
        2 => (delay.clone(), 1..40_u8).prop_map(|(delay, count)| Op::Burst { delay, count }),
        6 => (0..4_usize).prop_map(|lane| Op::OnLane { lane }),
        6 => any::<usize>().prop_map(|pick| Op::Cancel { pick }),
        1 => (2..9_usize).prop_map(|keep_each| Op::CancelMost { keep_each }),
        6 => (1..12_u8).prop_map(|count| Op::Pop { count }),
        1 => delay.prop_map(|delay| Op::PopUntil { delay }),
        2 => Just(Op::Peek),
    ]
}

/// Both, side by side.
struct Pair {
    calendar: Calendar<u64>,
    lanes: Vec<(Lane, i64, u8)>,
    model: BTreeMap<(i64, u8, u64), u64>,
    /// Every key ever given out, with what the model knows it by: stale ones too.
    keys: Vec<(TimerKey, (i64, u8, u64))>,
    now: i64,
    scheduled: u64,
    went_far: bool,
}

impl Pair {
    fn new(start: i64, tuning: Tuning, sequence: u32, sequence_limit: u32) -> Self {
        let mut calendar = Calendar::tuned(SimTime(start), tuning, sequence, sequence_limit);
        let terms = [(0, 1), (10, 0), (1_000, 2), (1_000, 0)];
        let lanes = terms.map(|(delay, rank)| (calendar.lane(SimDuration(delay), Rank::new(rank)), delay, rank));
        Self {
            calendar,
            lanes: lanes.to_vec(),
            model: BTreeMap::new(),
            keys: Vec::new(),
            now: start,
            scheduled: 0,
            went_far: false,
        }
    }

    fn scheduled(&mut self, key: TimerKey, at: i64, rank: u8) {
        let name = (at, rank, self.scheduled);
        self.model.insert(name, self.scheduled);
        self.keys.push((key, name));
        self.scheduled += 1;
    }

    fn schedule(&mut self, delay: i64, rank: u8) {
        let at = self.now + delay;
        let key = self.calendar.schedule(SimTime(at), Rank::new(rank), self.scheduled);
        self.scheduled(key, at, rank);
    }

    fn cancel(&mut self, pick: usize) {
        if let Some(&(key, name)) = self.keys.get(pick % self.keys.len().max(1)) {
            assert_eq!(self.calendar.is_pending(key), self.model.contains_key(&name));
            assert_eq!(self.calendar.cancel(key), self.model.remove(&name).is_some());
            assert!(!self.calendar.cancel(key) && !self.calendar.is_pending(key));
        }
    }

    fn pop(&mut self, until: i64) -> bool {
        let first = self.model.first_entry().filter(|first| first.key().0 <= until);
        let expected = first.map(|first| {
            let at = first.key().0;
            (SimTime(at), first.remove())
        });
        assert_eq!(self.calendar.pop_until(SimTime(until)), expected);
        if let Some((at, _)) = expected {
            self.now = at.0;
        }
        expected.is_some()
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Schedule { delay, rank } => self.schedule(delay, rank),
            Op::Burst { delay, count } => (0..count).for_each(|i| self.schedule(delay, i % 3)),
            Op::OnLane { lane } => {
                let (lane, delay, rank) = self.lanes[lane];
                let key = self.calendar.schedule_on(lane, self.scheduled);
                self.scheduled(key, self.now + delay, rank);
            }
            Op::Cancel { pick } => self.cancel(pick),
            Op::CancelMost { keep_each } => {
                (0..self.keys.len()).filter(|i| i % keep_each != 0).for_each(|i| self.cancel(i));
            }
            Op::Pop { count } => {
                for _ in 0..count {
                    self.pop(i64::MAX);
                }
            }
            Op::PopUntil { delay } => while self.pop(self.now + delay) && self.model.len() > 50 {},
            Op::Peek => {
                let expected = self.model.first_key_value().map(|(name, _)| SimTime(name.0));
                assert_eq!(self.calendar.next_time(), expected);
                let up = self.model.first_key_value().map(|(name, _)| (SimTime(name.0), name.1));
                assert_eq!(self.calendar.next_up().map(|(at, rank)| (at, rank.get())), up);
            }
        }
        self.went_far |= self.calendar.is_far();
        assert_eq!((self.calendar.len(), self.calendar.now()), (self.model.len(), SimTime(self.now)));
        let (held, live) = (self.calendar.held(), self.calendar.len());
        assert!(held <= (2 * live).max(live + 64), "{held} entries held for {live} pending events");
    }

    fn finish(&mut self) {
        while self.pop(i64::MAX) {}
        assert!(self.calendar.is_empty() && self.calendar.held() == 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_calendar_is_a_sorted_map(
        ops in prop::collection::vec(op(), 1..400),
        start in prop_oneof![Just(0), Just(-150_000), Just(1_700_000_000_000_000_000)],
        heap_max in prop_oneof![Just(4_usize), Just(32), Just(100), Just(1 << 20)],
        batch in 1..20_usize,
    ) {
        let mut pair = Pair::new(start, Tuning { heap_max, batch }, 0, 1 << 28);
        ops.iter().for_each(|op| pair.apply(op));
        pair.finish();
    }

    /// The counter runs out again and again: the fewer events can be scheduled before, the more are pending.
    #[test]
    fn order_survives_renumbering(
        ops in prop::collection::vec(op(), 100..400),
        heap_max in prop_oneof![Just(4_usize), Just(32), Just(1 << 20)],
    ) {
        let mut pair = Pair::new(0, Tuning { heap_max, batch: 8 }, 280, 300);
        for op in &ops {
            while pair.model.len() > 250 {
                pair.apply(&Op::Pop { count: 1 });
            }
            pair.apply(op);
        }
        pair.finish();
    }
}

/// A long run between a few and many pending events, across the thresholds in both directions.
#[test]
fn the_heap_spills_and_comes_back() {
    let mut pair = Pair::new(0, Tuning { heap_max: 64, batch: 16 }, 900, 1_000);
    let mut random = 1_u64;
    for round in 0..40_usize {
        let target = if round % 2 == 0 { 600 } else { 3 };
        while pair.model.len() != target {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let word = random >> 33;
            let delay = i64::try_from(word % 1_000 * word % 7).unwrap() << (word % 23);
            if pair.model.len() < target {
                pair.apply(&Op::Schedule { delay, rank: u8::try_from(word % 5).unwrap() });
            } else {
                pair.apply(&Op::Pop { count: 1 });
            }
            if word.is_multiple_of(5) {
                pair.apply(&Op::Pop { count: 1 });
                pair.apply(&Op::Schedule { delay, rank: 2 });
            }
        }
        assert_eq!(pair.calendar.is_far(), target == 600, "round {round}");
    }
    pair.finish();
}

/// The first bound of the sequence is met on the way, not only in tests with a small one.
#[test]
fn the_whole_sequence_can_be_used_up() {
    let mut pair = Pair::new(0, Tuning::DEFAULT, (1 << 28) - 500, 1 << 28);
    for i in 0..2_000 {
        pair.apply(&Op::Schedule { delay: i % 3, rank: 1 });
        pair.apply(&Op::OnLane { lane: usize::try_from(i % 4).unwrap() });
    }
    pair.finish();
}

#[test]
fn a_crowd_at_one_instant_keeps_its_order() {
    let mut pair = Pair::new(0, Tuning { heap_max: 16, batch: 4 }, 0, 1 << 28);
    for i in 0..3_000_u32 {
        pair.schedule(1_000_000_000 * i64::from(i % 3), u8::try_from(i % 2).unwrap());
        if i % 10 == 0 {
            pair.apply(&Op::OnLane { lane: 2 });
            pair.apply(&Op::Pop { count: 2 });
        }
    }
    assert!(pair.went_far);
    pair.finish();
}

/// Not only cancellations make the dead the majority: so do the living that leave.
#[test]
fn the_dead_leave_when_the_living_do() {
    let mut pair = Pair::new(0, Tuning::DEFAULT, 0, 1 << 28);
    for i in 0..2_000 {
        pair.schedule(if i % 2 == 0 { 1 + i } else { 1_000_000 + i }, 0);
    }
    for i in (1..1_600).step_by(2) {
        pair.cancel(i);
    }
    assert_eq!(pair.calendar.held(), 2_000);
    for _ in 0..1_000 {
        pair.apply(&Op::Pop { count: 1 });
    }
    assert!(pair.calendar.held() <= 400, "{} entries held", pair.calendar.held());
    pair.finish();
}

#[test]
fn a_million_timers_fit_in_tens_of_megabytes() {
    let mut calendar = Calendar::new(SimTime(0));
    let mut keys = Vec::new();
    for i in 0..1_000_000_u64 {
        let delay = i64::try_from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 30).unwrap();
        keys.push(calendar.schedule(SimTime(delay), Rank::new(0), (i, 0_u32)));
    }
    let bytes = calendar.bytes();
    assert!(bytes < 52_000_000, "{bytes} bytes");
    // Long timers that are usually cancelled and set again: nothing piles up.
    for round in 0..3_u64 {
        for (i, key) in keys.iter_mut().enumerate().step_by(2) {
            assert!(calendar.cancel(*key));
            let delay = i64::try_from((i as u64 + round).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 30).unwrap();
            *key = calendar.schedule(SimTime(delay), Rank::new(0), (i as u64, 1));
        }
    }
    assert_eq!(calendar.len(), 1_000_000);
    assert!(calendar.held() <= 2_000_000 && calendar.bytes() < 104_000_000, "{} bytes", calendar.bytes());
}
