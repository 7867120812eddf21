//! Reads the keys of one table by kind. Whatever is wrong is reported with its place and reading goes on, so that one
//! mistake does not hide the others. Only keys that [`super::spec`] lists can be asked for.

use super::codes;
use super::spec::{Kind, Presence, Section};
use super::tree::{Node, Table, Value};
use super::{Cx, suggest};
use crate::base::SimDuration;
use crate::diag::{Code, Span};

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub value: T,
    pub span: Span,
}

/// The table of one section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'t> {
    table: &'t Table,
    section: &'static Section,
    /// Where the table stands.
    pub span: Span,
}

impl<'t> Fields<'t> {
    /// Starts reading a table: unknown and missing keys are reported here.
    pub fn open(cx: &mut Cx<'_>, table: &'t Table, span: Span, section: &'static Section) -> Self {
        for entry in &table.entries {
            let extended = section.extended_resources && is_extended_resource(&entry.key);
            if section.key(&entry.key).is_none() && !extended {
                unknown_key(cx, section, &entry.key, entry.key_span);
            }
        }
        for key in section.keys {
            if key.presence == Presence::Required && table.get(key.name).is_none() {
                cx.diagnostics.error(
                    codes::MISSING_KEY,
                    span,
                    format!("{} needs the key `{}`", place(section), key.name),
                    format!("`{}` is missing", key.name),
                    format!("add `{} = {}` ({})", key.name, key.example, key.doc.trim_end_matches('.')),
                );
            }
        }
        Self { table, section, span }
    }

    /// The node of a key.
    pub fn node(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<&'t Node> {
        debug_assert!(self.section.key(key).is_some(), "`{key}` is not listed in [{}]", self.section.name);
        cx.asked.insert((self.section.name, key));
        self.table.get(key)
    }

    /// Where the key or, without one, the table stands.
    pub fn key_span(&self, key: &str) -> Span {
        self.table.entry(key).map_or(self.span, |entry| entry.key_span)
    }

