//! NodeAffinity: the nodes that a pod must or would rather run on: `nodeSelector` and `spec.affinity.nodeAffinity`. Mirrors
//! pkg/scheduler/framework/plugins/nodeaffinity (v1.34.1), and what the profile adds to it.

use crate::model::profile::NodeAffinityArgs;
use crate::model::{NameTest, NodeAffinity, NodeLabels, StrId};
use crate::scheduler::framework::{MAX_NODE_SCORE, Reason, Verdict};

pub use crate::model::node_affinity::matches;

/// Whether the node matches one of the required terms that the profile adds.
#[inline]
#[must_use]
pub fn matches_added(args: &NodeAffinityArgs, node: &impl NodeLabels) -> bool {
    args.added_required.as_deref().is_none_or(|terms| terms.iter().any(|term| term.matches(node)))
}

/// Rejects a node that does not match; what the profile adds comes first.
#[must_use]
pub fn filter(
    args: &NodeAffinityArgs,
    selector: &[(StrId, StrId)],
    affinity: Option<&NodeAffinity>,
    node: &impl NodeLabels,
) -> Verdict {
    if !matches_added(args, node) {
        return Verdict::unresolvable(Reason::EnforcedNodeAffinity);
    }
    if matches(selector, affinity, node) { Verdict::Fits } else { Verdict::unresolvable(Reason::NodeAffinity) }
}

/// The only nodes to look at, if every required term asks for `metadata.name`; none if the terms contradict themselves.
/// `None` is all nodes.
#[must_use]
pub fn named_nodes(affinity: &NodeAffinity) -> Option<Box<[StrId]>> {
    let terms = affinity.required.as_deref().filter(|terms| !terms.is_empty())?;
    let mut names = Vec::new();
    for term in terms {
        let mut wanted = term.names().iter().filter_map(|test| match *test {
            NameTest::Is(name) => Some(name),
            NameTest::IsNot(_) => None,
        });
        let first = wanted.next()?;
        if wanted.all(|name| name == first) {
            names.push(first);
        }
    }
    names.sort_unstable();
    names.dedup();
    Some(names.into())
}

/// PreFilter: rejects a pod whose terms contradict themselves.
#[must_use]
pub fn pre_filter(named: Option<&[StrId]>) -> Verdict {
    if named.is_some_and(<[_]>::is_empty) { Verdict::unresolvable(Reason::TermsConflict) } else { Verdict::Fits }
}

/// Rejects a node that PreFilter left out. Comes before every other filter.
#[must_use]
pub fn filter_named(named: Option<&[StrId]>, name: StrId) -> Verdict {
    match named {
        Some(named) if !named.contains(&name) => Verdict::unresolvable(Reason::NotNamed),
        _ => Verdict::Fits,
    }
}

/// Whether the score leaves such a pod alone: neither it nor the profile prefers anything.
#[inline]
#[must_use]
pub fn skips(args: &NodeAffinityArgs, affinity: Option<&NodeAffinity>) -> bool {
    args.added_preferred.is_empty() && affinity.is_none_or(|affinity| affinity.preferred.is_empty())
}

/// The weights of the preferred terms that match, of the pod and of the profile.
#[inline]
#[must_use]
pub fn preference(args: &NodeAffinityArgs, affinity: Option<&NodeAffinity>, node: &impl NodeLabels) -> u32 {
    let own = affinity.map_or(&[][..], |affinity| &affinity.preferred);
    let terms = args.added_preferred.iter().chain(own);
    terms.filter(|(_, term)| term.matches(node)).map(|&(weight, _)| u32::from(weight)).sum()
}

/// The score of a node with `preference` if `most` is the highest of the feasible nodes.
#[inline]
#[must_use]
pub const fn normalized(preference: i64, most: i64) -> i64 {
    if most == 0 { 0 } else { MAX_NODE_SCORE * preference / most }
}

