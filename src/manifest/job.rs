//! Jobs and CronJobs: decoding, defaulting, checking, compiling. Mirrors pkg/apis/batch/validation/validation.go and
//! pkg/apis/batch/v1/defaults.go, v1.34.

use super::apps::{NO_TEMPLATE, Outside, Workload};
use super::codes;
use super::fields::{Context, Fields};
use super::job_policy::{self, Extent};
use super::label_selector;
use super::meta::Meta;
use super::names;
use super::numbers::{self, count};
use super::pod::Origin;
use super::schema_batch as schema;
use super::template::{self, Template};
use crate::model::cron::CronSchedule;
use crate::model::cron_next::Zone;
use crate::model::names::go_quote;
use crate::model::objects::{ConcurrencyPolicy, CronJobSpec, JobSpec, ObjectSpec};

/// The most pods at once of an indexed Job, and the most indexes that may fail.
const MOST_INDEXED: i32 = 100_000;
/// The same for Jobs with more completions than that and a limit per index.
const MOST_OF_MANY: i32 = 10_000;
/// Labels that an API server gives to a Job's pods: a selector of others was written by hand.
const GENERATED: [&str; 4] =
    ["controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"];

/// Reads a Job.
pub(super) fn job<'t>(cx: &mut Context<'_>, root: &Fields<'t, '_>, outside: &Outside<'_, 't>) -> Option<Workload<'t>> {
    let path = root.path.field("spec");
    let example = "write `template:` with the pod under it";
    let spec = root.section(cx, "spec", &path, &schema::JOB_SPEC, example)?;
    let (job, template) = read(cx, &spec, outside.meta, true)?;
    if let (true, Some(completions @ 1..)) = (job.indexed, job.completions) {
        // The last pod's host name.
        let host = format!("{}-{}", outside.meta.name, completions - 1);
        if !names::dns_label_errors(&host).is_empty() && !outside.meta.name.is_empty() {
            let name = go_quote(&outside.meta.name);
            let text = format!("Invalid value: {name}: will not able to create pod with invalid DNS label: {host}");
            let metadata = root.path.field("metadata");
            let help =
                "names of Indexed Jobs are labels and leave room for the index: at most 63 letters, without dots";
            cx.invalid(codes::BAD_NAME, outside.meta.name_at, &metadata.field("name"), &text, "too long", help);
        }
    }
    Some(Workload { spec: ObjectSpec::Job(job), template, replicas_given: false, owner: None })
}

