//! What a scenario may say: every section and key with its type, default, meaning and an example, in one table. The
//! readers, the JSON Schema, the reference in docs/SCENARIO.md and the "did you mean" all take it from here.

pub mod autoscaler;
pub mod behavior;
pub mod cluster;
pub mod defaults;
pub mod kubelets;
pub mod markdown;
pub mod node_pool;
pub mod results;
pub mod schema;
pub mod study;
pub mod workload;

pub use cluster::ROOT;

/// A table of the scenario file.
#[derive(Debug)]
pub struct Section {
    /// As messages and documents call it (`node_pool.capacity`).
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Whether names of extended resources (`nvidia.com/gpu`, `hugepages-2Mi`) are keys as well.
    pub extended_resources: bool,
}

/// A key of a section.
#[derive(Debug)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Whether it must be given.
    pub presence: Presence,
    /// What it means.
    pub doc: &'static str,
    /// A value, as it would stand after `=`.
    pub example: &'static str,
}

/// Whether a key must be given, and what holds if it is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It must.
    Required,
    /// It need not; this holds then.
    Default(&'static str),
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number in a range.
    Whole {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// Any number.
    Number,
    /// A duration: `"1h30m"`.
    Duration,
    /// An instant: `"21h30m"` after the start, `"21:30"` on the first day, or a date and time.
    Moment,
    /// A date, or a date and time.
    Date,
    /// CPU: `"500m"`, `"2"`.
    Cpu,
    /// Bytes: `"16Gi"`, `"100M"`.
    Bytes,
    /// Something per time: `"200/s"`.
    Rate,
    /// Bytes per time: `"2Ki/s"`.
    ByteRate,
    /// A path relative to the scenario file.
    Path,
    /// A text with a `*` at its end, or without.
    Pattern,
    /// `key=value:Effect`.
    Taint,
    /// A duration or a table of [`behavior::DISTRIBUTION`].
    Distribution,
    /// A list.
    List(&'static Kind),
    /// One value, or a list of them.
    OneOrMany(&'static Kind),
    /// A table with free keys.
    Map(&'static Kind),
    /// A table.
    Table(&'static Section),
    /// A list of tables: `[[name]]`.
    Tables(&'static Section),
    /// One of several kinds.
    Either(&'static [Kind]),
}

impl Section {
    /// The key called so.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    pub(super) const fn required(name: &'static str, kind: Kind, doc: &'static str, example: &'static str) -> Self {
        Self { name, kind, presence: Presence::Required, doc, example }
    }

    pub(super) const fn optional(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
        example: &'static str,
    ) -> Self {
        Self { name, kind, presence: Presence::Default(default), doc, example }
    }
}

/// A whole number of at least `min`.
pub(super) const fn at_least(min: i64) -> Kind {
    Kind::Whole { min, max: i64::MAX }
}

/// An exit code.
pub(super) const EXIT_CODE: Kind = Kind::Whole { min: 0, max: 255 };

/// Every section that can be reached from the root, each once, parents before children.
#[must_use]
pub fn sections() -> Vec<&'static Section> {
    let mut found: Vec<&'static Section> = vec![&ROOT];
    let mut next = 0;
    while next < found.len() {
        let section = found[next];
        next += 1;
        for key in section.keys {
            below(key.kind, &mut found);
        }
    }
    found
}

fn below(kind: Kind, found: &mut Vec<&'static Section>) {
    match kind {
        Kind::Table(section) | Kind::Tables(section) if found.iter().any(|known| std::ptr::eq(*known, section)) => {}
        Kind::Table(section) | Kind::Tables(section) => found.push(section),
        Kind::Distribution => below(Kind::Table(&behavior::DISTRIBUTION), found),
        Kind::List(inner) | Kind::OneOrMany(inner) | Kind::Map(inner) => below(*inner, found),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| below(*kind, found)),
        _ => {}
    }
}
