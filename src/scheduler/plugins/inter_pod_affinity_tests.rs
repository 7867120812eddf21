//! Small clusters, counted by hand.

use super::*;
use crate::model::strings::known;
use crate::model::{CompiledSelector, LabelSelector, LabelSelectorRequirement, Selector, Strings};

struct Node(LabelSet);

impl NodeLabels for Node {
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
        Node(self.labels(text))
    }

    fn selector(&mut self, text: &str) -> CompiledSelector {
        let labels = self.labels(text);
        CompiledSelector::of_pairs(labels.pairs())
    }

    /// Pods with these labels in the namespace `default`.
    fn term(&mut self, key: &str, labels: &str) -> PodAffinityTerm {
        PodAffinityTerm {
            topology_key: self.0.intern(key),
            selector: self.selector(labels),
            namespaces: Box::new([known::DEFAULT]),
            in_own_namespace: true,
            namespace_selector: CompiledSelector::nothing(),
        }
    }
}

fn world() -> World {
    World(Strings::new())
}

const fn pod(labels: &LabelSet) -> PodLabels<'_> {
    PodLabels { namespace: known::DEFAULT, labels }
}

const fn plain(labels: &LabelSet) -> Existing<'_> {
    Existing { pod: pod(labels), affinity: None }
}

fn requires(terms: &[PodAffinityTerm]) -> PodAffinity {
    PodAffinity { required: terms.into(), ..PodAffinity::default() }
}

fn avoids(terms: &[PodAffinityTerm]) -> PodAffinity {
    PodAffinity { anti_required: terms.into(), ..PodAffinity::default() }
}

static NONE: std::sync::LazyLock<LabelSet> = std::sync::LazyLock::new(LabelSet::default);

fn asking<'a>(labels: &'a LabelSet, affinity: Option<&'a PodAffinity>) -> Incoming<'a> {
    Incoming { pod: pod(labels), namespace_labels: &NONE, affinity }
}

fn filter<'a>(labels: &'a LabelSet, affinity: Option<&'a PodAffinity>) -> Filter<'a> {
    Filter::new(asking(labels, affinity), std::iter::empty())
}

const FAR: fn() -> Verdict = || Verdict::unresolvable(Reason::PodAffinity);

#[test]
fn one_pod_must_match_all_terms() {
    let mut w = world();
    let [asks, a, b, both] = ["app=web", "a=1", "b=1", "a=1 b=1"].map(|labels| w.labels(labels));
    let [one, two] = ["zone=1 rack=1", "zone=2 rack=1"].map(|labels| w.node(labels));
    let affinity = requires(&[w.term("zone", "a=1"), w.term("rack", "b=1")]);
    let mut near = filter(&asks, Some(&affinity));
    near.count(plain(&a), &one, 1);
    near.count(plain(&b), &one, 1);
    assert_eq!(near.verdict(&one), FAR(), "each matches one term");
    near.count(plain(&both), &two, 1);
    assert_eq!((near.verdict(&one), near.verdict(&two)), (FAR(), Verdict::Fits), "rack 1 is near, zone 1 is not");
    near.count(plain(&both), &two, -1);
    assert_eq!(near.verdict(&two), FAR());
}

#[test]
fn the_first_of_a_group_goes_where_all_keys_are() {
    let mut w = world();
    let [web, db] = ["app=web", "app=db"].map(|labels| w.labels(labels));
    let [whole, lacks] = ["zone=1 rack=1", "zone=2"].map(|labels| w.node(labels));
    let affinity = requires(&[w.term("zone", "app=web"), w.term("rack", "app=web")]);
    let mut first = filter(&web, Some(&affinity));
    assert_eq!((first.verdict(&whole), first.verdict(&lacks)), (Verdict::Fits, FAR()));
    assert_eq!(filter(&db, Some(&affinity)).verdict(&whole), FAR(), "it is none of the group");
    // One of the group on a node with one of the keys: then somebody is there, but not near the other node.
    let bare = w.node("");
    first.count(plain(&web), &bare, 1);
    assert!(first.verdict(&whole).fits(), "a node without keys is nowhere");
    first.count(plain(&web), &lacks, 1);
    assert_eq!(first.verdict(&whole), FAR());
    first.count(plain(&web), &lacks, -1);
    assert!(first.verdict(&whole).fits());
}