/// Reads the `spec` of a Job, or of the Jobs of a CronJob, for which the defaults are filled in only when one is made.
fn read<'t>(
    cx: &mut Context<'_>,
    spec: &Fields<'t, '_>,
    owner: &Meta<'t>,
    is_job: bool,
) -> Option<(JobSpec, Template<'t>)> {
    let given_parallelism = count(cx, spec, "parallelism");
    let mut completions = count(cx, spec, "completions");
    if is_job && given_parallelism.is_none() && completions.is_none() && spec.get("parallelism").is_none() {
        completions = Some(1);
    }
    let active_deadline_seconds = numbers::seconds(cx, spec, "activeDeadlineSeconds");
    let backoff_limit = count(cx, spec, "backoffLimit");
    let ttl_seconds_after_finished = count(cx, spec, "ttlSecondsAfterFinished");
    let backoff_limit_per_index = count(cx, spec, "backoffLimitPerIndex");
    let max_failed_indexes = count(cx, spec, "maxFailedIndexes");
    if max_failed_indexes.is_some() && spec.get("backoffLimitPerIndex").is_none() {
        let text = "Required value: when maxFailedIndexes is specified";
        let path = spec.path.field("backoffLimitPerIndex");
        let help = "say how often an index may be tried again: add `backoffLimitPerIndex: 1`";
        cx.invalid(codes::REQUIRED, spec.at("maxFailedIndexes"), &path, text, "needs a limit per index", help);
    }
    let modes = [("NonIndexed", false), ("Indexed", true)];
    let indexed = cx.choice(spec, "completionMode", &modes).unwrap_or(false);
    let extent = Extent { completions, backoff_limit_per_index, indexed };
    check_mode(cx, spec, &extent, given_parallelism, max_failed_indexes);
    let pod_failure_policy = job_policy::failure(cx, spec, &extent);
    let success_policy = job_policy::success(cx, spec, &extent);
    let has_failure_policy = spec.get("podFailurePolicy").is_some();
    let replace_only_failed = if has_failure_policy {
        cx.choice(spec, "podReplacementPolicy", &[("Failed", true)]).unwrap_or(true)
    } else {
        let words = [("Failed", true), ("TerminatingOrFailed", false)];
        cx.choice(spec, "podReplacementPolicy", &words).unwrap_or(false)
    };
    let meta = Meta::of_template(owner);
    let template = template::read(cx, spec, &meta, &[], &Origin::default())?;
    check_restart(cx, spec, &template, has_failure_policy);
    let selector = selector(cx, spec, is_job);
    let suspend = spec.boolean(cx, "suspend").unwrap_or(false);
    let default_limit = if backoff_limit_per_index.is_some() { i32::MAX } else { 6 };
    let spec = JobSpec {
        template: NO_TEMPLATE,
        selector,
        parallelism: given_parallelism.unwrap_or(1),
        completions: if is_job || given_parallelism.is_some() { completions } else { completions.or(Some(1)) },
        indexed,
        backoff_limit: backoff_limit.unwrap_or(default_limit),
        backoff_limit_per_index,
        max_failed_indexes,
        active_deadline_seconds,
        ttl_seconds_after_finished,
        suspend,
        replace_only_failed,
        pod_failure_policy,
        success_policy,
    };
    Some((spec, template))
}

/// What goes together with a completion mode.
fn check_mode(
    cx: &mut Context<'_>,
    spec: &Fields<'_, '_>,
    extent: &Extent,
    parallelism: Option<i32>,
    max_failed: Option<i32>,
) {
    let mut wrong = |name: &'static str, text: &str, help: &str| {
        cx.invalid(codes::BAD_JOB, spec.at(name), &spec.path.field(name), text, "does not fit", help);
    };
    if !extent.indexed {
        for (name, value) in
            [("backoffLimitPerIndex", extent.backoff_limit_per_index), ("maxFailedIndexes", max_failed)]
        {
            if let Some(value) = value {
                let text = format!("Invalid value: {value}: requires indexed completion mode");
                wrong(name, &text, "write `completionMode: Indexed` and `completions:`, or remove it");
            }
        }
        return;
    }
    if extent.completions.is_none() {
        let text = "Required value: when completion mode is Indexed";
        wrong("completions", text, "say how many indexes there are: add `completions: 3`");
    }
    if let Some(number) = parallelism.filter(|&number| number > MOST_INDEXED) {
        let text = format!(
            "Invalid value: {number}: must be less than or equal to {MOST_INDEXED} when completion mode is Indexed"
        );
        wrong("parallelism", &text, "lower it");
    }
    if let (Some(failed), Some(completions)) = (max_failed, extent.completions)
        && failed > completions
    {
        let text = format!("Invalid value: {failed}: must be less than or equal to completions");
        wrong("maxFailedIndexes", &text, "lower it to at most `completions`");
    }
    if let Some(failed) = max_failed.filter(|&failed| failed > MOST_INDEXED) {
        let text = format!("Invalid value: {failed}: must be less than or equal to {MOST_INDEXED}");
        wrong("maxFailedIndexes", &text, "lower it");
    }
    if extent.completions.is_some_and(|number| number > MOST_INDEXED) && extent.backoff_limit_per_index.is_some() {
        if max_failed.is_none() {
            let text = format!("Required value: must be specified when completions is above {MOST_INDEXED}");
            wrong("maxFailedIndexes", &text, "add it");
        }
        for (name, value) in [("parallelism", parallelism), ("maxFailedIndexes", max_failed)] {
            if let Some(value) = value.filter(|&value| value > MOST_OF_MANY) {
                let text = format!(
                    "Invalid value: {value}: must be less than or equal to {MOST_OF_MANY} when completions are above \
                     {MOST_INDEXED} and used with backoff limit per index"
                );
                wrong(name, &text, "lower it");
            }
        }
    }
}

