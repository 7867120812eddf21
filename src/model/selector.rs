//! Label selectors: their requirements, how they match labels, and their normal form.
//!
//! Mirrors staging/src/k8s.io/apimachinery/pkg/labels/selector.go and pkg/apis/meta/v1/helpers.go
//! (`LabelSelectorAsSelector`), v1.34. Texts are parsed in `selector_parse.rs`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::ids::StrId;
use super::names::{go_quote, label_key_errors, label_value_errors};
use super::strings::{LabelSet, Strings};

/// How a requirement compares a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    /// The label exists and its value is one of these.
    In,
    /// The label does not exist or its value is none of these.
    NotIn,
    /// `=`: as [`In`](Self::In) with one value.
    Equals,
    /// `==`: as [`In`](Self::In) with one value.
    DoubleEquals,
    /// `!=`: as [`NotIn`](Self::NotIn) with one value.
    NotEquals,
    /// The label exists.
    Exists,
    /// The label does not exist.
    DoesNotExist,
    /// The label exists and is an integer greater than the value.
    GreaterThan,
    /// The label exists and is an integer less than the value.
    LessThan,
}

/// One condition on labels.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

impl Requirement {
    /// A checked requirement.
    ///
    /// # Errors
    /// Upstream's text of all that is wrong with it.
    pub fn new(key: &str, operator: Operator, values: Vec<String>) -> Result<Self, String> {
        let mut errors = Vec::new();
        let problems = label_key_errors(key);
        if !problems.is_empty() {
            errors.push(format!("key: Invalid value: {}: {}", go_quote(key), problems.join("; ")));
        }
        let count = match operator {
            Operator::In | Operator::NotIn if values.is_empty() => {
                "for 'in', 'notin' operators, values set can't be empty"
            }
            Operator::Equals | Operator::DoubleEquals | Operator::NotEquals if values.len() != 1 => {
                "exact-match compatibility requires one single value"
            }
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                "values set must be empty for exists and does not exist"
            }
            Operator::GreaterThan | Operator::LessThan if values.len() != 1 => {
                "for 'Gt', 'Lt' operators, exactly one value is required"
            }
            _ => "",
        };
        if !count.is_empty() {
            errors.push(format!("values: Invalid value: {}: {count}", json_list(&values)));
        }
        if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
            let bad = values.iter().enumerate().filter(|(_, value)| value.parse::<i64>().is_err());
            errors.extend(bad.map(|(i, value)| {
                let rule = "for 'Gt', 'Lt' operators, the value must be an integer";
                format!("values[{i}]: Invalid value: {}: {rule}", go_quote(value))
            }));
        }
        for (i, value) in values.iter().enumerate() {
            let problems = label_value_errors(value);
            if !problems.is_empty() {
                let problems = problems.join("; ");
                errors.push(format!("values[{i}][{key}]: Invalid value: {}: {problems}", go_quote(value)));
            }
        }
        match errors.len() {
            0 => Ok(Self { key: key.to_owned(), operator, values }),
            1 => Err(errors.remove(0)),
            _ => Err(format!("[{}]", errors.join(", "))),
        }
    }

    /// The label's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How it is compared.
    #[must_use]
    pub const fn operator(&self) -> Operator {
        self.operator
    }

    /// The values it is compared with.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether labels with `value` under this requirement's key (`None`: no such label) meet it.
    #[must_use]
    pub fn matches(&self, value: Option<&str>) -> bool {
        let among = |value: &str| self.values.iter().any(|v| v == value);
        let compare = |value: &str, less: bool| match (value.parse::<i64>(), self.values[0].parse::<i64>()) {
            (Ok(have), Ok(bound)) => {
                if less {
                    have < bound
                } else {
                    have > bound
                }
            }
            _ => false,
        };
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => value.is_some_and(among),
            Operator::NotIn | Operator::NotEquals => !value.is_some_and(among),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan => value.is_some_and(|value| compare(value, false)),
            Operator::LessThan => value.is_some_and(|value| compare(value, true)),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operator == Operator::DoesNotExist {
            f.write_char('!')?;
        }
        f.write_str(&self.key)?;
        let mut values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        match self.operator {
            Operator::Exists | Operator::DoesNotExist => Ok(()),
            Operator::In => write!(f, " in ({values})"),
            Operator::NotIn => write!(f, " notin ({values})"),
            Operator::Equals => write!(f, "={values}"),
            Operator::DoubleEquals => write!(f, "=={values}"),
            Operator::NotEquals => write!(f, "!={values}"),
            Operator::GreaterThan => write!(f, ">{values}"),
            Operator::LessThan => write!(f, "<{values}"),
        }
    }
}

