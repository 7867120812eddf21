//! The scheduling queue: timelines by hand from the specification, and a naive model that ticks every second.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use podsim::base::{SimDuration, SimTime};
use podsim::model::strings::known;
use podsim::model::{ClassId, HostPort, NodeId, PodClass, PodId, Protocol, Resources, Taint, TaintEffect, Toleration};
use podsim::scheduler::framework::{Plugin, PluginSet};
use podsim::scheduler::hints::{self, ClusterEvent};
use podsim::scheduler::queue::{Place, Queue, QueueConfig};
use podsim::scheduler::view::{NodeFacts, NodeSpec, View};
use proptest::prelude::*;

const CLASSES: u32 = 8;

fn at(millis: i64) -> SimTime {
    SimTime(0) + SimDuration::from_millis(millis)
}

fn pod(number: u32) -> PodId {
    PodId::from_raw(number)
}

fn class(number: u32) -> ClassId {
    ClassId::from_raw(number)
}

const FIT: PluginSet = PluginSet::of(&[Plugin::NodeResourcesFit]);
const TAINT: PluginSet = PluginSet::of(&[Plugin::TaintToleration]);
const NAME: PluginSet = PluginSet::of(&[Plugin::NodeName]);

/// Classes of rising size; odd ones have priority 10, some tolerate everything, some take a port. And the facts of nodes.
fn tables() -> (View, Vec<NodeFacts>) {
    let mut view = View::new();
    let exists = podsim::model::TolerationOperator::Exists;
    for number in 0..CLASSES {
        let mut spec = PodClass {
            requests: Resources { milli_cpu: 500 * i64::from(number), ..Resources::default() },
            priority: if number % 2 == 1 { 10 } else { 0 },
            ..PodClass::default()
        };
        if number % 4 >= 2 {
            spec.tolerations = [Toleration { key: None, operator: exists, effect: None, seconds: None }].into();
        }
        if number % 3 == 0 {
            let port = HostPort { protocol: Protocol::Tcp, host_ip: known::EMPTY, port: 80 + (number as u16 & 1) };
            spec.host_ports = [port].into();
        }
        view.register_class(class(number), &spec);
    }
    let taint = [Taint { key: known::PODS, value: known::EMPTY, effect: TaintEffect::NoSchedule }];
    let facts = (0..8_u32).map(|number| {
        let allocatable = Resources { milli_cpu: 1000 * i64::from(number % 4), ..Resources::default() };
        let taints = if number < 4 { &[][..] } else { &taint };
        let spec = NodeSpec {
            name: known::CPU,
            hostname: None,
            labels: &[],
            taints,
            allocatable: &allocatable,
            max_pods: 10,
            unschedulable: number == 5,
            images: &[],
        };
        view.add_node(NodeId::from_raw(number), &spec)
    });
    let facts = facts.collect();
    (view, facts)
}

#[test]
fn higher_priority_comes_first_then_the_earlier() {
    let (view, _) = tables();
    let mut queue = Queue::new(QueueConfig::default(), at(0));
    for (number, of) in [(0, 0), (1, 2), (2, 1), (3, 0), (4, 3)] {
        queue.add(view.tables(), pod(number), class(of), None, at(i64::from(number) / 2));
    }
    let order: Vec<u32> = std::iter::from_fn(|| queue.pop(at(10))).map(|q| q.pod.raw()).collect();
    assert_eq!(order, [2, 4, 0, 1, 3]);
}

