//! YAML text -> trees. A file is cut at its `---` lines first, so that a mistake in one document hides nothing of the
//! others. Knows no Kubernetes.

use std::borrow::Cow;

use serde_saphyr::granit_parser::{Event, Options, Parser, Span as YamlSpan, options};

use super::tree::{At, Document, Entry, Fault, Malformed, Node, Value};

/// No manifest is nested deeper (upstream's own limit for custom resource schemas is lower).
const DEEPEST: usize = 200;
/// Nodes that aliases may add to one document.
const MOST_ALIASED: usize = 1_000_000;

/// A piece of the file: from behind one `---` to the next.
struct Piece {
    marker: Option<At>,
    start: usize,
    end: usize,
}

/// Reads all documents of a file. Empty documents are left out.
pub(super) fn read<'t>(text: &'t str, faults: &mut Vec<Malformed>) -> Vec<Document<'t>> {
    let mut documents = Vec::new();
    let mut template_seen = false;
    for piece in pieces(text) {
        let before = documents.len();
        let Err(malformed) = read_piece(text, &piece, &mut documents) else { continue };
        documents.truncate(before);
        let malformed = classify(text, &piece, malformed);
        if malformed.fault == Fault::Template && std::mem::replace(&mut template_seen, true) {
            continue;
        }
        faults.push(malformed);
    }
    documents
}

/// Cuts a text at its lines that begin with `---`: YAML allows such a line nowhere else.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut current = Piece { marker: None, start: if text.starts_with('\u{feff}') { 3 } else { 0 }, end: 0 };
    let mut line_start = current.start;
    while line_start < text.len() {
        let line_end = text[line_start..].find('\n').map_or(text.len(), |at| line_start + at + 1);
        let line = &text[line_start..line_end];
        if line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
            let marker = At { start: narrow(line_start), end: narrow(line_start + 3) };
            current.end = line_start;
            pieces.push(std::mem::replace(&mut current, Piece { marker: Some(marker), start: line_start + 3, end: 0 }));
        }
        line_start = line_end;
    }
    current.end = text.len();
    pieces.push(current);
    // Comments and directives (`%YAML 1.2`) alone are no document.
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#') || line.starts_with('%');
    pieces.retain(|piece| !text[piece.start..piece.end].lines().all(blank));
    pieces
}

/// Sources are read whole into memory; one of more than 4 GiB is cut off by [`super::load`] beforehand.
#[allow(clippy::cast_possible_truncation)]
const fn narrow(at: usize) -> u32 {
    at as u32
}

fn parser_options() -> Options {
    options! { emit_comments: false, simple_key_max_lookahead: 8192 }
}

/// A collection that is being read.
enum Open<'t> {
    List { items: Vec<Node<'t>>, start: u32, anchor: usize },
    Map { entries: Vec<Entry<'t>>, key: Option<(Cow<'t, str>, At)>, start: u32, anchor: usize },
}

struct Builder<'t> {
    open: Vec<Open<'t>>,
    anchors: Vec<(usize, Node<'t>)>,
    aliased: usize,
    root: Option<Node<'t>>,
}

fn read_piece<'t>(text: &'t str, piece: &Piece, documents: &mut Vec<Document<'t>>) -> Result<(), Malformed> {
    let slice = &text[piece.start..piece.end];
    let at = |span: &YamlSpan| At {
        start: narrow(piece.start + span.start.byte_offset().unwrap_or(0)),
        end: narrow(piece.start + span.end.byte_offset().unwrap_or(0)),
    };
    let mut parser = Parser::new_from_str_with_options(slice, parser_options());
    let mut builder = Builder { open: Vec::new(), anchors: Vec::new(), aliased: 0, root: None };
    let mut marker = piece.marker;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Malformed {
            at: At::point(narrow(piece.start + error.marker().byte_offset().unwrap_or(slice.len()).min(slice.len()))),
            fault: Fault::Syntax(error.kind().to_string()),
        })?;
        let at = at(&span);
        match event {
            Event::DocumentEnd => {
                if let Some(root) = builder.root.take()
                    && !root.is_null()
                {
                    documents.push(Document { marker: marker.take(), root, broken: false });
                }
                builder.anchors.clear();
            }
            event => builder.event(event, at)?,
        }
    }
    Ok(())
}

impl<'t> Builder<'t> {
    fn event(&mut self, event: Event<'t>, at: At) -> Result<(), Malformed> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                use serde_saphyr::granit_parser::ScalarStyle;
                let is_text = style != ScalarStyle::Plain
                    || tag.as_ref().is_some_and(|tag| tag.core_suffix() == Some("str") || tag.suffix() == "!");
                let value = if is_text { Value::Text(text) } else { Value::Plain(text) };
                self.finish(Node { at, value }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.deeper(at)?;
                self.open.push(Open::List { items: Vec::new(), start: at.start, anchor });
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.deeper(at)?;
                self.open.push(Open::Map { entries: Vec::new(), key: None, start: at.start, anchor });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { items, start, anchor }) => {
                    let end = items.last().map_or(at.end, |last| last.at.end.max(start));
                    self.finish(Node { at: At { start, end }, value: Value::List(items) }, anchor)
                }
                Some(Open::Map { entries, start, anchor, .. }) => {
                    let end = entries.last().map_or(at.end, |last| last.value.at.end.max(last.key_at.end));
                    let entries = merged(entries)?;
                    self.finish(Node { at: At { start, end }, value: Value::Map(entries) }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some((_, node)) = self.anchors.iter().rev().find(|(id, _)| *id == anchor) else {
                    let fault = Fault::Syntax("an alias inside of the node that it names".to_owned());
                    return Err(Malformed { at, fault });
                };
                let mut copy = node.clone();
                self.aliased += size(&copy);
                if self.aliased > MOST_ALIASED || self.open.len() + depth(&copy) > DEEPEST {
                    return Err(Malformed { at, fault: Fault::TooLarge });
                }
                copy.at = at;
                self.finish(copy, 0)
            }
            _ => Ok(()),
        }
    }

