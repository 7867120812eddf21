//! Cycles on small clusters: order, windows, ties, nominations and messages by hand; what the view remembers.

use podsim::model::strings::known;
use podsim::model::{
    ClassId, LabelSelectorRequirement, NodeAffinity, NodeId, NodeSelectorTerm, PodClass, PodId, PreemptionPolicy,
    Resources, Strings,
};
use podsim::scheduler::columns::Columns;
use podsim::scheduler::cycle::{Ask, Decision, Options, Outcome, Pick, TieBreak, schedule_one};
use podsim::scheduler::journal::Changed;
use podsim::scheduler::view::{NodeSpec, View};

const BIG: ClassId = ClassId::from_raw(0);
const SMALL: ClassId = ClassId::from_raw(1);
const PROUD: ClassId = ClassId::from_raw(2);

fn node(number: u32) -> NodeId {
    NodeId::from_raw(number)
}

/// A cluster of `nodes` nodes of one core; big pods take two, small ones a quarter.
fn cluster(nodes: u32) -> (Strings, View) {
    let mut strings = Strings::new();
    let mut view = View::new();
    for (class, milli_cpu, preemption) in [
        (BIG, 2000, PreemptionPolicy::PreemptLowerPriority),
        (SMALL, 250, PreemptionPolicy::PreemptLowerPriority),
        (PROUD, 2000, PreemptionPolicy::Never),
    ] {
        let requests = Resources { milli_cpu, ..Resources::default() };
        let spec =
            PodClass { requests, scoring_milli_cpu: milli_cpu, scoring_memory: 1, preemption, ..PodClass::default() };
        view.register_class(class, &spec);
    }
    for number in 0..nodes {
        set(&mut strings, &mut view, number, 1000, false);
    }
    (strings, view)
}

fn set(strings: &mut Strings, view: &mut View, number: u32, milli_cpu: i64, unschedulable: bool) {
    let name = strings.intern(&format!("node-{number}"));
    let zone = strings.intern(if number.is_multiple_of(2) { "a" } else { "b" });
    let allocatable = Resources { milli_cpu, memory: 1 << 30, ..Resources::default() };
    let labels = [(known::LABEL_ZONE, zone)];
    let spec = NodeSpec {
        name,
        hostname: Some(name),
        labels: &labels,
        taints: &[],
        allocatable: &allocatable,
        max_pods: 10,
        unschedulable,
        images: &[],
    };
    view.update_node(node(number), &spec);
}

fn decide(view: &mut View, ask: Ask, percentage: u32) -> Decision {
    let options = Options { percentage_of_nodes_to_score: percentage, tie_break: TieBreak::First };
    schedule_one(view, &mut Columns::new(), ask, &options, 0)
}

#[test]
fn the_message_counts_every_node() {
    let (mut strings, mut view) = cluster(4);
    set(&mut strings, &mut view, 3, 4000, true);
    set(&mut strings, &mut view, 2, 3000, false);
    view.add_pod(PodId::from_raw(0), BIG, node(2));
    let message = |view: &mut View, class| match decide(view, Ask::of(class), 0).outcome {
        Outcome::Unfit(error) => error.message(&strings),
        Outcome::Placed(_) => panic!("no node has room"),
    };
    assert_eq!(
        message(&mut view, BIG),
        "0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. no new claims to deallocate, \
         preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, 3 Preemption is not \
         helpful for scheduling."
    );
    assert!(message(&mut view, PROUD).ends_with("preemption: not eligible due to preemptionPolicy=Never."));
    let (_, mut empty) = cluster(0);
    assert_eq!(message(&mut empty, BIG), "no nodes available to schedule pods");
}

#[test]
fn the_search_goes_on_where_the_last_one_stopped() {
    let (_, mut view) = cluster(250);
    // A node of zone a, then one of zone b; 100 feasible nodes are enough.
    let first = decide(&mut view, Ask::of(SMALL), 10);
    assert_eq!((first.node(), first.evaluated, first.feasible), (Some(node(0)), 100, 100));
    let second = decide(&mut view, Ask::of(SMALL), 10);
    assert_eq!((second.node(), view.next_start()), (Some(node(100)), 200));
    let third = decide(&mut view, Ask::of(SMALL), 10);
    assert_eq!((third.node(), third.evaluated, view.next_start()), (Some(node(200)), 100, 50));
    assert_eq!(decide(&mut view, Ask::of(BIG), 10).evaluated, 250);
    assert_eq!(view.next_start(), 50);
}