#[test]
fn an_event_wakes_into_the_back_off_and_an_idle_scheduler_does_not_wait_for_it() {
    let (view, facts) = tables();
    let mut queue = Queue::new(QueueConfig::default(), at(0));
    queue.add(view.tables(), pod(0), class(2), None, at(0));
    let popped = queue.pop(at(100)).expect("there is one");
    assert_eq!(queue.failed(view.tables(), popped, FIT, at(300)), Place::Unschedulable);
    assert_eq!(queue.next_wake(at(300)), Some(at(330_000)), "only the leftover check");
    assert_eq!(queue.on_event(view.tables(), &ClusterEvent::NodeAdded(facts[0]), at(400)), 0, "it is too small");
    assert_eq!(queue.on_event(view.tables(), &ClusterEvent::NodeAdded(facts[1]), at(500)), 1);
    assert_eq!(queue.place(pod(0)), Some(Place::BackOff));
    assert_eq!(queue.next_wake(at(500)), Some(at(500)));
    queue.add(view.tables(), pod(1), class(2), None, at(600));
    assert_eq!(queue.pop(at(600)).map(|q| q.pod), Some(pod(1)), "the activeQ comes first");
    // Until 1.3 s, cut to 1 s; that second must have passed.
    queue.flush(at(1_999));
    assert_eq!(queue.place(pod(0)), Some(Place::BackOff));
    queue.flush(at(2_000));
    assert_eq!(queue.place(pod(0)), Some(Place::Active));
    let again = queue.pop(at(2_000)).expect("it is active");
    assert_eq!((again.attempts, again.unschedulable_count), (2, 1));
}

#[test]
fn back_offs_double_up_to_ten_seconds_and_errors_are_not_popped_early() {
    let (view, _) = tables();
    let mut queue = Queue::new(QueueConfig::default(), at(0));
    queue.add(view.tables(), pod(0), class(0), None, at(0));
    let mut now = at(0);
    for seconds in [1, 2, 4, 8, 10, 10] {
        let popped = queue.pop(now).expect("it is active");
        assert_eq!(queue.failed(view.tables(), popped, PluginSet::EMPTY, now), Place::ErrorBackOff);
        assert_eq!(queue.pop(now), None);
        let wake = queue.next_wake(now).expect("the back-off ends");
        assert_eq!(wake, now + SimDuration::from_secs(seconds + 1));
        now = wake;
    }
}

#[test]
fn an_event_during_the_attempt_is_not_lost() {
    let (view, facts) = tables();
    let mut queue = Queue::new(QueueConfig::default(), at(0));
    queue.add(view.tables(), pod(0), class(0), None, at(0));
    let event = ClusterEvent::NodeUpdated { old: facts[4], new: facts[0] };
    queue.on_event(view.tables(), &event, at(0));
    let first = queue.pop(at(0)).expect("there is one");
    assert_eq!(queue.failed(view.tables(), first, TAINT, at(1)), Place::Unschedulable, "the event came before");
    queue.activate(pod(0), at(2));
    let second = queue.pop(at(2)).expect("activated");
    queue.on_event(view.tables(), &event, at(3));
    assert_eq!(queue.failed(view.tables(), second, TAINT, at(4)), Place::BackOff);
    let third = queue.pop(at(4)).expect("the scheduler is idle");
    queue.update(view.tables(), pod(0), class(2), None, at(5));
    assert_eq!(queue.failed(view.tables(), third, TAINT, at(6)), Place::BackOff, "its own tolerations changed");
    assert_eq!(queue.get(pod(0)).map(|q| q.class), Some(class(2)));
}

#[test]
fn a_pod_that_waited_more_than_five_minutes_is_tried_anyway() {
    let (view, _) = tables();
    for (failed, tried) in [(29_999, 330_000), (30_000, 360_000), (30_001, 360_000)] {
        let mut queue = Queue::new(QueueConfig::default(), at(0));
        queue.add(view.tables(), pod(0), class(0), None, at(0));
        let popped = queue.pop(at(0)).expect("there is one");
        queue.failed(view.tables(), popped, FIT, at(failed));
        assert_eq!(queue.next_wake(at(failed)), Some(at(tried)));
        assert_eq!(queue.pop(at(tried - 1)), None);
        assert_eq!(queue.pop(at(tried)).map(|q| q.attempts), Some(2));
    }
}

#[test]
fn gates_hold_a_pod_back_until_they_are_gone() {
    let (view, facts) = tables();
    let mut queue = Queue::new(QueueConfig::default(), at(0));
    queue.add(view.tables(), pod(0), class(0), Some(Plugin::SchedulingGates), at(0));
    assert_eq!((queue.pop(at(0)), queue.next_wake(at(0))), (None, None));
    assert_eq!(queue.on_event(view.tables(), &ClusterEvent::NodeAdded(facts[3]), at(1)), 0);
    queue.update(view.tables(), pod(0), class(0), None, at(2));
    assert_eq!(queue.place(pod(0)), Some(Place::Active), "without a back-off");
    assert!(queue.delete(pod(0)) && !queue.delete(pod(0)));
    assert_eq!(queue.lengths(), (0, 0, 0));
}

