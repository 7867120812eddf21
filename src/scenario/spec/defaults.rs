//! `[defaults]`. Data only.

use super::behavior::RUN;
use super::{Key, Kind, Section};

const RUN_TIME: Kind = Kind::Either(&[Kind::Choice(&["forever"]), Kind::Duration, Kind::Table(&RUN)]);

/// `[defaults]`.
pub static DEFAULTS: Section = Section {
    name: "defaults",
    doc: "What holds where nothing else is said. Requests are those of each container of a pod that itself requests neither CPU \
          nor memory, as a LimitRange in every namespace would have it; the summary says how many such pods there are. Run times \
          are those of containers whose `behavior` says no `run`.",
    extended_resources: false,
    keys: &[
        Key::optional("cpu", Kind::Cpu, "none", "Requested CPU.", "\"100m\""),
        Key::optional("memory", Kind::Bytes, "none", "Requested memory.", "\"128Mi\""),
        Key::optional(
            "job_run",
            RUN_TIME,
            "\"1m\"",
            "How long the processes of Jobs and CronJobs work, sidecars excepted: a Job is there to end.",
            "{ lognormal = { median = \"10m\", sigma = 1.0 } }",
        ),
        Key::optional(
            "init_run",
            RUN_TIME,
            "\"0s\"",
            "How long the processes of init containers work, sidecars excepted.",
            "\"5s\"",
        ),
    ],
};
