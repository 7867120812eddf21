//! `validation`: what an API server answers to a manifest. It is read as any manifest is, by the loader.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Case, Checked, unknown_kind};
use crate::diag::{Diagnostics, Sources};
use crate::manifest;
use crate::model::Vocabulary;

#[derive(Deserialize)]
struct Input {
    manifest: Value,
}

pub(super) fn answer(case: &Case) -> Checked {
    if !matches!(case.kind.as_str(), "validate" | "decode") {
        return unknown_kind(case);
    }
    let input: Input = case.input()?;
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("case", input.manifest.to_string());
    let objects = manifest::load(&[file], &sources, &mut Vocabulary::default(), &mut diagnostics);
    let Some(verdict) = objects.verdicts.first() else {
        // What refuses an object without a verdict is not known as one.
        let accepted = !diagnostics.has_errors();
        return Ok(Answer::Asserted(json!({"accepted": accepted, "stage": "validate"})));
    };
    let errors = verdict.errors.iter().map(|error| json!({"type": error.cause(), "field": error.field}));
    let errors: Vec<Value> = errors.collect();
    Ok(Answer::Asserted(json!({
        "accepted": verdict.is_accepted(),
        "stage": if verdict.decoding.is_some() { "decode" } else { "validate" },
        "message": verdict.message(),
        "errors": errors,
        "strict_decoding_error": verdict.strict_message(),
    })))
}
