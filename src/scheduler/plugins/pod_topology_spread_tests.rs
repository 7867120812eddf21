//! Small clusters, counted by hand.

use super::*;
use crate::model::{LabelSelector, LabelSet, Selector, Strings, TaintEffect};
use crate::scheduler::plugins::pod_topology_spread_score::{Score, normalized};

/// A node: labels and taints.
#[derive(Clone)]
struct Node(LabelSet, Vec<Taint>);

impl NodeLabels for &Node {
    fn name(&self) -> StrId {
        known::EMPTY
    }

    fn label(&self, key: StrId) -> Option<StrId> {
        self.0.get(key)
    }

    fn number(&self, _: StrId) -> Option<i64> {
        None
    }
}

struct World(Strings);

impl World {
    fn labels(&mut self, text: &str) -> LabelSet {
        let id = self.0.intern_labels(text.split_whitespace().map(|pair| pair.split_once('=').unwrap_or((pair, ""))));
        self.0.labels(id).clone()
    }

    fn node(&mut self, text: &str) -> Node {
        Node(self.labels(text), Vec::new())
    }

    /// Selects `app=web` unless changed.
    fn constraint(&mut self, key: &str, max_skew: i32, when_unsatisfiable: WhenUnsatisfiable) -> SpreadConstraint {
        let (app, web) = (self.0.intern("app"), self.0.intern("web"));
        SpreadConstraint {
            max_skew,
            topology_key: self.0.intern(key),
            when_unsatisfiable,
            selector: CompiledSelector::of_pairs(&[(app, web)]),
            min_domains: 1,
            node_affinity_policy: NodeInclusionPolicy::Honor,
            node_taints_policy: NodeInclusionPolicy::Ignore,
        }
    }

    fn hard(&mut self, key: &str, max_skew: i32) -> SpreadConstraint {
        self.constraint(key, max_skew, WhenUnsatisfiable::DoNotSchedule)
    }

    fn soft(&mut self, key: &str, max_skew: i32) -> SpreadConstraint {
        self.constraint(key, max_skew, WhenUnsatisfiable::ScheduleAnyway)
    }

    fn everything(&mut self) -> CompiledSelector {
        let all = Selector::from_object(Some(&LabelSelector::default())).expect("a selector");
        all.compile(&mut self.0)
    }
}

fn world() -> World {
    World(Strings::new())
}

const fn pod(labels: &LabelSet) -> PodLabels<'_> {
    PodLabels { namespace: known::DEFAULT, labels }
}

const fn incoming(labels: &LabelSet) -> Incoming<'_> {
    Incoming { pod: pod(labels), node_selector: &[], node_affinity: None, tolerations: &[] }
}

/// What the nodes say when each has so many pods with `labels`.
fn verdicts(
    asking: Incoming<'_>,
    constraints: &[SpreadConstraint],
    nodes: &[(Node, usize)],
    labels: &LabelSet,
) -> Vec<Verdict> {
    let mut filter = Filter::new(asking, constraints.to_vec());
    for (node, pods) in nodes {
        let domains = filter.domains_of(&node, &node.1);
        filter.add_node(&domains);
        (0..*pods).for_each(|_| filter.count(&domains, pod(labels), false));
    }
    nodes.iter().map(|(node, _)| filter.verdict(&node)).collect()
}

const FULL: fn() -> Verdict = || Verdict::unschedulable(Reason::TopologySpread);
const LACKS: fn() -> Verdict = || Verdict::unresolvable(Reason::TopologySpreadLabel);

#[test]
fn a_domain_may_have_so_many_more_than_the_emptiest() {
    let mut w = world();
    let web = w.labels("app=web");
    let nodes = [("zone=a", 2), ("zone=a", 1), ("zone=b", 2), ("zone=c", 4)];
    let nodes = nodes.map(|(labels, pods)| (w.node(labels), pods));
    let of = |skew, w: &mut World| verdicts(incoming(&web), &[w.hard("zone", skew)], &nodes, &web);
    // a: 3 + 1 - 2, b: 2 + 1 - 2, c: 4 + 1 - 2.
    assert_eq!(of(1, &mut w), [FULL(), FULL(), Verdict::Fits, FULL()]);
    assert_eq!(of(2, &mut w), [Verdict::Fits, Verdict::Fits, Verdict::Fits, FULL()]);
    assert_eq!(of(3, &mut w), [(); 4].map(|()| Verdict::Fits));
    // A pod that its own selector does not match adds nothing.
    let other = w.labels("app=db");
    let own = verdicts(incoming(&other), &[w.hard("zone", 1)], &nodes, &web);
    assert_eq!(own, [Verdict::Fits, Verdict::Fits, Verdict::Fits, FULL()]);
}

