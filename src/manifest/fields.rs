//! How objects are read out of trees: one place that knows where we are, checks types, tells unknown fields from ignored
//! ones, and turns a mistake into a diagnostic with its place. Knows no particular object. The texts of type errors are
//! those of Go's encoding/json, which users know from kubectl.

use std::collections::BTreeMap;

use super::codes;
pub(super) use super::path::Path;
use super::tree::{At, Entry, Meaning, Node, Value, meaning, odd_integer};
use super::verdict::{FieldError, Verdict};
use crate::base::Quantity;
use crate::diag::{Code, Diagnostics, SourceId, Span, did_you_mean};
use crate::model::names::go_quote;
use crate::model::{ClaimName, ConfigId, StrId, Vocabulary};

/// The fields that a kind of mapping can have.
pub(super) struct Schema {
    /// Its name in Go (`PodSpec`), for upstream's messages.
    pub go: &'static str,
    /// What it is to people: `a container`.
    pub what: &'static str,
    /// Fields that are read here.
    pub modelled: &'static [&'static str],
    /// Other fields that Kubernetes has there.
    pub ignored: &'static [&'static str],
    /// Frequent mistakes: (what is written, what to do).
    pub misplaced: &'static [(&'static str, &'static str)],
}

/// What reading an object needs and fills.
pub(super) struct Context<'a> {
    /// The file.
    pub source: SourceId,
    /// Where mistakes go.
    pub diagnostics: &'a mut Diagnostics,
    /// Where names go.
    pub words: &'a mut Vocabulary,
    /// What was not used.
    pub ignored: &'a mut BTreeMap<String, u32>,
    /// Kind of the object.
    pub kind: &'static str,
    /// Its name as written, for messages.
    pub name: String,
    /// Errors found in this object.
    pub errors: u32,
    /// What an API server would say of it.
    pub verdict: Verdict,
    /// Whether fields that do not exist are errors; otherwise they are dropped with a warning, as an API server does.
    pub strict: bool,
    /// References to configuration objects, to be looked up once everything is read.
    pub uses: &'a mut Vec<ConfigUse>,
    /// References to claims, likewise.
    pub claims: &'a mut Vec<(ClaimName, Span)>,
}

/// A reference to a ConfigMap or Secret that must exist.
pub(super) struct ConfigUse {
    /// Which.
    pub config: ConfigId,
    /// Which of its keys; `None` is the object as such.
    pub key: Option<StrId>,
    /// Where the name or the key stands.
    pub span: Span,
}

