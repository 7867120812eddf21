//! `[defaults]`. Data only.

use super::{Key, Kind, Section};

/// `[defaults]`.
pub static DEFAULTS: Section = Section {
    name: "defaults",
    doc: "What each container of a pod requests that itself requests neither CPU nor memory, as a LimitRange in every namespace \
          would have it. The summary says how many such pods there are.",
    extended_resources: false,
    keys: &[
        Key::optional("cpu", Kind::Cpu, "none", "Requested CPU.", "\"100m\""),
        Key::optional("memory", Kind::Bytes, "none", "Requested memory.", "\"128Mi\""),
    ],
};