/// Pods of a Job come to an end.
fn check_restart(cx: &mut Context<'_>, spec: &Fields<'_, '_>, template: &Template<'_>, has_failure_policy: bool) {
    let text = match template.restart_policy {
        "OnFailure" if has_failure_policy => {
            "Invalid value: \"OnFailure\": only \"Never\" is supported when podFailurePolicy is specified".to_owned()
        }
        "OnFailure" | "Never" => return,
        "Always" => "Required value: valid values: \"OnFailure\", \"Never\"".to_owned(),
        other => format!("Unsupported value: {}: supported values: \"OnFailure\", \"Never\"", go_quote(other)),
    };
    let entry = spec.get("template").and_then(|entry| entry.value.get("spec"));
    let place = entry.and_then(|entry| entry.value.get("restartPolicy"));
    let at = place.map_or_else(|| entry.map_or_else(|| spec.at("template"), |e| e.key_at), |place| place.value.at);
    let path = spec.path.field("template");
    let path = path.field("spec");
    let help = "a Job's pods must be able to end: add `restartPolicy: Never` (a new pod for each try) or OnFailure";
    cx.invalid(codes::BAD_JOB, at, &path.field("restartPolicy"), &text, "would run for ever", help);
}

/// `spec.selector`, which only counts if it was asked for.
fn selector(cx: &mut Context<'_>, spec: &Fields<'_, '_>, is_job: bool) -> Option<crate::model::CompiledSelector> {
    let is_manual = spec.boolean(cx, "manualSelector").unwrap_or(false);
    let path = spec.path.field("selector");
    let shown = label_selector::as_json(spec.get("selector").map(|entry| &entry.value));
    if !is_job {
        if spec.get("selector").is_some() {
            let text = format!("Invalid value: {shown}: `selector` will be auto-generated");
            cx.invalid(codes::BAD_JOB, spec.at("selector"), &path, &text, "not yours to choose", "remove it");
        }
        if is_manual {
            let text = "Unsupported value: true: supported values: \"nil\", \"false\"";
            let at = spec.at("manualSelector");
            cx.invalid(codes::UNSUPPORTED, at, &spec.path.field("manualSelector"), text, "", "remove it");
        }
        return None;
    }
    let selector = label_selector::read(cx, spec, "selector");
    if is_manual {
        if selector.is_none() {
            let help = "say which pods are its own, or remove `manualSelector`";
            cx.invalid(codes::REQUIRED, spec.at("manualSelector"), &path, "Required value", "no selector", help);
        }
        template::check_selector(cx, spec, selector.as_ref(), true);
        return Some(label_selector::compile(selector.as_ref(), &mut cx.words.strings));
    }
    let selector = selector?;
    let own = |key: &String| GENERATED.contains(&key.as_str());
    if !selector.match_labels.keys().all(own) || !selector.match_expressions.is_empty() {
        let text = format!("Invalid value: {shown}: `selector` not auto-generated");
        let help = "remove it: each Job gets a selector of its own";
        cx.invalid(codes::BAD_JOB, spec.at("selector"), &path, &text, "not yours to choose", help);
    } else {
        cx.ignore(&path);
    }
    None
}

