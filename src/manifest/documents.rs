//! Files -> objects with kind and API version: lists unfolded, split objects recognised, unknown kinds reported. Knows
//! the outside of objects only.

use super::codes;
use super::json;
use super::kinds::{self, Known};
use super::tree::{At, Document, Entry, Fault, Malformed, Node, Value};
use super::yaml;
use crate::diag::{Diagnostics, SourceId, Sources, Span, did_you_mean};
use crate::model::names::go_quote;

/// All documents of a file.
pub(super) struct File<'t> {
    /// The file.
    pub source: SourceId,
    /// Its documents.
    pub documents: Vec<Document<'t>>,
}

/// An object whose kind is known.
pub(super) struct Object<'t> {
    /// The file.
    pub source: SourceId,
    /// What kind.
    pub kind: Kind,
    /// The object.
    pub node: &'t Node<'t>,
    /// Whether its outside was wrong already: it is read for further mistakes but left out.
    pub broken: bool,
}

/// A kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Compiled.
    Modelled(&'static str),
    /// Not compiled: API version and kind.
    Other(String, String),
    /// Not compiled either, and nothing is missed: the kind.
    Irrelevant(String),
}

fn span(source: SourceId, at: At) -> Span {
    Span { source, start: at.start as usize, end: at.end as usize }
}

/// Reads one file and reports what is malformed.
pub(super) fn read<'t>(source: SourceId, sources: &'t Sources, diagnostics: &mut Diagnostics) -> File<'t> {
    let text = sources.get(source).text.as_str();
    if u32::try_from(text.len()).is_err() {
        let help = "split it, or give fewer objects";
        diagnostics.error(codes::TOO_LARGE, None, "a file of more than 4 GiB cannot be read", "", help);
        return File { source, documents: Vec::new() };
    }
    let mut faults = Vec::new();
    let is_json = text.trim_start().starts_with(['{', '[']);
    let documents = match if is_json { json::read(text) } else { None } {
        Some(values) => {
            let unfold = |node: Node<'t>| match node.value {
                Value::List(items) => items,
                value => vec![Node { value, at: node.at }],
            };
            values.into_iter().flat_map(unfold).map(|root| Document { marker: None, root, broken: false }).collect()
        }
        None => yaml::read(text, &mut faults),
    };
    if documents.is_empty() && faults.is_empty() {
        let at = Span { source, start: 0, end: text.len().min(1) };
        let message = "the file holds no object";
        let help = "write a manifest into it, or leave it out of the list of files";
        diagnostics.warning(codes::EMPTY_FILE, at, message, "nothing but comments and blank lines", help);
    }
    for fault in faults {
        report(diagnostics, source, fault);
    }
    File { source, documents: join_split(source, documents, diagnostics) }
}

fn report(diagnostics: &mut Diagnostics, source: SourceId, malformed: Malformed) {
    let at = span(source, malformed.at);
    match malformed.fault {
        Fault::Syntax(text) => diagnostics.error(
            codes::SYNTAX,
            at,
            format!("not valid YAML: {text}"),
            "here",
            "check quotes, brackets, colons and indentation at this line and just before it",
        ),
        Fault::Tab => diagnostics.error(
            codes::TAB,
            at,
            "a tab in the indentation, where YAML allows blanks only",
            "a tab",
            "replace tabs by blanks: two for each level",
        ),
        Fault::Template => diagnostics.error(
            codes::TEMPLATE,
            at,
            "this is a template, not a manifest",
            "to be filled in by a template engine",
            "render it first: `helm template CHART > rendered.yaml` and give rendered.yaml",
        ),
        Fault::ComplexKey => diagnostics.error(
            codes::SYNTAX,
            at,
            "a list or a mapping as a key",
            "not a text",
            "keys of manifests are texts: if it is meant as text, put it in quotes",
        ),
        Fault::TooLarge => diagnostics.error(
            codes::TOO_LARGE,
            at,
            "the document is nested too deeply or repeats itself too often",
            "here",
            "write the values out instead of using aliases of aliases",
        ),
        Fault::Merge => diagnostics.error(
            codes::SYNTAX,
            at,
            "map merge requires map or sequence of maps as the value",
            "not a mapping",
            "`<<:` takes an alias of a mapping, such as `<<: *defaults`",
        ),
    }
}

