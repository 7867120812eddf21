//! Diagnostics: what is wrong with a user's input, where exactly, and what to do about it. Always a list, all at once.

mod render;
pub mod suggest;

use std::fmt;

pub use suggest::did_you_mean;

/// A file (or an argument) that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// As shown to the user: the path as given, or `--set`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Every source of one command.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
    /// For each source, where its lines start: thousands of mistakes are placed in files of millions of bytes.
    lines: Vec<Vec<usize>>,
}

/// Names a [`Source`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(usize);

/// Bytes `start..end` of a source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// The source.
    pub source: SourceId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// What kind of mistake it is. Codes are stable: `PS1xxx` manifests, `PS2xxx` scenarios, `PS3xxx` traces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Code {
    /// For example `PS1003`.
    pub id: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
}

/// Whether the input can be used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but something is not as it seems.
    Warning,
}

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The kind of mistake.
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where; `None` when the mistake has no place.
    pub span: Option<Span>,
    /// Written at the place, or empty.
    pub label: String,
    /// What to do.
    pub help: String,
}

/// A list of mistakes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Sources {
    /// Adds a source.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let source = Source { name: name.into(), text: text.into() };
        let ends = source.text.match_indices('\n').map(|(at, _)| at + 1);
        self.lines.push(std::iter::once(0).chain(ends).collect());
        self.sources.push(source);
        SourceId(self.sources.len() - 1)
    }

    /// The source of `id`.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0]
    }

    /// Line and column of the start of `span`, counted from 1; columns count characters.
    #[must_use]
    pub fn position(&self, span: Span) -> (usize, usize) {
        let text = &self.get(span.source).text;
        let mut at = span.start.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let lines = &self.lines[span.source.0];
        let line = lines.partition_point(|&start| start <= at);
        (line, text[lines[line - 1]..at].chars().count() + 1)
    }
}

impl Diagnostics {
    /// Adds a mistake.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds an error.
    pub fn error(
        &mut self,
        code: Code,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, code, span.into(), message.into(), label.into(), help.into());
    }

    /// Adds a warning.
    pub fn warning(
        &mut self,
        code: Code,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Warning, code, span.into(), message.into(), label.into(), help.into());
    }

    fn add(
        &mut self,
        severity: Severity,
        code: Code,
        span: Option<Span>,
        message: String,
        label: String,
        help: String,
    ) {
        self.0.push(Diagnostic { severity, code, message, span, label, help });
    }

    /// All of them, in the order of their places.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.0.iter().collect();
        all.sort_by_key(|d| d.span.map_or((usize::MAX, 0), |span| (span.source.0, span.start)));
        all
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// Those that are errors.
    #[must_use]
    pub fn errors_alone(&self) -> Self {
        let mut alone = Self::default();
        self.iter().filter(|one| one.severity == Severity::Error).for_each(|one| alone.push(one.clone()));
        alone
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// How many warnings there are.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.0.len() - self.errors()
    }

    /// Makes errors of warnings with these codes.
    pub fn raise(&mut self, codes: &[Code]) {
        self.0.iter_mut().filter(|one| codes.contains(&one.code)).for_each(|one| one.severity = Severity::Error);
    }

    /// Takes over all of `other`.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// All of them, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}