#[test]
fn nodes_without_a_label_count_for_no_constraint() {
    let mut w = world();
    let web = w.labels("app=web");
    let nodes = [("zone=a rack=1", 1), ("zone=b", 0), ("rack=2", 0), ("", 0), ("zone= rack=1", 1)];
    let nodes = nodes.map(|(labels, pods)| (w.node(labels), pods));
    let constraints = [w.hard("zone", 1), w.hard("rack", 1)];
    // Zone b does not count, as its node has no rack: the least is 1. An empty value is a value. Rack 1 has 2, and is the only one.
    let found = verdicts(incoming(&web), &constraints, &nodes, &web);
    assert_eq!(found, [Verdict::Fits, LACKS(), LACKS(), LACKS(), Verdict::Fits]);
    // The first constraint that is not met gives the reason.
    let (tight, missing) = (w.hard("rack", 1), w.hard("zone", 1));
    let nodes = [("zone=a rack=1", 2), ("zone=a rack=2", 0), ("rack=1", 0)];
    let nodes = nodes.map(|(labels, pods)| (w.node(labels), pods));
    let found = verdicts(incoming(&web), &[tight, missing], &nodes, &web);
    // Only the first two count: rack 1 has 2 pods and rack 2 none, zone a has 2.
    assert_eq!(found, [FULL(), Verdict::Fits, FULL()]);
}

#[test]
fn too_few_domains_count_as_an_empty_one() {
    let mut w = world();
    let web = w.labels("app=web");
    let nodes = [("zone=a", 1), ("zone=b", 1)].map(|(labels, pods)| (w.node(labels), pods));
    for (min_domains, fits) in [(1, true), (2, true), (3, false)] {
        let constraint = SpreadConstraint { min_domains, ..w.hard("zone", 1) };
        let found = verdicts(incoming(&web), &[constraint], &nodes, &web);
        assert!(found.iter().all(|verdict| verdict.fits() == fits), "{min_domains}: {found:?}");
    }
    // No node counts at all.
    let (key, value) = (w.0.intern("disk"), w.0.intern("ssd"));
    let selector = [(key, value)];
    let asking = Incoming { node_selector: &selector, ..incoming(&web) };
    assert!(verdicts(asking, &[w.hard("zone", 1)], &nodes, &web).iter().all(Verdict::fits));
}

#[test]
fn policies_decide_which_nodes_count() {
    use NodeInclusionPolicy::{Honor, Ignore};
    let mut w = world();
    let web = w.labels("app=web");
    let mut nodes = [("zone=a disk=ssd", 1), ("zone=b disk=ssd", 0), ("zone=c", 0)].map(|(l, pods)| (w.node(l), pods));
    let taint = Taint { key: w.0.intern("full"), value: known::EMPTY, effect: TaintEffect::NoSchedule };
    nodes[1].0.1.push(taint);
    let selector = [(w.0.intern("disk"), w.0.intern("ssd"))];
    let asking = Incoming { node_selector: &selector, ..incoming(&web) };
    for (node_affinity_policy, node_taints_policy, fits) in
        [(Honor, Honor, true), (Honor, Ignore, false), (Ignore, Honor, false), (Ignore, Ignore, false)]
    {
        let constraint = SpreadConstraint { node_affinity_policy, node_taints_policy, ..w.hard("zone", 1) };
        let found = verdicts(asking, &[constraint], &nodes, &web);
        assert_eq!(found[0].fits(), fits, "{node_affinity_policy:?} {node_taints_policy:?}");
    }
}

