//! The sections about what is expected of a run and what is written of it. Owns keys, not their readers.

use super::{Key, Kind, Section};

/// `[[expect]]`.
pub static EXPECT: Section = Section {
    name: "expect",
    doc: "A bound on a metric of the result. If one fails, the run ends with exit code 1.",
    extended_resources: false,
    keys: &[
        Key::required("metric", Kind::Text, "The metric; see the list below.", "\"wait_seconds_p99\""),
        Key::optional(
            "min",
            Kind::Either(&[Kind::Number, Kind::Duration]),
            "none",
            "It must not be below this: a duration where the metric's name holds `_seconds`, else a number.",
            "1",
        ),
        Key::optional(
            "max",
            Kind::Either(&[Kind::Number, Kind::Duration]),
            "none",
            "It must not be above this.",
            "\"30s\"",
        ),
    ],
};

/// `[output]`.
pub static OUTPUT: Section = Section {
    name: "output",
    doc: "What is written.",
    extended_resources: false,
    keys: &[
        Key::optional(
            "sample_every",
            Kind::Duration,
            "a 480th of the duration",
            "Time between two rows of the time series.",
            "\"1m\"",
        ),
        Key::optional("events", Kind::Flag, "true", "Write `events.jsonl`: everything that happened.", "false"),
        Key::optional("trace", Kind::Flag, "true", "Write `trace.json`, for the Perfetto trace viewer.", "false"),
        Key::optional("charts", Kind::Flag, "true", "Draw charts.", "false"),
        Key::optional(
            "pods_share",
            Kind::Number,
            "1",
            "What share of the pods these files are about, from 0 to 1: for runs of millions. The same pods in every run. Time series and summary count all.",
            "0.01",
        ),
    ],
};
