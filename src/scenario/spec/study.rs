//! The sections of a study file. Owns keys, not their readers.

use super::{Key, Kind, Section, at_least};

/// The file.
pub static STUDY_FILE: Section = Section {
    name: "study file",
    doc: "A study file.",
    extended_resources: false,
    keys: &[
        Key::required("study", Kind::Table(&STUDY), "What is studied.", "{ scenario = \"hello.toml\" }"),
        Key::optional("arm", Kind::Tables(&ARM), "one without a name", "Variants with a name.", "[]"),
        Key::optional(
            "grid",
            Kind::Map(&Kind::List(&Kind::Text)),
            "nothing",
            "For each key of the scenario the values that it takes.",
            "{ \"node_pool.0.count\" = [3, 4, 5] }",
        ),
        Key::optional(
            "random",
            Kind::Map(&Kind::Text),
            "nothing",
            "How many samples, and for each key of the scenario what its values are drawn from.",
            "{ samples = 200, \"node_pool.0.count\" = { whole = [3, 12] } }",
        ),
    ],
};

/// `[study]`.
pub static STUDY: Section = Section {
    name: "study",
    doc: "What is studied.",
    extended_resources: false,
    keys: &[
        Key::optional("name", Kind::Text, "the file's name", "Names the output folder.", "\"how-many-nodes\""),
        Key::optional("description", Kind::Text, "\"\"", "One sentence for reports and charts.", "\"How many nodes\""),
        Key::required("scenario", Kind::Path, "The scenario that is varied.", "\"../hello.toml\""),
        Key::optional(
            "seeds",
            Kind::Either(&[Kind::Text, Kind::List(&Kind::Whole { min: 0, max: i64::MAX })]),
            "\"1..10\"",
            "The seeds with which every point is run: a range with both ends, or a list.",
            "\"1..50\"",
        ),
        Key::optional(
            "metrics",
            Kind::List(&Kind::Text),
            "waiting pods and how long they waited",
            "Which metrics tables and charts show, the most telling first. All metrics are in the results.",
            "[\"wait_seconds_p99\"]",
        ),
        Key::optional(
            "set",
            Kind::Map(&Kind::Text),
            "nothing",
            "What is changed in the scenario at every point.",
            "{ \"scenario.duration\" = \"2h\" }",
        ),
    ],
};

/// `[[arm]]`.
pub static ARM: Section = Section {
    name: "arm",
    doc: "A variant with a name: what changes together. Every arm is run at every point of the grid and with every sample.",
    extended_resources: false,
    keys: &[
        Key::required("name", Kind::Text, "Its name in tables and charts.", "\"large nodes\""),
        Key::optional(
            "set",
            Kind::Map(&Kind::Text),
            "nothing",
            "What it changes in the scenario.",
            "{ \"node_pool.0.count\" = 3, \"node_pool.0.capacity.cpu\" = \"16\" }",
        ),
    ],
};

/// `[random]` beside its free keys.
pub static RANDOM: Section = Section {
    name: "random",
    doc: "A random design. Beside these keys stand keys of the scenario, each with what its values are drawn from.",
    extended_resources: false,
    keys: &[
        Key::required("samples", at_least(1), "How many points are drawn.", "200"),
        Key::optional("seed", at_least(0), "1", "The root of these draws.", "7"),
    ],
};

/// What values are drawn from.
pub static DRAWN: Section = Section {
    name: "random.key",
    doc: "What the values of a key are drawn from: one of these, or a list of values.",
    extended_resources: false,
    keys: &[
        Key::optional(
            "uniform",
            Kind::List(&Kind::Number),
            "none",
            "Any number between two bounds; with their units where the key has one.",
            "[\"1h\", \"4h\"]",
        ),
        Key::optional(
            "log_uniform",
            Kind::List(&Kind::Number),
            "none",
            "The same, but as often between 1 and 10 as between 10 and 100.",
            "[0.1, 10.0]",
        ),
        Key::optional("whole", Kind::List(&Kind::Number), "none", "A whole number from one to another.", "[3, 12]"),
        Key::optional("choice", Kind::List(&Kind::Text), "none", "One of these values.", "[\"500m\", \"1\"]"),
    ],
};

/// A range in `[grid]`.
pub static RANGE: Section = Section {
    name: "grid.key",
    doc: "Instead of a list: numbers at equal distances.",
    extended_resources: false,
    keys: &[
        Key::required("from", Kind::Number, "The first.", "3"),
        Key::required("to", Kind::Number, "The last, if a step ends there.", "12"),
        Key::optional("step", Kind::Number, "1", "The distance.", "3"),
    ],
};

/// All of them, as docs/STUDIES.md lists them.
pub static SECTIONS: [&Section; 6] = [&STUDY_FILE, &STUDY, &ARM, &RANGE, &RANDOM, &DRAWN];