impl Context<'_> {
    /// The span of a place in this file.
    pub(super) const fn span(&self, at: At) -> Span {
        Span { source: self.source, start: at.start as usize, end: at.end as usize }
    }

    /// An error at a field in upstream's form: `Pod "web" is invalid: spec.x: Required value`.
    pub(super) fn invalid(&mut self, code: Code, at: At, path: &Path<'_>, text: &str, label: &str, help: &str) {
        self.errors += 1;
        let message = format!("{} {} is invalid: {path}: {text}", self.verdict.kind, go_quote(&self.name));
        self.diagnostics.error(code, self.span(at), message, label, help);
        self.verdict.errors.push(FieldError { field: path.to_string(), text: text.to_owned() });
    }

    /// What upstream says besides of a mistake that is reported already.
    pub(super) fn echo(&mut self, path: &Path<'_>, text: &str) {
        self.verdict.errors.push(FieldError { field: path.to_string(), text: text.to_owned() });
    }

    /// `Invalid value: "x": why` for each reason.
    pub(super) fn invalid_text(
        &mut self,
        code: Code,
        at: At,
        path: &Path<'_>,
        value: &str,
        reasons: impl IntoIterator<Item = String>,
        help: &str,
    ) {
        for reason in reasons {
            let text = format!("Invalid value: {}: {reason}", go_quote(value));
            self.invalid(code, at, path, &text, "not valid here", help);
        }
    }

    /// One of some words; anything else is reported. `names` are in the order in which upstream lists them.
    pub(super) fn choice<T: Copy>(
        &mut self,
        fields: &Fields<'_, '_>,
        name: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = fields.text(self, name)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let message = format!("Unsupported value: {}: supported values: {}", go_quote(text), quoted.join(", "));
        let help = match did_you_mean(text, words.iter().map(|(word, _)| *word)) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("write one of {}", words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")),
        };
        self.invalid(codes::UNSUPPORTED, fields.at(name), &fields.path.field(name), &message, "not one of them", &help);
        None
    }

    /// An error in other words.
    pub(super) fn error(&mut self, code: Code, at: At, message: &str, label: &str, help: &str) {
        self.errors += 1;
        let message = format!("{} {}: {message}", self.kind, go_quote(&self.name));
        self.diagnostics.error(code, self.span(at), message, label, help);
    }

    /// A warning.
    pub(super) fn warn(&mut self, code: Code, at: At, message: &str, label: &str, help: &str) {
        let message = format!("{} {}: {message}", self.kind, go_quote(&self.name));
        self.diagnostics.warning(code, self.span(at), message, label, help);
    }

    /// Counts something that is not used.
    pub(super) fn ignore(&mut self, path: &Path<'_>) {
        let path = format!("{}: {}", self.kind, path.general());
        *self.ignored.entry(path).or_insert(0) += 1;
    }

    fn wrong_type(&mut self, node: &Node<'_>, path: &Path<'_>, owner: &str, go: &str, want: &str, help: &str) {
        self.errors += 1;
        let found = node.plain_type();
        let decoding = format!(
            "json: cannot unmarshal {} into Go struct field {owner}.{} of type {go}",
            node.json_type(),
            path.go()
        );
        let message = format!("{} {}: {decoding}", self.kind, go_quote(&self.name));
        self.verdict.decoding.get_or_insert(decoding);
        let help = if help.is_empty() { format!("write {want} here") } else { help.to_owned() };
        self.diagnostics.error(
            codes::WRONG_TYPE,
            self.span(node.at),
            message,
            format!("expected {want}, found {found}"),
            help,
        );
    }

    /// Looks at a mapping: its fields are checked against `schema` once, and then read one by one.
    /// `None` if it is something else, which is reported.
    pub(super) fn fields<'t, 'p>(
        &mut self,
        node: &'t Node<'t>,
        anchor: At,
        path: &'p Path<'p>,
        schema: &'static Schema,
        example: &str,
    ) -> Option<Fields<'t, 'p>> {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            _ if node.is_null() => &[],
            _ => {
                let go = format!("v1.{}", schema.go);
                let help = if example.is_empty() {
                    format!("{} is a mapping: write `field: value` lines, indented under it", schema.what)
                } else {
                    format!("{} is a mapping: {example}", schema.what)
                };
                let owner = if path.is_root() { "Object" } else { schema.go };
                self.wrong_type(node, path, owner, &go, "a mapping", &help);
                return None;
            }
        };
        for (index, entry) in entries.iter().enumerate() {
            let key = &*entry.key;
            if entries[..index].iter().any(|other| other.key == entry.key) {
                self.duplicate_key(entry, &path.field(key));
            } else if schema.modelled.contains(&key) {
            } else if schema.ignored.contains(&key) {
                self.ignore(&path.field(key));
            } else {
                self.unknown_field(entry, &path.field(key), schema);
            }
        }
        Some(Fields { schema, entries, path, anchor })
    }

    fn duplicate_key(&mut self, entry: &Entry<'_>, path: &Path<'_>) {
        let message = format!("key {:?} already set in map ({path})", &*entry.key);
        let help = "keep one of the two: only one value can count";
        self.error(codes::DUPLICATE_KEY, entry.key_at, &message, "written twice", help);
    }

    fn unknown_field(&mut self, entry: &Entry<'_>, path: &Path<'_>, schema: &Schema) {
        let key = &*entry.key;
        let unknown = format!("unknown field \"{path}\"");
        let message = format!("strict decoding error: {unknown}");
        self.verdict.strict.push(unknown);
        if let Some((_, help)) = schema.misplaced.iter().find(|(name, _)| *name == key) {
            let label = format!("not a field of {}", schema.what);
            self.no_field(codes::MISPLACED_FIELD, entry.key_at, &message, &label, help);
            return;
        }
        let known = schema.modelled.iter().chain(schema.ignored).copied();
        let help = match did_you_mean(key, known) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("{} has no such field: check the spelling and the indentation, or remove it", schema.what),
        };
        let label = format!("not a field of {}", schema.what);
        self.no_field(codes::UNKNOWN_FIELD, entry.key_at, &message, &label, &help);
    }

    fn no_field(&mut self, code: Code, at: At, message: &str, label: &str, help: &str) {
        if self.strict { self.error(code, at, message, label, help) } else { self.warn(code, at, message, label, help) }
    }

    /// A text, from a scalar. `owner` is the Go struct that holds it.
    pub(super) fn text<'t>(&mut self, node: &'t Node<'t>, path: &Path<'_>, owner: &str, go: &str) -> Option<&'t str> {
        match &node.value {
            Value::Text(text) => Some(text),
            Value::Plain(text) => match meaning(text) {
                Meaning::Text => Some(text),
                odd @ (Meaning::OddBool | Meaning::OddNumber) => {
                    let kind = if odd == Meaning::OddBool { "a boolean" } else { "a number" };
                    let message = format!("{path}: kubectl reads {text} as {kind}, not as text");
                    let help = format!("put it in quotes: \"{text}\" (here it is taken as the text)");
                    self.warn(codes::YAML_SURPRISE, node.at, &message, &format!("{kind} to YAML 1.1"), &help);
                    Some(text)
                }
                Meaning::Null => None,
                _ => {
                    let help = format!("put it in quotes: \"{text}\"");
                    self.wrong_type(node, path, owner, go, "text", &help);
                    None
                }
            },
            _ => {
                self.wrong_type(node, path, owner, go, "text", "");
                None
            }
        }
    }

    /// A whole number of `go` type (`int32` or `int64`); `owner` is the Go struct that holds it.
    pub(super) fn integer(&mut self, node: &Node<'_>, path: &Path<'_>, owner: &str, go: &str) -> Option<i64> {
        if let Value::Plain(text) = &node.value {
            let value = match meaning(text) {
                Meaning::Integer(value) => Some(value),
                Meaning::OddNumber => odd_integer(text),
                _ => None,
            };
            if let Some(value) = value
                && (go == "int64" || i32::try_from(value).is_ok())
            {
                return Some(value);
            }
        }
        let help = match node.scalar().map(str::trim) {
            Some(text) if text.parse::<i32>().is_ok() => format!("write it without quotes: {}", text.trim()),
            _ => "write a whole number, without quotes and without a unit".to_owned(),
        };
        self.wrong_type(node, path, owner, go, "a whole number", &help);
        None
    }

    /// A quantity: text or a number.
    pub(super) fn quantity(&mut self, node: &Node<'_>, path: &Path<'_>) -> Option<Quantity> {
        let Some(text) = node.scalar() else {
            self.wrong_type(node, path, "ResourceList", "resource.Quantity", "a quantity", "for example 500m or 1Gi");
            return None;
        };
        match Quantity::parse(text) {
            Ok(quantity) => Some(quantity.round_up_milli()),
            Err(error) => {
                let help = quantity_help(text);
                self.verdict.decoding.get_or_insert(error.to_string());
                self.error(codes::BAD_QUANTITY, node.at, &format!("{path}: {error}"), "not a quantity", &help);
                None
            }
        }
    }
}

