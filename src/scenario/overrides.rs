//! `--set key=value`: replaces or adds values in the tree before anything is read, so that the same readers judge them.

use super::settings::Setting;
use super::tree::{Entry, Node, Table, Value, parse_value};
use super::{Cx, codes};
use crate::diag::{Source, SourceId, Span};
use std::sync::Arc;

/// Applies every override; later ones win.
pub(super) fn apply(cx: &mut Cx<'_>, tree: &mut Table, overrides: &[String]) {
    for written in overrides {
        let source = cx.sources.add("--set", written.as_str());
        let whole = Span { source, start: 0, end: written.len() };
        let Some((path, text)) = written.split_once('=') else {
            bad(cx, whole, format!("`{written}` has no `=`"), "write `key=value`, for example `scenario.seed=7`");
            continue;
        };
        let start = path.len() + 1;
        let node = value(text, source, start);
        let end = path.trim_end().len();
        if let Err((span, message)) = set(tree, path.trim_end(), node, Span { source, start: 0, end }) {
            bad(cx, span, message, HELP);
        }
    }
}

const HELP: &str = "keys are joined by dots; entries of a list are counted from 0: `node_pool.0.count=5`";

/// Applies what a study says, with the places where it says so; later ones win.
pub(super) fn apply_settings(cx: &mut Cx<'_>, tree: &mut Table, settings: &[Setting]) {
    let mut known: Vec<(Arc<Source>, SourceId)> = Vec::new();
    for Setting { key, value: text, place } in settings {
        let source = match known.iter().find(|(file, _)| Arc::ptr_eq(file, &place.source)) {
            Some((_, source)) => *source,
            None => {
                let source = cx.sources.add(place.source.name.as_str(), place.source.text.as_str());
                known.push((Arc::clone(&place.source), source));
                source
            }
        };
        let mut node = value(text, source, place.value.0);
        move_to(&mut node, Span { source, start: place.value.0, end: place.value.1 });
        let (start, end) = place.key;
        if let Err((span, message)) = set(tree, key, node, Span { source, start, end }) {
            bad(cx, span, message, HELP);
        }
    }
}

/// A value that was drawn, or written elsewhere, is blamed as a whole.
fn move_to(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| move_to(item, span)),
        Value::Table(table) => {
            for entry in &mut table.entries {
                entry.key_span = span;
                move_to(&mut entry.node, span);
            }
        }
        _ => {}
    }
}

fn bad(cx: &mut Cx<'_>, span: Span, message: String, help: &str) {
    cx.diagnostics.error(codes::BAD_OVERRIDE, span, message, "here", help);
}

/// A TOML value, or else a text: `30m` need not be quoted a second time for the shell.
fn value(text: &str, source: SourceId, start: usize) -> Node {
    let span = Span { source, start, end: start + text.len() };
    parse_value(text, source, start).unwrap_or_else(|| Node { span, value: Value::Text(text.to_owned()) })
}

/// The parts of a dotted key with their places.
fn parts(path: &str, whole: Span) -> Vec<(&str, Span)> {
    let mut parts = Vec::new();
    // What is not written in one piece is blamed as a whole.
    if whole.end - whole.start != path.len() {
        return path.split('.').map(|part| (part, whole)).collect();
    }
    let mut start = whole.start;
    for part in path.split('.') {
        let end = start + part.len();
        parts.push((part, Span { start, end, ..whole }));
        start = end + 1;
    }
    parts
}

fn set(tree: &mut Table, path: &str, node: Node, whole: Span) -> Result<(), (Span, String)> {
    let parts = parts(path, whole);
    if parts.iter().any(|(part, _)| part.is_empty()) {
        return Err((whole, format!("`{path}` is not a key")));
    }
    set_in_table(tree, &parts, node)
}

fn set_in_table(table: &mut Table, parts: &[(&str, Span)], node: Node) -> Result<(), (Span, String)> {
    let [(key, span), rest @ ..] = parts else { return Ok(()) };
    let index = table.entries.iter().position(|entry| entry.key == *key).unwrap_or_else(|| {
        let value = Node { span: *span, value: Value::Table(Table::default()) };
        table.entries.push(Entry { key: (*key).to_owned(), key_span: *span, node: value });
        table.entries.len() - 1
    });
    let entry = &mut table.entries[index];
    if rest.is_empty() {
        *entry = Entry { key: (*key).to_owned(), key_span: *span, node };
        return Ok(());
    }
    set_in_value(&mut entry.node, key, rest, node)
}

fn set_in_value(place: &mut Node, key: &str, parts: &[(&str, Span)], node: Node) -> Result<(), (Span, String)> {
    let [(part, span), rest @ ..] = parts else {
        *place = node;
        return Ok(());
    };
    match &mut place.value {
        Value::Table(table) => set_in_table(table, parts, node),
        Value::List(items) => {
            let count = items.len();
            let Some(item) = part.parse::<usize>().ok().and_then(|index| items.get_mut(index)) else {
                let last = count.saturating_sub(1);
                return Err((*span, format!("`{key}` is a list of {count}: say which one, from 0 to {last}")));
            };
            set_in_value(item, part, rest, node)
        }
        other => Err((*span, format!("`{key}` is {} and has no keys", other.noun()))),
    }
}