    fn deeper(&self, at: At) -> Result<(), Malformed> {
        if self.open.len() >= DEEPEST { Err(Malformed { at, fault: Fault::TooLarge }) } else { Ok(()) }
    }

    fn finish(&mut self, node: Node<'t>, anchor: usize) -> Result<(), Malformed> {
        if anchor != 0 {
            self.aliased += size(&node);
            if self.aliased > MOST_ALIASED {
                return Err(Malformed { at: node.at, fault: Fault::TooLarge });
            }
            self.anchors.push((anchor, node.clone()));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((key, key_at)) => {
                    // An empty value has no place of its own.
                    let node =
                        if node.at.end <= node.at.start && node.is_null() { Node { at: key_at, ..node } } else { node };
                    entries.push(Entry { key, key_at, value: node });
                }
                None => match node.value {
                    Value::Plain(text) | Value::Text(text) => *key = Some((text, node.at)),
                    _ => return Err(Malformed { at: node.at, fault: Fault::ComplexKey }),
                },
            },
        }
        Ok(())
    }
}

/// Resolves merge keys (`<<: *defaults`): keys that the mapping has itself win.
fn merged(entries: Vec<Entry<'_>>) -> Result<Vec<Entry<'_>>, Malformed> {
    if entries.iter().all(|entry| entry.key != "<<") {
        return Ok(entries);
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key == "<<");
    for merge in merges {
        let sources = match merge.value.value {
            Value::List(items) => items,
            value => vec![Node { at: merge.value.at, value }],
        };
        for source in sources {
            let Value::Map(entries) = source.value else {
                return Err(Malformed { at: source.at, fault: Fault::Merge });
            };
            for entry in entries {
                if own.iter().all(|other| other.key != entry.key) {
                    own.push(entry);
                }
            }
        }
    }
    Ok(own)
}

fn size(node: &Node<'_>) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
        _ => 0,
    }
}

fn depth(node: &Node<'_>) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// The mistake behind a syntax error, where it is a well-known one.
fn classify(text: &str, piece: &Piece, malformed: Malformed) -> Malformed {
    if !matches!(malformed.fault, Fault::Syntax(_) | Fault::ComplexKey) {
        return malformed;
    }
    let slice = &text[piece.start..piece.end];
    if let Some(at) = slice.find("{{") {
        let start = narrow(piece.start + at);
        let end = slice[at..].find("}}").map_or(start + 2, |close| start + narrow(close) + 2);
        return Malformed { at: At { start, end }, fault: Fault::Template };
    }
    let error_at = (malformed.at.start as usize).clamp(piece.start, piece.end);
    if let Some(tab) = indenting_tab(slice, error_at - piece.start) {
        let start = narrow(piece.start + tab);
        return Malformed { at: At { start, end: start + 1 }, fault: Fault::Tab };
    }
    malformed
}

/// The first tab that indents a line, up to the line of the error and the one after it.
fn indenting_tab(slice: &str, error_at: usize) -> Option<usize> {
    let mut line_start = 0;
    let mut lines_behind = 0;
    while line_start < slice.len() && lines_behind < 2 {
        let line = &slice[line_start..];
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t')
            && !line[indent..].starts_with(['\n', '\r'])
        {
            return Some(line_start + tab);
        }
        line_start = line.find('\n').map_or(slice.len(), |at| line_start + at + 1);
        lines_behind += usize::from(line_start > error_at);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(document: &Document<'_>) -> Vec<String> {
        document.root.map().unwrap_or_default().iter().map(|e| e.key.to_string()).collect()
    }

    #[test]
    fn one_broken_document_hides_no_other() {
        let text = "a: 1\n---\nb: [1\n---\nc: 3\n...\n---\n# nothing\n---\n\"d\": {e: f,}\n";
        let mut faults = Vec::new();
        let documents = read(text, &mut faults);
        let all: Vec<_> = documents.iter().map(keys).collect();
        assert_eq!(all, [vec!["a"], vec!["c"], vec!["d"]]);
        assert_eq!(faults.len(), 1);
        assert_eq!(documents[1].marker, Some(At { start: 15, end: 18 }));
    }

    #[test]
    fn tabs_templates_and_bombs_are_told_apart() {
        for (text, want, start) in [
            ("a:\n\tb: 1\n", Fault::Tab, 3),
            ("a: {{ .Values.x }}\n", Fault::Template, 3),
            ("{a: 1}: 2\n", Fault::ComplexKey, 0),
            ("<<: 1\na: 2\n", Fault::Merge, 4),
        ] {
            let mut faults = Vec::new();
            read(text, &mut faults);
            assert_eq!(faults.len(), 1, "{text}");
            assert_eq!((&faults[0].fault, faults[0].at.start), (&want, start), "{text}");
        }
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let mut faults = Vec::new();
        read(&bomb, &mut faults);
        assert_eq!(faults[0].fault, Fault::TooLarge);
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        let mut faults = Vec::new();
        let documents = read("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nagain: *b\n", &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        let used = documents[0].root.get("use").unwrap().value.map().unwrap();
        let pairs: Vec<_> = used.iter().map(|e| (&*e.key, e.value.scalar().unwrap())).collect();
        assert_eq!(pairs, [("y", "3"), ("x", "1")]);
        assert!(documents[0].root.get("again").unwrap().value.get("x").is_some());
    }
}