#[test]
fn a_nominated_node_is_tried_first_and_counts() {
    let (_, mut view) = cluster(250);
    let ask = Ask { class: SMALL, nominated: Some(node(200)) };
    let taken = decide(&mut view, ask, 10);
    assert_eq!((taken.node(), taken.evaluated, view.next_start()), (Some(node(200)), 1, 0));
    for pod in 0..4 {
        view.add_pod(PodId::from_raw(pod), SMALL, node(200));
    }
    let elsewhere = decide(&mut view, ask, 10);
    assert_eq!((elsewhere.node(), elsewhere.evaluated, view.next_start()), (Some(node(0)), 101, 101));
    view.remove_node(node(200));
    assert_eq!(decide(&mut view, ask, 10).evaluated, 100, "a nominated node that is gone is no node");
}

#[test]
fn ties_are_drawn_uniformly_in_list_order() {
    assert_eq!((Pick::First.index(9), Pick::Drawn(0).index(9), Pick::Drawn(u64::MAX).index(9)), (0, 0, 8));
    let (_, mut view) = cluster(4);
    let mut columns = Columns::new();
    let mut counts = [0; 4];
    for word in 0..400_u64 {
        let tie = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let decision = schedule_one(&mut view, &mut columns, Ask::of(SMALL), &Options::default(), tie);
        counts[decision.node().unwrap().raw() as usize] += 1;
    }
    assert!(counts.iter().all(|&n| (90..110).contains(&n)), "{counts:?}");
}

#[test]
fn a_long_absence_is_told_from_a_short_one() {
    let (_, mut view) = cluster(3);
    view.refresh();
    let early = view.journal().cursor();
    let mut late = early;
    for round in 0..5000 {
        let pod = PodId::from_raw(0);
        late = view.journal().cursor();
        view.assume(pod, SMALL, node(round % 3));
        assert_eq!(view.journal().changes_since(late), Some(&[Changed { node: node(round % 3), facts: false }][..]));
        view.remove_pod(pod);
    }
    assert_eq!(view.journal().changes_since(early), None);
    assert_eq!(view.journal().changes_since(late).map(<[_]>::len), Some(2));
    assert_eq!(view.journal().changes_since(view.journal().cursor()), Some(&[][..]));
}

#[test]
fn columns_keep_to_their_budget() {
    let (_, mut view) = cluster(100);
    for number in 3..20 {
        let requests = Resources { memory: i64::from(number), ..Resources::default() };
        view.register_class(ClassId::from_raw(number), &PodClass { requests, ..PodClass::default() });
    }
    let mut columns = Columns::with_budget(550);
    for turn in 0..200 {
        let class = ClassId::from_raw(turn * 7 % 20);
        schedule_one(&mut view, &mut columns, Ask::of(class), &Options::default(), 0);
        assert!(columns.held() <= 5);
    }
    assert_eq!(columns.held(), 5);
}

#[test]
fn named_nodes_are_the_only_ones_that_are_looked_at() {
    let (mut strings, mut view) = cluster(6);
    let mut register = |view: &mut View, number: u32, milli_cpu: i64, names: &[&str]| {
        let is = |name: &&str| LabelSelectorRequirement {
            key: "metadata.name".to_owned(),
            operator: "In".to_owned(),
            values: vec![(*name).to_owned()],
        };
        let term = NodeSelectorTerm { match_fields: names.iter().map(is).collect(), ..NodeSelectorTerm::default() };
        let required = Some([term.compile(&mut strings)].into());
        let node_affinity = Some(Box::new(NodeAffinity { required, ..NodeAffinity::default() }));
        let requests = Resources { milli_cpu, ..Resources::default() };
        view.register_class(ClassId::from_raw(number), &PodClass { requests, node_affinity, ..PodClass::default() });
        ClassId::from_raw(number)
    };
    let fits = register(&mut view, 3, 250, &["node-4"]);
    let full = register(&mut view, 4, 2000, &["node-4"]);
    let unknown = register(&mut view, 5, 250, &["node-9"]);
    let conflict = register(&mut view, 6, 250, &["node-4", "node-5"]);

    let decision = decide(&mut view, Ask::of(fits), 0);
    assert_eq!((decision.node(), decision.evaluated, decision.feasible), (Some(node(4)), 1, 1));
    assert_eq!(view.next_start(), 1);
    let mut message = |class| match decide(&mut view, Ask::of(class), 0).outcome {
        Outcome::Unfit(error) => error.message(&strings),
        Outcome::Placed(_) => panic!("no node fits"),
    };
    assert_eq!(
        message(full),
        "0/6 nodes are available: 1 Insufficient cpu, 5 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to \
         deallocate, preemption: 0/6 nodes are available: 6 Preemption is not helpful for scheduling."
    );
    assert!(
        message(unknown).starts_with("0/6 nodes are available: 6 node(s) didn't satisfy plugin(s) [NodeAffinity].")
    );
    assert_eq!(message(conflict), "0/6 nodes are available: pod affinity terms conflict. not found");
    assert_eq!(view.next_start(), 2, "neither unknown names nor a conflict move the start");
}