    /// Keys that are extended resources.
    pub fn extended(&self) -> impl Iterator<Item = (&'t str, &'t Node)> + use<'t> {
        let section = self.section;
        self.table
            .entries
            .iter()
            .filter(move |entry| section.key(&entry.key).is_none() && is_extended_resource(&entry.key))
            .map(|entry| (entry.key.as_str(), &entry.node))
    }

    /// Which of these keys are given.
    pub fn given(&self, cx: &mut Cx<'_>, keys: &[&'static str]) -> Vec<&'static str> {
        keys.iter().copied().filter(|key| self.node(cx, key).is_some()).collect()
    }

    /// The one of these keys that is given; several or, if it must be, none are an error.
    pub fn one_of(&self, cx: &mut Cx<'_>, keys: &[&'static str], required: bool) -> Option<&'static str> {
        let given = self.given(cx, keys);
        let list = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let help = format!("give exactly one of {list}");
        match given.as_slice() {
            [] if required => {
                let message = format!("{} needs one of {list}", place(self.section));
                cx.diagnostics.error(codes::EXCLUSIVE_KEYS, self.span, message, "none is given", help);
                None
            }
            [] => None,
            [one] => Some(one),
            [first, second, ..] => {
                let message = format!("`{first}` and `{second}` exclude each other");
                cx.diagnostics.error(codes::EXCLUSIVE_KEYS, self.key_span(second), message, "one too many", help);
                None
            }
        }
    }

    pub fn text(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<Placed<&'t str>> {
        let node = self.node(cx, key)?;
        text(cx, node)
    }

    pub fn flag(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<bool> {
        let node = self.node(cx, key)?;
        match node.value {
            Value::Flag(flag) => Some(flag),
            _ => wrong_type(cx, node, "true or false", "write `true` or `false`, without quotes"),
        }
    }

    /// A whole number within the range that the key's kind says.
    pub fn whole(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<Placed<i64>> {
        let node = self.node(cx, key)?;
        let (min, max) = match self.section.key(key).map(|key| key.kind) {
            Some(Kind::Whole { min, max }) => (min, max),
            _ => (i64::MIN, i64::MAX),
        };
        whole(cx, node, min, max)
    }

    pub fn number(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<Placed<f64>> {
        let node = self.node(cx, key)?;
        number(cx, node)
    }

    pub fn duration(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<Placed<SimDuration>> {
        let node = self.node(cx, key)?;
        duration(cx, node)
    }

    /// An amount that `parse` understands.
    pub fn amount<T>(
        &self,
        cx: &mut Cx<'_>,
        key: &'static str,
        parse: fn(&str) -> Result<T, super::units::Bad>,
    ) -> Option<Placed<T>> {
        let node = self.node(cx, key)?;
        amount(cx, node, parse)
    }

    /// One of the words that the key's kind lists.
    pub fn choice(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<&'static str> {
        let node = self.node(cx, key)?;
        match self.section.key(key).map(|key| key.kind) {
            Some(Kind::Choice(words)) => choice(cx, node, words),
            _ => None,
        }
    }

    /// Texts with free keys, such as labels.
    pub fn map(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<Vec<(&'t str, Placed<&'t str>)>> {
        let node = self.node(cx, key)?;
        let Value::Table(table) = &node.value else {
            return wrong_type(cx, node, "a table", "write `{ key = \"value\" }`");
        };
        Some(table.entries.iter().filter_map(|entry| Some((entry.key.as_str(), text(cx, &entry.node)?))).collect())
    }

    /// The items of a list.
    pub fn list(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<&'t [Node]> {
        let node = self.node(cx, key)?;
        match &node.value {
            Value::List(items) => Some(items),
            _ => wrong_type(cx, node, "a list", "put it in square brackets"),
        }
    }

    /// A list of texts.
    pub fn texts(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<Vec<Placed<&'t str>>> {
        let items = self.list(cx, key)?;
        Some(items.iter().filter_map(|item| text(cx, item)).collect())
    }

    /// One path or a list of them.
    pub fn paths(&self, cx: &mut Cx<'_>, key: &'static str) -> Option<Vec<Placed<String>>> {
        let node = self.node(cx, key)?;
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let owned = |path: Placed<&str>| Placed { value: path.value.to_owned(), span: path.span };
        Some(items.iter().filter_map(|item| text(cx, item).map(owned)).collect())
    }

    /// The table of a key.
    pub fn table(&self, cx: &mut Cx<'_>, key: &'static str, section: &'static Section) -> Option<Fields<'t>> {
        let node = self.node(cx, key)?;
        table(cx, node, section)
    }

    /// The tables of a key: `[[name]]`, or one table.
    pub fn tables(&self, cx: &mut Cx<'_>, key: &'static str, section: &'static Section) -> Vec<Fields<'t>> {
        let Some(node) = self.node(cx, key) else { return Vec::new() };
        match &node.value {
            Value::List(items) => items.iter().filter_map(|item| table(cx, item, section)).collect(),
            Value::Table(_) if self.section.name.is_empty() => {
                let help = format!("write `[[{key}]]`: it may be given several times");
                wrong_type(cx, node, "a list of tables", &help).unwrap_or_default()
            }
            _ => table(cx, node, section).into_iter().collect(),
        }
    }
}

/// `nvidia.com/gpu` and `hugepages-2Mi` are; a misspelt `memroy` is not.
fn is_extended_resource(key: &str) -> bool {
    key.contains('/') || key.starts_with("hugepages-")
}

fn place(section: &Section) -> String {
    match section.name {
        "" => "a scenario".to_owned(),
        "study file" => "a study".to_owned(),
        name => format!("[{name}]"),
    }
}

fn unknown_key(cx: &mut Cx<'_>, section: &'static Section, key: &str, span: Span) {
    let help = suggest::help(key, section.keys.iter().map(|key| key.name));
    let message = format!("{} has no key `{key}`", place(section));
    cx.diagnostics.error(codes::UNKNOWN_KEY, span, message, "unknown key", help);
}

pub(super) fn table<'t>(cx: &mut Cx<'_>, node: &'t Node, section: &'static Section) -> Option<Fields<'t>> {
    match &node.value {
        Value::Table(table) => Some(Fields::open(cx, table, node.span, section)),
        _ => {
            let keys: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
            wrong_type(cx, node, "a table", &format!("write `{{ .. }}` with the keys {}", keys.join(", ")))
        }
    }
}

pub(super) fn text<'t>(cx: &mut Cx<'_>, node: &'t Node) -> Option<Placed<&'t str>> {
    match &node.value {
        Value::Text(text) if text.is_empty() => {
            let help = "write something between the quotes, or leave the key out";
            fail(cx, codes::WRONG_TYPE, node, "an empty text says nothing", "empty", help)
        }
        Value::Text(text) => Some(Placed { value: text, span: node.span }),
        _ => wrong_type(cx, node, "a text", "put it in double quotes"),
    }
}

pub(super) fn whole(cx: &mut Cx<'_>, node: &Node, min: i64, max: i64) -> Option<Placed<i64>> {
    let Value::Whole(value) = node.value else {
        return wrong_type(cx, node, "a whole number", "write a number without quotes, point or unit");
    };
    if (min..=max).contains(&value) {
        return Some(Placed { value, span: node.span });
    }
    let range = if max == i64::MAX { format!("at least {min}") } else { format!("from {min} to {max}") };
    let message = format!("{value} is not possible here");
    fail(cx, codes::OUT_OF_RANGE, node, &message, "out of range", &format!("write a whole number {range}"))
}

pub(super) fn number(cx: &mut Cx<'_>, node: &Node) -> Option<Placed<f64>> {
    #[allow(clippy::cast_precision_loss)]
    let value = match node.value {
        Value::Whole(value) => value as f64,
        Value::Number(value) => value,
        _ => return wrong_type(cx, node, "a number", "write a number without quotes or unit"),
    };
    if value.is_finite() {
        return Some(Placed { value, span: node.span });
    }
    fail(cx, codes::OUT_OF_RANGE, node, "this number is not finite", "not finite", "write a finite number")
}

/// A duration that is not negative.
pub(super) fn duration(cx: &mut Cx<'_>, node: &Node) -> Option<Placed<SimDuration>> {
    let text = unit_text(cx, node, "a duration", "s")?;
    match SimDuration::parse(text) {
        Ok(value) if value < SimDuration::ZERO => {
            let message = format!("`{text}` is a negative duration");
            fail(cx, codes::OUT_OF_RANGE, node, &message, "negative", "write a duration that is not negative")
        }
        Ok(value) => Some(Placed { value, span: node.span }),
        Err(why) => {
            let message = format!("`{text}` is not a duration: {why}");
            let help = "write for example `90s`, `1h30m` or `250ms`; units are ns, us, ms, s, m, h, d";
            fail(cx, codes::BAD_DURATION, node, &message, "not a duration", help)
        }
    }
}

pub(super) fn amount<T>(
    cx: &mut Cx<'_>,
    node: &Node,
    parse: fn(&str) -> Result<T, super::units::Bad>,
) -> Option<Placed<T>> {
    let text = unit_text(cx, node, "an amount", "")?;
    match parse(text) {
        Ok(value) => Some(Placed { value, span: node.span }),
        Err(bad) => fail(cx, codes::BAD_AMOUNT, node, &bad.message, "not understood", &bad.help),
    }
}

pub(super) fn choice(cx: &mut Cx<'_>, node: &Node, words: &'static [&'static str]) -> Option<&'static str> {
    let written = text(cx, node)?.value;
    let found = words.iter().find(|word| **word == written);
    if found.is_none() {
        let help = suggest::help(written, words.iter().copied());
        let message = format!("`{written}` is not one of the choices");
        return fail(cx, codes::UNKNOWN_CHOICE, node, &message, "unknown", &help);
    }
    found.copied()
}

/// The text of a value that needs a unit: a plain number is told apart from other wrong types.
fn unit_text<'t>(cx: &mut Cx<'_>, node: &'t Node, noun: &str, unit: &str) -> Option<&'t str> {
    match &node.value {
        Value::Text(text) => Some(text),
        Value::Whole(_) | Value::Number(_) => {
            let written = &cx.sources.get(node.span.source).text;
            let written = written.get(node.span.start..node.span.end).unwrap_or("5").to_owned();
            let message = format!("a plain number is not {noun}: its unit would be a guess");
            let help = format!("write it as a text with its unit, for example `\"{written}{unit}\"`");
            fail(cx, codes::UNIT_MISSING, node, &message, "unit missing", &help)
        }
        _ => wrong_type(cx, node, noun, "write it as a text with its unit, in double quotes"),
    }
}

pub(super) fn wrong_type<T>(cx: &mut Cx<'_>, node: &Node, wanted: &str, help: &str) -> Option<T> {
    let message = format!("this is {}, but {wanted} is meant", node.value.noun());
    fail(cx, codes::WRONG_TYPE, node, &message, &format!("not {wanted}"), help)
}

pub(super) fn fail<T>(cx: &mut Cx<'_>, code: Code, node: &Node, message: &str, label: &str, help: &str) -> Option<T> {
    cx.diagnostics.error(code, node.span, message, label, help);
    None
}