fn quantity_help(text: &str) -> String {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let number_len = compact.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(compact.len());
    let (number, unit) = compact.split_at(number_len);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" => "k",
        "ki" | "kib" => "Ki",
        "mb" => "M",
        "mi" | "mib" => "Mi",
        "g" | "gb" => "G",
        "gi" | "gib" => "Gi",
        "t" | "tb" => "T",
        "ti" | "tib" => "Ti",
        "core" | "cores" | "cpu" | "cpus" => "",
        "" if compact != text => "",
        _ => "?",
    };
    if number.is_empty() || unit == "?" {
        "quantities are a number and a unit without a blank: 500m or 2 (cpu), 512Mi or 1.5Gi (memory), 10G".to_owned()
    } else {
        format!("write {number}{unit}: units are n u m k M G T P E and Ki Mi Gi Ti Pi Ei, without a blank")
    }
}

/// A mapping whose fields are being read.
#[derive(Clone, Copy)]
pub(super) struct Fields<'t, 'p> {
    schema: &'static Schema,
    entries: &'t [Entry<'t>],
    /// Where it is.
    pub path: &'p Path<'p>,
    /// Where to point when something is missing.
    pub anchor: At,
}

impl<'t> Fields<'t, '_> {
    /// The entry of a field, unless it is missing or null.
    pub(super) fn get(&self, name: &'static str) -> Option<&'t Entry<'t>> {
        self.written(name).filter(|entry| !entry.value.is_null())
    }

    /// The entry of a field, even if nothing follows its colon.
    pub(super) fn written(&self, name: &'static str) -> Option<&'t Entry<'t>> {
        debug_assert!(self.schema.modelled.contains(&name), "{name} is read but not listed in {}", self.schema.go);
        self.entries.iter().find(|entry| entry.key == name)
    }

    /// The mapping under a field; one that is missing has no fields. `path` is the field's.
    pub(super) fn section<'q>(
        &self,
        cx: &mut Context<'_>,
        name: &'static str,
        path: &'q Path<'q>,
        schema: &'static Schema,
        example: &str,
    ) -> Option<Fields<'t, 'q>> {
        match self.get(name) {
            Some(entry) => cx.fields(&entry.value, entry.key_at, path, schema, example),
            None => {
                let anchor = self.written(name).map_or(self.anchor, |entry| entry.key_at);
                Some(Fields { schema, entries: &[], path, anchor })
            }
        }
    }

    /// Where a field's value stands, or where it is missed.
    pub(super) fn at(&self, name: &'static str) -> At {
        self.written(name).map_or(self.anchor, |entry| entry.value.at)
    }

    /// A text with its place.
    pub(super) fn text(&self, cx: &mut Context<'_>, name: &'static str) -> Option<&'t str> {
        let entry = self.get(name)?;
        cx.text(&entry.value, &self.path.field(name), self.schema.go, "string")
    }

    /// A boolean.
    pub(super) fn boolean(&self, cx: &mut Context<'_>, name: &'static str) -> Option<bool> {
        let node = &self.get(name)?.value;
        match &node.value {
            Value::Plain(text) => match meaning(text) {
                Meaning::Bool(value) => return Some(value),
                Meaning::OddBool => {
                    return Some(matches!(text.as_bytes()[0], b'y' | b'Y') || text.eq_ignore_ascii_case("on"));
                }
                _ => {}
            },
            Value::Text(_) | Value::List(_) | Value::Map(_) => {}
        }
        let help = "write true or false, without quotes";
        cx.wrong_type(node, &self.path.field(name), self.schema.go, "bool", "true or false", help);
        None
    }

    /// A whole number of `go` type (`int32` or `int64`).
    pub(super) fn integer(&self, cx: &mut Context<'_>, name: &'static str, go: &'static str) -> Option<i64> {
        let node = &self.get(name)?.value;
        cx.integer(node, &self.path.field(name), self.schema.go, go)
    }

    /// A list; `item` is the Go type of its items.
    pub(super) fn list(&self, cx: &mut Context<'_>, name: &'static str, item: &str) -> &'t [Node<'t>] {
        let Some(entry) = self.get(name) else { return &[] };
        match &entry.value.value {
            Value::List(items) => items,
            _ => {
                let help = format!("`{name}` is a list: begin each item with `- `");
                let go = format!("[]{item}");
                let path = self.path.field(name);
                cx.wrong_type(&entry.value, &path, self.schema.go, &go, "a list", &help);
                &[]
            }
        }
    }

    /// A mapping with free keys.
    pub(super) fn map(&self, cx: &mut Context<'_>, name: &'static str, go: &str, example: &str) -> &'t [Entry<'t>] {
        let Some(entry) = self.get(name) else { return &[] };
        match &entry.value.value {
            Value::Map(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    if index < 64 && entries[..index].iter().any(|other| other.key == entry.key) {
                        cx.duplicate_key(entry, &self.path.field(name));
                    }
                }
                entries
            }
            _ => {
                let help = format!("`{name}` is a mapping: {example}");
                let path = self.path.field(name);
                cx.wrong_type(&entry.value, &path, self.schema.go, go, "a mapping", &help);
                &[]
            }
        }
    }

    /// A mapping from text to text: (key, its place, value, its place). A null value is the empty text.
    pub(super) fn texts(
        &self,
        cx: &mut Context<'_>,
        name: &'static str,
        example: &str,
    ) -> Vec<(&'t str, At, &'t str, At)> {
        let path = self.path.field(name);
        let mut texts = Vec::new();
        for entry in self.map(cx, name, "map[string]string", example) {
            let value =
                if entry.value.is_null() { Some("") } else { cx.text(&entry.value, &path, self.schema.go, "string") };
            if let Some(value) = value {
                texts.push((&*entry.key, entry.key_at, value, entry.value.at));
            }
        }
        texts
    }

    /// A text that must be there: what is missing is reported with `help`.
    pub(super) fn required(&self, cx: &mut Context<'_>, name: &'static str, code: Code, help: &str) -> Option<&'t str> {
        let errors = cx.errors;
        match self.text(cx, name) {
            Some(text) if !text.is_empty() => Some(text),
            _ if cx.errors > errors => None,
            _ => {
                let label =
                    if self.written(name).is_some() { "empty".to_owned() } else { format!("`{name}` is missing") };
                cx.invalid(code, self.at(name), &self.path.field(name), "Required value", &label, help);
                None
            }
        }
    }
}
