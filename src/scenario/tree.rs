//! A TOML document as a tree of values that know their places. Knows TOML and nothing of what the keys mean.

use toml::de::{DeTable, DeValue};

use super::codes;
use crate::diag::{Diagnostics, SourceId, Span};

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub span: Span,
    pub value: Value,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Number(f64),
    Flag(bool),
    /// A date or time, as TOML prints it.
    Moment(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys with their values; a key appears once.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Value {
    /// What it is called in a message.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Whole(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Moment(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Parses a document. After a mistake it goes on with what it can make out, so that the rest is checked as well.
pub(super) fn parse(text: &str, source: SourceId, diagnostics: &mut Diagnostics) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        let span = Span { source, start: range.start, end: range.end.max(range.start) };
        diagnostics.error(
            codes::SYNTAX,
            span,
            format!("this is not valid TOML: {}", error.message().trim_end()),
            "here",
            "write `key = value`, texts in double quotes, tables as `[name]` and repeated tables as `[[name]]`",
        );
    }
    convert_table(table.get_ref(), source)
}

/// Parses one value, as it would stand after `=`; `offset` is where it starts in its source.
pub(super) fn parse_value(text: &str, source: SourceId, offset: usize) -> Option<Node> {
    // A line break would let further keys in.
    if text.contains(['\n', '\r']) {
        return None;
    }
    let value = DeValue::parse(text).ok()?;
    let mut node = convert(value.get_ref(), Span { source, start: 0, end: text.len() });
    shift(&mut node, offset);
    Some(node)
}

fn convert_table(table: &DeTable<'_>, source: SourceId) -> Table {
    let place = |range: std::ops::Range<usize>| Span { source, start: range.start, end: range.end };
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: place(key.span()),
            node: convert(value.get_ref(), place(value.span())),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    Table { entries }
}

fn convert(value: &DeValue<'_>, span: Span) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => Value::Whole(whole),
            Err(_) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        },
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| {
                    let range = item.span();
                    convert(item.get_ref(), Span { source: span.source, start: range.start, end: range.end })
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, span.source)),
    };
    Node { span, value }
}

fn shift(node: &mut Node, by: usize) {
    node.span.start += by;
    node.span.end += by;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Value::Table(table) => {
            for entry in &mut table.entries {
                entry.key_span.start += by;
                entry.key_span.end += by;
                shift(&mut entry.node, by);
            }
        }
        _ => {}
    }
}