// ---- the naive model ----

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spot {
    In(Place),
    Flight,
}

#[derive(Clone, Debug)]
struct Naive {
    class: u32,
    gate: Option<Plugin>,
    stamp: (SimTime, u64),
    failures: (u32, u32),
    attempts: u32,
    rejected_by: PluginSet,
    spot: Spot,
    seen: Vec<ClusterEvent>,
    satisfied: PluginSet,
}

#[derive(Clone)]
struct Model {
    pods: BTreeMap<u32, Naive>,
    now: SimTime,
    started: SimTime,
    entries: u64,
}

impl Model {
    fn expiry(&self, naive: &Naive) -> SimTime {
        let (unschedulable, errors) = naive.failures;
        let count = if errors > 0 { errors } else { unschedulable };
        let seconds = if count == 0 { 0 } else { (1_i64 << (count - 1).min(20)).min(10) };
        (naive.stamp.0 + SimDuration::from_secs(seconds)).floor_seconds()
    }

    /// Sleeps through every whole second and every check for leftovers.
    fn sleep_until(&mut self, until: SimTime) {
        while self.now < until {
            let second = SimTime(self.now.0 + 1).ceil_to_grid(SimTime(0), SimDuration::from_secs(1));
            let check = SimTime(self.now.0 + 1).ceil_to_grid(self.started, SimDuration::from_secs(30));
            self.now = second.min(check).min(until);
            let now = self.now;
            let mut moves = Vec::new();
            for (&number, naive) in &self.pods {
                match naive.spot {
                    Spot::In(Place::Unschedulable)
                        if now == check && now - naive.stamp.0 > SimDuration::from_secs(300) =>
                    {
                        moves.push(number);
                    }
                    Spot::In(Place::BackOff | Place::ErrorBackOff)
                        if now == second && self.expiry(naive) < now.floor_seconds() =>
                    {
                        moves.push(number);
                    }
                    _ => {}
                }
            }
            moves.into_iter().for_each(|number| self.enter(number));
        }
    }

    fn enter(&mut self, number: u32) {
        let naive = &self.pods[&number];
        let backs_off = naive.failures != (0, 0) && self.expiry(naive) >= self.now.floor_seconds();
        let naive = self.pods.get_mut(&number).unwrap();
        naive.spot = Spot::In(match (naive.gate, backs_off) {
            (Some(gate), _) => {
                naive.rejected_by.insert(gate);
                Place::Unschedulable
            }
            (None, false) => Place::Active,
            (None, true) if naive.rejected_by.is_empty() => Place::ErrorBackOff,
            (None, true) => Place::BackOff,
        });
    }

    fn pop(&mut self, view: &View) -> Option<u32> {
        let key = |naive: &Naive| (Reverse(view.tables().class(class(naive.class)).priority), naive.stamp);
        let at = |place| move |(_, naive): &(&u32, &Naive)| naive.spot == Spot::In(place);
        let active = self.pods.iter().filter(at(Place::Active)).min_by_key(|(_, n)| key(n));
        let backoff = || self.pods.iter().filter(at(Place::BackOff)).min_by_key(|(_, n)| (self.expiry(n), key(n)));
        let number = *active.or_else(backoff)?.0;
        let naive = self.pods.get_mut(&number).unwrap();
        naive.spot = Spot::Flight;
        naive.attempts += 1;
        naive.rejected_by = PluginSet::EMPTY;
        naive.seen.clear();
        naive.satisfied = PluginSet::EMPTY;
        Some(number)
    }

