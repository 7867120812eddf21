//! Objects of manifest files as JSON, with all their fields, modelled or not: for readers who want to see what was
//! written. What a plain scalar means is decided as kubectl does.

use serde_json::{Map, Number, Value as Json};

use super::documents;
use super::tree::{Meaning, Node, Value, meaning, odd_integer};
use crate::diag::{Diagnostics, SourceId, Sources, Span};

/// An object as it is written.
#[derive(Clone, PartialEq, Debug)]
pub struct Written {
    /// Where it stands.
    pub span: Span,
    /// What it holds.
    pub object: Json,
}

/// The objects of one file, with lists unfolded.
#[must_use]
pub fn written(source: SourceId, sources: &Sources) -> Vec<Written> {
    let mut ignored = Diagnostics::default();
    let file = documents::read(source, sources, &mut ignored);
    let objects = documents::objects(&file, &mut ignored);
    let written = objects.iter().map(|object| {
        let at = object.node.at;
        Written { span: Span { source, start: at.start as usize, end: at.end as usize }, object: json(object.node) }
    });
    written.collect()
}

/// The one value of a text that need not be an object of Kubernetes; `None`: it holds none, or cannot be read.
pub fn value(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics) -> Option<Json> {
    let file = documents::read(source, sources, diagnostics);
    file.documents.first().filter(|document| !document.broken).map(|document| json(&document.root))
}

fn json(node: &Node<'_>) -> Json {
    match &node.value {
        Value::Text(text) => Json::from(&**text),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.to_string(), json(&entry.value)));
            entries.collect::<Map<_, _>>().into()
        }
        Value::Plain(text) => plain(text),
    }
}

/// What a plain scalar stands for.
pub(super) fn plain(text: &str) -> Json {
    match meaning(text) {
        Meaning::Null => Json::Null,
        Meaning::Bool(value) => Json::from(value),
        Meaning::Integer(value) => Json::from(value),
        Meaning::Number => text.parse().ok().and_then(Number::from_f64).map_or_else(|| Json::from(text), Json::from),
        Meaning::OddNumber => odd_integer(text).map_or_else(|| Json::from(text), Json::from),
        Meaning::OddBool | Meaning::Text => Json::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_come_with_all_that_is_written() {
        let mut sources = Sources::default();
        let text = "kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  \
                    spec: {x: [1, '1', true, 0.5, ~, 500m, 0644, 0.50, yes]}\n";
        let source = sources.add("a.yaml", text);
        let objects = written(source, &sources);
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0].object["spec"], json!({ "x": [1, "1", true, 0.5, null, "500m", 420, 0.5, "yes"] }));
        assert!(text[objects[0].span.start..].starts_with("apiVersion: v1\n  kind: Pod"));
    }
}
