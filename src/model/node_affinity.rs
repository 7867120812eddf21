//! Node affinity: terms over a node's labels and name, interned. Knows no scheduler. Mirrors
//! staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity (v1.34.1).

use super::ids::StrId;
use super::selector::{CompiledSelector, LabelSelectorRequirement, Operator, Requirement, Selector};
use super::strings::{Strings, known};

/// `spec.affinity.nodeAffinity` of a pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeAffinity {
    /// Required terms: one of them must match; `None` requires nothing, an empty list matches no node.
    pub required: Option<Box<[NodeTerm]>>,
    /// Preferred terms with their weights.
    pub preferred: Box<[(u8, NodeTerm)]>,
}

/// A `NodeSelectorTerm` as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeSelectorTerm {
    /// Conditions on labels.
    pub match_expressions: Vec<LabelSelectorRequirement>,
    /// Conditions on fields, of which there is `metadata.name`.
    pub match_fields: Vec<LabelSelectorRequirement>,
}

/// A condition on a node's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NameTest {
    /// It is this one.
    Is(StrId),
    /// It is another one.
    IsNot(StrId),
}

/// A term over interned strings: all its conditions must hold. An empty or invalid one matches nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeTerm {
    labels: CompiledSelector,
    names: Box<[NameTest]>,
}

/// What a term looks at.
pub trait NodeLabels {
    /// The node's name; the empty string if it has none yet.
    fn name(&self) -> StrId;
    /// The value of a label.
    fn label(&self, key: StrId) -> Option<StrId>;
    /// The integer that a label's value is.
    fn number(&self, value: StrId) -> Option<i64>;
}

impl NodeSelectorTerm {
    fn selector(&self) -> Result<Selector, String> {
        let requirements = self.match_expressions.iter().map(|expression| {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                "Gt" => Operator::GreaterThan,
                "Lt" => Operator::LessThan,
                other => return Err(format!("{other:?} is not a valid node selector operator")),
            };
            Requirement::new(&expression.key, operator, expression.values.clone())
        });
        Ok(Selector::new(requirements.collect::<Result<_, _>>()?))
    }

    /// The term over interned strings.
    #[must_use]
    pub fn compile(&self, strings: &mut Strings) -> NodeTerm {
        let mut names = Vec::new();
        let mut valid = !self.match_expressions.is_empty() || !self.match_fields.is_empty();
        for field in &self.match_fields {
            match (field.key.as_str(), field.operator.as_str(), field.values.as_slice()) {
                ("metadata.name", "In", [name]) => names.push(NameTest::Is(strings.intern(name))),
                ("metadata.name", "NotIn", [name]) => names.push(NameTest::IsNot(strings.intern(name))),
                _ => valid = false,
            }
        }
        let selector = self.selector().ok().filter(|_| valid).unwrap_or_else(Selector::nothing);
        NodeTerm { labels: selector.compile(strings), names: names.into() }
    }
}

impl NodeTerm {
    /// The term that asks for one value of a label.
    #[must_use]
    pub fn equal(key: StrId, value: StrId) -> Self {
        Self { labels: CompiledSelector::of_pairs(&[(key, value)]), names: Box::default() }
    }

    /// The labels with their values that it asks for, as far as it asks for one value of a label.
    pub fn labels(&self) -> impl Iterator<Item = (StrId, StrId)> {
        self.labels.pairs()
    }

    /// The term that asks for one node.
    #[must_use]
    pub fn of_node(name: StrId) -> Self {
        Self { labels: CompiledSelector::of_pairs(&[]), names: Box::new([NameTest::Is(name)]) }
    }

    /// Whether a node has what the term asks for.
    #[must_use]
    pub fn matches(&self, node: &impl NodeLabels) -> bool {
        let name = node.name();
        let names = name == known::EMPTY
            || self.names.iter().all(|test| match *test {
                NameTest::Is(wanted) => wanted == name,
                NameTest::IsNot(other) => other != name,
            });
        names && self.labels.matches_values(|key| node.label(key), |value| node.number(value))
    }

    /// Its conditions on the node's name.
    #[must_use]
    pub fn names(&self) -> &[NameTest] {
        &self.names
    }

    /// Whether it tells nodes apart that have the same labels but the hostname.
    #[must_use]
    pub fn looks_at_names(&self) -> bool {
        !self.names.is_empty() || self.labels.looks_at(known::LABEL_HOSTNAME)
    }

    /// Whether it compares integers.
    #[must_use]
    pub fn compares_numbers(&self) -> bool {
        self.labels.compares_numbers()
    }
}

/// Whether the node has every pair of `nodeSelector` and matches one of the required terms.
#[inline]
#[must_use]
pub fn matches(selector: &[(StrId, StrId)], affinity: Option<&NodeAffinity>, node: &impl NodeLabels) -> bool {
    selector.iter().all(|&(key, value)| node.label(key) == Some(value))
        && affinity
            .and_then(|affinity| affinity.required.as_deref())
            .is_none_or(|terms| terms.iter().any(|term| term.matches(node)))
}

impl NodeAffinity {
    /// Every term.
    pub fn terms(&self) -> impl Iterator<Item = &NodeTerm> {
        self.required.iter().flatten().chain(self.preferred.iter().map(|(_, term)| term))
    }
}
