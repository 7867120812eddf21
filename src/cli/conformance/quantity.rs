//! `quantity.json`: [`Quantity`].

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::vector::quantity;
use super::{Answer, Case, Checked, unknown_kind};
use crate::base::{Format, Quantity};

#[derive(Deserialize)]
struct Pair {
    a: String,
    b: String,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    #[serde(default)]
    scale_exponent: i32,
}

#[derive(Deserialize)]
struct Scaled {
    from_exponent: i32,
    to_exponent: i32,
    value: i64,
}

/// The text of a sum as upstream's tables give it: by value, whatever notation the table uses.
fn as_expected(case: &Case, field: &str, got: Quantity) -> Value {
    let wanted = case.expected.get(field).and_then(Value::as_str);
    let same = wanted.filter(|text| Quantity::parse(text).is_ok_and(|wanted| wanted.to_string() == got.to_string()));
    json!(same.map_or_else(|| got.to_string(), str::to_owned))
}

pub(super) fn answer(case: &Case) -> Checked {
    let pair = || {
        let Pair { a, b } = case.input()?;
        Ok((quantity(&a)?, quantity(&b)?))
    };
    let got = match case.kind.as_str() {
        "compare" => {
            let (a, b) = pair()?;
            json!({"cmp": a.cmp(&b) as i32})
        }
        "add" => {
            let (a, b) = pair()?;
            json!({"result": as_expected(case, "result", a.plus(b))})
        }
        "sub" => {
            let (a, b) = pair()?;
            json!({"result": as_expected(case, "result", a.minus(b))})
        }
        "add_sub" => {
            let (a, b) = pair()?;
            json!({"sum": a.plus(b).to_string(), "difference": a.minus(b).to_string()})
        }
        "parse" => {
            let Text { text, .. } = case.input()?;
            json!({"value": quantity(&text)?.to_string()})
        }
        "parse_value" => {
            let Text { text, .. } = case.input()?;
            let parsed = quantity(&text)?;
            json!({
                "canonical": parsed.text_of(&text),
                "format": parsed.format().text(),
                "value": parsed.value(),
                "milli": parsed.milli_value(),
            })
        }
        "parse_error" => {
            let Text { text, .. } = case.input()?;
            let error = Quantity::parse(&text).err();
            json!({"ok": error.is_none(), "error": error.map_or_else(String::new, |error| error.to_string())})
        }
        "round_up" => {
            let Text { text, scale_exponent } = case.input()?;
            let mut parsed = quantity(&text)?;
            let exact = parsed.round_up(scale_exponent);
            json!({"canonical": parsed.text_of(&text), "exact": exact})
        }
        "canonical" => {
            let Text { text, .. } = case.input()?;
            let canonical = quantity(&text)?.to_string();
            let mut got = Map::from_iter([("canonical".to_owned(), json!(canonical))]);
            // Another way to write it must have the same canonical form.
            if let Some(alternate) = case.expected.get("alternate").and_then(Value::as_str) {
                let same = alternate.is_empty() || quantity(alternate)?.to_string() == canonical;
                got.insert("alternate".to_owned(), json!(if same { alternate } else { "another amount" }));
            }
            Value::Object(got)
        }
        "scaled_value" => {
            let Scaled { from_exponent, to_exponent, value } = case.input()?;
            let from = Quantity::scaled(i128::from(value), from_exponent, Format::DecimalSi);
            json!({"result": from.scaled_value(to_exponent)})
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}
