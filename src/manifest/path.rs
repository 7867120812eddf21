//! Where in an object we are. Costs nothing until it is shown: a path is a chain of steps on the stack.

use std::fmt;

/// Where in an object we are; shown as `spec.containers[0].image`.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
    Key(&'p str),
}

impl<'p> Path<'p> {
    /// The object itself.
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// Whether it is the object itself.
    pub(super) const fn is_root(&self) -> bool {
        matches!(self.step, Step::Root)
    }

    /// A field of it.
    pub(super) fn field<'q>(&'q self, name: &'q str) -> Path<'q> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// An item of it.
    pub(super) fn index(&self, index: usize) -> Path<'_> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// A key of a map with free keys.
    pub(super) fn key<'q>(&'q self, key: &'q str) -> Path<'q> {
        Path { parent: Some(self), step: Step::Key(key) }
    }

    fn write(&self, out: &mut String, style: PathStyle) {
        if let Some(parent) = self.parent {
            parent.write(out, style);
        }
        match (self.step, style) {
            (Step::Root, _) | (Step::Index(_), PathStyle::Go) => {}
            (Step::Field(name), _) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            (Step::Index(index), PathStyle::Full) => out.push_str(&format!("[{index}]")),
            (Step::Index(_), PathStyle::General) => out.push_str("[]"),
            (Step::Key(key), PathStyle::Full) => out.push_str(&format!("[{key}]")),
            (Step::Key(_), _) => {}
        }
    }

    /// With `[]` for every index: what ignored fields are counted by.
    pub(super) fn general(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, PathStyle::General);
        out
    }

    /// Without indexes, as Go's decoder writes it.
    pub(super) fn go(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, PathStyle::Go);
        out
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, PathStyle::Full);
        f.write_str(&out)
    }
}

#[derive(Clone, Copy)]
enum PathStyle {
    Full,
    General,
    Go,
}
