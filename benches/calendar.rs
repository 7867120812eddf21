//! The calendar's speed, against a plain 4-ary heap in the same process.
//!
//! `cargo bench --bench calendar` prints a report of ratios, then criterion's measurements; `-- ratios` the report
//! alone. A ratio is the median over many short slices in which the two take turns, so that the noise of a shared
//! machine, which moves both, moves it little. The kernel is driven as a simulator drives it: pop, then schedule.
//!
//! - *hold*: with n events pending, pop the first and schedule one at its time plus an exponential increment;
//! - *k8s-mix*: increments are 70 % uniform in 1-100 ms, 24 % exactly 10 s (a lane in the kernel), 6 % exponential
//!   with mean 1 h;
//! - *seconds*: exponential increments cut to whole seconds, so that crowds share an instant;
//! - *cancel*, *cancel-k*: a hold (exponential, k8s-mix), then cancel a random pending timer and schedule another in
//!   its place.

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use podsim::base::{SimDuration, SimTime};
use podsim::engine::{Kernel, Lane, Limits, Rank, TimerKey};

/// An event of a size that a simulator has: the id is what the reference keeps too.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "the fields make up the size")]
enum Event {
    Pod { id: u32, generation: u32, what: u8 },
    Node { id: u32 },
}

const MASK: usize = 2047;
const RANK: Rank = Rank::new(2);
const TEN_SECONDS: i64 = 10_000_000_000;