#[test]
fn terminating_pods_other_namespaces_and_empty_selectors_count_nothing() {
    let mut w = world();
    let web = w.labels("app=web");
    let everything = SpreadConstraint { selector: w.everything(), ..w.hard("zone", 1) };
    let constraints = [w.hard("zone", 1), SpreadConstraint { topology_key: w.0.intern("host"), ..everything }];
    let (a, b) = (w.node("zone=a host=a"), w.node("zone=b host=b"));
    let mut filter = Filter::new(incoming(&web), constraints.to_vec());
    let domains = filter.domains_of(&&a, &[]);
    let other = filter.domains_of(&&b, &[]);
    filter.add_node(&domains);
    filter.add_node(&other);
    filter.count(&domains, pod(&web), true);
    filter.count(&domains, PodLabels { namespace: known::CPU, labels: &web }, false);
    assert!(filter.verdict(&&a).fits());
    filter.count(&domains, pod(&web), false);
    assert_eq!(filter.verdict(&&a), FULL());
    // In thought, a terminating pod that leaves is one less, and the empty selector matches it.
    filter.update(&domains, pod(&web), -1);
    assert!(filter.verdict(&&a).fits());
    // Host a has -1 pods now, b none: b is one ahead.
    assert!(filter.verdict(&&b).fits() == (1 - -1 <= 1));
    filter.update(&domains, pod(&web), 1);
    assert_eq!((filter.verdict(&&a), filter.verdict(&&b)), (FULL(), Verdict::Fits));
}

#[test]
fn defaults_are_for_pods_without_constraints_that_something_selects() {
    let mut w = world();
    let web = w.labels("app=web tier=front");
    let [app, name, tier, front, x] = ["app", "web", "tier", "front", "x"].map(|text| w.0.intern(text));
    let [of_app, of_tier, of_x] = [[(app, name)], [(tier, front)], [(x, x)]];
    let services = || [&of_app[..], &of_tier, &of_x, &[]].into_iter();
    let both = default_selector(pod(&web), services(), None);
    assert_eq!(both, CompiledSelector::of_pairs(&[of_app[0], of_tier[0]]));
    assert!(default_selector(pod(&web), std::iter::empty(), None).is_everything());
    // A replication controller's labels win, whether they match the pod or not.
    let owner = OwnedPods::Labels(Box::new([(tier, x)]));
    let replaced = default_selector(pod(&web), services(), Some(&owner));
    assert_eq!(replaced, CompiledSelector::of_pairs(&[of_app[0], (tier, x)]));
    let owner = OwnedPods::Selector(CompiledSelector::of_pairs(&of_x));
    assert!(!default_selector(pod(&web), services(), Some(&owner)).selects(&web));
    let nothing = OwnedPods::Selector(CompiledSelector::nothing());
    assert!(default_selector(pod(&web), std::iter::empty(), Some(&nothing)).is_everything());

    let soft = WhenUnsatisfiable::ScheduleAnyway;
    let system = constraints(&[], &system_defaults(), soft, || both.clone());
    assert_eq!(
        system.iter().map(|c| (c.topology_key, c.max_skew)).collect::<Vec<_>>(),
        [(known::LABEL_HOSTNAME, 3), (known::LABEL_ZONE, 5)]
    );
    assert!(system.iter().all(|constraint| constraint.selector == both));
    let hard = WhenUnsatisfiable::DoNotSchedule;
    assert!(constraints(&[], &system_defaults(), hard, || both.clone()).is_empty());
    let empty = || CompiledSelector::of_pairs(&[]);
    assert!(constraints(&[], &system_defaults(), soft, empty).is_empty());
    let own = [w.hard("zone", 1)];
    assert!(constraints(&own, &system_defaults(), soft, || both.clone()).is_empty(), "any constraint of its own");
    assert_eq!(constraints(&own, &system_defaults(), hard, empty), own);
}

/// The normalized scores of all nodes.
fn scores(w: &mut World, constraints: &[SpreadConstraint], requires_all: bool, nodes: &[(Node, usize)]) -> Vec<i64> {
    let web = w.labels("app=web");
    let feasible = nodes.iter().map(|(node, _)| node);
    let mut score = Score::new(incoming(&web), constraints.to_vec(), requires_all, feasible);
    for (node, pods) in nodes {
        let domains = score.domains_of(&node, &[]);
        (0..*pods).for_each(|_| score.count(&domains, pod(&web), false));
    }
    let raw = |(node, pods): &(Node, usize)| {
        let here = std::iter::repeat_n((pod(&web), false), *pods);
        score.raw(&node, here)
    };
    normalized(&nodes.iter().map(raw).collect::<Vec<_>>())
}