    fn can_pop(&self) -> bool {
        self.pods.values().any(|n| matches!(n.spot, Spot::In(Place::Active | Place::BackOff)))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(u32, bool),
    Pop,
    Done(usize),
    Fail(usize, u8),
    Event(u8, usize, usize),
    Update(usize, u32),
    Ungate(usize),
    Delete(usize),
    Activate(usize),
    Sleep(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let some = any::<usize>;
    prop_oneof![
        6 => (0..CLASSES, prop::bool::weighted(0.1)).prop_map(|(class, gated)| Step::Add(class, gated)),
        10 => Just(Step::Pop),
        2 => some().prop_map(Step::Done),
        9 => (some(), any::<u8>()).prop_map(|(pod, by)| Step::Fail(pod, by)),
        4 => (any::<u8>(), some(), some()).prop_map(|(kind, a, b)| Step::Event(kind, a, b)),
        2 => (some(), 0..CLASSES).prop_map(|(pod, class)| Step::Update(pod, class)),
        1 => some().prop_map(Step::Ungate),
        1 => some().prop_map(Step::Delete),
        1 => some().prop_map(Step::Activate),
        8 => prop_oneof![4 => 0..2_500_i64, 1 => 0..90_000_i64].prop_map(Step::Sleep),
    ]
}

fn run(steps: &[Step], started: SimTime) -> Result<(), TestCaseError> {
    let (view, facts) = tables();
    let tables = view.tables();
    let mut queue = Queue::new(QueueConfig::default(), started);
    let mut model = Model { pods: BTreeMap::new(), now: started, started, entries: 0 };
    let mut flights = Vec::new();
    let mut next_pod = 0;
    let some = |model: &Model, n: usize| model.pods.keys().nth(n % model.pods.len().max(1)).copied();
    for step in steps {
        let now = model.now;
        match *step {
            Step::Sleep(millis) => {
                let until = now + SimDuration::from_millis(millis);
                // Nothing may become poppable before the queue says so, and something must then.
                let mut probe = model.clone();
                match queue.next_wake(now) {
                    Some(wake) if wake > now => {
                        probe.sleep_until(SimTime(wake.0 - 1));
                        prop_assert!(!probe.can_pop(), "poppable before {wake:?}");
                    }
                    Some(_) => prop_assert!(probe.can_pop()),
                    None => {
                        probe.sleep_until(now + SimDuration::from_secs(700));
                        prop_assert!(!probe.can_pop(), "the queue would sleep for ever");
                    }
                }
                model.sleep_until(until);
                queue.flush(until);
            }
            Step::Add(of, gated) => {
                let gate = gated.then_some(Plugin::SchedulingGates);
                queue.add(tables, pod(next_pod), class(of), gate, now);
                model.entries += 1;
                let naive = Naive {
                    class: of,
                    gate,
                    stamp: (now, model.entries),
                    failures: (0, 0),
                    attempts: 0,
                    rejected_by: PluginSet::EMPTY,
                    spot: Spot::Flight,
                    seen: Vec::new(),
                    satisfied: PluginSet::EMPTY,
                };
                model.pods.insert(next_pod, naive);
                model.enter(next_pod);
                next_pod += 1;
            }
            Step::Pop => {
                let got = queue.pop(now);
                prop_assert_eq!(got.map(|q| q.pod.raw()), model.pop(&view));
                if let Some(got) = got {
                    prop_assert_eq!(got.attempts, model.pods[&got.pod.raw()].attempts);
                    flights.push(got);
                }
            }
            Step::Done(n) if !flights.is_empty() => {
                let flight = flights.swap_remove(n % flights.len());
                queue.done(flight.pod);
                model.pods.remove(&flight.pod.raw());
            }
            Step::Fail(n, by) if !flights.is_empty() => {
                let flight = flights.swap_remove(n % flights.len());
                let by = [FIT, TAINT, NAME, FIT.union(TAINT), PluginSet::of(&[Plugin::NodePorts]), PluginSet::EMPTY]
                    [usize::from(by) % 6];
                queue.failed(tables, flight, by, now);
                model.entries += 1;
                let entries = model.entries;
                let naive = model.pods.get_mut(&flight.pod.raw()).unwrap();
                naive.failures =
                    if by.is_empty() { (naive.failures.0, naive.failures.1 + 1) } else { (naive.failures.0 + 1, 0) };
                naive.rejected_by = by;
                naive.stamp = (now, entries);
                naive.spot = Spot::In(Place::Unschedulable);
                let woken = by.is_empty()
                    || !naive.satisfied.intersection(by).is_empty()
                    || naive.seen.iter().any(|event| hints::wakes(tables, class(naive.class), by, event));
                if woken {
                    model.enter(flight.pod.raw());
                }
            }
            Step::Event(kind, a, b) => {
                let (old, new) = (facts[a % facts.len()], facts[b % facts.len()]);
                let of = |n: usize| class(u32::try_from(n % CLASSES as usize).unwrap());
                let event = match kind % 8 {
                    0 => ClusterEvent::NodeAdded(new),
                    1..=3 => ClusterEvent::NodeUpdated { old, new },
                    4 => ClusterEvent::NodeRemoved(old),
                    5 | 6 => ClusterEvent::AssignedPodRemoved { class: of(a), terminating: b % 2 == 0 },
                    _ => ClusterEvent::AssignedPodUpdated { old: of(a), new: of(b) },
                };
                let woken = queue.on_event(tables, &event, now);
                let wakes: Vec<u32> = model
                    .pods
                    .iter()
                    .filter(|(_, n)| n.spot == Spot::In(Place::Unschedulable))
                    .filter(|(_, n)| hints::wakes(tables, class(n.class), n.rejected_by, &event))
                    .map(|(&number, _)| number)
                    .collect();
                prop_assert_eq!(woken, wakes.len());
                wakes.into_iter().for_each(|number| model.enter(number));
                for naive in model.pods.values_mut().filter(|n| n.spot == Spot::Flight) {
                    naive.seen.push(event);
                }
            }
            Step::Update(n, of) => {
                let Some(number) = some(&model, n) else { continue };
                let naive = model.pods.get_mut(&number).unwrap();
                queue.update(tables, pod(number), class(of), naive.gate, now);
                let satisfied = hints::satisfied_by_own_update(tables, class(naive.class), class(of));
                naive.class = of;
                naive.satisfied = naive.satisfied.union(satisfied);
                if naive.spot == Spot::In(Place::Unschedulable) && !satisfied.intersection(naive.rejected_by).is_empty()
                {
                    model.enter(number);
                }
            }
            Step::Ungate(n) => {
                let gated = model.pods.iter().filter(|(_, naive)| naive.gate.is_some());
                let gated: Vec<u32> = gated.map(|(&number, _)| number).collect();
                let Some(&number) = gated.get(n % gated.len().max(1)) else { continue };
                let naive = model.pods.get_mut(&number).unwrap();
                naive.gate = None;
                queue.update(tables, pod(number), class(naive.class), None, now);
                model.enter(number);
            }
            Step::Delete(n) => {
                let Some(number) = some(&model, n) else { continue };
                if model.pods[&number].spot != Spot::Flight {
                    prop_assert!(queue.delete(pod(number)));
                    model.pods.remove(&number);
                }
            }
            Step::Activate(n) => {
                let Some(number) = some(&model, n) else { continue };
                queue.activate(pod(number), now);
                let naive = model.pods.get_mut(&number).unwrap();
                match naive.spot {
                    Spot::Flight => naive.satisfied = PluginSet::of(&Plugin::ALL),
                    Spot::In(Place::Active) => {}
                    Spot::In(_) if naive.gate.is_none() => naive.spot = Spot::In(Place::Active),
                    Spot::In(_) => {}
                }
            }
            _ => {}
        }
        for (&number, naive) in &model.pods {
            let want = match naive.spot {
                Spot::In(place) => Some(place),
                Spot::Flight => None,
            };
            prop_assert_eq!(queue.place(pod(number)), want, "pod {} at {:?}", number, model.now);
        }
        let (active, backoff, waiting) = queue.lengths();
        prop_assert_eq!(active + backoff + waiting + flights.len(), model.pods.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_is_the_naive_model(steps in prop::collection::vec(step(), 1..300), started in 0..40_000_i64) {
        run(&steps, at(started))?;
    }
}
