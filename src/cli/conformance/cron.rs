//! `cron.json` and `cronjob_sync.json`: the rules of [`cron`](crate::model::cron).

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Case, Checked, Unsupported, unknown_kind};
use crate::base::SimTime;
use crate::model::CronSchedule;
use crate::model::cron_next::Zone;

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