/// A generator that costs next to nothing, so that what is measured is the calendar.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn unit(&mut self) -> f64 {
        (self.word() as f64 + 0.5) / (1_u64 << 31) as f64
    }

    fn exponential(&mut self, mean: f64) -> i64 {
        (-mean * libm::log(self.unit())) as i64
    }

    fn below(&mut self, n: usize) -> usize {
        ((self.word() * n as u64) >> 31) as usize
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Increments {
    Exponential,
    K8sMix,
    Seconds,
}

impl Increments {
    fn table(self) -> Vec<i64> {
        let mut random = Random(7);
        (0..=MASK)
            .map(|i| match (self, i * 100 / (MASK + 1)) {
                (Self::Exponential, _) => random.exponential(1e9),
                (Self::Seconds, _) => random.exponential(1e10) / 1_000_000_000 * 1_000_000_000,
                (Self::K8sMix, 0..70) => 1_000_000 + (random.unit() * 99e6) as i64,
                (Self::K8sMix, 70..94) => TEN_SECONDS,
                (Self::K8sMix, _) => random.exponential(3.6e12),
            })
            .collect()
    }
}

/// What is measured: both sides do the same steps with the same increments.
trait Subject {
    fn new(pending: usize, increments: Increments) -> Self;
    fn hold(&mut self, steps: usize) -> u64;
    fn cancel(&mut self, steps: usize) -> u64;
}

/// An entry of the plain heap.
#[derive(Clone, Copy)]
struct Plain {
    at: u64,
    sequence: u32,
    id: u32,
}

impl Plain {
    #[inline]
    fn before(self, other: Self) -> bool {
        (self.at, self.sequence) < (other.at, other.sequence)
    }
}

/// The reference: a 4-ary implicit heap of 16-byte entries, with replace-top, and cancellation by tombstones that wait
/// for their time.
struct Reference {
    heap: Vec<Plain>,
    sequence: u32,
    /// The sequence number of each timer's live entry.
    live: Vec<u32>,
    table: Vec<i64>,
    random: Random,
}

impl Reference {
    #[inline]
    fn next(&mut self, now: u64, id: u32) -> Plain {
        let increment = self.table[self.random.word() as usize & MASK];
        self.sequence += 1;
        Plain { at: now + increment as u64, sequence: self.sequence, id }
    }

    #[inline]
    fn sift_down(&mut self, entry: Plain) {
        let heap = &mut self.heap[..];
        let mut place = 0;
        loop {
            let first = 4 * place + 1;
            let mut best = first;
            if let Some([a, b, c, d]) = heap.get(first..first + 4) {
                let (left, l) = if b.before(*a) { (first + 1, b) } else { (first, a) };
                let (right, r) = if d.before(*c) { (first + 3, d) } else { (first + 2, c) };
                best = if r.before(*l) { right } else { left };
            } else if first < heap.len() {
                for child in first + 1..heap.len() {
                    if heap[child].before(heap[best]) {
                        best = child;
                    }
                }
            } else {
                break;
            }
            if entry.before(heap[best]) {
                break;
            }
            heap[place] = heap[best];
            place = best;
        }
        heap[place] = entry;
    }

    #[inline]
    fn push(&mut self, entry: Plain) {
        self.heap.push(entry);
        let mut place = self.heap.len() - 1;
        while place > 0 {
            let parent = (place - 1) / 4;
            if self.heap[parent].before(entry) {
                break;
            }
            self.heap[place] = self.heap[parent];
            place = parent;
        }
        self.heap[place] = entry;
    }

    #[inline]
    fn pop(&mut self) {
        let last = self.heap.pop().expect("never empty");
        if !self.heap.is_empty() {
            self.sift_down(last);
        }
    }
}

impl Subject for Reference {
    fn new(pending: usize, increments: Increments) -> Self {
        let mut new = Self {
            heap: Vec::with_capacity(pending + 1),
            sequence: 0,
            live: Vec::new(),
            table: increments.table(),
            random: Random(1),
        };
        for id in 0..pending as u32 {
            let entry = new.next(0, id);
            new.live.push(entry.sequence);
            new.push(entry);
        }
        new
    }

    fn hold(&mut self, steps: usize) -> u64 {
        let mut sum = 0;
        for _ in 0..steps {
            let top = self.heap[0];
            sum += u64::from(top.id);
            let entry = self.next(top.at, top.id);
            self.sift_down(entry);
        }
        sum
    }

    fn cancel(&mut self, steps: usize) -> u64 {
        let mut sum = 0;
        for _ in 0..steps {
            while self.live[self.heap[0].id as usize] != self.heap[0].sequence {
                self.pop();
            }
            let top = self.heap[0];
            sum += u64::from(top.id);
            let entry = self.next(top.at, top.id);
            self.live[top.id as usize] = entry.sequence;
            self.sift_down(entry);
            let id = self.random.below(self.live.len()) as u32;
            let entry = self.next(top.at, id);
            self.live[id as usize] = entry.sequence;
            self.push(entry);
        }
        sum
    }
}

/// The kernel, driven as a simulator drives it.
struct Driven {
    kernel: Kernel<Event>,
    lane: Lane,
    lanes: bool,
    keys: Vec<TimerKey>,
    table: Vec<i64>,
    random: Random,
}

impl Driven {
    #[inline]
    fn schedule(&mut self, event: Event) -> TimerKey {
        let increment = self.table[self.random.word() as usize & MASK];
        if self.lanes && increment == TEN_SECONDS {
            self.kernel.schedule_on(self.lane, event)
        } else {
            self.kernel.schedule_in(SimDuration(increment), RANK, event)
        }
    }

    #[inline]
    fn pop(&mut self) -> (u32, Event) {
        let (_, event) = self.kernel.pop().expect("no limits").expect("never empty");
        match event {
            Event::Pod { id, .. } | Event::Node { id } => (id, event),
        }
    }
}

impl Subject for Driven {
    fn new(pending: usize, increments: Increments) -> Self {
        let mut kernel = Kernel::new(SimTime(0), Limits::default());
        let lane = kernel.lane(SimDuration(TEN_SECONDS), RANK);
        let (table, lanes) = (increments.table(), increments == Increments::K8sMix);
        let mut new = Self { kernel, lane, lanes, keys: Vec::new(), table, random: Random(1) };
        for id in 0..pending as u32 {
            let key = new.schedule(Event::Pod { id, generation: 1, what: 2 });
            new.keys.push(key);
        }
        new
    }

    fn hold(&mut self, steps: usize) -> u64 {
        let mut sum = 0;
        for _ in 0..steps {
            let (id, event) = self.pop();
            sum += u64::from(id);
            self.schedule(event);
        }
        sum
    }

    fn cancel(&mut self, steps: usize) -> u64 {
        let mut sum = 0;
        for _ in 0..steps {
            let (id, event) = self.pop();
            sum += u64::from(id);
            self.keys[id as usize] = self.schedule(event);
            let other = self.random.below(self.keys.len());
            assert!(self.kernel.cancel(self.keys[other]), "every timer is pending");
            self.keys[other] = self.schedule(Event::Pod { id: other as u32, generation: 1, what: 2 });
        }
        sum
    }
}

type Step<S> = fn(&mut S, usize) -> u64;

/// One line of the report.
fn ratio(name: &str, pending: usize, increments: Increments, reference: Step<Reference>, driven: Step<Driven>) {
    const SLICES: usize = 41;
    // Whole milliseconds: long against the clock's reading, short against the scheduler's quantum.
    let steps = 50_000;
    let (mut plain, mut kernel) = (Reference::new(pending, increments), Driven::new(pending, increments));
    let warm_up = pending.clamp(100_000, 1_000_000);
    assert_eq!(reference(&mut plain, warm_up), driven(&mut kernel, warm_up), "both take the same events");
    let mut slices: Vec<(f64, f64)> = (0..SLICES)
        .map(|_| {
            let start = Instant::now();
            black_box(reference(&mut plain, steps));
            let middle = Instant::now();
            black_box(driven(&mut kernel, steps));
            let ns = |span: std::time::Duration| span.as_nanos() as f64 / steps as f64;
            (ns(middle - start), ns(middle.elapsed()))
        })
        .collect();
    let mut median = |value: fn(&(f64, f64)) -> f64| {
        slices.sort_by(|a, b| value(a).total_cmp(&value(b)));
        value(&slices[SLICES / 2])
    };
    let (plain_ns, kernel_ns, ratio) = (median(|s| s.0), median(|s| s.1), median(|s| s.1 / s.0));
    let calendar = kernel.kernel.calendar();
    let bytes = calendar.bytes() as f64 / calendar.len() as f64;
    let entries = plain.heap.len() as f64 / pending as f64;
    println!(
        "{name:<8} {pending:>8} {plain_ns:>10.1} {kernel_ns:>10.1} {ratio:>7.2} {bytes:>12.0} {:>9.2} {entries:>9.2}",
        calendar.held() as f64 / calendar.len() as f64
    );
}

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn report() {
    println!("                      ns a step, median          kernel     entries / pending");
    println!("case      pending  reference     kernel   ratio  bytes/timer    kernel reference");
    for pending in SIZES {
        ratio("hold", pending, Increments::Exponential, Reference::hold, Driven::hold);
    }
    for pending in SIZES {
        ratio("k8s-mix", pending, Increments::K8sMix, Reference::hold, Driven::hold);
    }
    for pending in SIZES {
        ratio("seconds", pending, Increments::Seconds, Reference::hold, Driven::hold);
    }
    for pending in SIZES {
        ratio("cancel", pending, Increments::Exponential, Reference::cancel, Driven::cancel);
    }
    for pending in SIZES {
        ratio("cancel-k", pending, Increments::K8sMix, Reference::cancel, Driven::cancel);
    }
}

fn measure<S: Subject>(criterion: &mut Criterion, name: &str) {
    let cases: [(&str, Increments, Step<S>); 3] = [
        ("hold", Increments::Exponential, S::hold),
        ("k8s-mix", Increments::K8sMix, S::hold),
        ("cancel", Increments::Exponential, S::cancel),
    ];
    for (case, increments, step) in cases {
        let mut group = criterion.benchmark_group(format!("{case}/{name}"));
        group.throughput(Throughput::Elements(1_000)).sample_size(20);
        for pending in SIZES {
            let mut subject = S::new(pending, increments);
            step(&mut subject, pending);
            let id = BenchmarkId::from_parameter(pending);
            group.bench_function(id, |bencher| bencher.iter(|| step(&mut subject, 1_000)));
        }
    }
}

fn main() {
    let has = |wanted: &str| std::env::args().any(|arg| arg == wanted);
    // Cargo says so when it benches; without, as in `cargo test`, every case only runs once.
    if has("--bench") {
        report();
    }
    if !has("ratios") {
        let mut criterion = Criterion::default().configure_from_args();
        measure::<Driven>(&mut criterion, "kernel");
        measure::<Reference>(&mut criterion, "reference");
        criterion.final_summary();
    }
}