/// Reads a CronJob.
pub(super) fn cron_job<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    outside: &Outside<'_, 't>,
) -> Option<Workload<'t>> {
    let path = root.path.field("spec");
    let example = "write `schedule: \"0 * * * *\"` and `jobTemplate:` under it";
    let spec = root.section(cx, "spec", &path, &schema::CRON_JOB_SPEC, example)?;
    let schedule = schedule(cx, &spec);
    let starting_deadline_seconds = numbers::seconds(cx, &spec, "startingDeadlineSeconds");
    let time_zone = time_zone(cx, &spec);
    let policies = [
        ("Allow", ConcurrencyPolicy::Allow),
        ("Forbid", ConcurrencyPolicy::Forbid),
        ("Replace", ConcurrencyPolicy::Replace),
    ];
    let concurrency = cx.choice(&spec, "concurrencyPolicy", &policies).unwrap_or_default();
    let template_path = path.field("jobTemplate");
    let example = "write `spec:` with `template:` under it";
    let outer = spec.section(cx, "jobTemplate", &template_path, &schema::JOB_TEMPLATE, example)?;
    let job_path = template_path.field("spec");
    let inner = outer.section(cx, "spec", &job_path, &schema::JOB_SPEC, "write `template:` under it")?;
    let (job, template) = read(cx, &inner, outside.meta, false)?;
    let successful_history = count(cx, &spec, "successfulJobsHistoryLimit").unwrap_or(3);
    let failed_history = count(cx, &spec, "failedJobsHistoryLimit").unwrap_or(1);
    let suspend = spec.boolean(cx, "suspend").unwrap_or(false);
    let name = &outside.meta.name;
    if name.len() > 52 {
        let text = format!("Invalid value: {}: must be no more than 52 characters", go_quote(name));
        let metadata = root.path.field("metadata");
        let help = "its Jobs are called after it and the minute: choose a name of at most 52 characters";
        cx.invalid(codes::BAD_NAME, outside.meta.name_at, &metadata.field("name"), &text, "too long", help);
    }
    let spec = CronJobSpec {
        schedule: schedule.unwrap_or_default().into(),
        time_zone: time_zone.map(Into::into),
        starting_deadline_seconds,
        concurrency,
        suspend,
        successful_history,
        failed_history,
        job,
    };
    Some(Workload { spec: ObjectSpec::CronJob(spec), template, replicas_given: false, owner: None })
}

fn schedule<'t>(cx: &mut Context<'_>, spec: &Fields<'t, '_>) -> Option<&'t str> {
    let help = "say when: add `schedule: \"0 * * * *\"` (minute, hour, day of the month, month, day of the week)";
    let text = spec.required(cx, "schedule", codes::BAD_SCHEDULE, help)?;
    let path = spec.path.field("schedule");
    let mut reasons: Vec<String> = CronSchedule::parse(text, &Zone::utc()).err().into_iter().collect();
    if text.contains("TZ") {
        reasons.push("cannot use TZ or CRON_TZ in schedule, use timeZone field instead".to_owned());
    }
    let help = "write five fields, such as \"30 2 * * 1-5\", or @hourly; the zone belongs into `timeZone:`";
    cx.invalid_text(codes::BAD_SCHEDULE, spec.at("schedule"), &path, text, reasons, help);
    Some(text)
}

fn time_zone<'t>(cx: &mut Context<'_>, spec: &Fields<'t, '_>) -> Option<&'t str> {
    let text = spec.text(cx, "timeZone")?;
    let fits = |part: &str| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
        !matches!(part, "." | "..")
            && !part.starts_with('-')
            && (1..=14).contains(&part.len())
            && part.bytes().all(letter)
    };
    let reasons = match text {
        "" => vec!["timeZone must be nil or non-empty string".to_owned()],
        _ if !text.split('/').all(fits) => vec![format!("unknown time zone {text}")],
        _ => {
            let local = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
            let local = text.eq_ignore_ascii_case("Local").then(|| local.to_owned());
            local.into_iter().chain(Zone::load(text).err()).collect()
        }
    };
    let help = "write a name of the time zone database, such as Europe/Berlin, or remove the line for UTC";
    cx.invalid_text(codes::BAD_SCHEDULE, spec.at("timeZone"), &spec.path.field("timeZone"), text, reasons, help);
    Some(text)
}
