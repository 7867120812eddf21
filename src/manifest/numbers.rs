//! Numbers that many kinds of objects have: not below zero, or a number or a percentage. Mirrors ValidateNonnegativeField of
//! pkg/apis/core/validation and ValidatePositiveIntOrPercent of pkg/apis/apps/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::tree::{Meaning, Value, meaning};
use crate::diag::Code;
use crate::model::IntOrPercent;
use crate::model::names::go_quote;

const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// Reads a 32-bit number without checking it.
pub(super) fn int32(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Option<i32> {
    fields.integer(cx, name, "int32").and_then(|number| i32::try_from(number).ok())
}

/// Reports a number that is below zero.
pub(super) fn check_not_negative(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str, value: i64) {
    if value < 0 {
        let text = format!("Invalid value: {value}: {NOT_NEGATIVE}");
        let help = "write a number of at least 0, or remove the line for the default";
        cx.invalid(codes::OUT_OF_RANGE, fields.at(name), &fields.path.field(name), &text, "below zero", help);
    }
}

/// Reads a 32-bit number that must not be below zero.
pub(super) fn count(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Option<i32> {
    let value = int32(cx, fields, name)?;
    check_not_negative(cx, fields, name, i64::from(value));
    Some(value)
}

/// Reads a 64-bit number that must not be below zero.
pub(super) fn seconds(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Option<i64> {
    let value = fields.integer(cx, name, "int64")?;
    check_not_negative(cx, fields, name, value);
    Some(value)
}

/// Reads a number or a text without checking it.
pub(super) fn int_or_percent(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    name: &'static str,
    go: &str,
) -> Option<IntOrPercent> {
    let node = &fields.get(name)?.value;
    let is_number = matches!(&node.value, Value::Plain(text) if matches!(meaning(text), Meaning::Integer(_)));
    Some(if is_number {
        IntOrPercent::Int(int32(cx, fields, name)?)
    } else {
        IntOrPercent::Text(cx.text(node, &fields.path.field(name), go, "intstr.IntOrString")?.into())
    })
}

/// Its value as JSON.
pub(super) fn as_json(value: &IntOrPercent) -> String {
    match value {
        IntOrPercent::Int(number) => number.to_string(),
        IntOrPercent::Text(text) => go_quote(text),
    }
}

/// The number, whether of things or of percent; a text that is no percentage counts as its number, or 0.
pub(super) fn bare(value: &IntOrPercent) -> i64 {
    match value {
        IntOrPercent::Int(number) => i64::from(*number),
        IntOrPercent::Text(text) => percent(text).unwrap_or_else(|| text.parse().unwrap_or(0)),
    }
}

fn percent(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%').filter(|digits| !digits.is_empty())?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().unwrap_or(i64::MAX))
}

/// Reports a number below zero and a text that is no percentage.
pub(super) fn check_positive(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    name: &'static str,
    value: &IntOrPercent,
    code: Code,
) {
    let reason = match value {
        IntOrPercent::Int(number) if *number < 0 => NOT_NEGATIVE,
        IntOrPercent::Text(text) if percent(text).is_none() => {
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used \
             for validation is '[0-9]+%')"
        }
        _ => return,
    };
    let text = format!("Invalid value: {}: {reason}", as_json(value));
    let help = "write a number of pods (1) or a percentage (\"50%\")";
    cx.invalid(code, fields.at(name), &fields.path.field(name), &text, "not valid here", help);
}

/// Reports a percentage above 100.
pub(super) fn check_percentage(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    name: &'static str,
    value: &IntOrPercent,
    code: Code,
) {
    if matches!(value, IntOrPercent::Text(text) if percent(text).is_some_and(|percent| percent > 100)) {
        let text = format!("Invalid value: {}: must not be greater than 100%", as_json(value));
        let help = "write a number of pods (1) or a percentage of at most 100%";
        cx.invalid(code, fields.at(name), &fields.path.field(name), &text, "more than all", help);
    }
}