#[test]
fn own_anti_affinity_comes_before_that_of_others() {
    let mut w = world();
    let [web, db] = ["app=web", "app=db"].map(|labels| w.labels(labels));
    let [one, two, lacks] = ["zone=1", "zone=2", "rack=1"].map(|labels| w.node(labels));
    let own = avoids(&[w.term("zone", "app=db")]);
    let theirs = avoids(&[w.term("zone", "app=web"), w.term("rack", "app=web")]);
    let mut apart = filter(&web, Some(&own));
    let db = Existing { affinity: Some(&theirs), ..plain(&db) };
    apart.count(db, &one, 1);
    apart.count(db, &lacks, 1);
    assert_eq!(apart.verdict(&one), Verdict::unschedulable(Reason::PodAntiAffinity));
    assert!(apart.verdict(&two).fits());
    assert_eq!(apart.verdict(&lacks), Verdict::unschedulable(Reason::ExistingPodsAntiAffinity));

    let mut shunned = filter(&web, None);
    assert!(shunned.skips());
    shunned.count(db, &one, 1);
    assert!(!shunned.skips());
    assert_eq!(shunned.verdict(&one), Verdict::unschedulable(Reason::ExistingPodsAntiAffinity));
    shunned.count(db, &one, -1);
    assert!(shunned.skips() && shunned.verdict(&one).fits());
}

#[test]
fn namespaces_are_named_or_selected() {
    let mut w = world();
    let web = w.labels("app=web");
    let [team, other] = ["team", "other"].map(|name| w.0.intern(name));
    let prod = w.labels("env=prod");
    let namespaces = [Namespace { name: team, labels: prod.clone() }, Namespace { name: other, labels: NONE.clone() }];
    let node = w.node("zone=1");
    let by_label = |w: &mut World, operator: &str| {
        let values = if operator == "In" || operator == "NotIn" { vec!["prod".to_owned()] } else { Vec::new() };
        let expression = LabelSelectorRequirement { key: "env".into(), operator: operator.into(), values };
        let object = LabelSelector { match_expressions: vec![expression], ..LabelSelector::default() };
        let namespace_selector = Selector::from_object(Some(&object)).expect("valid").compile(&mut w.0);
        PodAffinityTerm { namespaces: Box::default(), namespace_selector, ..w.term("zone", "app=web") }
    };
    let all = PodAffinityTerm { namespace_selector: CompiledSelector::of_pairs(&[]), ..w.term("zone", "app=web") };
    let named = PodAffinityTerm { namespaces: Box::new([team, other]), ..w.term("zone", "app=web") };
    // Where a pod with the labels hinders: in `default`, `team`, `other`.
    for (term, hinders) in [
        (w.term("zone", "app=web"), [true, false, false]),
        (named, [false, true, true]),
        (all, [true, true, true]),
        (by_label(&mut w, "In"), [false, true, false]),
        // A namespace without labels satisfies these, so they are true of all of them.
        (by_label(&mut w, "NotIn"), [true, true, true]),
        (by_label(&mut w, "DoesNotExist"), [true, true, true]),
    ] {
        let affinity = avoids(std::slice::from_ref(&term));
        for (namespace, hinders) in [known::DEFAULT, team, other].into_iter().zip(hinders) {
            let mut apart = Filter::new(asking(&web, Some(&affinity)), namespaces.iter());
            apart.count(Existing { pod: PodLabels { namespace, labels: &web }, affinity: None }, &node, 1);
            assert_eq!(!apart.verdict(&node).fits(), hinders, "{term:?} {namespace:?}");
        }
    }
    // Existing pods' terms are asked about the labels of the incoming pod's namespace, as they are.
    for (operator, labels, hinders) in
        [("In", &prod, true), ("In", &*NONE, false), ("NotIn", &prod, false), ("NotIn", &*NONE, true)]
    {
        let affinity = avoids(&[by_label(&mut w, operator)]);
        let asks = Incoming { namespace_labels: labels, ..asking(&web, None) };
        let mut apart = Filter::new(asks, namespaces.iter());
        apart.count(Existing { affinity: Some(&affinity), ..plain(&web) }, &node, 1);
        assert_eq!(!apart.verdict(&node).fits(), hinders, "{operator} {labels:?}");
    }
}

fn raw(score: &Score<'_>, nodes: &[Node]) -> Vec<i64> {
    nodes.iter().map(|node| score.raw(node)).collect()
}