/// A list of strings as JSON: upstream prints lists of values so; an absent list is `null`.
fn json_list(values: &[String]) -> String {
    if values.is_empty() {
        return "null".to_owned();
    }
    let quoted: Vec<String> = values.iter().map(|value| go_quote(value)).collect();
    format!("[{}]", quoted.join(","))
}

/// A selector of labels: all its requirements must hold.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Selector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

impl Selector {
    /// The selector of these requirements, which are sorted by key; none of them selects everything.
    #[must_use]
    pub fn new(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self { requirements, nothing: false }
    }

    /// The selector that selects nothing, as an absent `LabelSelector` does.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { requirements: Vec::new(), nothing: true }
    }

    /// The selector of a `LabelSelector` object; `None` selects nothing, an empty object everything.
    ///
    /// # Errors
    /// Upstream's text of the first requirement that is wrong.
    pub fn from_object(object: Option<&LabelSelector>) -> Result<Self, String> {
        let Some(object) = object else { return Ok(Self::nothing()) };
        let equal =
            object.match_labels.iter().map(|(key, value)| Requirement::new(key, Operator::Equals, vec![value.clone()]));
        let expressions = object.match_expressions.iter().map(|expression| {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(format!("{} is not a valid label selector operator", go_quote(other))),
            };
            Requirement::new(&expression.key, operator, expression.values.clone())
        });
        Ok(Self::new(equal.chain(expressions).collect::<Result<_, _>>()?))
    }

    /// The requirements, sorted by key.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether it selects nothing, whatever the labels.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.nothing
    }

    /// Whether it selects every set of labels.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }

    /// Whether it selects the labels that `value_of` looks up.
    #[must_use]
    pub fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        !self.nothing && self.requirements.iter().all(|requirement| requirement.matches(value_of(&requirement.key)))
    }

    /// The selector over interned strings.
    #[must_use]
    pub fn compile(&self, strings: &mut Strings) -> CompiledSelector {
        let tests = self.requirements.iter().map(|requirement| {
            let values = |strings: &mut Strings| {
                let mut values: Vec<StrId> = requirement.values.iter().map(|value| strings.intern(value)).collect();
                values.sort_unstable();
                values.dedup();
                values.into_boxed_slice()
            };
            let bound = || requirement.values[0].parse().unwrap_or(0);
            let test = match requirement.operator {
                Operator::In | Operator::Equals | Operator::DoubleEquals => LabelTest::In(values(strings)),
                Operator::NotIn | Operator::NotEquals => LabelTest::NotIn(values(strings)),
                Operator::Exists => LabelTest::NotIn(Box::default()),
                Operator::DoesNotExist => LabelTest::In(Box::default()),
                Operator::GreaterThan => LabelTest::GreaterThan(bound()),
                Operator::LessThan => LabelTest::LessThan(bound()),
            };
            let on_absent =
                matches!(requirement.operator, Operator::NotIn | Operator::NotEquals | Operator::DoesNotExist);
            CompiledRequirement { key: strings.intern(&requirement.key), on_absent, test }
        });
        CompiledSelector { requirements: tests.collect(), nothing: self.nothing }
    }
}

impl fmt::Display for Selector {
    /// The normal form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_char(',')?;
            }
            requirement.fmt(f)?;
        }
        Ok(())
    }
}

/// A `LabelSelector` object as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LabelSelector {
    /// Labels that must have these values.
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One of a `LabelSelector`'s `matchExpressions` as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LabelSelectorRequirement {
    /// Label key.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values, for the first two.
    pub values: Vec<String>,
}

/// A selector over interned strings, for millions of matches.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CompiledSelector {
    /// Shared, because objects of one kind say it again and again.
    requirements: Arc<[CompiledRequirement]>,
    nothing: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct CompiledRequirement {
    key: StrId,
    /// Whether labels without the key meet it.
    on_absent: bool,
    test: LabelTest,
}

/// What the value of a label that exists must be.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum LabelTest {
    In(Box<[StrId]>),
    NotIn(Box<[StrId]>),
    GreaterThan(i64),
    LessThan(i64),
}

impl CompiledSelector {
    /// Selects nothing, whatever the labels.
    #[must_use]
    pub fn nothing() -> Self {
        Self { requirements: Arc::default(), nothing: true }
    }

    /// Selects labels with all these pairs.
    #[must_use]
    pub fn of_pairs(pairs: &[(StrId, StrId)]) -> Self {
        let equals = |&(key, value): &(StrId, StrId)| CompiledRequirement {
            key,
            on_absent: false,
            test: LabelTest::In(Box::new([value])),
        };
        Self { requirements: pairs.iter().map(equals).collect(), nothing: false }
    }