/// Hint for a node that was added (`old` is `None`) or whose labels changed: it matches now and did not before.
#[must_use]
pub const fn hint_node(old_matches: Option<bool>, new_matches: bool) -> bool {
    new_matches && !matches!(old_matches, Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;
    use crate::model::{LabelSelectorRequirement, NodeSelectorTerm, Strings};

    /// A node with one label.
    struct Node(StrId, StrId, StrId, Strings);

    impl NodeLabels for Node {
        fn name(&self) -> StrId {
            self.0
        }

        fn label(&self, key: StrId) -> Option<StrId> {
            (key == self.1).then_some(self.2)
        }

        fn number(&self, value: StrId) -> Option<i64> {
            self.3.text(value).parse().ok()
        }
    }

    fn node(strings: &mut Strings, name: &str, key: &str, value: &str) -> Node {
        let [name, key, value] = [name, key, value].map(|text| strings.intern(text));
        Node(name, key, value, strings.clone())
    }

    fn requirement(key: &str, operator: &str, values: &[&str]) -> LabelSelectorRequirement {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        LabelSelectorRequirement { key: key.to_owned(), operator: operator.to_owned(), values }
    }

    fn expressions(list: &[(&str, &str, &[&str])]) -> NodeSelectorTerm {
        let match_expressions = list.iter().map(|(key, operator, values)| requirement(key, operator, values)).collect();
        NodeSelectorTerm { match_expressions, ..NodeSelectorTerm::default() }
    }

    fn names(list: &[(&str, &str)]) -> NodeSelectorTerm {
        let match_fields = list.iter().map(|(operator, name)| requirement("metadata.name", operator, &[*name]));
        NodeSelectorTerm { match_fields: match_fields.collect(), ..NodeSelectorTerm::default() }
    }

    fn required(strings: &mut Strings, terms: &[NodeSelectorTerm]) -> NodeAffinity {
        let terms = terms.iter().map(|term| term.compile(strings)).collect();
        NodeAffinity { required: Some(terms), ..NodeAffinity::default() }
    }

    #[test]
    fn all_pairs_must_be_there() {
        let node = Node(known::EMPTY, known::CPU, known::ERROR, Strings::new());
        assert!(
            filter(&NodeAffinityArgs::default(), &[], None, &node).fits()
                && filter(&NodeAffinityArgs::default(), &[(known::CPU, known::ERROR)], None, &node).fits()
        );
        for selector in [
            [(known::CPU, known::EMPTY), (known::CPU, known::ERROR)],
            [(known::CPU, known::ERROR), (known::MEMORY, known::EMPTY)],
        ] {
            assert_eq!(
                filter(&NodeAffinityArgs::default(), &selector, None, &node),
                Verdict::unresolvable(Reason::NodeAffinity)
            );
        }
        assert!(hint_node(None, true) && hint_node(Some(false), true));
        assert!(!hint_node(Some(true), true) && !hint_node(None, false));
    }

    #[test]
    fn terms_are_alternatives_and_their_conditions_add_up() {
        let mut strings = Strings::new();
        let node = node(&mut strings, "n1", "gen", "7");
        let mut check = |terms: &[NodeSelectorTerm]| matches(&[], Some(&required(&mut strings, terms)), &node);
        let one = |key, operator, values| expressions(&[(key, operator, values)]);
        for term in [
            one("gen", "In", &["6", "7"]),
            one("gen", "NotIn", &["6"]),
            one("other", "NotIn", &["7"]),
            one("gen", "Exists", &[]),
            one("other", "DoesNotExist", &[]),
            one("gen", "Gt", &["6"]),
            one("gen", "Lt", &["8"]),
            names(&[("In", "n1")]),
            names(&[("NotIn", "n2")]),
        ] {
            assert!(check(std::slice::from_ref(&term)), "{term:?}");
            assert!(check(&[NodeSelectorTerm::default(), term]), "the first matches nothing, the second does");
        }
        for term in [
            NodeSelectorTerm::default(),
            one("gen", "Gt", &["7"]),
            one("gen", "Lt", &["x"]),
            one("other", "Gt", &["1"]),
            one("gen", "NotIn", &["not a value"]),
            one("gen", "Near", &["7"]),
            expressions(&[("gen", "Exists", &[]), ("other", "Exists", &[])]),
            names(&[("In", "n2")]),
            names(&[("In", "n1"), ("NotIn", "n1")]),
        ] {
            assert!(!check(std::slice::from_ref(&term)), "{term:?}");
        }
        assert!(!check(&[]));
    }

    #[test]
    fn names_narrow_the_search_only_if_every_term_has_them() {
        let mut strings = Strings::new();
        let [a, b] = ["a", "b"].map(|name| strings.intern(name));
        let mut named = |terms: &[NodeSelectorTerm]| named_nodes(&required(&mut strings, terms));
        let (is_a, is_b) = (names(&[("In", "a")]), names(&[("In", "b")]));
        assert_eq!(named(&[is_a.clone(), is_b, is_a.clone()]).as_deref(), Some(&[a, b][..]));
        assert_eq!(named(&[is_a.clone(), names(&[("NotIn", "b")])]), None);
        assert_eq!(named(&[]), None);
        let both = names(&[("In", "a"), ("In", "b")]);
        assert_eq!(named(&[is_a, both.clone()]).as_deref(), Some(&[a][..]));
        assert_eq!(named(&[both]).as_deref(), Some(&[][..]));
        assert_eq!(pre_filter(Some(&[])), Verdict::unresolvable(Reason::TermsConflict));
        assert!(pre_filter(Some(&[b])).fits() && pre_filter(None).fits());
        assert_eq!(filter_named(Some(&[b]), a), Verdict::unresolvable(Reason::NotNamed));
        assert!(filter_named(Some(&[a, b]), a).fits() && filter_named(None, a).fits());
    }

    #[test]
    fn weights_of_matching_terms_add_up_and_are_put_in_proportion() {
        let mut strings = Strings::new();
        let node = node(&mut strings, "n1", "disk", "ssd");
        let terms = [(7, names(&[("In", "n1")])), (20, expressions(&[("disk", "Exists", &[])])), (50, names(&[]))];
        let preferred = terms.iter().map(|(weight, term)| (*weight, term.compile(&mut strings))).collect();
        let affinity = NodeAffinity { preferred, required: None };
        let args = NodeAffinityArgs::default();
        assert_eq!(preference(&args, Some(&affinity), &node), 27);
        assert!(!skips(&args, Some(&affinity)) && skips(&args, None));
        let added = NodeAffinityArgs { added_preferred: affinity.preferred.clone(), added_required: None };
        assert_eq!([preference(&added, Some(&affinity), &node), preference(&added, None, &node)], [54, 27]);
        assert!(!skips(&added, None));
        assert!(matches(&[], Some(&affinity), &node));
        assert_eq!([normalized(27, 80), normalized(80, 80), normalized(0, 0)], [33, 100, 0]);
    }

    #[test]
    fn what_the_profile_adds_must_match_first() {
        let mut strings = Strings::new();
        let node = node(&mut strings, "n1", "disk", "ssd");
        let [here, elsewhere] = ["n1", "n2"].map(|name| [names(&[("In", name)]).compile(&mut strings)].into());
        let added = |terms| NodeAffinityArgs { added_required: Some(terms), ..NodeAffinityArgs::default() };
        let enforced = Verdict::unresolvable(Reason::EnforcedNodeAffinity);
        let selector = [(known::CPU, known::EMPTY)];
        assert_eq!(filter(&added(elsewhere), &selector, None, &node), enforced);
        assert_eq!(filter(&added(here.clone()), &selector, None, &node), Verdict::unresolvable(Reason::NodeAffinity));
        assert!(filter(&added(here), &[], None, &node).fits());
    }
}
