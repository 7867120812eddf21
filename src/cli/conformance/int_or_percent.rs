//! `int_or_percent.json`: [`IntOrPercent`].

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::model::IntOrPercent;

#[derive(Deserialize)]
struct Input {
    value: Value,
    #[serde(default)]
    total: i64,
    #[serde(default)]
    round_up: bool,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

/// A number or a text, as JSON holds it.
pub(super) fn build(value: &Value) -> Result<IntOrPercent, Unsupported> {
    match value {
        Value::String(text) => Ok(IntOrPercent::Text(text.as_str().into())),
        Value::Number(number) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
            number.map(IntOrPercent::Int).ok_or_else(|| Unsupported(format!("{value} does not fit 32 bits")))
        }
        _ => Err(Unsupported(format!("{value} is neither a number nor a text"))),
    }
}

pub(super) fn answer(case: &Case) -> Checked {
    let got = match case.kind.as_str() {
        "parse" => {
            let input: Input = case.input()?;
            match build(&input.value)?.number() {
                Ok((value, is_percent)) => json!({"value": value, "is_percent": is_percent}),
                Err(_) => json!({"error": true}),
            }
        }
        "scaled_value" => {
            let input: Input = case.input()?;
            match build(&input.value)?.scaled(input.total, input.round_up) {
                Ok(value) => json!({"value": value}),
                Err(_) => json!({"error": true}),
            }
        }
        "parse_text" => {
            let Text { text } = case.input()?;
            match IntOrPercent::parse(&text) {
                IntOrPercent::Int(number) => json!({"value": number}),
                IntOrPercent::Text(text) => json!({"value": text}),
            }
        }
        _ => return unknown_kind(case),
    };
    Ok(Answer::Asserted(got))
}