#[test]
fn preferences_of_both_sides_add_up() {
    let mut w = world();
    let [web, db] = ["app=web", "app=db"].map(|labels| w.labels(labels));
    let nodes = ["zone=1", "zone=2", "rack=1"].map(|labels| w.node(labels));
    let own = PodAffinity {
        preferred: Box::new([(10, w.term("zone", "app=db"))]),
        anti_preferred: Box::new([(3, w.term("rack", "app=db"))]),
        ..PodAffinity::default()
    };
    let theirs = PodAffinity {
        required: Box::new([w.term("zone", "app=web")]),
        preferred: Box::new([(20, w.term("zone", "app=web")), (50, w.term("zone", "app=db"))]),
        anti_preferred: Box::new([(7, w.term("rack", "app=web"))]),
        ..PodAffinity::default()
    };
    let args = InterPodAffinityArgs { hard_pod_affinity_weight: 5, ..InterPodAffinityArgs::default() };
    let count = |affinity: Option<&PodAffinity>, args| {
        let mut score = Score::new(asking(&web, affinity), args, std::iter::empty());
        score.count(plain(&db), &nodes[0]);
        score.count(Existing { affinity: Some(&theirs), ..plain(&db) }, &nodes[1]);
        score.count(Existing { affinity: Some(&theirs), ..plain(&db) }, &nodes[2]);
        (score.skips(), raw(&score, &nodes))
    };
    assert_eq!(count(Some(&own), args), (false, vec![10, 10 + 5 + 20, -3 - 7]));
    assert_eq!(count(None, args), (false, vec![0, 25, -7]));
    let unweighted = InterPodAffinityArgs { hard_pod_affinity_weight: 0, ..args };
    assert_eq!(count(None, unweighted).1, [0, 20, -7]);
    // Ignored only by pods that prefer nothing themselves.
    let ignores = InterPodAffinityArgs { ignore_preferred_terms_of_existing_pods: true, ..args };
    assert_eq!(count(None, ignores), (true, vec![0, 0, 0]));
    assert_eq!(count(Some(&own), ignores).1, [10, 35, -10]);
}

#[test]
fn scores_lie_between_the_least_and_the_most() {
    assert_eq!(normalized(&[0, 29, 50]), [0, 57, 100], "29/50 is a little less than 0.58");
    assert_eq!(normalized(&[-10, -10]), [0, 0]);
    assert_eq!(normalized(&[-10, 0, 10]), [0, 50, 100]);
    assert!(normalized(&[]).is_empty());
}

#[test]
fn hints_look_at_all_terms_at_once() {
    let mut w = world();
    let [a, both] = ["a=1", "a=1 b=1"].map(|labels| w.labels(labels));
    let terms = [w.term("zone", "a=1"), w.term("rack", "b=1")];
    let (near, apart) = (requires(&terms), avoids(&terms));
    assert!(hint_pod_added(&near, pod(&both)) && !hint_pod_added(&near, pod(&a)));
    assert!(!hint_pod_added(&apart, pod(&both)), "a pod more helps no anti-affinity");
    assert!(hint_pod_deleted(&apart, pod(&both)) && !hint_pod_deleted(&apart, pod(&a)));
    assert!(!hint_pod_deleted(&near, pod(&both)));
    assert!(hint_pod_updated(&near, pod(&a), pod(&both)) && !hint_pod_updated(&near, pod(&both), pod(&a)));
    assert!(hint_pod_updated(&apart, pod(&both), pod(&a)) && !hint_pod_updated(&apart, pod(&a), pod(&both)));

    let [zone, moved, bare] = ["zone=1", "zone=2", ""].map(|labels| w.node(labels));
    assert!(hint_node(&near, None, &zone) && !hint_node(&near, None, &bare));
    assert!(hint_node(&apart, None, &bare), "any node more helps");
    assert!(hint_node(&near, Some(&bare), &zone) && !hint_node(&near, Some(&zone), &bare));
    assert!(hint_node(&apart, Some(&zone), &bare) && !hint_node(&apart, Some(&bare), &zone));
    assert!(hint_node(&near, Some(&zone), &moved) && hint_node(&apart, Some(&zone), &moved));
    assert!(!hint_node(&near, Some(&zone), &zone) && !hint_node(&apart, Some(&zone), &zone));
}

#[test]
fn terms_of_the_own_namespace_move_with_the_pod() {
    let mut w = world();
    let team = w.0.intern("team");
    let named = PodAffinityTerm { in_own_namespace: false, ..w.term("zone", "a=1") };
    let affinity = requires(&[w.term("zone", "a=1"), named]);
    let mut class = crate::model::PodClass { pod_affinity: Some(Box::new(affinity)), ..Default::default() };
    class.move_to(team);
    let namespaces: Vec<StrId> = class.pod_affinity.iter().flat_map(|a| a.terms()).map(|t| t.namespaces[0]).collect();
    assert_eq!((class.namespace, namespaces), (team, vec![team, known::DEFAULT]));
}
