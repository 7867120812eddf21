//! What an API server would answer to an object that was read: accepted, or refused with which errors of which types at which
//! fields. Mirrors staging/src/k8s.io/apimachinery/pkg/util/validation/field/errors.go and NewInvalid of pkg/api/errors, v1.34.
//! Knows no object.

use crate::diag::Span;
use crate::model::names::go_quote;

/// What an API server would answer to one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Where the object stands.
    pub span: Span,
    /// Kind and group (`Deployment.apps`).
    pub kind: String,
    /// Name as written.
    pub name: String,
    /// The first value that cannot be decoded: the object is refused before it is validated.
    pub decoding: Option<String>,
    /// What strict decoding finds besides (`unknown field "spec.x"`): by itself it refuses nothing.
    pub strict: Vec<String>,
    /// What validation finds.
    pub errors: Vec<FieldError>,
}

/// A mistake that validation finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// The field's path.
    pub field: String,
    /// What is wrong, from `Required value` on.
    pub text: String,
}

impl FieldError {
    /// The type of the mistake (`FieldValueRequired`).
    #[must_use]
    pub fn cause(&self) -> &'static str {
        const CAUSES: [(&str, &str); 8] = [
            ("Required value", "FieldValueRequired"),
            ("Invalid value", "FieldValueInvalid"),
            ("Unsupported value", "FieldValueNotSupported"),
            ("Duplicate value", "FieldValueDuplicate"),
            ("Forbidden", "FieldValueForbidden"),
            ("Not found", "FieldValueNotFound"),
            ("Too long", "FieldValueTooLong"),
            ("Too many", "FieldValueTooMany"),
        ];
        let found = CAUSES.iter().find(|(prefix, _)| self.text.starts_with(prefix));
        found.map_or("FieldValueInvalid", |(_, cause)| cause)
    }
}

impl Verdict {
    /// Of an object in which nothing was found yet.
    pub(super) const fn of(kind: String, name: String, span: Span) -> Self {
        Self { span, kind, name, decoding: None, strict: Vec::new(), errors: Vec::new() }
    }

    /// Whether the object is taken, by a server that is not asked to be strict.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.decoding.is_none() && self.errors.is_empty()
    }

    /// What the server says when it refuses; equal errors are told once.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        if let Some(decoding) = &self.decoding {
            return Some(decoding.clone());
        }
        let mut told: Vec<String> = Vec::new();
        for FieldError { field, text } in &self.errors {
            let one = format!("{field}: {text}");
            if !told.contains(&one) {
                told.push(one);
            }
        }
        let all = match told.as_slice() {
            [] => return None,
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        Some(format!("{} {} is invalid: {all}", self.kind, go_quote(&self.name)))
    }

    /// What a server that is asked to be strict says.
    #[must_use]
    pub fn strict_message(&self) -> Option<String> {
        (!self.strict.is_empty()).then(|| format!("strict decoding error: {}", self.strict.join(", ")))
    }
}