#[test]
fn fewer_pods_in_the_domain_score_higher() {
    let mut w = world();
    let nodes = [("zone=a", 2), ("zone=a", 1), ("zone=b", 1), ("rack=1", 0)];
    let nodes = nodes.map(|(labels, pods)| (w.node(labels), pods));
    let constraint = w.soft("zone", 1);
    // Two domains: ln 4 = 1.386; a: 3 * 1.386 = 4.16 -> 4, b: 1.386 -> 1. 100 * (4 + 1 - s) / 4.
    assert_eq!(scores(&mut w, &[constraint], true, &nodes), [25, 25, 100, 0]);
    // A skew of 5 adds 4 to each: 8 and 5.
    let constraint = w.soft("zone", 5);
    assert_eq!(scores(&mut w, &[constraint], true, &nodes), [62, 62, 100, 0]);
    // No pod matches anywhere: all are as good as can be.
    let empty = [("zone=a", 0), ("zone=b", 0)].map(|(labels, pods)| (w.node(labels), pods));
    let constraint = w.soft("zone", 1);
    assert_eq!(scores(&mut w, &[constraint], true, &empty), [100, 100]);
}

#[test]
fn hostnames_are_counted_node_by_node_and_system_defaults_need_no_zone() {
    let mut w = world();
    let host = "kubernetes.io/hostname";
    let nodes = [("kubernetes.io/hostname=x", 1), ("kubernetes.io/hostname=x", 3), ("zone=a", 5)];
    let nodes = nodes.map(|(labels, pods)| (w.node(labels), pods));
    // Both are called x and yet counted apart; ln 4 for the two that have the label: 1 and 4.
    let constraint = w.soft(host, 1);
    assert_eq!(scores(&mut w, &[constraint], true, &nodes), [100, 25, 0]);
    // By default nodes without the label are scored, by nothing: 0; ln 5 = 1.609 for three: 2 and 5.
    let constraint = w.soft(host, 1);
    assert_eq!(scores(&mut w, &[constraint], false, &nodes), [60, 0, 100]);
}

#[test]
fn hints_look_at_selectors_keys_and_taints() {
    let mut w = world();
    let (web, db) = (w.labels("app=web"), w.labels("app=db"));
    let constraints = [w.hard("zone", 1), w.hard("rack", 1)];
    assert!(hint_pod(&constraints, pod(&web), pod(&web), false));
    assert!(!hint_pod(&constraints, pod(&web), pod(&web), true), "a terminating pod did not count before either");
    assert!(!hint_pod(&constraints, pod(&web), pod(&db), false));
    assert!(!hint_pod(&constraints, pod(&web), PodLabels { namespace: known::CPU, labels: &web }, false));
    assert!(hint_pod_updated(&constraints, pod(&web), pod(&db), pod(&web)));
    assert!(!hint_pod_updated(&constraints, pod(&web), pod(&web), pod(&web)));
    assert!(!hint_own_tolerations(&constraints));
    let honors = SpreadConstraint { node_taints_policy: NodeInclusionPolicy::Honor, ..w.hard("zone", 1) };
    assert!(hint_own_tolerations(&[honors]));

    let [both, moved, lacks] = ["zone=a rack=1", "zone=a rack=2 x=y", "zone=a"].map(|labels| w.node(labels));
    let unrelated = w.node("zone=a rack=1 x=y");
    let taint = [Taint { key: known::CPU, value: known::EMPTY, effect: TaintEffect::NoSchedule }];
    let hint = |old: Option<(&Node, &[Taint])>, new: Option<(&Node, &[Taint])>| {
        let old = old.as_ref().map(|(node, taints)| (node, *taints));
        hint_node(&constraints, old, new.as_ref().map(|(node, taints)| (node, *taints)))
    };
    assert!(hint(None, Some((&both, &[]))) && hint(Some((&both, &[])), None));
    assert!(!hint(None, Some((&lacks, &[]))) && !hint(Some((&lacks, &[])), None));
    assert!(hint(Some((&lacks, &[])), Some((&both, &[]))) && hint(Some((&both, &[])), Some((&lacks, &[]))));
    assert!(hint(Some((&both, &[])), Some((&moved, &[]))) && hint(Some((&both, &[])), Some((&both, &taint))));
    assert!(!hint(Some((&both, &[])), Some((&unrelated, &[]))));
    assert!(!hint(Some((&lacks, &[])), Some((&lacks, &taint))));
}