/// Finds objects that a stray `---` cuts in two: one has the kind, the next the API version. They are put together again,
/// so that the rest of their mistakes is found as well.
fn join_split<'t>(source: SourceId, documents: Vec<Document<'t>>, diagnostics: &mut Diagnostics) -> Vec<Document<'t>> {
    let mut joined: Vec<Document<'t>> = Vec::with_capacity(documents.len());
    for document in documents {
        let split = joined.last().is_some_and(|before| is_split(&before.root, &document.root));
        let (Some(marker), true) = (document.marker, split) else {
            joined.push(document);
            continue;
        };
        let first = |node: &Node<'_>, name| node.get(name).is_some();
        let lost = match joined.last() {
            Some(before) if !first(&before.root, "kind") => "kind",
            Some(before) if !first(&before.root, "apiVersion") => "apiVersion",
            _ => "the rest of the object",
        };
        let other = if lost == "kind" { "apiVersion" } else { "kind" };
        let message = match lost {
            "kind" | "apiVersion" => format!(
                "this looks like one object split by a stray `---`: before it {lost} is missing, behind it {other} is"
            ),
            _ => format!("this looks like one object split by a stray `---`: {lost} is behind it, without a kind"),
        };
        let help = "remove this line: `---` separates objects, and each needs its own apiVersion and kind";
        diagnostics.error(codes::SPLIT, span(source, marker), message, "stray separator", help);
        if let (Some(before), Value::Map(rest)) = (joined.last_mut(), document.root.value)
            && let Value::Map(entries) = &mut before.root.value
        {
            entries.extend(rest);
            before.broken = true;
            before.root.at.end = document.root.at.end;
        }
    }
    joined
}

/// Fields of objects besides kind and apiVersion.
const OUTER_FIELDS: &[&str] = &["metadata", "spec", "status", "data", "stringData", "binaryData", "type", "immutable"];

fn is_split(before: &Node<'_>, after: &Node<'_>) -> bool {
    let (Some(a), Some(b)) = (before.map(), after.map()) else { return false };
    let has = |entries: &[Entry<'_>], key: &str| entries.iter().any(|entry| entry.key == key);
    if a.iter().any(|entry| has(b, &entry.key)) {
        return false;
    }
    match (has(a, "kind"), has(a, "apiVersion"), has(b, "kind"), has(b, "apiVersion")) {
        (true, false, false, true) | (false, true, true, false) => true,
        (true, true, false, false) => b.iter().all(|entry| OUTER_FIELDS.contains(&&*entry.key)),
        _ => false,
    }
}

/// Finds out the kinds of all objects of a file; lists are unfolded.
pub(super) fn objects<'t>(file: &'t File<'t>, diagnostics: &mut Diagnostics) -> Vec<Object<'t>> {
    let mut objects = Vec::new();
    for document in &file.documents {
        let item = Item { node: &document.root, kind: None, broken: document.broken };
        object(file.source, &item, diagnostics, &mut objects);
    }
    objects
}

/// A node that should be an object.
struct Item<'t> {
    node: &'t Node<'t>,
    /// What it is if it does not say so itself.
    kind: Option<&'static str>,
    broken: bool,
}

