//! How diagnostics are shown: rustc style for people, one line each for editors, JSON for programs. Owns no mistakes and
//! knows nothing of what they are about.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Diagnostic, Diagnostics, Severity, Sources, Span};

/// Lines longer than this (minified JSON) are not shown, only named.
const LONGEST_LINE: usize = 500;

/// The line that a place is on.
struct Place<'s> {
    name: &'s str,
    /// Line from 1, column from 1 in characters.
    line: usize,
    column: usize,
    /// The text of the line, without its end.
    text: &'s str,
    /// The place in `text`, in bytes, cut to the line; at least one character wide where the line has one.
    start: usize,
    end: usize,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostics {
    /// All of them in the order of their places, in the style of rustc: message, place, source line, help. Each ends with
    /// an empty line; nothing at all gives the empty text.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for diagnostic in self.sorted() {
            let place = diagnostic.span.map(|span| place(sources, span));
            let group = group(diagnostic, place.as_ref());
            out.push_str(&renderer.render(&[group]));
            out.push_str("\n\n");
        }
        out
    }

    /// One line each: `file:line:column: error[PS1003]: message (help: what to do)`.
    #[must_use]
    pub fn render_short(&self, sources: &Sources) -> String {
        let mut out = String::new();
        for diagnostic in self.sorted() {
            if let Some(span) = diagnostic.span {
                let (line, column) = sources.position(span);
                out.push_str(&format!("{}:{line}:{column}: ", sources.get(span.source).name));
            }
            out.push_str(&format!(
                "{}[{}]: {}",
                diagnostic.severity.word(),
                diagnostic.code,
                one_line(&diagnostic.message)
            ));
            if !diagnostic.help.is_empty() {
                out.push_str(&format!(" (help: {})", one_line(&diagnostic.help)));
            }
            out.push('\n');
        }
        out
    }

    /// A JSON array of objects with severity, code, title, message, file, line, column, end_line, end_column, label and
    /// help; the five of the place are null where a mistake has none. Lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn render_json(&self, sources: &Sources) -> Value {
        self.sorted().into_iter().map(|d| json_of(d, sources)).collect()
    }
}

fn group<'a>(diagnostic: &'a Diagnostic, place: Option<&Place<'a>>) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.id);
    let mut group = Group::with_title(title);
    if let Some(place) = place {
        if place.text.len() > LONGEST_LINE {
            group = group.element(Origin::path(place.name).line(place.line).char_column(place.column));
        } else {
            let mut annotation = AnnotationKind::Primary.span(place.start..place.end);
            if !diagnostic.label.is_empty() {
                annotation = annotation.label(diagnostic.label.as_str());
            }
            let snippet = Snippet::source(place.text).line_start(place.line).path(place.name).fold(false);
            group = group.element(snippet.annotation(annotation));
        }
    }
    if !diagnostic.help.is_empty() {
        group = group.element(Level::HELP.message(diagnostic.help.as_str()));
    }
    group
}

fn place(sources: &Sources, span: Span) -> Place<'_> {
    let source = sources.get(span.source);
    let text = source.text.as_str();
    let (line, column) = sources.position(span);
    let at = floor_boundary(text, span.start);
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let shown = text[line_start..line_end].trim_end_matches('\r');
    let start = (at - line_start).min(shown.len());
    let mut end = floor_boundary(shown, span.end.saturating_sub(line_start)).max(start);
    if end == start {
        end += shown[start..].chars().next().map_or(0, char::len_utf8);
    }
    Place { name: &source.name, line, column, text: shown, start, end }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn json_of(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let place = diagnostic.span.map(|span| {
        let end = Span { start: span.end.max(span.start), ..span };
        (sources.get(span.source).name.as_str(), sources.position(span), sources.position(end))
    });
    json!({
        "severity": diagnostic.severity.word(),
        "code": diagnostic.code.id,
        "title": diagnostic.code.title,
        "message": diagnostic.message,
        "file": place.map(|(name, ..)| name),
        "line": place.map(|(_, start, _)| start.0),
        "column": place.map(|(_, start, _)| start.1),
        "end_line": place.map(|(.., end)| end.0),
        "end_column": place.map(|(.., end)| end.1),
        "label": diagnostic.label,
        "help": diagnostic.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;

    const CODE: Code = Code { id: "PS1003", title: "a test" };

    fn sample() -> (Sources, Diagnostics) {
        let mut sources = Sources::default();
        let source = sources.add("web.yaml", "kind: Pod\r\nimäge: x\n");
        let mut diagnostics = Diagnostics::default();
        diagnostics.warning(CODE, None, "no place", "", "");
        let span = Span { source, start: 11, end: 17 };
        diagnostics.error(CODE, span, "unknown field", "not a field", "write `image`");
        (sources, diagnostics)
    }

    #[test]
    fn rustc_style_has_message_place_line_and_help() {
        let (sources, diagnostics) = sample();
        let text = diagnostics.render(&sources, false);
        let want = "error[PS1003]: unknown field\n \
                    --> web.yaml:2:1\n  |\n2 | imäge: x\n  | ^^^^^ not a field\n  |\n  = help: write `image`\n\n\
                    warning[PS1003]: no place\n\n";
        assert_eq!(text, want);
        assert!(diagnostics.render(&sources, true).contains('\u{1b}'));
    }

    #[test]
    fn short_and_json_forms_hold_the_same() {
        let (sources, diagnostics) = sample();
        let short = diagnostics.render_short(&sources);
        let first = short.lines().next().unwrap();
        assert_eq!(first, "web.yaml:2:1: error[PS1003]: unknown field (help: write `image`)");
        let json = diagnostics.render_json(&sources);
        assert_eq!(json[0]["column"], 1);
        assert_eq!(json[0]["end_column"], 6);
        assert_eq!(json[1]["file"], Value::Null);
    }

    #[test]
    fn any_span_renders() {
        let mut sources = Sources::default();
        let source = sources.add("x", "é\n\n".repeat(3));
        let mut diagnostics = Diagnostics::default();
        for start in 0..15 {
            for end in 0..15 {
                diagnostics.error(CODE, Span { source, start, end }, "m", "l", "h");
            }
        }
        let long = sources.add("long", "x".repeat(5000));
        diagnostics.error(CODE, Span { source: long, start: 4000, end: 4001 }, "m", "l", "h");
        assert!(diagnostics.render(&sources, false).contains("--> long:1:4001"));
    }
}
