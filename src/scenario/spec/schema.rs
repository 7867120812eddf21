//! The JSON Schema (draft-07, which TOML editors read) of a scenario, made from the table of keys.

use serde_json::{Map, Value, json};

use super::behavior::DISTRIBUTION;
use super::{Key, Kind, Presence, ROOT, Section, sections};

/// The schema as text, with a line break at its end.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", schema())
}

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let definitions: Map<String, Value> =
        sections().into_iter().skip(1).map(|section| (section.name.to_owned(), object(section))).collect();
    let mut root = object(&ROOT);
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["title"] = json!("podsim scenario");
    root["definitions"] = definitions.into();
    root
}

fn object(section: &Section) -> Value {
    let properties: Map<String, Value> = section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> =
        section.keys.iter().filter(|key| key.presence == Presence::Required).map(|key| key.name).collect();
    let mut object = json!({
        "type": "object",
        "description": section.doc,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    if section.extended_resources {
        object["patternProperties"] = json!({ "/": whole(0, i64::MAX), "^hugepages-": amount("32Mi") });
    }
    object
}

fn property(key: &Key) -> Value {
    let mut value = of(key.kind);
    let default = match key.presence {
        Presence::Required => String::new(),
        Presence::Default(default) => format!(" Default: {default}."),
    };
    let doc = format!("{}{default} Example: {}", key.doc, key.example);
    // Beside a `$ref` draft-07 ignores everything.
    if value.get("$ref").is_some() {
        value = json!({ "allOf": [value] });
    }
    value["description"] = json!(doc);
    value
}

fn of(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path | Kind::Pattern => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole { min, max } => whole(min, max),
        Kind::Number => json!({ "type": "number" }),
        Kind::Duration => duration(),
        Kind::Moment | Kind::Date => json!({ "type": "string" }),
        Kind::Cpu => json!({ "type": "string", "pattern": "^[0-9.]+[num]?k?$" }),
        Kind::Bytes => amount("16Gi"),
        Kind::Rate | Kind::ByteRate => json!({ "type": "string", "pattern": "^[0-9.]+ *[A-Za-z]*/(ms|s|m|min|h|d)$" }),
        Kind::Taint => json!({ "type": "string", "pattern": ":(NoSchedule|PreferNoSchedule|NoExecute)$" }),
        Kind::Distribution => json!({ "anyOf": [duration(), reference(&DISTRIBUTION)] }),
        Kind::List(inner) => json!({ "type": "array", "items": of(*inner) }),
        Kind::OneOrMany(inner) => json!({ "anyOf": [of(*inner), { "type": "array", "items": of(*inner) }] }),
        Kind::Map(inner) => {
            let inner = of(*inner);
            json!({ "type": "object", "additionalProperties": inner })
        }
        Kind::Table(section) => reference(section),
        Kind::Tables(section) => json!({ "type": "array", "items": reference(section) }),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(|kind| of(*kind)).collect::<Vec<_>>() }),
    }
}

fn reference(section: &Section) -> Value {
    json!({ "$ref": format!("#/definitions/{}", section.name) })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^(0|([0-9.]+(ns|us|µs|ms|s|m|h|d))+)$" })
}

fn amount(example: &str) -> Value {
    json!({ "type": "string", "pattern": "^[0-9.]+(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$", "examples": [example] })
}

fn whole(min: i64, max: i64) -> Value {
    let mut value = json!({ "type": "integer" });
    if min != i64::MIN {
        value["minimum"] = json!(min);
    }
    if max != i64::MAX {
        value["maximum"] = json!(max);
    }
    value
}