fn object<'t>(source: SourceId, item: &Item<'t>, diagnostics: &mut Diagnostics, objects: &mut Vec<Object<'t>>) {
    let node = item.node;
    if node.map().is_none() {
        let message = format!("a Kubernetes object is a mapping, this is {}", node.plain_type());
        let help = "begin with `apiVersion: v1` and `kind: Pod`";
        diagnostics.error(codes::NOT_AN_OBJECT, span(source, node.at), message, "not an object", help);
        return;
    }
    let text = |name: &str| node.get(name).and_then(|entry| entry.value.scalar()).filter(|text| !text.is_empty());
    let mut broken = item.broken;
    let (kind, version) = match (text("kind"), text("apiVersion")) {
        (Some(kind), Some(version)) => (kind, version),
        (None, None) if item.kind.is_some() => {
            let kind = item.kind.unwrap_or_default();
            (kind, kinds::usual_version(kind).unwrap_or("v1"))
        }
        (None, None) if !OUTER_FIELDS[..2].iter().any(|name| node.get(name).is_some()) => {
            let message = "neither apiVersion nor kind: this is no Kubernetes object and is skipped";
            let help = "begin with `apiVersion: v1` and `kind: Pod`, or leave the file out of the manifests";
            diagnostics.warning(codes::NOT_AN_OBJECT, span(source, node.anchor()), message, "skipped", help);
            return;
        }
        (kind, version) => {
            report_missing(source, node, kind, version, diagnostics);
            let Some(kind) = kind else { return };
            broken = true;
            (kind, kinds::usual_version(kind).unwrap_or("v1"))
        }
    };
    let kind = match kinds::look_up(kind, version) {
        Known::Modelled(kind) => Kind::Modelled(kind),
        Known::NotModelled => Kind::Other(version.to_owned(), kind.to_owned()),
        Known::Irrelevant => Kind::Irrelevant(kind.to_owned()),
        Known::ListOf(item) => {
            list(source, node, item, diagnostics, objects);
            return;
        }
        Known::WrongVersion(right) => {
            broken = true;
            let at = node.get("apiVersion").map_or(node.anchor(), |entry| entry.value.at);
            let message = format!("no matches for kind {} in version {}", go_quote(kind), go_quote(version));
            let help = format!("write `apiVersion: {right}`");
            diagnostics.error(
                codes::WRONG_API_VERSION,
                span(source, at),
                message,
                "not the version of this kind",
                help,
            );
            match kinds::look_up(kind, right) {
                Known::Modelled(kind) => Kind::Modelled(kind),
                _ => return,
            }
        }
        Known::Unknown => {
            let at = node.get("kind").map_or(node.anchor(), |entry| entry.value.at);
            let message = format!("no matches for kind {} in version {}", go_quote(kind), go_quote(version));
            let meant = did_you_mean(kind, kinds::names())
                .or_else(|| kinds::names().find(|name| name.eq_ignore_ascii_case(kind)));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "Kubernetes has no such kind: check kind and apiVersion".to_owned(),
            };
            diagnostics.error(codes::UNKNOWN_KIND, span(source, at), message, "no such kind", help);
            let Some(Known::Modelled(kind)) = meant.map(|meant| kinds::look_up(meant, version)) else { return };
            broken = true;
            Kind::Modelled(kind)
        }
    };
    objects.push(Object { source, kind, node, broken });
}

fn list<'t>(
    source: SourceId,
    node: &'t Node<'t>,
    item: Option<&'static str>,
    diagnostics: &mut Diagnostics,
    objects: &mut Vec<Object<'t>>,
) {
    let Some(items) = node.get("items") else { return };
    match &items.value.value {
        Value::List(items) => {
            for node in items {
                object(source, &Item { node, kind: item, broken: false }, diagnostics, objects);
            }
        }
        _ => {
            let message = format!("`items` of a List is a list, this is {}", items.value.plain_type());
            let help = "begin each object with `- apiVersion: v1`";
            diagnostics.error(codes::WRONG_TYPE, span(source, items.value.at), message, "expected a list", help);
        }
    }
}

fn report_missing(
    source: SourceId,
    node: &Node<'_>,
    kind: Option<&str>,
    version: Option<&str>,
    diagnostics: &mut Diagnostics,
) {
    let place = |name: &str| {
        let written = node.map().unwrap_or_default().iter().find(|entry| entry.key == name);
        span(source, written.map_or(node.anchor(), |entry| entry.key_at))
    };
    if version.is_none() {
        let usual = kind.and_then(kinds::usual_version).unwrap_or("v1");
        let message = "Object 'apiVersion' is missing";
        let help = match kind {
            Some(kind) => format!("add `apiVersion: {usual}`: it is the version of {kind}"),
            None => "add `apiVersion:` and `kind:`, such as `apiVersion: v1` and `kind: Pod`".to_owned(),
        };
        diagnostics.error(codes::NO_API_VERSION, place("apiVersion"), message, "in this object", help);
    }
    if kind.is_none() {
        let has = |name: &str| node.get("spec").is_some_and(|spec| spec.value.get(name).is_some());
        let guess = if has("containers") {
            "Pod"
        } else if has("template") {
            "Deployment"
        } else if has("ports") {
            "Service"
        } else if node.get("data").is_some() {
            "ConfigMap"
        } else {
            "Pod"
        };
        let message = "Object 'Kind' is missing";
        let help = format!("say what it is: add `kind: {guess}`");
        diagnostics.error(codes::NO_KIND, place("kind"), message, "in this object", help);
    }
}