    /// The labels with their values that it asks for, as far as it asks for one value of a label.
    pub fn pairs(&self) -> impl Iterator<Item = (StrId, StrId)> {
        self.requirements.iter().filter_map(|requirement| match (&requirement.test, requirement.on_absent) {
            (LabelTest::In(values), false) if values.len() == 1 => Some((requirement.key, values[0])),
            _ => None,
        })
    }

    /// This selector with the requirements of `other`; one that selects nothing has none to give.
    #[must_use]
    pub fn with_requirements_of(self, other: &Self) -> Self {
        let requirements = self.requirements.iter().chain(&*other.requirements).cloned().collect();
        Self { requirements, nothing: self.nothing }
    }

    /// Whether a selector of pods or namespaces, which compares no integers, selects `labels`.
    #[must_use]
    pub fn selects(&self, labels: &LabelSet) -> bool {
        self.matches_values(|key| labels.get(key), |_| None)
    }

    /// Whether it selects `labels`, whose texts are in `strings`.
    #[must_use]
    pub fn matches(&self, labels: &LabelSet, strings: &Strings) -> bool {
        self.matches_values(|key| labels.get(key), |value| strings.text(value).parse().ok())
    }

    /// Whether it selects the labels that `value_of` looks up; `number_of` is the integer that a value is.
    #[must_use]
    pub fn matches_values(
        &self,
        value_of: impl Fn(StrId) -> Option<StrId>,
        number_of: impl Fn(StrId) -> Option<i64>,
    ) -> bool {
        !self.nothing
            && self.requirements.iter().all(|requirement| {
                let Some(value) = value_of(requirement.key) else { return requirement.on_absent };
                match &requirement.test {
                    LabelTest::In(values) => values.contains(&value),
                    LabelTest::NotIn(values) => !values.contains(&value),
                    LabelTest::GreaterThan(bound) => number_of(value).is_some_and(|number| number > *bound),
                    LabelTest::LessThan(bound) => number_of(value).is_some_and(|number| number < *bound),
                }
            })
    }

    /// Whether it looks at a label.
    #[must_use]
    pub fn looks_at(&self, key: StrId) -> bool {
        self.requirements.iter().any(|requirement| requirement.key == key)
    }

    /// Whether it compares integers.
    #[must_use]
    pub fn compares_numbers(&self) -> bool {
        let compares = |r: &CompiledRequirement| matches!(r.test, LabelTest::GreaterThan(_) | LabelTest::LessThan(_));
        self.requirements.iter().any(compares)
    }

    /// Whether it selects every set of labels.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wrong_requirements_are_all_named() {
        let none = Requirement::new("a", Operator::In, Vec::new());
        assert_eq!(
            none.unwrap_err(),
            "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty"
        );
        let two = Requirement::new("a b", Operator::Exists, vec!["x".into()]).unwrap_err();
        assert!(two.starts_with("[key: Invalid value: \"a b\": name part must"), "{two}");
        assert!(
            two.ends_with("values: Invalid value: [\"x\"]: values set must be empty for exists and does not exist]")
        );
        let wrong = LabelSelectorRequirement { key: "a".into(), operator: "Gt".into(), values: vec!["1".into()] };
        let object = LabelSelector { match_expressions: vec![wrong], ..LabelSelector::default() };
        assert_eq!(Selector::from_object(Some(&object)).unwrap_err(), "\"Gt\" is not a valid label selector operator");
    }

    proptest! {
        #[test]
        fn the_compiled_selector_selects_the_same(
            key in "[ab]", value in "[0-3x]", tests in prop::collection::vec(("[ab]", 0..9_u8, prop::collection::vec("[0-3x]", 0..3)), 0..4),
        ) {
            let requirements = tests.into_iter().filter_map(|(key, operator, values)| {
                let operator = match operator {
                    0 => Operator::In,
                    1 => Operator::NotIn,
                    2 => Operator::Equals,
                    3 => Operator::DoubleEquals,
                    4 => Operator::NotEquals,
                    5 => Operator::Exists,
                    6 => Operator::DoesNotExist,
                    7 => Operator::GreaterThan,
                    _ => Operator::LessThan,
                };
                Requirement::new(&key, operator, values).ok()
            });
            let selector = Selector::new(requirements.collect());
            let mut strings = Strings::new();
            let labels = strings.intern_labels([(key.as_str(), value.as_str())]);
            let compiled = selector.compile(&mut strings);
            let plain = selector.matches(|wanted| (wanted == key).then_some(value.as_str()));
            prop_assert_eq!(compiled.matches(strings.labels(labels), &strings), plain, "{}", selector);
        }
    }
}
